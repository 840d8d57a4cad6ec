//! A trained model with all that is needed to use it, and scores of one.

use std::sync::Arc;

use kiln_tokens::{LabelSet, Scale, Tokenizer};

use crate::{Network, Result};

/// What generation, prediction, evaluation and export take.
pub struct Trained {
    /// Trunk, head and weights.
    pub network: Network,
    /// Text to the ids that it was trained on.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Names of its classes, for a classifier.
    pub labels: Option<LabelSet>,
    /// Units of the numbers that it predicts, for a regressor: the network's own are standardised.
    pub scales: Option<Vec<Scale>>,
    /// Ids a row held in training.
    pub context_length: usize,
}

/// Scores by name, in the order in which they are to be shown.
pub type Measures = Vec<(String, f64)>;

/// A score of a network on held-out data, asked for by a trainer that does not know what is scored.
pub trait Evaluation: Send {
    /// Score it now. One of the measures is named `validation_loss`.
    ///
    /// # Errors
    /// The data could not be read or does not fit the model.
    fn evaluate(&mut self, network: &Network) -> Result<Measures>;
}
