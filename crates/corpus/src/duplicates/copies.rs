//! The search for copies among documents that are seen one at a time: each leaves a mark of fixed length, and the marks of
//! all are compared.

use std::path::Path;

use kiln_text::{Document, Error};
use rayon::prelude::*;

use super::candidates::{Candidates, Entry, band_hash, halves};
use super::clusters::Clusters;
use super::config::{DuplicatesConfig, Keep, MinHashConfig};
use super::exact::text_hash;
use super::minhash::{MinHash, Signature};
use super::sorting::Sorter;

/// Marks that one thread takes at a time.
const GROUP: usize = 64;

/// Makes marks. Pure: the same document has the same mark wherever and whenever it is made.
#[derive(Clone, Debug)]
pub struct Marker {
    kind: Kind,
    keep: Keep,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The signature; zeros where the text is too short for one.
    MinHash(Box<MinHash>),
    /// The hash of the text.
    Exact,
}

impl Marker {
    /// For this kind of copies.
    ///
    /// # Errors
    /// More hash functions than there can be.
    pub fn new(config: &DuplicatesConfig) -> Result<Self, crate::Error> {
        match config {
            DuplicatesConfig::Minhash(config) => Self::near(config),
            DuplicatesConfig::Exact(config) => Ok(Self {
                kind: Kind::Exact,
                keep: config.keep,
            }),
        }
    }

    /// For near copies.
    ///
    /// # Errors
    /// More hash functions than there can be.
    pub fn near(config: &MinHashConfig) -> Result<Self, crate::Error> {
        Ok(Self {
            kind: Kind::MinHash(Box::new(MinHash::new(config)?)),
            keep: config.keep,
        })
    }

    /// Which of several copies stays.
    pub fn keep(&self) -> Keep {
        self.keep
    }

    /// Bytes of every mark.
    pub fn mark_bytes(&self) -> usize {
        match &self.kind {
            Kind::MinHash(minhash) => {
                let config = minhash.config();
                8 * usize::from(config.buckets.get()) * usize::from(config.rows.get())
            }
            Kind::Exact => 16,
        }
    }

    /// The mark of a document.
    pub fn mark(&self, document: &Document) -> Vec<u8> {
        match &self.kind {
            Kind::MinHash(minhash) => match minhash.signature(&document.text) {
                Some(signature) => signature.to_bytes(),
                None => vec![0; self.mark_bytes()],
            },
            Kind::Exact => text_hash(&document.text).to_le_bytes().to_vec(),
        }
    }

    /// What a document of this mark may agree in with others.
    fn entries(&self, number: u64, mark: &[u8], entries: &mut Vec<Entry>) {
        match &self.kind {
            Kind::MinHash(minhash) => {
                let without = mark.iter().all(|&byte| byte == 0);
                let signature = Signature::from_bytes(mark, minhash.config());
                let Some(signature) = signature.filter(|_| !without) else {
                    return;
                };
                let mut bytes = Vec::new();
                for (bucket, band) in (0..).zip(signature.bands()) {
                    let [high, low] = band_hash(bucket, band, &mut bytes);
                    entries.push([high, low, number]);
                }
            }
            Kind::Exact => {
                let mut hash = [0; 16];
                let length = mark.len().min(16);
                hash[..length].copy_from_slice(&mark[..length]);
                let [high, low] = halves(u128::from_le_bytes(hash));
                entries.push([high, low, number]);
            }
        }
    }

    /// What the similarity of two documents is computed from; nothing where copies are equal.
    pub fn shingles(&self, text: &str) -> Vec<u64> {
        match &self.kind {
            Kind::MinHash(minhash) => minhash.shingles(text),
            Kind::Exact => Vec::new(),
        }
    }
}

/// Compares marks. Documents are numbered from 0 in the order in which their marks come.
pub struct CopySearch<'a> {
    marker: &'a Marker,
    sorter: Sorter<3>,
    documents: u64,
}

impl<'a> CopySearch<'a> {
    /// Hold at most `max_memory` bytes of records; what is more lies in `folder` until this is dropped. Beside it the result
    /// grows with the documents, by 8 bytes each.
    pub fn new(marker: &'a Marker, folder: &Path, max_memory: u64) -> Self {
        Self {
            marker,
            sorter: Sorter::new(folder, max_memory),
            documents: 0,
        }
    }

    /// The mark of the next document.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn push(&mut self, mark: &[u8]) -> Result<(), Error> {
        self.push_all(mark).map(drop)
    }

    /// The marks of the next documents, one behind the other. Says how many documents there are now.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn push_all(&mut self, marks: &[u8]) -> Result<u64, Error> {
        let length = self.marker.mark_bytes().max(1);
        let marker = self.marker;
        let entries = |(index, group): (usize, &[u8])| {
            let first = self.documents + (index * GROUP) as u64;
            let mut entries = Vec::new();
            for (number, mark) in (first..).zip(group.chunks_exact(length)) {
                marker.entries(number, mark, &mut entries);
            }
            entries
        };
        let groups = marks.par_chunks(GROUP * length).enumerate();
        let groups: Vec<Vec<Entry>> = groups.map(entries).collect();
        for entry in groups.into_iter().flatten() {
            self.sorter.add(entry)?;
        }
        self.documents += (marks.len() / length) as u64;
        Ok(self.documents)
    }

    /// The documents that are copies of each other.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn finish(self) -> Result<Clusters, Error> {
        let mut clusters = Clusters::new();
        for pair in Candidates::new(self.sorter)? {
            let (one, other) = pair?;
            clusters.join(one, other);
        }
        Ok(clusters)
    }
}

#[cfg(test)]
mod tests {
    use kiln_text::Provenance;

    use super::*;

    const FOX: &str = "The quick brown fox jumps over the lazy dog and runs away from it.";

    fn clusters(config: &str, texts: &[&str]) -> Vec<Vec<u64>> {
        let config: DuplicatesConfig = toml::from_str(config).unwrap();
        let marker = Marker::new(&config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut search = CopySearch::new(&marker, folder.path(), 1 << 16);
        for text in texts {
            let mark = marker.mark(&Document::new("x", *text, Provenance::default()));
            assert_eq!(mark.len(), marker.mark_bytes());
            search.push(&mark).unwrap();
        }
        search.finish().unwrap().sets()
    }

    #[test]
    fn copies_are_found_from_marks_alone() {
        let lower = FOX.to_lowercase();
        let texts = ["", FOX, "Too short.", &lower, "Too short.", "", FOX];
        assert_eq!(clusters("kind = \"minhash\"", &texts), [[1, 3, 6]]);
        assert_eq!(
            clusters("kind = \"exact\"", &texts),
            [[0, 5], [1, 6], [2, 4]]
        );
    }
}
