//! From drafts to the stored corpus: copies go, everything else stays as its draft has it.

use kiln_run::{FileEntry, Progress, StopFlag, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::ingest::chunk::{Chunk, Tally};
use crate::ingest::draft::{Drafted, StoredDraft};
use crate::ingest::resolve::{Kept, Resolved};
use crate::ledger::{excerpt, split_name};
use crate::stage::{PartRecord, Unfinished};

/// Why a document is dropped of which another copy stays.
pub(crate) const DUPLICATE: &str = "duplicate";

/// Name of the records of this step among those of the stage.
const SERIES: &str = "settled";

/// What is known after a chunk.
#[derive(Serialize, Deserialize)]
pub(super) struct SettledRecord {
    pub(super) files: Vec<FileEntry>,
    pub(super) tally: Tally,
    /// Documents that filters keep, in this chunk and before it.
    documents: u64,
}

impl PartRecord for SettledRecord {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }
}

/// What is needed to write the corpus.
pub(super) struct Settlement<'a> {
    pub(super) unfinished: &'a Unfinished,
    pub(super) drafts: usize,
    /// Whether copies go, or only follow the document that they are copies of to its part of the split.
    pub(super) remove: bool,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopFlag,
}

impl Settlement<'_> {
    /// A chunk for each draft, with the same number.
    pub(super) fn run(&self, resolved: &Resolved) -> Result<Vec<SettledRecord>, Error> {
        let mut records: Vec<SettledRecord> = self.unfinished.parts_of(SERIES)?;
        self.progress
            .begin("write", Some(self.drafts as u64), Unit::Batches);
        while records.len() < self.drafts {
            let record = self.chunk(resolved, records.len(), records.last())?;
            self.unfinished.keep_in(SERIES, records.len(), &record)?;
            records.push(record);
            self.progress.advance(records.len() as u64);
        }
        self.progress.end();
        Ok(records)
    }

    fn chunk(
        &self,
        resolved: &Resolved,
        index: usize,
        last: Option<&SettledRecord>,
    ) -> Result<SettledRecord, Error> {
        let folder = self.unfinished.folder();
        let mut number = last.map_or(0, |record| record.documents);
        let mut chunk = Chunk::new(folder, index)?;
        StoredDraft::new(folder, index).for_each(|drafted| {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let (part, document, line) = match drafted {
                Drafted::Kept(part, document, line) => (part, document, line),
                Drafted::Dropped(reason, line) => {
                    return chunk.leave_out(reason, format!("{line}\n").as_bytes());
                }
            };
            let copy = resolved.copy_of(number);
            number += 1;
            match copy {
                None => chunk.keep(part, *document, format!("{line}\n").as_bytes()),
                Some((kept, jaccard)) => {
                    let reason = self.remove.then_some(DUPLICATE);
                    let mut entry = amended(line, reason, kept, jaccard)?;
                    if self.remove {
                        entry["excerpt"] = json!(excerpt(&document.text));
                    }
                    let line = format!("{entry}\n");
                    let line = line.as_bytes();
                    match reason {
                        Some(reason) => chunk.leave_out(reason, line),
                        None => chunk.keep(kept.part, *document, line),
                    }
                }
            }
        })?;
        chunk.end_text();
        let (files, tally) = chunk.commit()?;
        Ok(SettledRecord {
            files,
            tally,
            documents: number,
        })
    }
}

/// The line of a document that is a copy.
fn amended(line: &str, reason: Option<&str>, kept: &Kept, jaccard: f64) -> Result<Value, Error> {
    let mut entry: Value =
        serde_json::from_str(line).map_err(|error| Error::Output(error.into()))?;
    entry["kept"] = json!(reason.is_none());
    entry["reason"] = json!(reason);
    entry["split"] = json!(split_name(kept.part));
    entry["duplicate_of"] = json!({ "id": kept.id, "jaccard": jaccard });
    if let Some(corpus) = &kept.corpus {
        entry["duplicate_of"]["corpus"] = json!(corpus);
    }
    Ok(entry)
}
