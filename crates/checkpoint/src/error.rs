//! What can go wrong with a checkpoint.

use std::path::PathBuf;

/// A checkpoint that could not be saved or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error(transparent)]
    Run(#[from] kiln_run::Error),
    /// A weights file, or weights that do not fit.
    #[error(transparent)]
    Tensor(kiln_tensor::Error),
    /// State of another optimizer or model.
    #[error("{}: {source}", path.display())]
    State {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        source: kiln_learn::Error,
    },
    /// A folder that holds no checkpoint.
    #[error("{}: {problem}", path.display())]
    None {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        problem: String,
    },
    /// A checkpoint of another layout.
    #[error("{}: a checkpoint of format {found}, this kiln reads {known}: use the version that wrote it ({writer})", path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest that is known here.
        known: u32,
        /// Who wrote it.
        writer: String,
    },
}

impl From<kiln_tensor::Error> for Error {
    /// A weights file that could not be written or read is a file of the run: one wording for a full disk.
    fn from(error: kiln_tensor::Error) -> Self {
        match error {
            kiln_tensor::Error::Io { path, source } => kiln_run::Error::io(path, source).into(),
            other => Self::Tensor(other),
        }
    }
}

impl Error {
    /// Whether a checkpoint's own files are not what was written, rather than out of reach or of another version.
    pub(crate) fn is_damage(&self) -> bool {
        use kiln_run::Error::{Damaged, NoManifest};
        matches!(
            self,
            Self::Run(Damaged { .. } | NoManifest { .. }) | Self::Tensor(_)
        )
    }

    /// Whether the person who gave the command can mend it (exit code 2).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Run(error) => error.is_mistake(),
            Self::Tensor(error) => error.is_mistake(),
            Self::State { .. } => false,
            Self::None { .. } | Self::Version { .. } => true,
        }
    }
}
