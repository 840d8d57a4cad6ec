//! The ledger of an ingestion: a line for each document, kept or not, and why.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use kiln_corpus::{Opinions, Part};
use kiln_run::{DigestWriter, FileEntry, atomic::StagedFile};
use serde::Serialize;

use crate::Error;

/// Fast, and small enough: ids repeat.
const LEVEL: i32 = 3;

/// One document's line.
#[derive(Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) id: &'a str,
    pub(crate) kept: bool,
    /// Why it was dropped.
    pub(crate) reason: Option<&'a str>,
    /// The part of the split that it is in, or would be in.
    pub(crate) split: &'a str,
    /// Each filter's own verdict and measures.
    pub(crate) filters: &'a Opinions,
    /// The document that it is a copy of, `{"id": .., "jaccard": ..}`, of an earlier corpus with `"corpus": ..`: known, and
    /// filled in, once all documents are read. Then too `repeats`, `{"parts": .., "bytes": ..}`, is added where a document lost
    /// parts that stand elsewhere.
    pub(crate) duplicate_of: Option<()>,
    /// How the text of a document that is dropped begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) excerpt: Option<&'a str>,
}

/// Characters of a dropped text that stay in the ledger.
const EXCERPT: usize = 160;

/// How a text begins.
pub(crate) fn excerpt(text: &str) -> &str {
    let end = text.char_indices().nth(EXCERPT);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

impl Entry<'_> {
    /// As it stands in the ledger, with the end of the line.
    pub(crate) fn line(&self) -> Result<Vec<u8>, Error> {
        let mut line = serde_json::to_vec(self).map_err(|error| Error::Output(error.into()))?;
        line.push(b'\n');
        Ok(line)
    }
}

/// The ledger of one chunk, in the making.
pub(crate) struct LedgerWriter {
    encoder: zstd::Encoder<'static, DigestWriter<StagedFile>>,
}

impl LedgerWriter {
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        Self::with_level(path, LEVEL)
    }

    /// The same with another of zstd's levels.
    pub(crate) fn with_level(path: &Path, level: i32) -> Result<Self, Error> {
        let file = DigestWriter::new(StagedFile::new(path)?);
        let failed = |error| kiln_run::Error::io(path, error);
        let mut encoder = zstd::Encoder::new(file, level).map_err(failed)?;
        encoder.include_checksum(true).map_err(failed)?;
        Ok(Self { encoder })
    }

    /// Add a line, its end included.
    pub(crate) fn write(&mut self, line: &[u8]) -> Result<(), Error> {
        let written = self.encoder.write_all(line);
        written.map_err(|error| self.failed(error))
    }

    /// Store it for good.
    pub(crate) fn commit(self, name: &str) -> Result<FileEntry, Error> {
        let path = self.path().to_owned();
        let file = self
            .encoder
            .finish()
            .map_err(|error| kiln_run::Error::io(path, error))?;
        commit(file, name)
    }

    fn path(&self) -> &Path {
        self.encoder.get_ref().get_ref().target()
    }

    fn failed(&self, error: std::io::Error) -> Error {
        kiln_run::Error::io(self.path(), error).into()
    }
}

/// Store a hashed file for good.
pub(crate) fn commit(file: DigestWriter<StagedFile>, name: &str) -> Result<FileEntry, Error> {
    let (file, bytes, blake3) = file.finish();
    file.commit()?;
    Ok(FileEntry {
        name: name.to_owned(),
        bytes,
        blake3,
    })
}

/// The name of a part of the split in files and reports.
pub(crate) fn split_name(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::HeldOut => "validation",
    }
}

/// Give every line of a compressed file of lines to `take`.
pub(crate) fn for_each_line(
    path: &Path,
    mut take: impl FnMut(&str) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error| Error::from(kiln_run::Error::io(path, error));
    let file = File::open(path).map_err(failed)?;
    let lines = BufReader::new(zstd::Decoder::new(file).map_err(failed)?);
    for line in lines.lines() {
        let line = line.map_err(|error| {
            kiln_run::Error::damaged(path, format!("the compressed lines are damaged: {error}"))
        })?;
        take(&line)?;
    }
    Ok(())
}
