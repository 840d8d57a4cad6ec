//! Writing token shards.

use std::io::{Seek, Write};
use std::path::Path;

use kiln_tokens::TokenId;

use crate::Error;
use crate::shard::{Contents, Counts, Dtype, Kind, ShardSummary, ShardWriter};

/// Column of ids.
pub(crate) const IDS: &str = "ids";

/// Column of the place after each document's last id, its separator included.
pub(crate) const DOCUMENT_ENDS: &str = "document_ends";

/// Writes one stream of ids as it comes; memory holds eight bytes a document.
///
/// A document that is longer than a shard should be may go on in the next shard: its end is noted where it ends.
pub struct TokenShardWriter<W> {
    shard: ShardWriter<W>,
    ids: IdWriter,
    document_ends: Vec<u64>,
    contents: Contents,
}

impl<W: Write + Seek> TokenShardWriter<W> {
    /// A shard at the beginning of `out`, a file whose name in errors is `path`. `tokenizer` is the identity of the
    /// tokenizer that makes the ids; they take two bytes each if its `vocabulary_size` is at most 65,536, else four.
    ///
    /// # Errors
    /// `out` could not be written.
    pub fn new(
        out: W,
        path: &Path,
        vocabulary_size: usize,
        tokenizer: &str,
    ) -> Result<Self, Error> {
        let mut shard = ShardWriter::new(out, path)?;
        let ids = IdWriter::new(vocabulary_size);
        shard.begin(IDS, ids.dtype, 1)?;
        Ok(Self {
            shard,
            ids,
            document_ends: Vec::new(),
            contents: Contents {
                kind: Kind::Tokens,
                vocabulary_size,
                tokenizer: tokenizer.to_owned(),
                answers: None,
                counts: Counts::default(),
            },
        })
    }

    /// Append ids, which stand for `text_bytes` bytes of text (none, for a separator).
    ///
    /// # Errors
    /// An id is not in the vocabulary, or `out` could not be written.
    pub fn push(&mut self, ids: &[TokenId], text_bytes: u64) -> Result<(), Error> {
        self.ids.push(ids, &mut self.shard)?;
        self.contents.counts.tokens += ids.len() as u64;
        self.contents.counts.text_bytes += text_bytes;
        Ok(())
    }

    /// What was pushed last ends a document.
    pub fn end_document(&mut self) {
        self.contents.counts.documents += 1;
        self.document_ends.push(self.contents.counts.tokens);
    }

    /// Ids so far.
    pub fn tokens(&self) -> u64 {
        self.contents.counts.tokens
    }

    /// Write what is known at the end, and give `out` back.
    ///
    /// # Errors
    /// `out` could not be written.
    pub fn finish(mut self) -> Result<(W, ShardSummary), Error> {
        self.shard
            .column(DOCUMENT_ENDS, Dtype::U64, 1, &self.document_ends)?;
        self.shard.finish(self.contents)
    }
}

/// Ids as numbers of the least size that holds the vocabulary.
pub(crate) struct IdWriter {
    pub(crate) dtype: Dtype,
    vocabulary_size: usize,
    narrow: Vec<u16>,
}

impl IdWriter {
    pub(crate) fn new(vocabulary_size: usize) -> Self {
        Self {
            dtype: Dtype::for_ids(vocabulary_size),
            vocabulary_size,
            narrow: Vec::new(),
        }
    }

    pub(crate) fn push<W: Write + Seek>(
        &mut self,
        ids: &[TokenId],
        shard: &mut ShardWriter<W>,
    ) -> Result<(), Error> {
        let vocabulary_size = self.vocabulary_size;
        if let Some(&id) = ids.iter().find(|id| **id as usize >= vocabulary_size) {
            return Err(Error::Id {
                id,
                vocabulary_size,
            });
        }
        if self.dtype == Dtype::U32 {
            return shard.push(ids);
        }
        self.narrow.clear();
        self.narrow.extend(ids.iter().map(|id| *id as u16));
        shard.push(&self.narrow)
    }
}
