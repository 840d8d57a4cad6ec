//! What can go wrong when a model is used.

/// A use that the model or its input does not allow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model itself.
    #[error(transparent)]
    Learn(#[from] kiln_learn::Error),
    /// The tokenizer: the text holds what it cannot express.
    #[error("{0}")]
    Text(kiln_tokens::Error),
    /// A model of another task.
    #[error("{0}")]
    Task(&'static str),
    /// An input without any token.
    #[error("input {0} is empty: expected some text")]
    Empty(usize),
}

impl Error {
    /// Whether the person who gave the input can mend it (exit code 2).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Learn(error) => error.is_mistake(),
            Self::Text(_) | Self::Task(_) | Self::Empty(_) => true,
        }
    }
}

impl From<kiln_tensor::TorchError> for Error {
    fn from(error: kiln_tensor::TorchError) -> Self {
        Self::Learn(error.into())
    }
}
