//! Which documents are copies of which: decided once over the marks of all, and stored, so that the decision survives an
//! interruption.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use kiln_corpus::Part;
use kiln_corpus::duplicates::{Clusters, CopySearch, Marker, Member, jaccard};
use kiln_run::{Progress, StopFlag, Unit, atomic::StagedFile};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ingest::draft::{Drafted, StoredDraft};
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

/// A document that stays for others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    number: u64,
    pub(super) id: String,
    pub(super) part: Part,
    /// The earlier corpus that it is a document of, as the recipe names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) corpus: Option<String>,
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
    pub(super) drafts: usize,
    pub(super) marker: &'a Marker,
    pub(super) earlier: &'a Earlier,
    pub(super) max_memory: u64,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopFlag,
}

/// A document that is in a cluster with others.
struct Seen {
    kept: Kept,
    bytes: u64,
    /// Where its shingles lie among all that are stored, and how many they are.
    shingles: (u64, usize),
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
        let failed = |error| Error::from(kiln_run::Error::io(records, error));
        // Without a name: it goes with this process.
        let mut shingles = BufWriter::new(tempfile::tempfile_in(records).map_err(failed)?);
        let mut seen = self.look_at(&mut clusters, earlier, records, &mut shingles)?;
        let shingles = shingles
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        let describe = |number: u64| -> Result<Member, Error> {
            let seen = &seen[&number];
            Ok(Member {
                id: seen.kept.id.clone(),
                bytes: seen.bytes,
            })
        };
        let removals = clusters.removals_after(earlier, self.marker.keep(), describe)?;
        let read = |number: u64| read_shingles(&shingles, seen[&number].shingles);
        let mut copies = Vec::with_capacity(removals.len());
        for removal in &removals {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let one = read(removal.removed).map_err(failed)?;
            let other = read(removal.kept).map_err(failed)?;
            copies.push(Copy {
                removed: removal.removed - earlier,
                kept: removal.kept,
                jaccard: jaccard(&one, &other),
            });
        }
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
        let mut done = 0;
        let mut push = |mark: &[u8]| {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            search.push(mark)?;
            done += 1;
            self.progress.advance(done);
            Ok(done)
        };
        let mut earlier = 0;
        self.earlier.for_each_mark(self.marker, records, |mark| {
            earlier = push(mark)?;
            Ok(())
        })?;
        for number in 0..self.drafts {
            let draft = StoredDraft::new(self.folder, number);
            draft.for_each_mark(self.marker.mark_bytes(), |mark| push(mark).map(drop))?;
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
        path: &Path,
        shingles: &mut dyn Write,
    ) -> Result<HashMap<u64, Seen>, Error> {
        let with_new = |set: &Vec<u64>| set.last().is_some_and(|&last| last >= earlier);
        let sets = clusters.sets().into_iter().filter(with_new);
        let mut members: Vec<u64> = sets.flatten().collect();
        members.sort_unstable();
        let mut seen = HashMap::new();
        let mut offset = 0;
        let mut see = |text: &str, kept: Kept| -> Result<(), Error> {
            let of_document = self.marker.shingles(text);
            for shingle in &of_document {
                let written = shingles.write_all(&shingle.to_le_bytes());
                written.map_err(|error| kiln_run::Error::io(path, error))?;
            }
            let place = (offset, of_document.len());
            offset += 8 * of_document.len() as u64;
            seen.insert(
                kept.number,
                Seen {
                    kept,
                    bytes: text.len() as u64,
                    shingles: place,
                },
            );
            Ok(())
        };
        let (old, new) = members.split_at(members.partition_point(|&number| number < earlier));
        self.earlier
            .for_each_of(old, self.marker, path, |number, found| {
                if self.stop.requested() {
                    return Err(Error::Interrupted);
                }
                let kept = Kept {
                    number,
                    id: found.document.id,
                    part: found.part,
                    corpus: Some(found.corpus.to_owned()),
                };
                see(&found.document.text, kept)
            })?;
        let mut members = new.iter().copied().peekable();
        let mut number = earlier;
        for draft in 0..self.drafts {
            if members.peek().is_none() {
                break;
            }
            StoredDraft::new(self.folder, draft).for_each(|drafted| {
                if self.stop.requested() {
                    return Err(Error::Interrupted);
                }
                let Drafted::Kept(part, document, _) = drafted else {
                    return Ok(());
                };
                if members.next_if_eq(&number).is_some() {
                    let kept = Kept {
                        number,
                        id: document.id,
                        part,
                        corpus: None,
                    };
                    see(&document.text, kept)?;
                }
                number += 1;
                Ok(())
            })?;
        }
        Ok(seen)
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

fn read_shingles(file: &File, (offset, count): (u64, usize)) -> std::io::Result<Vec<u64>> {
    let mut bytes = vec![0; count * 8];
    file.read_exact_at(&mut bytes, offset)?;
    let (words, _) = bytes.as_chunks::<8>();
    Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
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
