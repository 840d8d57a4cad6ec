//! The ledger of an ingestion: a line for each document, kept or not, and why.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use kiln_corpus::Part;
use kiln_run::{DigestWriter, FileEntry, atomic::StagedFile};
use kiln_text::Document;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;

/// Fast, and small enough: ids repeat.
const LEVEL: i32 = 3;

/// One line.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    kept: bool,
    /// Why it was dropped.
    reason: Option<&'a str>,
    /// Where it went.
    split: &'a str,
    /// Each filter's own verdict and measures.
    filters: Map<String, Value>,
    /// The document that it is a copy of.
    duplicate_of: Option<Value>,
}

/// The ledger of one chunk, in the making.
pub(crate) struct LedgerWriter {
    encoder: zstd::Encoder<'static, DigestWriter<StagedFile>>,
    line: Vec<u8>,
}

impl LedgerWriter {
    pub(crate) fn new(path: &Path) -> Result<Self, Error> {
        let file = DigestWriter::new(StagedFile::new(path)?);
        let failed = |error| kiln_run::Error::io(path, error);
        let mut encoder = zstd::Encoder::new(file, LEVEL).map_err(failed)?;
        encoder.include_checksum(true).map_err(failed)?;
        Ok(Self {
            encoder,
            line: Vec::new(),
        })
    }

    /// Note a document that is kept.
    pub(crate) fn keep(&mut self, document: &Document, part: Part) -> Result<(), Error> {
        let entry = Entry {
            id: &document.id,
            kept: true,
            reason: None,
            split: split_name(part),
            filters: Map::new(),
            duplicate_of: None,
        };
        self.line.clear();
        let written = serde_json::to_writer(&mut self.line, &entry)
            .map_err(io::Error::from)
            .and_then(|()| {
                self.line.push(b'\n');
                self.encoder.write_all(&self.line)
            });
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

    fn failed(&self, error: io::Error) -> Error {
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
