//! Which documents agree in something: in a band of their signatures, or in all of their text.
//!
//! What they may agree in becomes a hash of 128 bits beside the number of the document; the records are sorted on disk
//! under a ceiling of memory, and documents with equal hashes come out side by side.

use std::path::Path;

use kiln_text::Error;
use twox_hash::XxHash3_128;

use super::exact::text_hash;
use super::index::Index;
use super::minhash::Signature;
use super::sorting::{Record, Sorted, Sorter};

/// A hash (high half, low half) and the number of a document.
pub(crate) type Entry = Record<3>;

/// Takes the signatures of documents and gives the pairs that agree in a band.
///
/// Disk: 24 bytes for each band of each document, twice while runs are merged in several rounds.
pub struct BandSorter {
    sorter: Sorter<3>,
    bytes: Vec<u8>,
}

impl BandSorter {
    /// Hold at most `max_memory` bytes of records; what is more lies in `folder` until this and what came of it are
    /// dropped.
    pub fn new(folder: &Path, max_memory: u64) -> Self {
        Self {
            sorter: Sorter::new(folder, max_memory),
            bytes: Vec::new(),
        }
    }

    /// Add a document under its number. Its bands are those that `index` stores under that number.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn add(&mut self, document: u64, signature: &Signature) -> Result<(), Error> {
        for (bucket, band) in (0..).zip(signature.bands()) {
            let [high, low] = band_hash(bucket, band, &mut self.bytes);
            self.sorter.add([high, low, document])?;
        }
        Ok(())
    }

    /// Compare with the documents of an earlier run, which have the numbers from 0 to below [`Index::documents`]; new
    /// documents have numbers from there on.
    pub fn add_index(&mut self, index: &Index) {
        let (path, offset, records) = index.entries();
        self.sorter.add_file(path, offset, records);
    }

    /// The pairs.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn into_candidates(self) -> Result<Candidates, Error> {
        Candidates::new(self.sorter)
    }

    pub(crate) fn sorted(self) -> Result<Sorted<3>, Error> {
        self.sorter.sorted()
    }

    /// How many bands were added, by documents and by indexes.
    pub(crate) fn entries(&self) -> u64 {
        self.sorter.records()
    }
}

/// The hash of a band. Equal values in two bands of different number are no agreement.
pub(crate) fn band_hash(bucket: u64, band: &[u64], bytes: &mut Vec<u8>) -> [u64; 2] {
    bytes.clear();
    bytes.extend(band.iter().flat_map(|value| value.to_le_bytes()));
    halves(XxHash3_128::oneshot_with_seed(bucket, bytes))
}

pub(crate) fn halves(hash: u128) -> [u64; 2] {
    [(hash >> 64) as u64, hash as u64]
}

/// Takes the texts of documents and gives the pairs that are equal.
///
/// Disk: 24 bytes for each document.
pub struct TextSorter {
    sorter: Sorter<3>,
}

impl TextSorter {
    /// Hold at most `max_memory` bytes of records; what is more lies in `folder` until this and what came of it are
    /// dropped.
    pub fn new(folder: &Path, max_memory: u64) -> Self {
        Self {
            sorter: Sorter::new(folder, max_memory),
        }
    }

    /// Add a document under its number.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn add(&mut self, document: u64, text: &str) -> Result<(), Error> {
        let [high, low] = halves(text_hash(text));
        self.sorter.add([high, low, document])
    }

    /// The pairs.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn into_candidates(self) -> Result<Candidates, Error> {
        Candidates::new(self.sorter)
    }
}

/// Pairs of documents that agree: of k documents with one hash, k - 1 pairs, each document with the one of the next
/// greater number, so that the pairs connect all of them. The smaller number comes first; a pair may come more than once.
pub struct Candidates {
    sorted: Sorted<3>,
    last: Option<Entry>,
}

impl Candidates {
    pub(crate) fn new(sorter: Sorter<3>) -> Result<Self, Error> {
        Ok(Self {
            sorted: sorter.sorted()?,
            last: None,
        })
    }

    fn next_pair(&mut self) -> Result<Option<(u64, u64)>, Error> {
        while let Some(entry) = self.sorted.next_record()? {
            if let Some(last) = self.last.replace(entry)
                && last[..2] == entry[..2]
                && last[2] != entry[2]
            {
                return Ok(Some((last[2], entry[2])));
            }
        }
        Ok(None)
    }
}

impl Iterator for Candidates {
    type Item = Result<(u64, u64), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_pair().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::duplicates::{MinHash, MinHashConfig};

    /// The pairs without sorting on disk, by the bands themselves.
    fn in_memory(signatures: &[Signature]) -> Vec<(u64, u64)> {
        let mut last: BTreeMap<(usize, &[u64]), u64> = BTreeMap::new();
        let mut pairs = Vec::new();
        for (number, signature) in (0..).zip(signatures) {
            for (bucket, band) in signature.bands().enumerate() {
                if let Some(before) = last.insert((bucket, band), number) {
                    pairs.push((before, number));
                }
            }
        }
        pairs.sort_unstable();
        pairs
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_same_pairs_under_any_ceiling(
            // Few different shingles, so that many documents are alike.
            sets in proptest::collection::vec(proptest::collection::vec(0..12_u64, 1..12), 1..30),
            max_memory in prop_oneof![0..2000_u64, Just(1 << 20)],
            backwards: bool,
        ) {
            let config = MinHashConfig { rows: 2.try_into().unwrap(), ..MinHashConfig::default() };
            let minhash = MinHash::new(&config).unwrap();
            let signatures: Vec<_> = sets.iter().map(|set| minhash.signature_of(set).unwrap()).collect();
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = BandSorter::new(folder.path(), max_memory);
            let mut numbered: Vec<_> = (0..).zip(&signatures).collect();
            if backwards {
                numbered.reverse();
            }
            for (number, signature) in numbered {
                sorter.add(number, signature).unwrap();
            }
            let candidates = sorter.into_candidates().unwrap();
            let mut pairs: Vec<_> = candidates.map(Result::unwrap).collect();
            pairs.sort_unstable();
            prop_assert_eq!(pairs, in_memory(&signatures));
            prop_assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }
    }

    #[test]
    fn equal_texts() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = TextSorter::new(folder.path(), 40);
        for (number, text) in (0..).zip(["a", "b", "a", "A", "b ", "a", "b"]) {
            sorter.add(number, text).unwrap();
        }
        let candidates = sorter.into_candidates().unwrap();
        let mut pairs: Vec<_> = candidates.map(Result::unwrap).collect();
        pairs.sort_unstable();
        assert_eq!(pairs, [(0, 2), (1, 6), (2, 5)]);
    }
}
