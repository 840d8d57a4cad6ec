//! PyTorch's names of the same weights: those of a language model whose parts are `encoder` (an `nn.Embedding`), `rnn` (an `nn.RNN`,
//! `nn.GRU` or `nn.LSTM`) and `decoder` (an `nn.Linear`), as in PyTorch's word_language_model example.

use super::Config;
use crate::mapping::Piece;

impl Config {
    /// What each parameter is in a file of PyTorch's names.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = vec![Piece::one("embedding.weight", "encoder.weight")];
        for layer in 0..self.layers {
            for direction in self.directions() {
                let suffix = if direction.is_empty() { "" } else { "_reverse" };
                let parts = [
                    ("input.weight", "weight_ih"),
                    ("hidden.weight", "weight_hh"),
                    ("input.bias", "bias_ih"),
                    ("hidden.bias", "bias_hh"),
                    ("projection.weight", "weight_hr"),
                ];
                let count = if self.projection.is_some() { 5 } else { 4 };
                pieces.extend(parts[..count].iter().map(|(ours, theirs)| {
                    Piece::one(
                        format!("layers.{layer}.{direction}{ours}"),
                        format!("rnn.{theirs}_l{layer}{suffix}"),
                    )
                }));
            }
        }
        if !self.tied_head {
            // A tied head is the table and has no bias.
            pieces.push(Piece::one("head.weight", "decoder.weight"));
            pieces.push(Piece::one("head.bias", "decoder.bias"));
        }
        pieces
    }
}
