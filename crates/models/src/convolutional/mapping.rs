//! PyTorch's names of the same weights: `encoder` is an `nn.Embedding`, `decoder` an `nn.Linear`; a convolution whose weights are
//! normalised has `weight_g` and `weight_v`, as `torch.nn.utils.weight_norm` names them.

use super::{Config, Embeddings};
use crate::mapping::Piece;

/// A convolution or a linear layer.
fn layer(ours: &str, theirs: &str, weight_norm: bool) -> Vec<Piece> {
    let parts = if weight_norm {
        &[
            ("weight", "weight_v"),
            ("gain", "weight_g"),
            ("bias", "bias"),
        ][..]
    } else {
        &[("weight", "weight"), ("bias", "bias")]
    };
    (parts.iter())
        .map(|(our, their)| Piece::one(format!("{ours}.{our}"), format!("{theirs}.{their}")))
        .collect()
}

impl Config {
    /// What each parameter is in a file of PyTorch's names: `convolutions.N` of Kim's; `convolutions.N` and `connected.N` of Zhang's;
    /// `blocks.N.M` of the gated network, and `input` before them; `tcn.network.N.conv1`, `conv2` and `downsample` of the
    /// dilated one, as its authors name them.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let embedding = || Piece::one("embedding.weight", "encoder.weight");
        let mut tied = false;
        match self {
            Self::Kim(config) => {
                pieces.push(embedding());
                if config.embeddings == Embeddings::Multichannel {
                    pieces.push(Piece::one("embedding.static.weight", "static.weight"));
                }
                for group in 0..config.kernel_widths.len() {
                    let name = format!("convolutions.{group}");
                    pieces.extend(layer(&name, &name, false));
                }
            }
            Self::Zhang(config) => {
                for number in 0..config.kernel_widths.len() {
                    let name = format!("convolutions.{number}");
                    pieces.extend(layer(&name, &name, false));
                }
                for number in 0..2 {
                    let name = format!("connected.{number}");
                    pieces.extend(layer(&name, &name, false));
                }
            }
            Self::Gated(config) => {
                tied = config.tied_head;
                pieces.push(embedding());
                if config.inputs() != config.width {
                    pieces.push(Piece::one("input.weight", "input.weight"));
                }
                let each = if config.bottleneck.is_some() { 3 } else { 1 };
                for block in 0..config.layers {
                    for number in 0..each {
                        let ours = format!("blocks.{block}.convolutions.{number}");
                        let theirs = format!("blocks.{block}.{number}");
                        pieces.extend(layer(&ours, &theirs, config.weight_norm));
                    }
                }
            }
            Self::Dilated(config) => {
                tied = config.tied_head;
                pieces.push(embedding());
                for block in 0..config.layers {
                    let theirs = format!("tcn.network.{block}");
                    for number in 0..2 {
                        let ours = format!("blocks.{block}.convolutions.{number}");
                        let theirs = format!("{theirs}.conv{}", number + 1);
                        pieces.extend(layer(&ours, &theirs, config.weight_norm));
                    }
                    if block == 0 && config.inputs() != config.width {
                        let ours = format!("blocks.{block}.residual");
                        pieces.extend(layer(&ours, &format!("{theirs}.downsample"), false));
                    }
                }
            }
        }
        if !tied {
            // A tied head is the table; it has no weights of its own.
            pieces.extend(layer("head", "decoder", false));
        }
        pieces
    }
}
