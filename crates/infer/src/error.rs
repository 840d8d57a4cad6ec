//! What can go wrong when a model is used.

/// A use that the model or its input does not allow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model itself.
    #[error(transparent)]
    Learn(#[from] kiln_learn::Error),
    /// The tokenizer: the prompt holds what it cannot express.
    #[error("{0}")]
    Text(kiln_tokens::Error),
    /// One of several texts cannot be read.
    #[error("{problem}")]
    Input {
        /// Its place among them, from 0.
        index: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Sampling that draws nothing sensible.
    #[error("{key}: {problem}")]
    Sampling {
        /// Which number.
        key: &'static str,
        /// What was given, what was expected.
        problem: String,
    },
    /// Outputs that are no numbers.
    #[error("the model's outputs are not finite: its training diverged; use an earlier checkpoint")]
    NotFinite,
    /// A model of another task.
    #[error("{0}")]
    Task(&'static str),
}

impl Error {
    /// Whether the person who gave the input can mend it (exit code 2).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Learn(error) => error.is_mistake(),
            Self::Text(_) | Self::Input { .. } | Self::Sampling { .. } | Self::Task(_) => true,
            Self::NotFinite => false,
        }
    }
}

impl From<kiln_tensor::TorchError> for Error {
    fn from(error: kiln_tensor::TorchError) -> Self {
        Self::Learn(error.into())
    }
}
