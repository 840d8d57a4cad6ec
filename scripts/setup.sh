#!/usr/bin/env bash
# Makes the machine ready to build kiln: libtorch in a per-user cache, and the ignored file .cargo/local.toml that tells
# cargo where it lies. Run it as often as you like; when all is there it returns at once.
#
#   scripts/setup.sh            the CPU library (0.5 GB to fetch)
#   scripts/setup.sh --cuda     the CUDA library as well (2.5 GB to fetch); a later run without --cuda keeps it
#
#   KILN_CACHE=/path            where the cache is, instead of ~/.cache/kiln
#   KILN_LIBTORCH=/path         link this installation of the same version (.../site-packages/torch, or an unpacked
#                               libtorch) in place of fetching one
set -euo pipefail

version=2.11.0
layout=1 # raise it when the set of files below changes: every cache is then made anew
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
wheels=$repository/scripts/libtorch
PATH=$PATH:${HOME:-}/.cargo/bin # where rustup puts cargo, for a shell that was started before it

fail() {
    echo "setup: $1" >&2
    exit 1
}

kind=cpu
case "$#:${1:-}" in
0:) ;;
1:--cuda) kind=cuda ;;
*) fail "unknown argument '$*'; usage: scripts/setup.sh [--cuda]" ;;
esac

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || fail "kiln supports x86_64 Linux; this is $(uname -s) $(uname -m)"
[ -n "${KILN_CACHE:-${HOME:-}}" ] || fail "neither HOME nor KILN_CACHE is set, so there is no place for the cache"
cache=${KILN_CACHE:-$HOME/.cache/kiln}
case "$cache" in
/*) ;;
*) cache=$PWD/$cache ;;
esac
case "$cache" in
*[\"\\,]* | *$'\n'*) fail "the cache's path may not hold a quote, a backslash, a comma or a line break: $cache" ;;
esac
tree=$cache/torch-$version

# --- What the machine must have. Everything that is missing is named, one line each, before anything is fetched. ---
missing=0
lacks() {
    echo "setup: missing: $1" >&2
    missing=1
}

check_compilers() {
    command -v "${CXX:-c++}" >/dev/null || lacks "a C++ compiler (${CXX:-c++}); on Debian: apt-get install g++"
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$repository/Cargo.toml")
    if ! command -v cargo >/dev/null || ! have=$(rustc --version 2>/dev/null); then
        lacks "cargo and rustc $wanted or newer; install them with rustup"
        return
    fi
    have=${have#rustc }
    have=${have%%[ -]*}
    [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ] ||
        lacks "rustc $wanted or newer (this is $have); run: rustup update stable"
}

check_fetching() {
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
        lacks "python3, 3.9 or newer; on Debian: apt-get install python3 python3-pip"
    elif ! python3 -c 'import pip, zipfile, zlib' 2>/dev/null; then
        lacks "python3's pip; on Debian: apt-get install python3-pip"
    fi
    command -v flock >/dev/null || lacks "flock; on Debian: apt-get install util-linux"
    local libc wanted=2 have
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "another C library")
    [ "$(printf 'glibc 2.28\n%s\n' "$libc" | sort -V | head -n 1)" = "glibc 2.28" ] ||
        lacks "glibc 2.28 or newer (this is $libc)"
    [ $kind = cpu ] || wanted=9
    mkdir -p "$cache" || fail "cannot create the cache folder $cache"
    have=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1000000) }')
    [ "$have" -ge $wanted ] || lacks "disk: $wanted GB free in $cache (there are $have; KILN_CACHE=/path puts it elsewhere)"
}

# --- libtorch in the cache. The stamp is written last and the folder renamed into place: a tree with a stamp is whole. ---
is_ready() {
    local stamp
    [ -e "$tree/torch/lib/libtorch_cpu.so" ] || return
    [ $kind = cpu ] || [ -e "$tree/torch/lib/libtorch_cuda.so" ] || return
    stamp=$(cat "$tree/kiln-stamp" 2>/dev/null) || return
    if [ -n "${KILN_LIBTORCH:-}" ]; then
        [ "$stamp" = "$layout linked $KILN_LIBTORCH" ]
    else
        [[ "$stamp" = "$layout fetched" || "$stamp" = "$layout linked "* ]]
    fi
}

fetch() { # into $staging/tree
    local requirements=$wheels/requirements-$kind.txt files=("$wheels/files-cpu.txt") platforms=() quiet=() tag
    [ $kind = cpu ] || files+=("$wheels/files-cuda.txt")
    for tag in manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_18 manylinux_2_17 manylinux_2_12 \
        manylinux2014 manylinux2010; do
        platforms+=(--platform "${tag}_x86_64")
    done
    [ -t 1 ] || quiet=(--quiet) # on a terminal pip shows how far it is
    echo "setup: fetching libtorch $version ($kind) into $cache"
    mkdir "$staging/wheels" "$staging/temporary"
    # pip unpacks into TMPDIR first, which is often a small file system of its own; its download cache would keep a second copy.
    TMPDIR=$staging/temporary PIP_REQUIRE_VIRTUALENV=false python3 -m pip download \
        "${quiet[@]}" --no-input --disable-pip-version-check --no-cache-dir \
        --no-deps --only-binary=:all: --require-hashes --requirement "$requirements" \
        --implementation cp --python-version 3.11 --abi cp311 "${platforms[@]}" \
        --dest "$staging/wheels" </dev/null ||
        fail "pip could not fetch libtorch (its own message is above); nothing was installed, run scripts/setup.sh again"
    python3 "$wheels/unpack.py" "$staging/wheels" "$staging/tree" "${files[@]}" ||
        fail "the wheels could not be unpacked; nothing was installed"
    echo "$layout fetched" >"$staging/tree/kiln-stamp"
}

link() { # KILN_LIBTORCH into $staging/tree
    local header=$KILN_LIBTORCH/include/torch/headeronly/version.h found
    case "$KILN_LIBTORCH" in
    /*) ;;
    *) fail "KILN_LIBTORCH must be an absolute path, not $KILN_LIBTORCH" ;;
    esac
    [ -e "$KILN_LIBTORCH/lib/libtorch_cpu.so" ] && [ -e "$header" ] ||
        fail "KILN_LIBTORCH=$KILN_LIBTORCH holds no libtorch $version: lib/libtorch_cpu.so and include/torch/headeronly/version.h are expected"
    found=$(awk '/#define TORCH_VERSION_(MAJOR|MINOR|PATCH) / { printf "%s%s", point, $3; point = "." }' "$header")
    [ "$found" = "$version" ] || fail "KILN_LIBTORCH=$KILN_LIBTORCH is libtorch $found; kiln needs $version"
    [ $kind = cpu ] || [ -e "$KILN_LIBTORCH/lib/libtorch_cuda.so" ] ||
        fail "--cuda: KILN_LIBTORCH=$KILN_LIBTORCH has no lib/libtorch_cuda.so"
    mkdir "$staging/tree"
    ln -s "$KILN_LIBTORCH" "$staging/tree/torch"
    echo "$layout linked $KILN_LIBTORCH" >"$staging/tree/kiln-stamp"
}

install() {
    exec 9>"$cache/setup.lock"
    flock --nonblock 9 || {
        echo "setup: waiting for another set-up of $cache to end"
        flock 9
    }
    is_ready && return # the other one did it
    rm -rf "$cache"/.tmp-setup-* # of a set-up that was killed; the lock says that none is at work
    staging=$(mktemp -d "$cache/.tmp-setup-XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    if [ -n "${KILN_LIBTORCH:-}" ]; then link; else fetch; fi
    local unresolved
    unresolved=$(ldd "$staging/tree/torch/lib/"libtorch_c[pu]*.so | awk '/not found/ { print $1 }' | sort -u | tr '\n' ' ')
    [ -z "$unresolved" ] || fail "libtorch needs libraries that it does not find here: $unresolved"
    if [ -e "$tree" ]; then mv -T "$tree" "$staging/replaced"; fi
    mv -T "$staging/tree" "$tree"
}

# --- Where cargo finds it. The same bytes in every clone, so that a clone built anew finds everything built before; renamed
# into place, so that a cargo at work never reads half a file. ---
write_local_toml() {
    local file=$repository/.cargo/local.toml temporary
    temporary=$(mktemp "$repository/.cargo/local.toml.XXXXXX")
    cat >"$temporary" <<TOML
[env]
LIBTORCH = "$tree/torch"

[build]
rustflags = ["-C", "link-arg=-Wl,-rpath,$tree/torch/lib"]
rustdocflags = ["-C", "link-arg=-Wl,-rpath,$tree/torch/lib"]
TOML
    if cmp -s "$temporary" "$file"; then
        rm "$temporary"
    else
        chmod 644 "$temporary"
        mv "$temporary" "$file"
    fi
}

check_compilers
if ! is_ready; then check_fetching; fi
[ $missing = 0 ] || exit 1
if ! is_ready; then install; fi
write_local_toml
echo "setup: libtorch $version is ready in $tree"
