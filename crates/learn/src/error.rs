//! What can go wrong while a model computes or learns.

/// A failure of a model, an objective or an optimizer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch, the device or a weights file.
    #[error(transparent)]
    Tensor(#[from] kiln_tensor::Error),
    /// A data source.
    #[error("{0}")]
    Data(kiln_tokens::Error),
    /// A batch without the column that the task needs, or with other shapes than the model takes.
    #[error("the batch does not fit the model: {0}")]
    Batch(String),
    /// Saved state that does not belong to this run's parts.
    #[error("saved state does not fit: {0}")]
    State(String),
}

impl From<kiln_tensor::TorchError> for Error {
    fn from(error: kiln_tensor::TorchError) -> Self {
        Self::Tensor(error.into())
    }
}

impl Error {
    /// Whether the person who wrote the recipe can mend it (exit code 2).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Tensor(error) => error.is_mistake(),
            Self::Data(_) | Self::Batch(_) | Self::State(_) => false,
        }
    }
}
