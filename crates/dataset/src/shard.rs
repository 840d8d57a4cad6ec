//! The file behind both kinds of shard: named columns, a footer that lists them, and checksums.
//!
//! ```text
//! bytes 0..64   header: magic 8, version u32, zero u32, length of the file u64, place of the footer u64, its length
//!               u64, and the first 24 bytes of BLAKE3(the header so far, the footer)
//! columns       each at a multiple of 64 bytes, zeros between; little-endian
//! footer        JSON: what the shard holds, counts, and the columns with their types and places
//! last 32       BLAKE3(everything between the header and this, then the header)
//! ```
//! A shard is written from front to back in bounded memory, and its header last. Opening one checks the header's
//! checksum, and so all that places are computed from; [`verify`](crate::verify) reads the rest too.

mod format;
mod reader;
mod writer;

pub use format::{Answers, Counts, FORMAT_VERSION};
pub(crate) use format::{Contents, Dtype, Kind};
pub(crate) use reader::{Column, Ids, Shard};
pub use writer::ShardSummary;
pub(crate) use writer::ShardWriter;
