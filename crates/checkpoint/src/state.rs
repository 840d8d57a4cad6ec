//! Where a run stands: the small part of a checkpoint, `state.json`.

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
    /// Held-out loss at this step, if it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Lowest held-out loss of the run so far, if any was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_validation_loss: Option<f64>,
    /// Running mean and variance of the training loss, for the score in the log, and the records that went into them.
    #[serde(default)]
    pub loss_average: (f64, f64, u64),
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
