//! A second look at the documents that agree with others: their ids and lengths, by which it is told which of them stays,
//! and their shingles, by which it is told how alike they are. Many files are read at a time; what is found does not depend
//! on how many.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use kiln_corpus::duplicates::Marker;
use kiln_corpus::{Part, StoredDocument};
use kiln_run::StopFlag;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ingest::draft::{Drafted, StoredDraft};
use crate::ingest::earlier::Earlier;

/// Bytes of stored documents that are taken apart together.
const BATCH_BYTES: usize = 1 << 20;

/// What a batch takes while it waits and while it is taken apart: its lines, a document, the shingles.
const BATCH_MEMORY: u64 = 4 << 20;

/// A document that stays for others, or may.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) part: Part,
    /// The earlier corpus that it is a document of, as the recipe names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) corpus: Option<String>,
}

/// A document that agrees with another.
pub(super) struct Seen {
    pub(super) kept: Kept,
    /// Of its text.
    pub(super) bytes: u64,
    /// Where its shingles lie among all that are stored, and how many they are.
    shingles: (u64, usize),
}

/// The shingles of all documents that were looked at, in a file without a name: it goes with this process.
pub(super) struct Shingles {
    /// Where the file lies, for errors.
    folder: PathBuf,
    file: File,
    end: AtomicU64,
}

impl Shingles {
    pub(super) fn new(folder: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(folder);
        Ok(Self {
            file: file.map_err(|error| kiln_run::Error::io(folder, error))?,
            folder: folder.to_owned(),
            end: AtomicU64::new(0),
        })
    }

    /// Where these bytes are put.
    fn put(&self, bytes: &[u8]) -> Result<u64, Error> {
        let offset = self.end.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let written = self.file.write_all_at(bytes, offset);
        written.map_err(|error| kiln_run::Error::io(&self.folder, error))?;
        Ok(offset)
    }

    /// Those of one document.
    pub(super) fn of(&self, seen: &Seen) -> Result<Vec<u64>, Error> {
        let (offset, count) = seen.shingles;
        let mut bytes = vec![0; count * 8];
        let read = self.file.read_exact_at(&mut bytes, offset);
        read.map_err(|error| kiln_run::Error::io(&self.folder, error))?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }
}

/// What is needed to look at documents.
pub(super) struct Look<'a> {
    pub(super) marker: &'a Marker,
    pub(super) earlier: &'a Earlier,
    /// Of the stage.
    pub(super) folder: &'a Path,
    /// Where the marks of earlier documents lie.
    pub(super) records: &'a Path,
    /// For each draft, how many documents the drafts before it hold.
    pub(super) firsts: &'a [u64],
    pub(super) max_memory: u64,
    pub(super) shingles: &'a Shingles,
    pub(super) stop: &'a StopFlag,
}

/// A file of documents, and the numbers of those in it that are wanted.
struct Piece<'m> {
    file: Stored,
    /// The number of its first document.
    first: u64,
    members: &'m [u64],
}

#[derive(Clone, Copy)]
enum Stored {
    Earlier(usize),
    Draft(usize),
}

/// A document that is to be taken apart.
struct Wanted {
    number: u64,
    part: Part,
    corpus: Option<String>,
    document: StoredDocument<'static>,
}

/// What was found so far, or what went wrong first.
type Found = Mutex<Result<HashMap<u64, Seen>, Error>>;

impl Look<'_> {
    /// Look at the documents with these numbers, which increase; the first `earlier` of all are those of earlier corpora.
    pub(super) fn at(&self, members: &[u64], earlier: u64) -> Result<HashMap<u64, Seen>, Error> {
        let pieces = self.pieces(members, earlier)?;
        let found = Mutex::new(Ok(HashMap::new()));
        let waiting = AtomicUsize::new(0);
        let threads = 2 * rayon::current_num_threads() as u64;
        let most_waiting = threads.min(self.max_memory / BATCH_MEMORY) as usize;
        rayon::scope(|scope| {
            for piece in &pieces {
                let (found, waiting) = (&found, &waiting);
                scope.spawn(move |scope| {
                    let read = self.read(piece, &mut |batch| {
                        // Another thread may take it, but not so many of them wait that they fill the memory.
                        if waiting.load(Ordering::Relaxed) >= most_waiting {
                            return self.add(batch, found);
                        }
                        waiting.fetch_add(1, Ordering::Relaxed);
                        scope.spawn(move |_| {
                            self.add(batch, found);
                            waiting.fetch_sub(1, Ordering::Relaxed);
                        });
                    });
                    if let Err(error) = read {
                        fail(found, error);
                    }
                });
            }
        });
        found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files that hold any of the members.
    fn pieces<'m>(&self, members: &'m [u64], earlier: u64) -> Result<Vec<Piece<'m>>, Error> {
        let firsts = self.earlier.firsts(self.marker, self.records)?;
        let chunks = firsts.iter().enumerate();
        let chunks = chunks.map(|(index, &first)| (Stored::Earlier(index), first));
        let drafts = self.firsts.iter().enumerate();
        let drafts = drafts.map(|(index, &first)| (Stored::Draft(index), earlier + first));
        let files: Vec<(Stored, u64)> = chunks.chain(drafts).collect();
        let mut left = members;
        let mut pieces = Vec::new();
        for (index, &(file, first)) in files.iter().enumerate() {
            let end = files.get(index + 1).map_or(u64::MAX, |&(_, first)| first);
            let (members, behind) = left.split_at(left.partition_point(|&number| number < end));
            left = behind;
            if !members.is_empty() {
                pieces.push(Piece {
                    file,
                    first,
                    members,
                });
            }
        }
        Ok(pieces)
    }

    /// Give the wanted documents of a file in batches.
    fn read(&self, piece: &Piece<'_>, give: &mut dyn FnMut(Vec<Wanted>)) -> Result<(), Error> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut members = piece.members.iter().copied().peekable();
        let mut number = piece.first;
        let mut see = |document: StoredDocument<'_>, part, corpus: Option<&str>| {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            if members.next_if_eq(&number).is_some() {
                bytes += document.line().len();
                batch.push(Wanted {
                    number,
                    part,
                    corpus: corpus.map(str::to_owned),
                    document: document.into_owned(),
                });
                if bytes >= BATCH_BYTES {
                    bytes = 0;
                    give(std::mem::take(&mut batch));
                }
            }
            number += 1;
            Ok(())
        };
        match piece.file {
            Stored::Earlier(chunk) => self.earlier.for_each(chunk, |document, part, corpus| {
                see(document, part, Some(corpus))
            })?,
            Stored::Draft(draft) => {
                StoredDraft::new(self.folder, draft).for_each(|drafted| match drafted {
                    Drafted::Kept(part, document, _) => see(document, part, None),
                    Drafted::Dropped(..) => Ok(()),
                })?
            }
        }
        give(batch);
        Ok(())
    }

    fn add(&self, batch: Vec<Wanted>, found: &Found) {
        let seen = self.look(batch);
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *found, seen) {
            (Ok(all), Ok(seen)) => {
                all.extend(seen.into_iter().map(|seen| (seen.kept.number, seen)))
            }
            (Ok(_), Err(error)) => *found = Err(error),
            (Err(_), _) => {}
        }
    }

    fn look(&self, batch: Vec<Wanted>) -> Result<Vec<Seen>, Error> {
        let mut bytes = Vec::new();
        let mut seen = Vec::with_capacity(batch.len());
        for wanted in batch {
            let document = wanted.document.document()?;
            let shingles = self.marker.shingles(&document.text);
            seen.push(Seen {
                bytes: document.text.len() as u64,
                shingles: (bytes.len() as u64, shingles.len()),
                kept: Kept {
                    number: wanted.number,
                    id: document.id,
                    part: wanted.part,
                    corpus: wanted.corpus,
                },
            });
            bytes.extend(shingles.iter().flat_map(|shingle| shingle.to_le_bytes()));
        }
        let offset = self.shingles.put(&bytes)?;
        for seen in &mut seen {
            seen.shingles.0 += offset;
        }
        Ok(seen)
    }
}

fn fail(found: &Found, error: Error) {
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    if found.is_ok() {
        *found = Err(error);
    }
}
