//! Writing example shards.

use std::io::{Seek, Write};
use std::path::Path;

use kiln_tokens::TokenId;

use crate::Error;
use crate::shard::{Answers, Contents, Counts, Dtype, Kind, ShardSummary, ShardWriter};
use crate::token_writer::{IDS, IdWriter};

/// Column of the place after each example's last id.
pub(crate) const ENDS: &str = "ends";

/// Column of class numbers.
pub(crate) const LABELS: &str = "labels";

/// Column of numbers to be predicted.
pub(crate) const VALUES: &str = "values";

/// What is to be predicted of one example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'a> {
    /// Its class.
    Label(u32),
    /// Its numbers, as many as the shard's width.
    Values(&'a [f32]),
}

/// Writes rows of ids as they come, each with its answer; memory holds the answers and eight bytes a row.
pub struct ExampleShardWriter<W> {
    shard: ShardWriter<W>,
    ids: IdWriter,
    context_length: usize,
    answers: Answers,
    ends: Vec<u64>,
    labels: Vec<u32>,
    values: Vec<f32>,
    contents: Contents,
}

impl<W: Write + Seek> ExampleShardWriter<W> {
    /// A shard at the beginning of `out`, a file whose name in errors is `path`. `tokenizer` is the identity of the
    /// tokenizer that makes the ids; rows are cut to `context_length` ids.
    ///
    /// # Errors
    /// `context_length`, the number of classes or the width of the values is 0, or `out` could not be written.
    pub fn new(
        out: W,
        path: &Path,
        vocabulary_size: usize,
        tokenizer: &str,
        context_length: usize,
        answers: Answers,
    ) -> Result<Self, Error> {
        for (name, number) in [
            ("[dataset] context_length", context_length),
            match answers {
                Answers::Labels { classes } => ("the number of classes", classes),
                Answers::Values { width } => ("the number of values of an example", width),
            },
        ] {
            if number == 0 {
                return Err(Error::Zero { name });
            }
        }
        let mut shard = ShardWriter::new(out, path)?;
        let ids = IdWriter::new(vocabulary_size);
        shard.begin(IDS, ids.dtype, 1)?;
        Ok(Self {
            shard,
            ids,
            context_length,
            answers,
            ends: Vec::new(),
            labels: Vec::new(),
            values: Vec::new(),
            contents: Contents {
                kind: Kind::Examples,
                vocabulary_size,
                tokenizer: tokenizer.to_owned(),
                answers: Some(answers),
                counts: Counts::default(),
            },
        })
    }

    /// Append an example, made of `text_bytes` bytes of text. Ids beyond the context length are cut off; `true` says
    /// that some were.
    ///
    /// # Errors
    /// There are no ids, an id is not in the vocabulary, the answer is not of this shard's kind, or `out` could not be
    /// written. A refused example leaves nothing behind.
    pub fn push(
        &mut self,
        ids: &[TokenId],
        answer: Answer<'_>,
        text_bytes: u64,
    ) -> Result<bool, Error> {
        self.check(answer)?;
        let kept = &ids[..ids.len().min(self.context_length)];
        if kept.is_empty() {
            return Err(Error::EmptyExample);
        }
        self.ids.push(kept, &mut self.shard)?;
        match answer {
            Answer::Label(label) => self.labels.push(label),
            Answer::Values(values) => self.values.extend_from_slice(values),
        }
        let cut = kept.len() < ids.len();
        self.contents.counts += Counts {
            documents: 1,
            tokens: kept.len() as u64,
            text_bytes,
            cut: cut.into(),
        };
        self.ends.push(self.contents.counts.tokens);
        Ok(cut)
    }

    /// Ids so far.
    pub fn tokens(&self) -> u64 {
        self.contents.counts.tokens
    }

    /// Examples so far.
    pub fn examples(&self) -> u64 {
        self.contents.counts.documents
    }

    /// Write what is known at the end, and give `out` back.
    ///
    /// # Errors
    /// `out` could not be written.
    pub fn finish(mut self) -> Result<(W, ShardSummary), Error> {
        self.shard.column(ENDS, Dtype::U64, 1, &self.ends)?;
        match self.answers {
            Answers::Labels { .. } => self.shard.column(LABELS, Dtype::U32, 1, &self.labels)?,
            Answers::Values { width } => {
                self.shard
                    .column(VALUES, Dtype::F32, width as u64, &self.values)?;
            }
        }
        self.shard.finish(self.contents)
    }

    /// Whether an answer is one of this shard's.
    fn check(&self, answer: Answer<'_>) -> Result<(), Error> {
        let found = match (answer, self.answers) {
            (Answer::Label(label), Answers::Labels { classes }) if (label as usize) < classes => {
                return Ok(());
            }
            (Answer::Values(values), Answers::Values { width })
                if values.len() == width && values.iter().all(|value| value.is_finite()) =>
            {
                return Ok(());
            }
            (Answer::Label(label), _) => format!("label {label}"),
            (Answer::Values(values), _) => format!("values {values:?}"),
        };
        Err(Error::Answer {
            example: self.examples(),
            found,
            expected: match self.answers {
                Answers::Labels { classes } => format!("a label below {classes}"),
                Answers::Values { width } => format!("finite numbers, {width} of them"),
            },
        })
    }
}
