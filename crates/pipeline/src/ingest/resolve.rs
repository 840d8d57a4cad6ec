//! Which documents are copies of which: decided once over the marks of all, and stored, so that the decision survives an
//! interruption.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use kiln_corpus::duplicates::{Clusters, CopySearch, Marker, Member, Removal, jaccard};
use kiln_run::{Progress, StopFlag, Unit, atomic::StagedFile};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ingest::agreeing::{Kept, Look, Seen, Shingles};
use crate::ingest::draft::StoredDraft;
use crate::ingest::earlier::Earlier;
use crate::stage::UNFINISHED;

/// A line for each document that stays for others.
const KEPT: &str = "kept.jsonl";
/// A line for each document that has such a one, in their order: written last, so that it is there only when all is decided.
const COPIES: &str = "copies.jsonl";

/// A document of which another stays.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Copy {
    /// Its number among the documents that filters keep, in their order.
    removed: u64,
    /// The number of the other, where those of earlier corpora are counted before these.
    kept: u64,
    jaccard: f64,
}

/// The decision; empty where no copies are looked for. It grows with the number of copies: some tens of bytes each, and the ids
/// of those that stay.
#[derive(Default)]
pub(super) struct Resolved {
    copies: Vec<Copy>,
    kept: HashMap<u64, Kept>,
}

/// What is needed to decide.
pub(super) struct Resolution<'a> {
    pub(super) folder: &'a Path,
    /// For each draft, how many documents the drafts before it hold.
    pub(super) firsts: &'a [u64],
    pub(super) marker: &'a Marker,
    pub(super) earlier: &'a Earlier,
    pub(super) max_memory: u64,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopFlag,
}

impl Resolution<'_> {
    /// Decide, or read what was decided before an interruption.
    pub(super) fn run(&self) -> Result<Resolved, Error> {
        let records = self.folder.join(UNFINISHED);
        if !records.join(COPIES).exists() {
            let (copies, kept) = self.decide(&records)?;
            write_lines(&records.join(KEPT), &kept)?;
            write_lines(&records.join(COPIES), &copies)?;
        }
        let kept: Vec<Kept> = read_lines(&records.join(KEPT))?;
        Ok(Resolved {
            copies: read_lines(&records.join(COPIES))?,
            kept: kept.into_iter().map(|kept| (kept.number, kept)).collect(),
        })
    }

    fn decide(&self, records: &Path) -> Result<(Vec<Copy>, Vec<Kept>), Error> {
        self.earlier
            .mark(self.marker, records, self.progress, self.stop)?;
        let (mut clusters, earlier) = self.search(records)?;
        let shingles = Shingles::new(records)?;
        let mut seen = self.look_at(&mut clusters, earlier, records, &shingles)?;
        let describe = |number: u64| -> Result<Member, Error> {
            let seen = &seen[&number];
            Ok(Member {
                id: seen.kept.id.clone(),
                bytes: seen.bytes,
            })
        };
        let removals = clusters.removals_after(earlier, self.marker.keep(), describe)?;
        let copy = |removal: &Removal| -> Result<Copy, Error> {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let one = shingles.of(&seen[&removal.removed])?;
            let other = shingles.of(&seen[&removal.kept])?;
            Ok(Copy {
                removed: removal.removed - earlier,
                kept: removal.kept,
                jaccard: jaccard(&one, &other),
            })
        };
        let copies = removals.par_iter().map(copy).collect::<Result<_, _>>()?;
        let mut numbers: Vec<u64> = removals.iter().map(|removal| removal.kept).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let kept = numbers.iter().filter_map(|number| seen.remove(number));
        Ok((copies, kept.map(|seen| seen.kept).collect()))
    }

    /// Which documents agree, and how many of them are those of earlier corpora, which come first.
    fn search(&self, records: &Path) -> Result<(Clusters, u64), Error> {
        self.progress.begin("duplicates", None, Unit::Documents);
        let sorting = sorting_folder(records)?;
        let mut search = CopySearch::new(self.marker, &sorting, self.max_memory);
        let mut push = |marks: &[u8]| {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let documents = search.push_all(marks)?;
            self.progress.advance(documents);
            Ok(documents)
        };
        let mut earlier = 0;
        self.earlier.for_each_marks(self.marker, records, |marks| {
            earlier = push(marks)?;
            Ok(())
        })?;
        for number in 0..self.firsts.len() {
            let draft = StoredDraft::new(self.folder, number);
            draft.for_each_marks(self.marker.mark_bytes(), |marks| push(marks).map(drop))?;
        }
        let clusters = search.finish()?;
        self.progress.end();
        Ok((clusters, earlier))
    }

    /// Every document that agrees with a new one; their shingles go to `shingles`.
    fn look_at(
        &self,
        clusters: &mut Clusters,
        earlier: u64,
        records: &Path,
        shingles: &Shingles,
    ) -> Result<HashMap<u64, Seen>, Error> {
        let with_new = |set: &Vec<u64>| set.last().is_some_and(|&last| last >= earlier);
        let sets = clusters.sets().into_iter().filter(with_new);
        let mut members: Vec<u64> = sets.flatten().collect();
        members.par_sort_unstable();
        let look = Look {
            marker: self.marker,
            earlier: self.earlier,
            folder: self.folder,
            records,
            firsts: self.firsts,
            max_memory: self.max_memory,
            shingles,
            stop: self.stop,
        };
        look.at(&members, earlier)
    }
}

/// An empty folder for what is sorted on disk: what a killed process left in it goes.
pub(super) fn sorting_folder(records: &Path) -> Result<PathBuf, Error> {
    let folder = records.join("sorting");
    let failed = |error| Error::from(kiln_run::Error::io(&folder, error));
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    fs::create_dir(&folder).map_err(failed)?;
    Ok(folder)
}

impl Resolved {
    /// The document that stays for this one, with their similarity.
    pub(super) fn copy_of(&self, number: u64) -> Option<(&Kept, f64)> {
        let of = |copy: &Copy| copy.removed;
        let at = self.copies.binary_search_by_key(&number, of).ok()?;
        let copy = &self.copies[at];
        Some((self.kept.get(&copy.kept)?, copy.jaccard))
    }
}

fn write_lines<T: Serialize>(path: &Path, items: &[T]) -> Result<(), Error> {
    let failed = |error| Error::from(kiln_run::Error::io(path, error));
    let mut file = BufWriter::new(StagedFile::new(path)?);
    for item in items {
        serde_json::to_writer(&mut file, item).map_err(|error| failed(error.into()))?;
        file.write_all(b"\n").map_err(failed)?;
    }
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok(file.commit()?)
}

fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, Error> {
    let failed = |error| Error::from(kiln_run::Error::io(path, error));
    let lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    lines
        .map(|line| {
            serde_json::from_str(&line.map_err(failed)?)
                .map_err(|error| kiln_run::Error::damaged(path, error.to_string()).into())
        })
        .collect()
}
