//! What a run is made of, and how long it is.

use std::sync::Arc;

use kiln_checkpoint::{Belongings, Retention, TrainingState};
use kiln_learn::{Evaluation, Network, Objective, Optimizer, Result as Learned, Schedule};
use kiln_tensor::{Draws, Parameters, Tensor};
use kiln_tokens::BatchSource;

use crate::{EarlyStopping, NotFinite, Sizes};

/// Lengths and intervals of a run, in updates, and its rules.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Updates of the whole run.
    pub total_steps: u64,
    /// Rows and lengths of its batches.
    pub sizes: Sizes,
    /// Rows of a micro-batch.
    pub micro_rows: u64,
    /// Whether a row goes on where the same row of the batch before ended, so that a recurrent state is handed on.
    pub carry: bool,
    /// Whether blocks of layers forget their activations and compute them again in backward.
    pub activation_checkpointing: bool,
    /// From one record to the next.
    pub log_every: u64,
    /// From one evaluation to the next.
    pub evaluate_every: Option<u64>,
    /// From one checkpoint to the next.
    pub save_every: Option<u64>,
    /// The same in minutes.
    pub save_every_minutes: Option<f64>,
    /// Which checkpoints stay. Those that stay for good are written too.
    pub retention: Retention,
    /// The measure that decides which checkpoint is best.
    pub best: String,
    /// When a run that gets no better ends.
    pub early_stopping: Option<EarlyStopping>,
    /// What happens where a loss or a gradient is no number.
    pub not_finite: NotFinite,
    /// How often a run goes back to a checkpoint.
    pub max_rollbacks: u64,
    /// Updates after which the profile of a step is told.
    pub profile: Option<u64>,
    /// Identity of the tokenizer.
    pub tokenizer: String,
    /// Device and precision, for the record.
    pub arithmetic: String,
    /// Floating-point operations for one target, and how many the device does in a second at most, where that is known.
    pub operations: Option<(f64, f64)>,
}

/// A clipping rule: changes the gradients and gives their norm before.
pub type Clip = Box<dyn Fn(&mut Parameters) -> Learned<Tensor>>;

/// Everything that a run is made of.
pub struct Parts {
    /// The model.
    pub network: Network,
    /// What it minimises.
    pub objective: Box<dyn Objective>,
    /// How it is changed.
    pub optimizer: Box<dyn Optimizer>,
    /// How fast.
    pub schedule: Box<dyn Schedule>,
    /// How gradients are kept in bounds.
    pub clip: Clip,
    /// What it learns from.
    pub source: Arc<dyn BatchSource>,
    /// How it is scored.
    pub evaluation: Box<dyn Evaluation>,
    /// Randomness of the run.
    pub draws: Draws,
    /// What goes into each checkpoint beside the run's state.
    pub belongings: Arc<Belongings>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// Where it stands.
    pub state: TrainingState,
    /// Whether it was asked to stop before its end.
    pub interrupted: bool,
}
