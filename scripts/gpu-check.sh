#!/usr/bin/env bash
# The tests of models, tensors and losses on a GPU, from binaries that are carried to a machine with one.
#
#   scripts/gpu-check.sh build [FOLDER]   here: test binaries, stripped, into FOLDER (gpu-check if left out)
#   scripts/gpu-check.sh run [FOLDER]     there, from this repository's root: run them against that machine's own torch 2.11
#   scripts/gpu-check.sh                  both, on one machine
#
# `run` finds libtorch through `python3 -c "import torch"`, or in the folder that KILN_TORCH names. Without a GPU it says so and
# ends well. The last line is a summary.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:${HOME:-}/.cargo/bin
rooms=(kiln-tensor kiln-models kiln-optim)

build() {
    scripts/setup.sh
    rm -rf "$folder"
    mkdir -p "$folder"
    local room binary
    for room in "${rooms[@]}"; do
        binary=$(cargo test --release --locked --no-run --lib -p "$room" --message-format=json-render-diagnostics |
            sed -n 's|.*"executable":"\([^"]*\)".*|\1|p' | tail -n 1)
        [ -x "$binary" ] || {
            echo "gpu-check: cargo built no tests of $room" >&2
            exit 1
        }
        strip -o "$folder/$room" "$binary"
    done
    du -sh "$folder" | sed 's/^/gpu-check: built, /'
}

# Folders of libtorch and of the CUDA libraries beside it, with colons between.
libraries() {
    local torch=${KILN_TORCH:-}
    [ -n "$torch" ] || torch=$(python3 -c 'import torch, os; print(os.path.dirname(torch.__file__))') || return 1
    printf '%s' "$torch/lib"
    local other
    for other in "$torch"/../nvidia/*/lib; do
        [ -d "$other" ] && printf ':%s' "$other"
    done
    return 0
}

run() {
    if ! nvidia-smi -L >/dev/null 2>&1; then
        echo "gpu-check: SKIPPED: this machine has no GPU"
        return 0
    fi
    nvidia-smi -L
    local path room status=0 log
    path=$(libraries) || {
        echo "gpu-check: no libtorch: name the folder of the Python package torch in KILN_TORCH" >&2
        return 1
    }
    log=$(mktemp)
    local summary=()
    for room in "${rooms[@]}"; do
        LD_LIBRARY_PATH=$path KILN_TEST_DEVICE=cuda CARGO_MANIFEST_DIR=$PWD/crates/${room#kiln-} \
            "$folder/$room" --test-threads=1 2>&1 | tee "$log" || status=1
        summary+=("$room: $(grep -E '^test result' "$log" | tail -n 1 || echo 'no result')")
    done
    rm -f "$log"
    printf '\ngpu-check: %s\n' "${summary[@]}"
    [ "$status" = 0 ] && echo "gpu-check: all passed" || echo "gpu-check: FAILED"
    return "$status"
}

verb=${1:-both}
folder=${2:-gpu-check}
case "$verb" in
build) build ;;
run) run ;;
both)
    build
    run
    ;;
*)
    echo "gpu-check: unknown word '$verb'; there are: build, run" >&2
    exit 2
    ;;
esac
