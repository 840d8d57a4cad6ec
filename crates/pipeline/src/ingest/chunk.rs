//! A chunk of the stored corpus in the making: documents of both parts and the ledger of all of them.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use kiln_corpus::{Broken, ChunkWriter, Part, PartCounts, stored_line};
use kiln_run::{DigestWriter, FileEntry, atomic::StagedFile};
use kiln_text::Document;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ledger::{self, LedgerWriter, split_name};

pub(super) fn chunk_name(part: Part, number: usize) -> String {
    format!("{}-{number:05}.jsonl.zst", split_name(part))
}

fn ledger_name(number: usize) -> String {
    format!("ledger-{number:05}.jsonl.zst")
}

pub(super) fn parse_chunk_name(name: &str) -> Option<(Part, usize)> {
    let (split, number) = name.strip_suffix(".jsonl.zst")?.split_once('-')?;
    let part = Part::ALL
        .into_iter()
        .find(|part| split_name(*part) == split)?;
    Some((part, number.parse().ok()?))
}

/// What was kept, and how much was dropped for which reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tally {
    pub(super) train: PartCounts,
    pub(super) held_out: PartCounts,
    pub(super) dropped: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn keep(&mut self, document: &Ready) {
        match document.part {
            Part::Train => self.train += document.counts,
            Part::HeldOut => self.held_out += document.counts,
        }
    }

    /// Documents that are kept.
    pub(super) fn documents(&self) -> u64 {
        self.train.documents + self.held_out.documents
    }

    pub(super) fn leave_out(&mut self, reason: &str) {
        *self.dropped.entry(reason.to_owned()).or_default() += 1;
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, more: &Self) {
        self.train += more.train;
        self.held_out += more.held_out;
        for (reason, count) in &more.dropped {
            *self.dropped.entry(reason.clone()).or_default() += count;
        }
    }
}

/// What could not be read of the sources of one chunk; a chunk of whole sources has no such file.
pub(super) struct Quarantine {
    folder: PathBuf,
    number: usize,
    lines: Option<LedgerWriter>,
}

impl Quarantine {
    pub(super) fn new(folder: &Path, number: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            number,
            lines: None,
        }
    }

    fn name(&self) -> String {
        format!("broken-{:05}.jsonl.zst", self.number)
    }

    pub(super) fn add(&mut self, broken: &[Broken]) -> Result<(), Error> {
        let path = self.folder.join(self.name());
        let lines = match &mut self.lines {
            Some(lines) => lines,
            empty => empty.insert(LedgerWriter::new(&path)?),
        };
        for broken in broken {
            let mut line =
                serde_json::to_vec(broken).map_err(|error| Error::Output(error.into()))?;
            line.push(b'\n');
            lines.write(&line)?;
        }
        Ok(())
    }

    pub(super) fn commit(mut self) -> Result<Option<FileEntry>, Error> {
        let name = self.name();
        let lines = self.lines.take();
        lines.map(|lines| lines.commit(&name)).transpose()
    }
}

/// A document that is kept, as it is written: made on any thread, so that writing is no more than packing.
pub(super) struct Ready {
    part: Part,
    counts: PartCounts,
    /// As it is stored.
    stored: Vec<u8>,
    /// The document itself if its text may go on in the next one.
    continued: Option<Box<Document>>,
}

impl Ready {
    pub(super) fn new(part: Part, document: Document) -> Result<Self, Error> {
        let stored = stored_line(&document)?;
        Ok(Self::stored(part, document, stored))
    }

    /// Of a document that is stored like this.
    pub(super) fn stored(part: Part, document: Document, stored: Vec<u8>) -> Self {
        let mut counts = PartCounts::default();
        counts.add(&document);
        Self {
            part,
            counts,
            stored,
            continued: document.continues().then(|| Box::new(document)),
        }
    }

    /// Its line.
    pub(super) fn line(&self) -> &[u8] {
        &self.stored
    }

    /// Its text does not go on in the next.
    fn end_text(&mut self) -> Result<(), Error> {
        if let Some(mut document) = self.continued.take() {
            document.set_continues(false);
            self.stored = stored_line(&document)?;
        }
        Ok(())
    }
}

/// Documents are written one behind the other: whether a text goes on in the next one is known only there.
pub(super) struct Chunk {
    folder: PathBuf,
    number: usize,
    ledger: LedgerWriter,
    /// In the order of [`Part::ALL`]; a part without documents has no file.
    parts: [Option<ChunkWriter<DigestWriter<StagedFile>>>; 2],
    /// The last document that was kept.
    held: Option<Ready>,
    quarantine: Quarantine,
    tally: Tally,
}

impl Chunk {
    pub(super) fn new(folder: &Path, number: usize) -> Result<Self, Error> {
        Ok(Self {
            folder: folder.to_owned(),
            number,
            ledger: LedgerWriter::new(&folder.join(ledger_name(number)))?,
            parts: [None, None],
            held: None,
            quarantine: Quarantine::new(folder, number),
            tally: Tally::default(),
        })
    }

    /// The next document is kept; `line` is its line of the ledger.
    pub(super) fn keep(&mut self, document: Ready, line: &[u8]) -> Result<(), Error> {
        self.release()?;
        self.tally.keep(&document);
        self.held = Some(document);
        self.ledger.write(line)
    }

    /// The next document is dropped. What went on in it ends before it.
    pub(super) fn leave_out(&mut self, reason: &str, line: &[u8]) -> Result<(), Error> {
        self.end_text()?;
        self.tally.leave_out(reason);
        self.ledger.write(line)
    }

    /// Where what cannot be read is kept.
    pub(super) fn quarantine(&mut self) -> &mut Quarantine {
        &mut self.quarantine
    }

    /// The text of the last document does not go on in the next.
    pub(super) fn end_text(&mut self) -> Result<(), Error> {
        self.held.as_mut().map_or(Ok(()), Ready::end_text)
    }

    fn release(&mut self) -> Result<(), Error> {
        let Some(document) = self.held.take() else {
            return Ok(());
        };
        let part = document.part;
        let slot = &mut self.parts[usize::from(part == Part::HeldOut)];
        let writer = match slot {
            Some(writer) => writer,
            empty => {
                let path = self.folder.join(chunk_name(part, self.number));
                let file = DigestWriter::new(StagedFile::new(&path)?);
                empty.insert(ChunkWriter::new(file, path)?)
            }
        };
        Ok(writer.write_stored(&document.stored)?)
    }

    pub(super) fn commit(mut self) -> Result<(Vec<FileEntry>, Tally), Error> {
        self.release()?;
        let mut files = Vec::new();
        for (part, writer) in Part::ALL.into_iter().zip(self.parts) {
            if let Some(writer) = writer {
                let name = chunk_name(part, self.number);
                files.push(ledger::commit(writer.finish()?, &name)?);
            }
        }
        files.push(self.ledger.commit(&ledger_name(self.number))?);
        files.extend(self.quarantine.commit()?);
        Ok((files, self.tally))
    }
}
