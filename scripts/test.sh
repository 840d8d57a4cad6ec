#!/usr/bin/env bash
# Set-up, then every test of the project: unit, integration, end-to-end and documentation. Ends with one line.
#
#   scripts/test.sh                     everything
#   scripts/test.sh -p kiln-corpus      what follows goes to cargo test
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:${HOME:-}/.cargo/bin
start=$SECONDS
scripts/setup.sh

scope=(--workspace)
[ $# = 0 ] || scope=("$@")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --release --locked --no-fail-fast "${scope[@]}" 2>&1 | tee "$log" || status=$?

# Cargo gives one "test result:" line a binary; this is their sum, and the names of what failed.
awk -v status="$status" -v seconds=$((SECONDS - start)) '
    /^test result: / {
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) passed += $(i - 1)
            if ($i ~ /^failed/) failed += $(i - 1)
            if ($i ~ /^ignored/) ignored += $(i - 1)
        }
    }
    /^test .* \.\.\. FAILED$/ { names = names "\n    " substr($0, 6, length($0) - 16) }
    END {
        print ""
        if (names != "") print "failed:" names
        outcome = status == 0 ? "all tests passed" : failed ? "FAILED" : "FAILED (see the error above)"
        printf "test.sh: %s: %d passed, %d failed, %d ignored in %d min %d s\n", outcome, passed, failed, ignored,
            int(seconds / 60), seconds % 60
    }' "$log"
exit "$status"
