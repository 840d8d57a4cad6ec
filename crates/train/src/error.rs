//! What can end a training run before its last step.

use std::path::PathBuf;

/// A run that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the model, or its data.
    #[error(transparent)]
    Learn(#[from] kiln_learn::Error),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] kiln_checkpoint::Error),
    /// A file of the run.
    #[error(transparent)]
    Run(#[from] kiln_run::Error),
    /// The data of the run is not what its checkpoint was trained on.
    #[error("{}: it was trained on other {what} than the run now has: start in another --run-dir", path.display())]
    OtherData {
        /// The checkpoint.
        path: PathBuf,
        /// `data` or `tokenizer`.
        what: &'static str,
    },
    /// Gradients that were no numbers, too often in a row.
    #[error(
        "the gradients were not finite for {steps} updates in a row up to step {step}: lower the learning rate or set \
         train.clip_norm; checkpoints up to step {good} are intact"
    )]
    Diverged {
        /// Updates skipped in a row.
        steps: u64,
        /// The last of them.
        step: u64,
        /// The newest checkpoint's step.
        good: u64,
    },
    /// A loss or a gradient that was no number, where the recipe says that a run ends for it or has gone back often enough.
    #[error(
        "step {step}: {what} is not finite, from the batch at row {row}{after}; lower the learning rate, set train.clip_norm, or \
         look at the data; checkpoints up to step {good} are intact"
    )]
    NotFinite {
        /// The update.
        step: u64,
        /// `the loss`, or whose gradient.
        what: String,
        /// First row of its batch in the order of the data.
        row: u64,
        /// `, after 5 rollbacks`, or nothing.
        after: String,
        /// The newest checkpoint's step.
        good: u64,
    },
    /// Memory that does not suffice for one row, or for the update rule.
    #[error("step {step}: {what} needs more memory than there is: {advice} ({source})")]
    OutOfMemory {
        /// The update.
        step: u64,
        /// What was done.
        what: &'static str,
        /// What to do.
        advice: &'static str,
        /// The allocator's words.
        source: kiln_learn::Error,
    },
    /// A recipe names a measure that the evaluation does not make.
    #[error("{key} = \"{name}\": the evaluation has no such measure, only {known}")]
    NoMeasure {
        /// The key of the recipe.
        key: &'static str,
        /// What it names.
        name: String,
        /// What there is.
        known: String,
    },
    /// A training split with nothing to learn from.
    #[error("the training split has no targets: {0}")]
    NoTargets(String),
}

impl Error {
    /// Whether the person who gave the command can mend it (exit code 2).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Learn(error) => error.is_mistake(),
            Self::Checkpoint(error) => error.is_mistake(),
            Self::Run(error) => error.is_mistake(),
            Self::OtherData { .. } | Self::NoTargets(_) | Self::NoMeasure { .. } => true,
            Self::Diverged { .. } | Self::NotFinite { .. } | Self::OutOfMemory { .. } => false,
        }
    }
}
