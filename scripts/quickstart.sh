#!/usr/bin/env bash
# From a fresh clone to a trained model that writes text: set-up, release build, and the recipe configs/quickstart.toml.
#
#   scripts/quickstart.sh               train on stories that kiln makes up itself: nothing is downloaded for it
#   scripts/quickstart.sh FOLDER        after that a short training on your own text (.txt, .md, .jsonl, .csv, .tsv files)
set -euo pipefail

fail() {
    echo "quickstart: $1" >&2
    exit 2
}

[ $# -le 1 ] || fail "one folder at most; usage: scripts/quickstart.sh [FOLDER]"
own=${1:-}
if [ -n "$own" ]; then
    [ -e "$own" ] || fail "there is no $own"
    own=$(realpath "$own")
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:${HOME:-}/.cargo/bin

scripts/setup.sh
echo "quickstart: building kiln (the first time this takes minutes: libtorch's bindings are large)"
built=$SECONDS
kiln=$(cargo build --release --locked -p kiln-cli --message-format=json-render-diagnostics |
    sed -n 's|.*"executable":"\([^"]*/kiln\)".*|\1|p')
[ -x "$kiln" ] || fail "cargo built no kiln"
built=$((SECONDS - built))

trained=$SECONDS
"$kiln" run configs/quickstart.toml --run-dir runs/quickstart
trained=$((SECONDS - trained))

if [ -n "$own" ]; then
    name=$(basename "$own")
    own_run=runs/quickstart-${name//[^A-Za-z0-9._-]/-}
    escaped=${own//\\/\\\\}
    escaped=${escaped//\"/\\\"}
    echo
    echo "quickstart: now your own text, $own"
    "$kiln" run configs/quickstart.toml --run-dir "$own_run" --set "corpus.sources=[{path=\"$escaped\"}]" --set train.steps=200
fi

shown=$kiln
case "$kiln" in "$PWD"/*) shown=${kiln#"$PWD"/} ;; esac
cat <<EOT

quickstart: done. Built in $built s, trained in $trained s.
  the program     $shown
  the first run   runs/quickstart${own:+
  your own run    $own_run}
Each run folder holds its recipe, documents, tokenizer, shards, checkpoints and metrics. Try next:
  $shown generate ${own_run:-runs/quickstart} --tokens 200 --temperature 0.8
  $shown evaluate runs/quickstart
  $shown --help
EOT
