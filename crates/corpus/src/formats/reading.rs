//! What the tests of several readers share: read a file to its end, go on at each place, read broken bytes.

use std::path::{Path, PathBuf};

use kiln_text::Document;
use proptest::prelude::*;

use super::open;
use crate::broken::Refusal;
use crate::config::{Format, SourceConfig};
use crate::counts::Skipped;
use crate::record::Fields;

/// The folder with the data sets, for tests that need them.
pub(super) fn data(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("KILN_DATA").expect("set KILN_DATA to the folder with the data sets");
    Path::new(&folder).join(name)
}

/// Documents and refusals of records, the places between them, and what was left out.
pub(super) type Read = (Vec<Result<Document, String>>, Vec<(u64, u64)>, Skipped);

/// Everything a file gives, from a place on: documents and refusals of records. The error is the first that ends it.
pub(super) fn read_from(
    format: Format,
    path: &Path,
    source: &SourceConfig,
    place: (u64, u64),
) -> Result<Read, String> {
    let fields = Fields::of(source);
    let said = |error: kiln_text::Error| {
        let said = error.to_string();
        assert!(!said.contains('\n'), "one line: {said}");
        said.replace(&path.display().to_string(), "file")
    };
    let mut reader = open(format, path, "file", &fields, place).map_err(said)?;
    let (mut all, mut places, mut skipped) = (Vec::new(), vec![reader.place()], Skipped::default());
    loop {
        match reader.next_document(&mut skipped) {
            Ok(Some(document)) => all.push(Ok(document)),
            Ok(None) => return Ok((all, places, skipped)),
            Err(Refusal::Record { error, .. }) => all.push(Err(said(error))),
            Err(Refusal::File(error)) => return Err(said(error)),
        }
        places.push(reader.place());
        assert!(all.len() < 1_000_000, "does not end");
    }
}

/// The documents of a file that is not broken.
pub(super) fn read(format: Format, path: &Path, source: &SourceConfig) -> Vec<Document> {
    let (all, ..) = read_from(format, path, source, (0, 0)).unwrap();
    all.into_iter().map(Result::unwrap).collect()
}

/// From each place on a file gives what it gave from there at the first reading.
pub(super) fn check_places(format: Format, path: &Path, source: &SourceConfig, step: usize) {
    let (all, places, _) = read_from(format, path, source, (0, 0)).unwrap();
    for (passed, place) in places.iter().enumerate().step_by(step) {
        let (rest, ..) = read_from(format, path, source, *place).unwrap();
        assert_eq!(rest, all[passed..], "from {place:?}");
    }
}

/// One change of the bytes of a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Double(prop::sample::Index),
}

pub(super) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<prop::sample::Index>;
    let change = prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), 1usize..50).prop_map(|(at, count)| Change::Remove(at, count)),
        1 => at().prop_map(Change::Double),
    ];
    prop::collection::vec(change, 1..5)
}

/// Reading the changed bytes ends, in documents or in one line.
pub(super) fn check_changed(
    format: Format,
    seed: &[u8],
    changes: &[Change],
    source: &SourceConfig,
) {
    let mut bytes = seed.to_vec();
    for change in changes {
        let length = bytes.len() + 1;
        match *change {
            Change::Set(at, byte) => {
                if let Some(old) = bytes.get_mut(at.index(length)) {
                    *old = byte;
                }
            }
            Change::Flip(at, bit) => {
                if let Some(old) = bytes.get_mut(at.index(length)) {
                    *old ^= 1 << bit;
                }
            }
            Change::Insert(at, byte) => bytes.insert(at.index(length), byte),
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Remove(at, count) => {
                let start = at.index(length);
                let end = (start + count).min(bytes.len());
                bytes.drain(start..end);
            }
            Change::Double(at) => bytes.extend_from_within(at.index(length)..),
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, &bytes).unwrap();
    let _ = read_from(format, &path, source, (0, 0));
}
