//! What can go wrong at the door to libtorch.

use std::path::PathBuf;

/// An operation that libtorch, the device or a weights file refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libtorch's own message, first line.
    #[error("libtorch: {0}")]
    Torch(String),
    /// A device that this machine does not have.
    #[error("device `{asked}` cannot be used: {reason}")]
    Device {
        /// What the recipe asked for.
        asked: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// A weights file that is not what it should be.
    #[error("{path}: {problem}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What was read, what was expected.
        problem: String,
    },
    /// Weights that do not fit the model they are loaded into.
    #[error("weights do not fit the model: {0}")]
    Mismatch(String),
    /// A file that could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the person who wrote the recipe can mend it (exit code 2).
    pub fn is_mistake(&self) -> bool {
        matches!(self, Self::Device { .. } | Self::Mismatch(_))
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        let message = match error {
            tch::TchError::Torch(message) => message,
            other => other.to_string(),
        };
        let first = message.lines().next().unwrap_or("unknown error");
        Self::Torch(first.to_owned())
    }
}
