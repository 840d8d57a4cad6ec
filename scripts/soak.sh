#!/usr/bin/env bash
# Kill real runs with SIGKILL at random instants and compare the end with that of runs that nobody disturbed, to the bit: a
# Transformer, a recurrent network and a convolutional one over generated text.
#
#   scripts/soak.sh           50 kills of each
#   scripts/soak.sh 500 7     500 kills of each, seed 7
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH=$PATH:${HOME:-}/.cargo/bin
export KILN_SOAK_KILLS=${1:-50} KILN_SOAK_SEED=${2:-1}
cargo test --release --locked --workspace --test it soak:: -- --nocapture
