//! What a recipe says of a Transformer.

use kiln_tensor::{Builder, Init};
use serde::{Deserialize, Serialize};

use super::model::Transformer;
use crate::draft::{Draft, Outputs, Wrong, at_least_one, probability};
use crate::head::LinearHead;
use crate::pooling::Pooling;

/// A decoder Transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which published family the blocks are of.
    pub style: Style,
    /// Number of blocks.
    pub layers: i64,
    /// Attention heads in each block; divides `width`.
    pub heads: i64,
    /// Width of the residual stream.
    pub width: i64,
    /// Probability of dropping, after the embeddings, on attention weights and on each branch's output: 0 or more, less than 1.
    pub dropout: f64,
    /// Whether linear layers and normalisations have biases.
    pub bias: bool,
    /// How the states of a text become one where the task is about whole texts.
    pub pooling: Pooling,
    /// Whether the head is the token embedding's table.
    pub tied_head: bool,
}

/// A published family of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// GPT-2 (Radford et al., 2019) as nanoGPT has it: normalisation before each branch, exact GELU, learned positions.
    #[default]
    Gpt2,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            style: Style::Gpt2,
            layers: 4,
            heads: 4,
            width: 128,
            dropout: 0.0,
            bias: false,
            pooling: Pooling::Last,
            tied_head: true,
        }
    }
}

impl Config {
    /// Refuse what cannot be built, naming the key.
    ///
    /// # Errors
    /// A count below one, a width that the heads do not divide, a dropout that is no probability.
    pub fn check(&self) -> Result<(), Wrong> {
        at_least_one(&[
            ("layers", self.layers),
            ("heads", self.heads),
            ("width", self.width),
        ])?;
        if self.width % self.heads != 0 {
            let problem = format!(
                "{} heads do not divide a width of {}: choose a divisor",
                self.heads, self.width
            );
            return Err(Wrong::new("heads", problem));
        }
        probability("dropout", self.dropout)
    }

    /// Declare a network that reads ids below `vocabulary`, at most `context_length` in a row. `Outputs::Tokens` scores each place.
    pub fn build(
        &self,
        mut builder: Builder,
        vocabulary: i64,
        context_length: i64,
        outputs: Outputs,
    ) -> Draft {
        let trunk = Transformer::new(self, &mut builder, vocabulary, context_length);
        let normal = Init::Normal { std: 0.02 };
        let mut own =
            |outputs, bias| LinearHead::new(&mut builder, [self.width, outputs], normal, bias);
        let head = match outputs {
            Outputs::Tokens if self.tied_head => LinearHead::tied(trunk.token_table()),
            Outputs::Tokens => own(vocabulary, None),
            Outputs::Classes(count) | Outputs::Values(count) => {
                own(count, Some(Init::Constant(0.0)))
            }
        };
        Draft::of_places(
            Box::new(trunk),
            Box::new(head),
            builder,
            outputs,
            self.pooling,
        )
    }
}
