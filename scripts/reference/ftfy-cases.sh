#!/usr/bin/env bash
# Fetches the source distribution of python-ftfy 6.3.1 from the package index and prints the path of its test cases, for
#
#     KILN_FTFY_CASES=$(scripts/reference/ftfy-cases.sh) cargo test --release -p kiln-corpus --lib repair -- --include-ignored
#
# The cases stay in the folder given, or in a new temporary one.
set -euo pipefail

folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
python3 -m pip download --quiet --no-deps --no-binary :all: 'ftfy==6.3.1' --dest "$folder" >&2
tar -xzf "$folder/ftfy-6.3.1.tar.gz" -C "$folder" ftfy-6.3.1/tests/test_cases.json
echo "$folder/ftfy-6.3.1/tests/test_cases.json"
