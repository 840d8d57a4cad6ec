//! From drafts to the stored corpus: copies go, repeated parts are struck, everything else stays as its draft has it.

use std::ops::Range;

use kiln_run::{FileEntry, Progress, StopFlag, Unit};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::ingest::agreeing::Kept;
use crate::ingest::chunk::{Chunk, Ready, Tally};
use crate::ingest::draft::{Drafted, StoredDraft};
use crate::ingest::repeats::{Strikes, Struck};
use crate::ingest::resolve::Resolved;
use crate::ledger::{excerpt, split_name};
use crate::stage::{PartRecord, Unfinished};

/// Why a document is dropped of which another copy stays.
pub(crate) const DUPLICATE: &str = "duplicate";

/// Why a document is dropped of which repeated parts were all.
const REPEATS: &str = "repeats";

/// Name of the records of this step among those of the stage.
const SERIES: &str = "settled";

/// What is known after a chunk.
#[derive(Serialize, Deserialize)]
pub(super) struct SettledRecord {
    pub(super) files: Vec<FileEntry>,
    pub(super) tally: Tally,
}

impl PartRecord for SettledRecord {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }
}

/// What is needed to write the corpus.
pub(super) struct Settlement<'a> {
    pub(super) unfinished: &'a Unfinished,
    /// For each draft, how many documents the drafts before it hold.
    pub(super) firsts: &'a [u64],
    /// Whether copies go, or only follow the document that they are copies of to its part of the split.
    pub(super) remove: bool,
    /// Whether any document may have been left out, so that it is not known here whether a text goes on in the next chunk.
    pub(super) may_drop: bool,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopFlag,
}

impl Settlement<'_> {
    /// A chunk for each draft, with the same number. As many are written at a time as there are threads.
    pub(super) fn run(
        &self,
        resolved: &Resolved,
        mut struck: Option<Struck>,
    ) -> Result<Vec<SettledRecord>, Error> {
        let mut records: Vec<SettledRecord> = self.unfinished.parts_of(SERIES)?;
        let drafts = self.firsts.len();
        self.progress
            .begin("write", Some(drafts as u64), Unit::Batches);
        while records.len() < drafts {
            let end = drafts.min(records.len() + rayon::current_num_threads());
            let strikes = (records.len()..end).map(|index| match &mut struck {
                // In their order, as they are stored.
                Some(struck) => Ok((index, struck.of(self.numbers(index))?)),
                None => Ok((index, Strikes::default())),
            });
            let strikes = strikes.collect::<Result<Vec<_>, Error>>()?;
            let written: Vec<_> = strikes
                .into_par_iter()
                .map(|(index, strikes)| self.chunk(resolved, strikes, index))
                .collect();
            for record in written {
                let record = record?;
                self.unfinished.keep_in(SERIES, records.len(), &record)?;
                records.push(record);
                self.progress.advance(records.len() as u64);
            }
        }
        self.progress.end();
        Ok(records)
    }

    /// The numbers of the documents of a draft.
    fn numbers(&self, index: usize) -> Range<u64> {
        let end = self.firsts.get(index + 1).copied();
        self.firsts[index]..end.unwrap_or(u64::MAX)
    }

    fn chunk(
        &self,
        resolved: &Resolved,
        mut struck: Strikes,
        index: usize,
    ) -> Result<SettledRecord, Error> {
        let folder = self.unfinished.folder();
        let mut number = self.firsts[index];
        let mut chunk = Chunk::new(folder, index)?;
        StoredDraft::new(folder, index).for_each(|drafted| {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let (mut part, stored, line) = match drafted {
                Drafted::Kept(part, stored, line) => (part, stored, line),
                Drafted::Dropped(reason, line) => {
                    return chunk.leave_out(reason, format!("{line}\n").as_bytes());
                }
            };
            let copy = resolved.copy_of(number);
            let repeats = struck.of(number);
            number += 1;
            let mut document = stored.document()?;
            if copy.is_none() && repeats.is_none() {
                let ready = Ready::stored(part, document, stored.line().to_vec());
                return chunk.keep(ready, format!("{line}\n").as_bytes());
            }
            let mut entry: Value =
                serde_json::from_str(line).map_err(|error| Error::Output(error.into()))?;
            let mut reason = None;
            if let Some((kept, jaccard)) = copy {
                part = kept.part;
                add_copy(&mut entry, kept, jaccard);
                reason = self.remove.then_some(DUPLICATE);
            }
            if let Some(ranges) = repeats {
                let rest = struck.strike(&document.text, &ranges)?;
                let bytes = document.text.len() - rest.len();
                entry["repeats"] = json!({ "parts": ranges.len(), "bytes": bytes });
                if rest.trim().is_empty() {
                    reason = Some(REPEATS);
                } else {
                    document.replace_text(rest);
                }
            }
            if let Some(reason) = reason {
                entry["kept"] = json!(false);
                entry["reason"] = json!(reason);
                entry["excerpt"] = json!(excerpt(&document.text));
                return chunk.leave_out(reason, format!("{entry}\n").as_bytes());
            }
            let ready = Ready::new(part, document)?;
            chunk.keep(ready, format!("{entry}\n").as_bytes())
        })?;
        if self.may_drop {
            chunk.end_text()?;
        }
        let (files, tally) = chunk.commit()?;
        Ok(SettledRecord { files, tally })
    }
}

/// What the line of a document that is a copy says of the other.
fn add_copy(entry: &mut Value, kept: &Kept, jaccard: f64) {
    entry["split"] = json!(split_name(kept.part));
    entry["duplicate_of"] = json!({ "id": kept.id, "jaccard": jaccard });
    if let Some(corpus) = &kept.corpus {
        entry["duplicate_of"]["corpus"] = json!(corpus);
    }
}
