//! Small files that are read on all cores before it is their turn: what they give waits, and is given in their order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use kiln_text::Document;
use rayon::prelude::*;

use super::{make_ready, open_file};
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::formats::Reader;
use crate::listing::{ListedFile, ListedSource, Listing};

/// Bytes of the files that are read together, for each thread.
const THREAD_BYTES: u64 = 1 << 20;

/// How many of them there are at the most, for each thread.
const THREAD_FILES: usize = 64;

/// Bytes of text that wait at the most, for each thread: of files that unpack to more only the beginning.
const THREAD_TEXT: u64 = 4 << 20;

/// What a document adds beside its text.
const DOCUMENT_BYTES: u64 = 256;

/// How many files, beginning with the first of these, are read together; one or none: there is nothing to gain.
pub(super) fn count(files: &[ListedFile]) -> usize {
    let threads = rayon::current_num_threads();
    let most_bytes = THREAD_BYTES * threads as u64;
    let mut bytes = 0;
    let fits = |file: &&ListedFile| {
        bytes += file.bytes;
        // What is not here is fetched when it is its turn.
        file.object.is_none() && bytes <= most_bytes
    };
    files
        .iter()
        .take(THREAD_FILES * threads)
        .take_while(fits)
        .count()
}

/// Read these files. Nothing stands for one that was not read, or cannot be: its turn will tell.
pub(super) fn read(
    listing: &Listing,
    source: &ListedSource,
    files: &[ListedFile],
) -> Vec<Option<FileAhead>> {
    let left = AtomicU64::new(THREAD_TEXT * rayon::current_num_threads() as u64);
    let read = |file: &ListedFile| {
        if left.load(Ordering::Relaxed) == 0 {
            return None;
        }
        make_ready(listing, file).ok()?;
        let reader = open_file(listing, source, file, (0, 0)).ok()?;
        Some(FileAhead::read(reader, &left))
    };
    files.par_iter().with_max_len(1).map(read).collect()
}

/// A file that was read, or its beginning.
pub(super) struct FileAhead {
    given: VecDeque<Given>,
    /// Goes on where the last of them ends.
    rest: Option<Box<dyn Reader>>,
    place: (u64, u64),
}

/// What a reader gave once.
struct Given {
    outcome: Result<Option<Document>, Refusal>,
    skipped: Option<Box<Skipped>>,
    place: (u64, u64),
}

impl FileAhead {
    /// Read while there is room for text.
    fn read(mut reader: Box<dyn Reader>, left: &AtomicU64) -> Self {
        let place = reader.place();
        let mut given = VecDeque::new();
        let mut goes_on = true;
        while goes_on && left.load(Ordering::Relaxed) > 0 {
            let mut skipped = Skipped::default();
            let outcome = reader.next_document(&mut skipped);
            let bytes = match &outcome {
                Ok(Some(document)) => document.text.len() as u64 + DOCUMENT_BYTES,
                Ok(None) | Err(Refusal::File(_)) => {
                    goes_on = false;
                    0
                }
                Err(Refusal::Record { beginning, .. }) => beginning.len() as u64 + DOCUMENT_BYTES,
            };
            take_from(left, bytes);
            given.push_back(Given {
                outcome,
                skipped: (skipped != Skipped::default()).then(|| Box::new(skipped)),
                place: reader.place(),
            });
        }
        Self {
            given,
            rest: goes_on.then_some(reader),
            place,
        }
    }
}

fn take_from(left: &AtomicU64, bytes: u64) {
    let less = |left: u64| Some(left.saturating_sub(bytes));
    // It never refuses.
    let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
}

impl Reader for FileAhead {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        if let Some(given) = self.given.pop_front() {
            self.place = given.place;
            if let Some(more) = given.skipped {
                *skipped += &more;
            }
            return given.outcome;
        }
        let Some(rest) = &mut self.rest else {
            return Ok(None);
        };
        let outcome = rest.next_document(skipped);
        self.place = rest.place();
        outcome
    }

    fn place(&self) -> (u64, u64) {
        self.place
    }
}
