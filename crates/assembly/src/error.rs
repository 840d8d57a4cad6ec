//! What can go wrong in a verb that needs tensors.

/// Any room's failure, and what only shows when the rooms' parts are put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A stage below.
    #[error(transparent)]
    Pipeline(#[from] kiln_pipeline::Error),
    /// The model or its arithmetic.
    #[error(transparent)]
    Learn(#[from] kiln_learn::Error),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] kiln_checkpoint::Error),
    /// The loop.
    #[error(transparent)]
    Train(#[from] kiln_train::Error),
    /// The use of a model.
    #[error(transparent)]
    Infer(#[from] kiln_infer::Error),
    /// A file of a run.
    #[error(transparent)]
    Run(#[from] kiln_run::Error),
    /// Input or output of a verb.
    #[error("{what}: {source}")]
    Stream {
        /// `standard input`, `standard output`.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file that a checkpoint should hold and that cannot be understood.
    #[error("{0}")]
    Companion(String),
    /// A use that does not fit the model.
    #[error("{0}")]
    Mistake(String),
}

impl Error {
    /// Whether the person who gave the command can mend it (exit code 2) or something failed (exit code 1).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Pipeline(error) => error.is_mistake(),
            Self::Learn(error) => error.is_mistake(),
            Self::Checkpoint(error) => error.is_mistake(),
            Self::Train(error) => error.is_mistake(),
            Self::Infer(error) => error.is_mistake(),
            Self::Run(error) => error.is_mistake(),
            Self::Stream { .. } | Self::Companion(_) => false,
            Self::Mistake(_) => true,
        }
    }

    /// Whether a stop was asked for and everything finished is saved (exit code 130).
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::Pipeline(error) if error.is_interruption())
    }
}

impl From<kiln_recipe::Error> for Error {
    fn from(error: kiln_recipe::Error) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<kiln_dataset::Error> for Error {
    fn from(error: kiln_dataset::Error) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<kiln_preprocess::Error> for Error {
    fn from(error: kiln_preprocess::Error) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<kiln_tensor::Error> for Error {
    fn from(error: kiln_tensor::Error) -> Self {
        Self::Learn(error.into())
    }
}
