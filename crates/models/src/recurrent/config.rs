//! What a recipe says of a recurrent network.

use kiln_tensor::{Builder, Init};
use serde::{Deserialize, Serialize};

use super::model::Recurrent;
use crate::draft::{Draft, Outputs, Wrong, at_least_one, probability};
use crate::head::LinearHead;
use crate::pooling::Pooling;

/// A stack of recurrent layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What each layer computes at a step.
    pub cell: Cell,
    /// Number of layers.
    pub layers: i64,
    /// Width of each layer's state.
    pub width: i64,
    /// Width of the token embeddings; `width` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_width: Option<i64>,
    /// Probability of dropping, on the embeddings and on each layer's output: 0 or more, less than 1.
    pub dropout: f64,
    /// How the states of a text become one where the task is about whole texts.
    pub pooling: Pooling,
    /// Whether the head is the token embedding's table; needs an embedding as wide as the state.
    pub tied_head: bool,
}

/// A recurrent cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// Long short-term memory (Hochreiter and Schmidhuber, 1997), with a forget gate.
    #[default]
    Lstm,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cell: Cell::Lstm,
            layers: 2,
            width: 256,
            embedding_width: None,
            dropout: 0.0,
            pooling: Pooling::Last,
            tied_head: false,
        }
    }
}

impl Config {
    /// Width of the token embeddings.
    pub(crate) fn inputs(&self) -> i64 {
        self.embedding_width.unwrap_or(self.width)
    }

    /// Refuse what cannot be built, naming the key.
    ///
    /// # Errors
    /// A count below one, a tied head of another width than the embedding, a dropout that is no probability.
    pub fn check(&self) -> Result<(), Wrong> {
        at_least_one(&[
            ("layers", self.layers),
            ("width", self.width),
            ("embedding_width", self.inputs()),
        ])?;
        if self.tied_head && self.inputs() != self.width {
            let problem = format!(
                "a tied head needs embedding_width = width, they are {} and {}",
                self.inputs(),
                self.width
            );
            return Err(Wrong::new("tied_head", problem));
        }
        probability("dropout", self.dropout)
    }

    /// Declare a network that reads ids below `vocabulary`.
    pub fn build(&self, mut builder: Builder, vocabulary: i64, outputs: Outputs) -> Draft {
        let trunk = Recurrent::new(self, &mut builder, vocabulary);
        let uniform = Init::Uniform { bound: 0.1 };
        let zero = Some(Init::Constant(0.0));
        let count = match outputs {
            Outputs::Tokens => vocabulary,
            Outputs::Classes(count) | Outputs::Values(count) => count,
        };
        let head = if outputs == Outputs::Tokens && self.tied_head {
            LinearHead::tied(&mut builder, trunk.token_table(), None)
        } else {
            LinearHead::new(&mut builder, [self.width, count], uniform, zero)
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
