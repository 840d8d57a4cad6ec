//! What a recipe says of a recurrent network.

use kiln_tensor::{Builder, Init};
use serde::{Deserialize, Serialize};

use super::Cell;
use super::model::Recurrent;
use super::regularisation::Regularisation;
use crate::draft::{Draft, Outputs, Wrong, at_least_one, not_negative, probability};
use crate::head::LinearHead;
use crate::pooling::Pooling;

/// A stack of recurrent layers. Every dropout is a probability of dropping, 0 or more and less than 1. The last seven keys are
/// AWD-LSTM's (Merity, Keskar and Socher, 2018, "Regularizing and Optimizing LSTM Language Models", section 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What each layer computes at a step.
    pub cell: Cell,
    /// Number of layers.
    pub layers: i64,
    /// Width of each layer's state.
    pub width: i64,
    /// Width of an LSTM's output after a projection, less than `width` (Sak, Senior and Beaufays, 2014); none if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projection: Option<i64>,
    /// Whether a second stack of weights reads each layer's input from its row's end (Schuster and Paliwal, 1997); the two outputs
    /// stand side by side. For whole texts: such a network sees what comes after a place.
    pub bidirectional: bool,
    /// Width of the token embeddings; `width` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_width: Option<i64>,
    /// Dropout of single elements, of the embeddings and of each layer's output.
    pub dropout: f64,
    /// How the states of a text become one where the task is about whole texts.
    pub pooling: Pooling,
    /// Whether the head is the token embedding's table; needs an embedding as wide as the output.
    pub tied_head: bool,
    /// DropConnect (Wan et al., 2013) on the hidden-to-hidden matrices: single weights, the same at all steps and for all rows of a
    /// pass.
    pub weight_drop: f64,
    /// Variational dropout (Gal and Ghahramani, 2016) of the embeddings: one mask for a row, the same at all steps.
    pub input_dropout: f64,
    /// Variational dropout between layers.
    pub hidden_dropout: f64,
    /// Variational dropout of the last layer's output.
    pub output_dropout: f64,
    /// Dropout of whole words, rows of the embedding table, the same for all rows of a pass.
    pub embedding_dropout: f64,
    /// Activation regularisation, the paper's alpha, 0 or more. The loss gains `alpha / targets * Σ mean(d²)`: the sum is over all
    /// places that are not padding, the mean over the features of the last layer's output after dropout. With as many
    /// targets as places that is `alpha` times the mean over all elements.
    pub activation_regularisation: f64,
    /// Temporal activation regularisation, the paper's beta, 0 or more. The loss gains `beta / targets * Σ mean((h - h')²)`: `h` and
    /// `h'` are the last layer's outputs before dropout at a place and at the one before it; a row's first place has none.
    pub temporal_activation_regularisation: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cell: Cell::Lstm,
            layers: 2,
            width: 256,
            projection: None,
            bidirectional: false,
            embedding_width: None,
            dropout: 0.0,
            pooling: Pooling::Last,
            tied_head: false,
            weight_drop: 0.0,
            input_dropout: 0.0,
            hidden_dropout: 0.0,
            output_dropout: 0.0,
            embedding_dropout: 0.0,
            activation_regularisation: 0.0,
            temporal_activation_regularisation: 0.0,
        }
    }
}

impl Config {
    /// Width of the token embeddings.
    pub(crate) fn inputs(&self) -> i64 {
        self.embedding_width.unwrap_or(self.width)
    }

    /// Width of what one direction of a layer hands on.
    pub(super) fn direction_width(&self) -> i64 {
        self.projection.unwrap_or(self.width)
    }

    /// Directions of a layer, by the part of a name that tells them apart.
    pub(super) fn directions(&self) -> &'static [&'static str] {
        if self.bidirectional {
            &["", "reverse."]
        } else {
            &[""]
        }
    }

    /// Width of the network's output.
    pub(super) fn output_width(&self) -> i64 {
        self.direction_width() * if self.bidirectional { 2 } else { 1 }
    }

    pub(super) fn regularisation(&self) -> Regularisation {
        Regularisation {
            weight_drop: self.weight_drop,
            input_dropout: self.input_dropout,
            hidden_dropout: self.hidden_dropout,
            output_dropout: self.output_dropout,
            embedding_dropout: self.embedding_dropout,
            activation: self.activation_regularisation,
            temporal_activation: self.temporal_activation_regularisation,
        }
    }

    /// Refuse what cannot be built, naming the key.
    ///
    /// # Errors
    /// A count below one, a projection of another cell or no narrower than the state, a tied head of another width than the
    /// embedding, a dropout that is no probability, a negative coefficient.
    pub fn check(&self) -> Result<(), Wrong> {
        at_least_one(&[
            ("layers", self.layers),
            ("width", self.width),
            ("projection", self.direction_width()),
            ("embedding_width", self.inputs()),
        ])?;
        if let Some(projection) = self.projection {
            if self.cell != Cell::Lstm {
                return Err(Wrong::new("projection", "only cell = \"lstm\" has one"));
            }
            if projection >= self.width {
                let problem = format!("{projection}: expected less than width, {}", self.width);
                return Err(Wrong::new("projection", problem));
            }
        }
        if self.tied_head && self.inputs() != self.output_width() {
            let problem = format!(
                "a tied head needs an embedding as wide as the output, they are {} and {}",
                self.inputs(),
                self.output_width()
            );
            return Err(Wrong::new("tied_head", problem));
        }
        for (key, value) in [
            ("dropout", self.dropout),
            ("weight_drop", self.weight_drop),
            ("input_dropout", self.input_dropout),
            ("hidden_dropout", self.hidden_dropout),
            ("output_dropout", self.output_dropout),
            ("embedding_dropout", self.embedding_dropout),
        ] {
            probability(key, value)?;
        }
        let [alpha, beta] = [
            self.activation_regularisation,
            self.temporal_activation_regularisation,
        ];
        not_negative("activation_regularisation", alpha)?;
        not_negative("temporal_activation_regularisation", beta)
    }

    /// Refuse what cannot predict the next token, naming the key.
    ///
    /// # Errors
    /// It reads both ways.
    pub fn check_next_token(&self) -> Result<(), Wrong> {
        if self.bidirectional {
            let problem = "a bidirectional network sees the tokens after a place, so it cannot predict the next: choose false for a language model";
            return Err(Wrong::new("bidirectional", problem));
        }
        Ok(())
    }

    /// Declare a network that reads ids below `vocabulary`.
    ///
    /// # Panics
    /// With `Outputs::Tokens` where [`Config::check_next_token`] refuses.
    pub fn build(&self, mut builder: Builder, vocabulary: i64, outputs: Outputs) -> Draft {
        if outputs == Outputs::Tokens {
            assert_eq!(self.check_next_token(), Ok(()), "asked for the next token");
        }
        let trunk = Recurrent::new(self, &mut builder, vocabulary, outputs);
        let uniform = Init::Uniform { bound: 0.1 };
        let zero = Some(Init::Constant(0.0));
        let count = match outputs {
            Outputs::Tokens => vocabulary,
            Outputs::Classes(count) | Outputs::Values(count) => count,
        };
        let head = if outputs == Outputs::Tokens && self.tied_head {
            LinearHead::tied(&mut builder, trunk.token_table(), None)
        } else {
            LinearHead::new(&mut builder, [self.output_width(), count], uniform, zero)
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
