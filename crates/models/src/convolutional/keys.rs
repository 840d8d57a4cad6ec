//! One section for four styles: which keys belong to which.

use serde::Deserialize;

use super::{Character, Config, Dilated, Embeddings, Gated, Sentence};
use crate::pooling::Pooling;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Style {
    #[default]
    Kim,
    Zhang,
    Gated,
    Dilated,
}

/// The section as it is written: what was left out is none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Keys {
    style: Style,
    kernel_widths: Option<Vec<i64>>,
    filters: Option<i64>,
    embedding_width: Option<i64>,
    embeddings: Option<Embeddings>,
    dropout: Option<f64>,
    pools: Option<Vec<i64>>,
    hidden_width: Option<i64>,
    layers: Option<i64>,
    width: Option<i64>,
    kernel_width: Option<i64>,
    bottleneck: Option<i64>,
    weight_norm: Option<bool>,
    pooling: Option<Pooling>,
    tied_head: Option<bool>,
}

impl Keys {
    /// A key that no style has taken.
    fn left(&self) -> Option<&'static str> {
        [
            ("kernel_widths", self.kernel_widths.is_some()),
            ("filters", self.filters.is_some()),
            ("embedding_width", self.embedding_width.is_some()),
            ("embeddings", self.embeddings.is_some()),
            ("dropout", self.dropout.is_some()),
            ("pools", self.pools.is_some()),
            ("hidden_width", self.hidden_width.is_some()),
            ("layers", self.layers.is_some()),
            ("width", self.width.is_some()),
            ("kernel_width", self.kernel_width.is_some()),
            ("bottleneck", self.bottleneck.is_some()),
            ("weight_norm", self.weight_norm.is_some()),
            ("pooling", self.pooling.is_some()),
            ("tied_head", self.tied_head.is_some()),
        ]
        .into_iter()
        .find_map(|(key, given)| given.then_some(key))
    }
}

/// What is written, or the default.
fn take<T>(key: &mut Option<T>, default: T) -> T {
    key.take().unwrap_or(default)
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(mut keys: Keys) -> Result<Self, String> {
        let keys = &mut keys;
        let (name, config) = match keys.style {
            Style::Kim => {
                let default = Sentence::default();
                let config = Sentence {
                    kernel_widths: take(&mut keys.kernel_widths, default.kernel_widths),
                    filters: take(&mut keys.filters, default.filters),
                    embedding_width: take(&mut keys.embedding_width, default.embedding_width),
                    embeddings: take(&mut keys.embeddings, default.embeddings),
                    dropout: take(&mut keys.dropout, default.dropout),
                };
                ("kim", Self::Kim(config))
            }
            Style::Zhang => {
                let default = Character::default();
                let config = Character {
                    filters: take(&mut keys.filters, default.filters),
                    kernel_widths: take(&mut keys.kernel_widths, default.kernel_widths),
                    pools: take(&mut keys.pools, default.pools),
                    hidden_width: take(&mut keys.hidden_width, default.hidden_width),
                    dropout: take(&mut keys.dropout, default.dropout),
                };
                ("zhang", Self::Zhang(config))
            }
            Style::Gated => {
                let default = Gated::default();
                let config = Gated {
                    layers: take(&mut keys.layers, default.layers),
                    width: take(&mut keys.width, default.width),
                    kernel_width: take(&mut keys.kernel_width, default.kernel_width),
                    bottleneck: keys.bottleneck.take(),
                    embedding_width: keys.embedding_width.take(),
                    dropout: take(&mut keys.dropout, default.dropout),
                    weight_norm: take(&mut keys.weight_norm, default.weight_norm),
                    pooling: take(&mut keys.pooling, default.pooling),
                    tied_head: take(&mut keys.tied_head, default.tied_head),
                };
                ("gated", Self::Gated(config))
            }
            Style::Dilated => {
                let default = Dilated::default();
                let config = Dilated {
                    layers: take(&mut keys.layers, default.layers),
                    width: take(&mut keys.width, default.width),
                    kernel_width: take(&mut keys.kernel_width, default.kernel_width),
                    embedding_width: keys.embedding_width.take(),
                    dropout: take(&mut keys.dropout, default.dropout),
                    weight_norm: take(&mut keys.weight_norm, default.weight_norm),
                    pooling: take(&mut keys.pooling, default.pooling),
                    tied_head: take(&mut keys.tied_head, default.tied_head),
                };
                ("dilated", Self::Dilated(config))
            }
        };
        match keys.left() {
            Some(key) => Err(format!("style = {name:?} has no key `{key}`")),
            None => Ok(config),
        }
    }
}
