#!/usr/bin/env bash
# What is checked besides tests. All of it, or the parts that are named:
#
#   scripts/check.sh [format] [lint] [data-only] [licences] [shell]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:${HOME:-}/.cargo/bin

fail() {
    echo "check: $1" >&2
    exit 1
}

format() {
    cargo fmt --version >/dev/null 2>&1 || fail "rustfmt is missing; run: rustup component add rustfmt"
    cargo fmt --all --check
}

lint() {
    cargo clippy --version >/dev/null 2>&1 || fail "clippy is missing; run: rustup component add clippy"
    # Not RUSTFLAGS="-D warnings": it would replace the run path of .cargo/local.toml, and rebuild everything.
    cargo clippy --release --locked --workspace --all-targets -- -D warnings
}

# The ground floor alone: a kiln that ingests and prepares, and does not know that libtorch exists.
# In a folder of its own, so that target/release/kiln stays the whole program.
data-only() {
    local binary
    binary=$(cargo build --release --locked -p kiln-cli --no-default-features --features remote \
        --target-dir "${CARGO_TARGET_DIR:-target}/data-only" --message-format=json-render-diagnostics |
        sed -n 's|.*"executable":"\([^"]*/kiln\)".*|\1|p')
    [ -x "$binary" ] || fail "cargo built no data-only kiln"
    if ldd "$binary" | grep -E 'torch|c10|cuda'; then fail "the data-only kiln links libtorch (above)"; fi
    "$binary" --version
    "$binary" --help >/dev/null || fail "the data-only kiln does not run"
}

licences() {
    if cargo deny --version >/dev/null 2>&1; then
        cargo deny --all-features check licenses bans sources
    else
        echo "check: SKIPPED licences: cargo-deny is not installed (cargo install cargo-deny)"
    fi
}

shell() {
    local scripts
    mapfile -t scripts < <(grep -lE '^#!.*\b(ba)?sh$' scripts/* .ci/* 2>/dev/null)
    local script
    for script in "${scripts[@]}"; do bash -n "$script"; done
    if command -v shellcheck >/dev/null; then
        shellcheck "${scripts[@]}"
    else
        echo "check: SKIPPED shell: shellcheck is not installed; syntax alone was checked"
    fi
}

parts=("$@")
[ $# != 0 ] || parts=(format lint data-only licences shell)
for part in "${parts[@]}"; do
    case "$part" in
    format | licences | shell) ;;
    lint | data-only) scripts/setup.sh ;;
    *) fail "unknown part '$part'; there are: format lint data-only licences shell" ;;
    esac
    "$part"
    echo "check: $part: done"
done
