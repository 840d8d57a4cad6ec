//! What can be wrong with an input, said in one line.

use std::fmt;
use std::path::{Path, PathBuf};

/// An input that could not be read or stored, with its place.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    position: Position,
    problem: String,
    mistake: bool,
}

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The file as a whole.
    Whole,
    /// A line, counted from 1.
    Line(u64),
    /// A byte, counted from 0.
    Byte(u64),
}

impl Error {
    /// The input is not what it should be: the person who named it can mend that. `problem` says what was read, what
    /// was expected and what to do.
    pub fn mistake(path: impl AsRef<Path>, position: Position, problem: impl Into<String>) -> Self {
        Self::new(path, position, problem, true)
    }

    /// The machine failed: a disk, a permission, memory.
    pub fn failure(path: impl AsRef<Path>, position: Position, problem: impl Into<String>) -> Self {
        Self::new(path, position, problem, false)
    }

    /// A failed operation on a file; a path that leads to no file is the user's mistake, anything else the machine's
    /// failure.
    pub fn io(path: impl AsRef<Path>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound};
        let mistake = matches!(
            error.kind(),
            NotFound | NotADirectory | IsADirectory | InvalidFilename
        );
        Self::new(path, Position::Whole, error.to_string(), mistake)
    }

    fn new(
        path: impl AsRef<Path>,
        position: Position,
        problem: impl Into<String>,
        mistake: bool,
    ) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            position,
            problem: problem.into(),
            mistake,
        }
    }

    /// The same of a file that goes by another name.
    #[must_use]
    pub fn named(mut self, path: impl AsRef<Path>) -> Self {
        self.path = path.as_ref().to_owned();
        self
    }

    /// Whether the person who named the input can mend it (exit code 2) or the machine failed (exit code 1).
    pub fn is_mistake(&self) -> bool {
        self.mistake
    }

    /// The file it is about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where in that file.
    pub fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.position {
            Position::Whole => {}
            Position::Line(line) => write!(f, ":{line}")?,
            Position::Byte(byte) => write!(f, ": byte {byte}")?,
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_path_that_leads_to_no_file_is_a_mistake_and_a_broken_disk_is_not() {
        for (kind, mistake) in [
            (ErrorKind::NotFound, true),
            (ErrorKind::NotADirectory, true),
            (ErrorKind::IsADirectory, true),
            (ErrorKind::InvalidFilename, true),
            (ErrorKind::PermissionDenied, false),
            (ErrorKind::StorageFull, false),
        ] {
            let error = Error::io("a.txt", &kind.into());
            assert_eq!(error.is_mistake(), mistake, "{error}");
            assert!(error.to_string().starts_with("a.txt: "), "{error}");
        }
    }

    #[test]
    fn the_place_stands_behind_the_file() {
        for (position, expected) in [
            (Position::Whole, "a.csv: bad"),
            (Position::Line(3), "a.csv:3: bad"),
            (Position::Byte(7), "a.csv: byte 7: bad"),
        ] {
            assert_eq!(
                Error::mistake("a.csv", position, "bad").to_string(),
                expected
            );
        }
    }
}
