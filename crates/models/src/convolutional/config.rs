//! What a recipe says of a convolutional network.

use kiln_tensor::{Builder, Init};
use serde::{Deserialize, Serialize};

use super::model::SentenceCnn;
use crate::draft::{Draft, Outputs, Wrong, at_least_one, probability};
use crate::head::LinearHead;

/// Kim's sentence classifier (2014): convolutions of several widths over token embeddings, the largest answer of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Tokens that a filter spans, one group of filters for each.
    pub kernel_widths: Vec<i64>,
    /// Filters in each group.
    pub filters: i64,
    /// Width of the token embeddings.
    pub embedding_width: i64,
    /// Probability of dropping each feature before the head: 0 or more, less than 1.
    pub dropout: f64,
}

impl Default for Config {
    /// The published numbers.
    fn default() -> Self {
        Self {
            kernel_widths: vec![3, 4, 5],
            filters: 100,
            embedding_width: 300,
            dropout: 0.5,
        }
    }
}

impl Config {
    /// Refuse what cannot be built, naming the key.
    ///
    /// # Errors
    /// No kernel, a count below one, a dropout that is no probability.
    pub fn check(&self) -> Result<(), Wrong> {
        if self.kernel_widths.is_empty() {
            return Err(Wrong::new(
                "kernel_widths",
                "empty: expected one or more, as [3, 4, 5]",
            ));
        }
        for &width in &self.kernel_widths {
            at_least_one(&[("kernel_widths", width)])?;
        }
        at_least_one(&[
            ("filters", self.filters),
            ("embedding_width", self.embedding_width),
        ])?;
        probability("dropout", self.dropout)
    }

    /// Declare a network that reads ids below `vocabulary`.
    ///
    /// # Panics
    /// With `Outputs::Tokens`: a filter sees the tokens after a place, so it cannot predict the next.
    pub fn build(&self, mut builder: Builder, vocabulary: i64, outputs: Outputs) -> Draft {
        let count = match outputs {
            Outputs::Classes(count) | Outputs::Values(count) => count,
            Outputs::Tokens => panic!("a sentence CNN does not predict the next token"),
        };
        let trunk = SentenceCnn::new(self, &mut builder, vocabulary);
        let features = trunk.features();
        let bound = 1.0 / (features as f64).sqrt();
        let head = LinearHead::new(
            &mut builder,
            [features, count],
            Init::Uniform { bound },
            Some(Init::Constant(0.0)),
        );
        Draft {
            trunk: Box::new(trunk),
            head: Box::new(head),
            builder,
        }
    }
}
