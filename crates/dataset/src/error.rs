//! What can go wrong with a shard or an order, each in one line.

use std::io::ErrorKind;
use std::path::PathBuf;

/// Why a shard could not be written or read, or an order not be made of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The machine could not read or write.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// The shard.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why it could not.
        source: std::io::Error,
    },
    /// Some other file.
    #[error("{}: not a kiln shard: it begins with {beginning}; expected {expected}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its first bytes.
        beginning: String,
        /// A shard's first bytes.
        expected: String,
    },
    /// Written by a later version.
    #[error(
        "{}: shard format {version}, but this kiln reads format {known}: use the kiln that wrote it, or prepare the data \
         again",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The one that is known here.
        known: u32,
    },
    /// Shorter or longer than when it was written.
    #[error(
        "{}: the shard has {bytes} bytes, but {expected} were written: it is {}; copy or prepare it again",
        path.display(),
        if bytes < expected { "truncated" } else { "followed by something else" }
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The length when it was written.
        expected: u64,
    },
    /// Its writer was stopped.
    #[error("{}: the shard was never finished ({bytes} bytes): prepare the data again", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// Not the bytes that were written.
    #[error("{}: the shard is damaged: {problem}; copy or prepare it again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        problem: String,
    },
    /// Tokens where examples are expected, labels where values are, and the like.
    #[error("{}: the shard holds {found}, expected {expected}: name the shards of this task, or prepare the data again", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What is in it.
        found: String,
        /// What was to be read.
        expected: String,
    },
    /// Shards that do not belong together.
    #[error(
        "{}: {what} is {found}, but {expected} in {}: the shards are not of one dataset; prepare the data again",
        path.display(),
        other.display()
    )]
    Mixed {
        /// The file.
        path: PathBuf,
        /// The first file.
        other: PathBuf,
        /// In what they differ.
        what: &'static str,
        /// In the file.
        found: String,
        /// In the first file.
        expected: String,
    },
    /// A split without anything in it.
    #[error("the {split} split has no {what}: add text, or change [corpus] split")]
    Empty {
        /// Name of the split.
        split: String,
        /// `tokens` or `examples`.
        what: &'static str,
    },
    /// Not enough text for one window.
    #[error(
        "[dataset] context_length = {context_length} needs at least {needed} tokens{}, but the {split} split has \
         {tokens}: set a smaller context_length, or give the split more text",
        if *lanes > 1 { format!(" in {lanes} streams") } else { String::new() }
    )]
    TooShort {
        /// Name of the split.
        split: String,
        /// Tokens of a window.
        context_length: usize,
        /// Streams read side by side.
        lanes: usize,
        /// Tokens that are needed.
        needed: u64,
        /// Tokens that there are.
        tokens: u64,
    },
    /// A number that must be at least 1.
    #[error("{name} = 0: expected 1 or more")]
    Zero {
        /// Name of the number.
        name: &'static str,
    },
    /// An id that the vocabulary lacks.
    #[error(
        "token id {id} is not below the vocabulary size {vocabulary_size}: the ids are another tokenizer's"
    )]
    Id {
        /// The id.
        id: u32,
        /// Number of ids.
        vocabulary_size: usize,
    },
    /// An example that a model cannot read.
    #[error("an example with no tokens cannot be stored: leave out texts that are empty")]
    EmptyExample,
    /// An answer that does not suit the shard.
    #[error("example {example} has {found}, expected {expected}")]
    Answer {
        /// Number of the example in the shard, from 0.
        example: u64,
        /// What was given.
        found: String,
        /// What the shard holds.
        expected: String,
    },
}

impl Error {
    /// Whether the person who wrote the recipe or named the file can mend it (exit code 2), or the machine failed or
    /// lost data (exit code 1).
    pub fn is_mistake(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
            ),
            Self::Length { .. } | Self::Unfinished { .. } | Self::Damaged { .. } => false,
            _ => true,
        }
    }
}
