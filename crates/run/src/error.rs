//! What can go wrong with a run's files.

use std::io;
use std::path::{Path, PathBuf};

/// A file or folder of a run that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {}", path.display(), describe(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works in the run folder.
    #[error("{} is in use by {holder}; wait for it to end, or choose another --run-dir", path.display())]
    InUse {
        /// The run folder.
        path: PathBuf,
        /// `process 1234`, or `another process` if it did not say.
        holder: String,
    },
    /// The run folder was made by another recipe.
    #[error("{} belongs to another recipe: {difference}; choose another --run-dir, or undo the change", path.display())]
    OtherRecipe {
        /// The run folder.
        path: PathBuf,
        /// The first difference, as the caller described it.
        difference: String,
    },
    /// The folder holds other things than a run.
    #[error("{} is not a run folder, but has files in it; choose another --run-dir", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// A folder that should be a run is not one.
    #[error("{} is not a run folder: there is no recipe.toml in it", path.display())]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a manifest: not one of ours, or never finished.
    #[error("{}: no manifest.json; the folder was not written by kiln, or was not finished", path.display())]
    NoManifest {
        /// The folder.
        path: PathBuf,
    },
    /// The target of a staged folder is there already.
    #[error("{} exists already; nothing was replaced", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// A file whose contents are not what was written.
    #[error("{}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, what was expected, what to do.
        problem: String,
    },
}

impl Error {
    /// A failed operation on a file or folder.
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io {
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// A file whose contents are not what was written; `problem` says what was found, expected and to be done.
    pub fn damaged(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.as_ref().to_owned(),
            problem: problem.into(),
        }
    }

    /// Whether the disk, a quota or a limit had no room left: what may pass.
    pub fn is_out_of_space(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let Self::Io { source, .. } = self else {
            return false;
        };
        matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge)
    }

    /// Whether the person who gave the command can mend it (exit code 2) or something failed (exit code 1).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::InvalidFilename
            ),
            Self::InUse { .. }
            | Self::OtherRecipe { .. }
            | Self::Foreign { .. }
            | Self::NoRun { .. }
            | Self::NoManifest { .. }
            | Self::Exists { .. } => true,
            Self::Damaged { .. } => false,
        }
    }
}

/// The system's words, plainer where the cause is a limit of the machine.
pub(crate) fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            "no space left on the disk; free some and run the same command again".into()
        }
        io::ErrorKind::QuotaExceeded => {
            "no space left: the disk quota is used up; free some and run the same command again"
                .into()
        }
        io::ErrorKind::FileTooLarge => {
            "no space left: the file may not grow further (`ulimit -f`, or the file system's limit)"
                .into()
        }
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::NotADirectory => "not a folder".into(),
        io::ErrorKind::IsADirectory => "a folder, not a file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::ReadOnlyFilesystem => "on a file system that can only be read".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_names_the_file_and_says_so_in_one_line() {
        assert!(Error::io("a", io::Error::from(io::ErrorKind::InvalidFilename)).is_mistake());
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::QuotaExceeded,
            io::ErrorKind::FileTooLarge,
        ] {
            let error = Error::io("runs/a/metrics.jsonl", io::Error::from(kind));
            let message = error.to_string();
            assert!(
                message.starts_with("runs/a/metrics.jsonl: no space left"),
                "{message}"
            );
            assert!(!message.contains('\n'));
            assert!(!error.is_mistake());
        }
    }
}
