//! What could not be read and was left out: where, why, and how it begins.

use std::path::Path;

use kiln_text::{Error, Position};
use serde::{Deserialize, Serialize};

/// How much of a broken record is kept.
const BEGINNING: usize = 1 << 10;

/// A record, or the rest of a file, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broken {
    /// The file's name in documents.
    pub file: String,
    /// The line it begins at, counted from 1, where the format has lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The byte (of the decompressed file, if it is compressed) it begins at, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What is wrong, in one line.
    pub reason: String,
    /// Up to 1 KiB from its beginning; empty where nothing of it was read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub beginning: String,
    /// Nothing further of the file was read.
    pub ends_file: bool,
}

/// Why a reader gives no document.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// One record is broken, which begins so; the reader can go on behind it.
    Record { error: Error, beginning: String },
    /// Nothing further of the file can be read.
    File(Error),
}

/// So that `?` stops the file: a reader that can go on behind a broken record says so with [`Refusal::record`].
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::File(error)
    }
}

impl Refusal {
    /// A broken record that begins with these bytes (UTF-8 or not).
    pub(crate) fn record(error: Error, beginning: &[u8]) -> Self {
        let kept = &beginning[..beginning.len().min(BEGINNING)];
        let beginning = String::from_utf8_lossy(kept).into_owned();
        Self::Record { error, beginning }
    }

    pub(crate) fn error(&self) -> &Error {
        match self {
            Self::Record { error, .. } | Self::File(error) => error,
        }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Record { error, .. } | Self::File(error) => error,
        }
    }

    /// The entry of the quarantine, for a file called `name` in documents.
    pub(crate) fn into_broken(self, name: &str) -> Broken {
        let (error, beginning, ends_file) = match self {
            Self::Record { error, beginning } => (error, beginning, false),
            Self::File(error) => (error, String::new(), true),
        };
        let (line, offset) = match error.position() {
            Position::Whole => (None, None),
            Position::Line(line) => (Some(line), None),
            Position::Byte(offset) => (None, Some(offset)),
        };
        Broken {
            file: name.to_owned(),
            line,
            offset,
            reason: reason(&error, error.path()),
            beginning,
            ends_file,
        }
    }
}

/// The message without the place that stands before it.
fn reason(error: &Error, path: &Path) -> String {
    let whole = error.to_string();
    let place = match error.position() {
        Position::Whole => format!("{}: ", path.display()),
        Position::Line(line) => format!("{}:{line}: ", path.display()),
        Position::Byte(byte) => format!("{}: byte {byte}: ", path.display()),
    };
    whole.strip_prefix(&place).unwrap_or(&whole).to_owned()
}
