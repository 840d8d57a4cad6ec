//! From the sources to chunks: batches of documents are read in their order, judged on all cores, and written in their order,
//! each step while the others go on with the batches before and behind.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use kiln_corpus::duplicates::Marker;
use kiln_corpus::{
    Broken, Corpus, Counts, Cursor, Judge, Judged, Method, Opinions, Part, SplitDocuments,
};
use kiln_run::{FileEntry, Progress, StopFlag, Unit};
use kiln_text::Document;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ingest::chunk::{Chunk, Ready, Tally};
use crate::ingest::draft::{Draft, Drafts};
use crate::ledger::{Entry, excerpt, split_name};
use crate::stage::{PartRecord, Unfinished};

/// Bytes of text that are read before they are judged together. Four batches are in memory at a time.
const BATCH_BYTES: u64 = 8 << 20;

/// What a document adds to its batch beside its text, so that many short ones also fill it.
const DOCUMENT_BYTES: u64 = 256;

/// What is known after a chunk.
#[derive(Serialize, Deserialize)]
pub(super) struct ChunkRecord {
    pub(super) cursor: Cursor,
    pub(super) files: Vec<FileEntry>,
    pub(super) tally: Tally,
}

impl PartRecord for ChunkRecord {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }
}

/// What the sources have given.
pub(super) struct Outcome {
    pub(super) parts: Vec<ChunkRecord>,
    /// What they gave, before any document was judged.
    pub(super) counts: Counts,
}

/// A running ingestion.
pub(super) struct Ingestion<'a> {
    pub(super) corpus: &'a Corpus,
    pub(super) judge: &'a Judge,
    /// Where copies are searched for: what each document leaves for the search.
    pub(super) marker: Option<&'a Marker>,
    /// Where drafts are written; none: chunks are.
    pub(super) drafts: Option<Drafts>,
    pub(super) chunk_bytes: u64,
    pub(super) unfinished: &'a Unfinished,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopFlag,
}

/// Documents that are judged together.
struct Batch {
    documents: Vec<(Part, Document)>,
    broken: Vec<Broken>,
    bytes: u64,
    /// After the last of them.
    cursor: Cursor,
    ended: bool,
}

/// A document that is judged.
struct Written {
    /// The document and what it leaves for the search for copies, or why it is dropped.
    kept: Result<(Ready, Vec<u8>), &'static str>,
    /// Its line of the ledger.
    line: Vec<u8>,
}

/// What a batch is written to.
enum Output {
    Chunk(Box<Chunk>),
    Draft(Box<Draft>),
}

/// The same documents, judged.
struct JudgedBatch {
    documents: Vec<Written>,
    broken: Vec<Broken>,
    bytes: u64,
    cursor: Cursor,
    ended: bool,
}

impl Ingestion<'_> {
    pub(super) fn run(&self) -> Result<Outcome, Error> {
        let parts: Vec<ChunkRecord> = self.unfinished.parts()?;
        let Some(mut documents) = self.documents(parts.last())? else {
            return Err(Error::Interrupted);
        };
        let (total, unit) = self.extent();
        self.progress.begin("ingest", Some(total), unit);
        let (judged, batches) = sync_channel(1);
        let parts = std::thread::scope(|scope| {
            // Not one of the threads that judge: it waits for the disk.
            let writer = scope.spawn(move || self.write_all(batches, parts));
            let read = self.read_all(&mut documents, unit, judged);
            let written = writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            read.map(|()| written)
        })?;
        self.progress.advance(total);
        self.progress.end();
        Ok(Outcome {
            parts,
            counts: documents.counts().clone(),
        })
    }

    /// Read all batches and judge them; while one is judged, the one behind it is read.
    fn read_all(
        &self,
        documents: &mut SplitDocuments,
        unit: Unit,
        judged: SyncSender<JudgedBatch>,
    ) -> Result<(), Error> {
        let mut next = Some(self.read(documents, unit)?);
        while let Some(batch) = next {
            let read = match batch.ended {
                true => None,
                false => Some(&mut *documents),
            };
            let (behind, now) = rayon::join(
                || read.map(|documents| self.read(documents, unit)).transpose(),
                || self.judge(batch),
            );
            next = behind?;
            if judged.send(now?).is_err() {
                // Writing has failed, and says why.
                break;
            }
        }
        Ok(())
    }

    /// Write batches in their order to the chunks behind `parts`.
    fn write_all(
        &self,
        batches: Receiver<JudgedBatch>,
        mut parts: Vec<ChunkRecord>,
    ) -> Result<Vec<ChunkRecord>, Error> {
        let mut chunk = None;
        for batch in batches {
            self.write(batch, &mut chunk, &mut parts)?;
        }
        Ok(parts)
    }

    /// The documents after the last chunk; `None` if a stop was asked for while they were counted.
    fn documents(&self, last: Option<&ChunkRecord>) -> Result<Option<SplitDocuments>, Error> {
        if let Some(last) = last {
            self.progress.note(&format!(
                "going on with {} documents that are stored already",
                last.cursor.counts().documents()
            ));
            return Ok(Some(self.corpus.resume(&last.cursor)?));
        }
        let counting = self.corpus.split_method() == Method::Tail;
        if counting {
            let total = Some(self.corpus.bytes());
            self.progress.begin("count", total, Unit::Bytes);
        }
        let documents = self.corpus.split(&mut |bytes| {
            self.progress.advance(bytes);
            !self.stop.requested()
        })?;
        if counting {
            self.progress.end();
        }
        Ok(documents)
    }

    /// What is counted for a person: bytes of files, or stories where there are no files.
    fn extent(&self) -> (u64, Unit) {
        match self.corpus.bytes() {
            0 => (self.corpus.stories(), Unit::Documents),
            bytes => (bytes, Unit::Bytes),
        }
    }

    /// Documents until the batch is full, or all that are left.
    fn read(&self, documents: &mut SplitDocuments, unit: Unit) -> Result<Batch, Error> {
        let mut read = Vec::new();
        let mut bytes = 0;
        let ended = loop {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let Some((part, document)) = documents.next_document()? else {
                break true;
            };
            self.progress.advance(match unit {
                Unit::Bytes => documents.bytes_read(),
                _ => documents.counts().documents(),
            });
            bytes += document.text.len() as u64 + DOCUMENT_BYTES;
            read.push((part, document));
            if bytes >= BATCH_BYTES.min(self.chunk_bytes) {
                break false;
            }
        };
        Ok(Batch {
            documents: read,
            broken: documents.take_broken(),
            bytes,
            cursor: documents.cursor(),
            ended,
        })
    }

    fn judge(&self, batch: Batch) -> Result<JudgedBatch, Error> {
        let judge = |(part, document)| -> Result<_, Error> {
            let Judged {
                document,
                opinions,
                reason,
            } = self.judge.judge(document)?;
            let line = line(&document, part, reason, &opinions)?;
            let kept = match reason {
                Some(reason) => Err(reason),
                None => {
                    let mark = self.marker.map(|marker| marker.mark(&document));
                    Ok((Ready::new(part, document)?, mark.unwrap_or_default()))
                }
            };
            Ok(Written { kept, line })
        };
        let documents = batch.documents.into_par_iter().map(judge);
        Ok(JudgedBatch {
            documents: documents.collect::<Result<_, _>>()?,
            broken: batch.broken,
            bytes: batch.bytes,
            cursor: batch.cursor,
            ended: batch.ended,
        })
    }

    /// Write a batch, and end the chunk if that fills it.
    fn write(
        &self,
        batch: JudgedBatch,
        chunk: &mut Option<(Output, u64)>,
        parts: &mut Vec<ChunkRecord>,
    ) -> Result<(), Error> {
        let (mut open, bytes) = match chunk.take() {
            Some((open, bytes)) => (open, bytes + batch.bytes),
            None if batch.documents.is_empty() && batch.broken.is_empty() => return Ok(()),
            None => (self.output(parts.len())?, batch.bytes),
        };
        for written in batch.documents {
            open.take(written)?;
        }
        if !batch.broken.is_empty() {
            open.quarantine(&batch.broken)?;
        }
        if bytes < self.chunk_bytes && !batch.ended {
            *chunk = Some((open, bytes));
            return Ok(());
        }
        let (files, tally) = match open {
            Output::Draft(draft) => draft.commit()?,
            Output::Chunk(mut chunk) => {
                if self.judge.may_drop() {
                    // Whether the next document is kept is not known here.
                    chunk.end_text()?;
                }
                chunk.commit()?
            }
        };
        let record = ChunkRecord {
            cursor: batch.cursor,
            files,
            tally,
        };
        self.unfinished.keep(parts.len(), &record)?;
        parts.push(record);
        Ok(())
    }

    fn output(&self, number: usize) -> Result<Output, Error> {
        let folder = self.unfinished.folder();
        Ok(match self.drafts {
            Some(place) => Output::Draft(Box::new(Draft::new(folder, place, number)?)),
            None => Output::Chunk(Box::new(Chunk::new(folder, number)?)),
        })
    }
}

impl Output {
    fn quarantine(&mut self, broken: &[Broken]) -> Result<(), Error> {
        let quarantine = match self {
            Self::Chunk(chunk) => chunk.quarantine(),
            Self::Draft(draft) => draft.quarantine(),
        };
        quarantine.add(broken)
    }

    fn take(&mut self, written: Written) -> Result<(), Error> {
        let line = &written.line;
        match (self, written.kept) {
            (Self::Chunk(chunk), Ok((document, _))) => chunk.keep(document, line),
            (Self::Chunk(chunk), Err(reason)) => chunk.leave_out(reason, line),
            (Self::Draft(draft), Ok((document, mark))) => draft.keep(&document, &mark, line),
            (Self::Draft(draft), Err(reason)) => draft.leave_out(reason, line),
        }
    }
}

/// The line of a document that was judged by itself.
fn line(
    document: &Document,
    part: Part,
    reason: Option<&str>,
    opinions: &Opinions,
) -> Result<Vec<u8>, Error> {
    let entry = Entry {
        id: &document.id,
        kept: reason.is_none(),
        reason,
        split: split_name(part),
        filters: opinions,
        duplicate_of: None,
        excerpt: reason.is_some().then(|| excerpt(&document.text)),
    };
    entry.line()
}
