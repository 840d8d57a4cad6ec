//! What a person wants to know of a shard.

use std::path::Path;

use serde::Serialize;

use crate::example_writer::ENDS;
use crate::shard::{Counts, Dtype, FORMAT_VERSION, Kind, Shard};
use crate::token_writer::DOCUMENT_ENDS;
use crate::{Answers, Error, Examples, Tokens};

/// Ids that are shown of a shard.
const SHOWN_IDS: u64 = 16;

/// A shard in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// `tokens` or `examples`.
    pub kind: &'static str,
    /// Version of the shard format.
    pub format_version: u32,
    /// Length of the file.
    pub bytes: u64,
    /// BLAKE3 checksum that it was written with; [`verify`] computes it anew.
    pub checksum: String,
    /// Every id is below this.
    pub vocabulary_size: usize,
    /// Identity of the tokenizer whose ids these are.
    pub tokenizer: String,
    /// What examples have to be predicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// What went into it.
    pub counts: Counts,
    /// Ids in a document (one that ends here, with its separator) or an example; none without either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
    /// Examples of each class, by class number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<u64>>,
    /// The first ids.
    pub first_ids: Vec<i64>,
    /// The file's columns.
    pub columns: Vec<ColumnDescription>,
}

/// How long documents or examples are, in ids.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lengths {
    /// The shortest.
    pub shortest: u64,
    /// On average.
    pub mean: f64,
    /// The longest.
    pub longest: u64,
}

/// A column of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// `u16`, `u32`, `u64` or `f32`.
    pub dtype: &'static str,
    /// Rows.
    pub rows: u64,
    /// Numbers in each row.
    pub width: u64,
}

/// Describe a shard of either kind.
///
/// # Errors
/// There is no such file, or it is not a whole shard of a version that is known here.
pub fn describe(path: &Path) -> Result<Description, Error> {
    let shard = Shard::open(path)?;
    let paths = [path.to_owned()];
    let contents = shard.contents();
    let mut first_ids = Vec::new();
    let mut labels = None;
    let ends = match contents.kind {
        Kind::Tokens => {
            if contents.counts.tokens > 0 {
                let tokens = Tokens::open("", &paths)?;
                tokens.append(0..tokens.len().min(SHOWN_IDS), &mut first_ids);
            }
            DOCUMENT_ENDS
        }
        Kind::Examples => {
            if contents.counts.documents > 0 {
                let examples = Examples::open("", &paths)?;
                examples.append(0, &mut first_ids);
                first_ids.truncate(SHOWN_IDS as usize);
                labels = label_counts(&examples);
            }
            ENDS
        }
    };
    let ends = shard.column(ends, Dtype::U64, 1)?;
    Ok(Description {
        kind: contents.kind.name(),
        format_version: FORMAT_VERSION,
        bytes: shard.bytes(),
        checksum: shard.checksum_hex(),
        vocabulary_size: contents.vocabulary_size,
        tokenizer: contents.tokenizer.clone(),
        answers: contents.answers,
        counts: contents.counts,
        lengths: lengths(shard.numbers(&ends)),
        labels,
        first_ids,
        columns: columns(&shard),
    })
}

/// Read a whole shard and compare its checksum with the one that it was written with.
///
/// # Errors
/// As [`describe`]'s; or the checksums differ, which is a failure.
pub fn verify(path: &Path) -> Result<(), Error> {
    Shard::open(path)?.verify()
}

fn columns(shard: &Shard) -> Vec<ColumnDescription> {
    let columns = shard.columns().iter();
    columns
        .map(|column| ColumnDescription {
            name: column.name.clone(),
            dtype: column.dtype.name(),
            rows: column.rows,
            width: column.width,
        })
        .collect()
}

fn lengths(ends: &[u64]) -> Option<Lengths> {
    let starts = std::iter::once(&0).chain(ends);
    let lengths = starts
        .zip(ends)
        .map(|(start, end)| end.saturating_sub(*start));
    Some(Lengths {
        shortest: lengths.clone().min()?,
        mean: *ends.last()? as f64 / ends.len() as f64,
        longest: lengths.max()?,
    })
}

fn label_counts(examples: &Examples) -> Option<Vec<u64>> {
    let Answers::Labels { classes } = examples.answers() else {
        return None;
    };
    let mut counts = vec![0; classes];
    for example in 0..examples.len() {
        counts[examples.label(example)? as usize] += 1;
    }
    Some(counts)
}
