//! Ingestion: from files of many formats, or from the embedded story generator, to documents, each in its part of the
//! split.
//!
//! A [`Corpus`] lists what a recipe names; [`SplitDocuments`] reads it as one stream in a fixed order and says of each
//! document whether it is trained on or held out; [`ChunkWriter`] and [`DocumentReader`] store documents and read them
//! back. Everything streams: one file is open and one document (of running text, a piece of at most 1 MiB) is held at
//! a time. What came before a [`Cursor`] is never taken apart again.
//!
//! Files may be compressed (gzip, Zstandard, xz, bzip2, by their first bytes and by their names) and in any of some forty
//! encodings. Places are then bytes of the text that a file unpacks and decodes to; to go on at one, what lies before it is
//! unpacked and decoded once more, which a plain file that the recipe declares to be `utf-8` is spared. What cannot be
//! read is refused in one line with its place, or ([`OnBroken`]) left out, counted and given as [`Broken`].
//!
//! This room knows no token, no label number and no tensor, and it does not decide where anything is stored.
//!
//! ```
//! use kiln_corpus::{Config, Corpus, Part};
//! use kiln_text::Source;
//!
//! # let folder = tempfile::tempdir()?;
//! std::fs::write(folder.path().join("reviews.csv"), "text,stars\nA quiet film.,4\nToo long.,2\nFine.,3\n")?;
//! let config: Config = serde_json::from_str(
//!     r#"{"sources": [{"path": "reviews.csv", "value": "stars"}], "split": {"method": "tail", "validation": 0.4}}"#,
//! )?;
//!
//! let corpus = Corpus::open(&config, folder.path())?;
//! let first = corpus.documents().next_document()?.expect("there are three");
//! assert_eq!((first.id.as_str(), first.values()), ("reviews.csv#2", Some(vec![4.0])));
//!
//! let mut split = corpus.split(&mut |_bytes_read| true)?.expect("not interrupted");
//! let mut held_out = Vec::new();
//! while let Some((part, document)) = split.next_document()? {
//!     if part == Part::HeldOut {
//!         held_out.push(document.text);
//!     }
//! }
//! assert_eq!(held_out, ["Fine."]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod broken;
mod check;
mod chunk;
mod compression;
mod config;
mod content;
mod corpus;
mod counts;
mod documents;
pub mod duplicates;
mod encoding;
mod error;
pub mod extract;
pub mod filters;
mod formats;
#[cfg(test)]
mod growth;
#[cfg(any(feature = "columnar", feature = "documents"))]
mod guard;
mod input;
mod judge;
pub mod language;
mod listing;
mod object;
pub mod pii;
mod record;
mod remote;
pub mod repair;
mod search;
mod split;
pub mod stories;
pub mod words;

pub use broken::Broken;
pub use chunk::{ChunkWriter, DocumentReader, StoredDocument, stored_line};
pub use config::{Config, Format, Method, Names, OnBroken, SourceConfig, Split};
pub use corpus::{Corpus, InputFile};
pub use counts::{Counts, PartCounts, Skipped};
pub use documents::Documents;
pub use error::Error;
#[cfg(feature = "columnar")]
pub use formats::ParquetWriter;
pub use judge::{Judge, Judged, Opinion, Opinions};
pub use kiln_text::MemorySize;
pub use split::{Cursor, Part, SplitDocuments};

/// The examples of the README, run as tests.
#[cfg(all(doctest, feature = "columnar"))]
#[doc = include_str!("../README.md")]
struct Readme;
