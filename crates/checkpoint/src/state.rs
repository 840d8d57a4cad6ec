//! Where a run stands: the small part of a checkpoint, `state.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything but tensors that a run needs to go on, and what it was made with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Updates done.
    pub step: u64,
    /// Rows of the training order that lie behind.
    pub position: u64,
    /// Targets trained on.
    pub tokens: u64,
    /// Seconds spent in training, over all processes.
    pub seconds: f64,
    /// What an evaluation measured at this step, by name, as far as it is finite; nothing where none was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
    /// The best that was measured so far, if any was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
    /// How long early stopping has waited, where it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<Patience>,
    /// Running mean and variance of the training loss, for the score in the log, and the records that went into them.
    #[serde(default)]
    pub loss_average: (f64, f64, u64),
    /// Running means of the two parts of the gradient noise scale, and the records that went into them.
    #[serde(default)]
    pub noise_average: (f64, f64, u64),
    /// Rows of a micro-batch where memory made them fewer than the recipe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_rows: Option<u64>,
    /// Parts of the training order that are passed over since their gradients were no numbers: first row, and the one after the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<(u64, u64)>,
    /// Identity of the training data and its order.
    pub data: String,
    /// Identity of the tokenizer.
    pub tokenizer: String,
    /// Program that wrote it.
    pub written_by: String,
    /// Threads of each operation: sums are exact only for an equal number.
    pub threads: usize,
    /// Model name of the processor.
    pub processor: String,
    /// Device and precision of the computation.
    #[serde(default)]
    pub arithmetic: String,
}

/// The best value of the measure that decides which checkpoint is best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Name of the measure: `validation_loss`, `accuracy`.
    pub measure: String,
    /// Whether more is better.
    pub higher_is_better: bool,
    /// Its value.
    pub value: f64,
    /// The step at which it was measured; 0 where a checkpoint of the first format does not say.
    pub step: u64,
}

/// How long a run has waited for its measure to get better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Patience {
    /// The value that is to be beaten.
    pub value: f64,
    /// The step at which it was measured.
    pub step: u64,
    /// Evaluations since that did not beat it.
    pub waited: u64,
    /// Whether the run ended for that.
    pub ended: bool,
}

impl TrainingState {
    /// How good this checkpoint is: less is better; `None` where the measure that decides was not made at this step.
    pub fn rank(&self) -> Option<f64> {
        let best = self.best.as_ref()?;
        let value = *self.measures.get(&best.measure)?;
        Some(if best.higher_is_better { -value } else { value })
    }
}
