//! Token and example shards, memory-mapped, and the orders in which they are served.
//!
//! A shard is a file of columns: ids and where documents end, or ids with labels or values. [`Tokens`] and [`Examples`]
//! join shards; an order behind [`BatchSource`](kiln_tokens::BatchSource) turns a position into rows, so that the
//! position is the whole state of a data loader.
//!
//! The room knows no text, no tokenizer's rules, no recipe and no tensor.
//!
//! ```
//! use std::{fs::File, sync::Arc};
//!
//! use kiln_dataset::{TokenShardWriter, Tokens, sequential};
//! use kiln_tokens::{BatchSource, SamplePosition, column};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("train-0000.tokens");
//! let mut shard = TokenShardWriter::new(File::create(&path)?, &path, 65, "hash of the tokenizer")?;
//! shard.push(&[18, 47, 56, 57, 58], 5)?;
//! shard.end_document();
//! shard.finish()?;
//!
//! let tokens = Arc::new(Tokens::open("train", &[path])?);
//! let batch = sequential(tokens, 4)?.rows(SamplePosition(0), 8)?;
//! assert_eq!(batch.column(column::INPUTS).unwrap().as_ids().unwrap(), [18, 47, 56, 57]);
//! assert_eq!(batch.column(column::TARGETS).unwrap().as_ids().unwrap(), [47, 56, 57, 58]);
//! assert_eq!(batch.targets(), 4);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(target_endian = "big")]
compile_error!(
    "shards are little-endian and read in place: this machine's byte order is not supported"
);

mod config;
mod describe;
mod error;
mod example_writer;
mod examples;
#[cfg(test)]
mod fixture;
mod orders;
mod shard;
mod token_writer;
mod tokens;

pub use config::{Config, Order, Separator, TaskConfig};
pub use describe::{ColumnDescription, Description, Lengths, describe, verify};
pub use error::Error;
pub use example_writer::{Answer, ExampleShardWriter};
pub use examples::Examples;
pub use orders::{
    ExamplesPermutation, ExamplesSequential, Permutation, Sequential, Streams, Windows,
    examples_permutation, examples_sequential, permutation, sequential, streams, windows,
};
pub use shard::{Answers, Counts, FORMAT_VERSION, ShardSummary};
pub use token_writer::TokenShardWriter;
pub use tokens::Tokens;
