//! The documents of earlier runs, so that new ones are compared with them: their bands, sorted, and their ids.
//!
//! The file begins with a line of JSON (format, version, the configuration, how many documents and entries), then has
//! the entries as [`super::BandSorter`] sorts them (hash high, hash low, number of the document; eight bytes each, the
//! lowest first), then the ids in the order of their numbers, each a JSON text on a line of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kiln_text::{Error, Position};
use serde::{Deserialize, Serialize};

use super::candidates::{BandSorter, Candidates};
use super::config::MinHashConfig;
use super::sorting::write_record;

const FORMAT: &str = "kiln duplicates index";
const VERSION: u32 = 1;
/// No header that was written is longer.
const LONGEST_HEADER: u64 = 4096;
const ENTRY_BYTES: u64 = 24;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    config: MinHashConfig,
    documents: u64,
    entries: u64,
}

/// An index that lies in a file.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    header: Header,
    header_bytes: u64,
}

impl Index {
    /// Write the documents of a sorter, and those of the indexes that were added to it, to one new index. The ids are
    /// those of the documents 0, 1, 2, ... without a gap, also of documents that had no signature; after
    /// [`BandSorter::add_index`] they begin with the ids of that index. The file appears when it is complete.
    ///
    /// # Errors
    /// The disk is full or fails, or an id could not be read.
    pub fn write(
        path: &Path,
        config: &MinHashConfig,
        sorter: BandSorter,
        ids: impl IntoIterator<Item = Result<String, Error>>,
    ) -> Result<Self, Error> {
        let io = |error: std::io::Error| Error::io(path, &error);
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // The header stands first and says how many ids there are, which are read last.
        let mut id_lines = BufWriter::new(tempfile::tempfile_in(folder).map_err(io)?);
        let mut documents = 0;
        for id in ids {
            serde_json::to_writer(&mut id_lines, &id?).map_err(|error| io(error.into()))?;
            id_lines.write_all(b"\n").map_err(io)?;
            documents += 1;
        }
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            config: MinHashConfig {
                against: Vec::new(),
                ..config.clone()
            },
            documents,
            entries: sorter.entries(),
        };
        let mut line = serde_json::to_vec(&header).map_err(|error| io(error.into()))?;
        line.push(b'\n');
        let whole = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        let mut out = BufWriter::new(whole);
        out.write_all(&line).map_err(io)?;
        let mut sorted = sorter.sorted()?;
        while let Some(entry) = sorted.next_record()? {
            write_record(&mut out, &entry).map_err(io)?;
        }
        let mut id_lines = id_lines
            .into_inner()
            .map_err(|error| io(error.into_error()))?;
        id_lines.seek(SeekFrom::Start(0)).map_err(io)?;
        std::io::copy(&mut id_lines, &mut out).map_err(io)?;
        let whole = out.into_inner().map_err(|error| io(error.into_error()))?;
        whole.as_file().sync_all().map_err(io)?;
        whole.persist(path).map_err(|error| io(error.error))?;
        Ok(Self {
            path: path.to_owned(),
            header,
            header_bytes: line.len() as u64,
        })
    }

    /// Open an index to compare with documents whose signatures are made with this configuration.
    ///
    /// # Errors
    /// The file is missing, is no index, is truncated, or was made with other signatures.
    pub fn open(path: &Path, config: &MinHashConfig) -> Result<Self, Error> {
        let io = |error: std::io::Error| Error::io(path, &error);
        let mistake = |problem: String| Err(Error::mistake(path, Position::Line(1), problem));
        let file = File::open(path).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let mut line = Vec::new();
        BufReader::new(file)
            .take(LONGEST_HEADER)
            .read_until(b'\n', &mut line)
            .map_err(io)?;
        let header: Header = match serde_json::from_slice(&line) {
            Ok(header) => header,
            Err(error) => {
                return mistake(format!(
                    "is not the header of an index of duplicates ({error}); give the file that an earlier run wrote"
                ));
            }
        };
        if header.format != FORMAT || header.version != VERSION {
            return mistake(format!(
                "is `{}` of version {}; expected `{FORMAT}` of version {VERSION}",
                header.format, header.version
            ));
        }
        if !same_signatures(&header.config, config) {
            return mistake(
                "was made with other signatures; give n_grams, buckets, rows, words, hash and seed as they were then"
                    .to_owned(),
            );
        }
        let header_bytes = line.len() as u64;
        let entry_bytes = header.entries.checked_mul(ENTRY_BYTES);
        // Every id is a line of at least three bytes.
        let id_bytes = header.documents.checked_mul(3);
        let least = entry_bytes
            .zip(id_bytes)
            .and_then(|(entries, ids)| header_bytes.checked_add(entries)?.checked_add(ids));
        if least.is_none_or(|least| bytes < least) {
            return mistake(format!(
                "promises {} entries and {} ids, but the file ends after {bytes} bytes; copy it again",
                header.entries, header.documents
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            header,
            header_bytes,
        })
    }

    /// How many documents it knows: their numbers are below this, those of new documents begin here.
    pub fn documents(&self) -> u64 {
        self.header.documents
    }

    /// The pairs among its documents.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn candidates(&self) -> Result<Candidates, Error> {
        let mut sorter = BandSorter::new(Path::new("."), 0);
        sorter.add_index(self);
        sorter.into_candidates()
    }

    /// The ids of its documents, in the order of their numbers.
    ///
    /// # Errors
    /// The file cannot be read; then, of an item, that it is damaged.
    pub fn ids(&self) -> Result<impl Iterator<Item = Result<String, Error>> + '_, Error> {
        let io = |error: std::io::Error| Error::io(&self.path, &error);
        let (path, offset, entries) = self.entries();
        let start = offset + entries * ENTRY_BYTES;
        let mut file = File::open(path).map_err(io)?;
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        let mut lines = BufReader::new(file);
        let (mut left, mut at) = (self.header.documents, start);
        Ok(std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            left -= 1;
            let mut line = Vec::new();
            if let Err(error) = lines.read_until(b'\n', &mut line) {
                return Some(Err(io(error)));
            }
            let id = serde_json::from_slice(&line).map_err(|error| {
                let problem = format!("is no id ({error}); copy the index again");
                Error::mistake(&self.path, Position::Byte(at), problem)
            });
            at += line.len() as u64;
            Some(id)
        }))
    }

    /// Where its entries lie: the file, the first byte, how many.
    pub(crate) fn entries(&self) -> (&Path, u64, u64) {
        (&self.path, self.header_bytes, self.header.entries)
    }
}

/// Neither which copy is kept nor what else is compared with matters to a signature.
fn same_signatures(one: &MinHashConfig, other: &MinHashConfig) -> bool {
    *one == MinHashConfig {
        keep: one.keep,
        against: one.against.clone(),
        ..other.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::{Keep, MinHash};

    const TEXTS: [&str; 5] = [
        "one two three four five six seven",
        "too short",
        "eight nine ten eleven twelve thirteen",
        "One, two, three, four, five, six, seven!",
        "eight nine ten eleven twelve thirteen",
    ];

    fn ids(range: std::ops::Range<usize>) -> Vec<Result<String, Error>> {
        range.map(|n| Ok(format!("a \"file\"\n#{n}"))).collect()
    }

    #[test]
    fn new_against_old() {
        let folder = tempfile::tempdir().unwrap();
        let config = MinHashConfig::default();
        let minhash = MinHash::new(&config).unwrap();
        let sorter = |documents: std::ops::Range<usize>| {
            let mut sorter = BandSorter::new(folder.path(), 100);
            for number in documents {
                if let Some(signature) = minhash.signature(TEXTS[number]) {
                    sorter.add(number as u64, &signature).unwrap();
                }
            }
            sorter
        };
        let pairs = |index: &Index| {
            let mut pairs: Vec<_> = index.candidates().unwrap().map(Result::unwrap).collect();
            pairs.dedup();
            pairs.sort_unstable();
            pairs.dedup();
            pairs
        };
        let path = folder.path().join("old.index");
        let old = Index::write(&path, &config, sorter(0..3), ids(0..3)).unwrap();
        assert_eq!((old.documents(), pairs(&old)), (3, vec![]));

        let other_keep = MinHashConfig {
            keep: Keep::First,
            against: vec!["elsewhere".to_owned()],
            ..config.clone()
        };
        let old = Index::open(&path, &other_keep).unwrap();
        let mut new = sorter(3..5);
        new.add_index(&old);
        let all_ids = old.ids().unwrap().chain(ids(3..5));
        let both = Index::write(&folder.path().join("both.index"), &config, new, all_ids).unwrap();
        assert_eq!((both.documents(), pairs(&both)), (5, vec![(0, 3), (2, 4)]));
        let read: Vec<_> = both.ids().unwrap().map(Result::unwrap).collect();
        assert_eq!(
            read,
            ids(0..5)
                .into_iter()
                .map(Result::unwrap)
                .collect::<Vec<_>>()
        );

        // All at once gives the same file.
        let whole = Index::write(
            &folder.path().join("whole.index"),
            &config,
            sorter(0..5),
            ids(0..5),
        );
        assert_eq!(whole.unwrap().header, both.header);
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("whole.index"), read("both.index"));
        // Nothing but the three is left.
        assert_eq!(folder.path().read_dir().unwrap().count(), 3);
    }

    #[test]
    fn files_that_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let config = MinHashConfig::default();
        let path = folder.path().join("index");
        let sorter = || {
            let mut sorter = BandSorter::new(folder.path(), 1 << 20);
            let signature = MinHash::new(&config).unwrap().signature(TEXTS[0]).unwrap();
            sorter.add(0, &signature).unwrap();
            sorter
        };
        Index::write(&path, &config, sorter(), ids(0..1)).unwrap();
        let good = std::fs::read(&path).unwrap();
        let check = |bytes: &[u8], config: &MinHashConfig, expected: &str| {
            std::fs::write(&path, bytes).unwrap();
            let error = Index::open(&path, config).unwrap_err();
            assert!(error.is_mistake());
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(b"", &config, "is not the header");
        check(b"hello\n", &config, "is not the header");
        check(&good[..good.len() - 20], &config, "the file ends after");
        let text = String::from_utf8_lossy(&good[..good.len() - 20]);
        let huge = text.replace("\"entries\":14", "\"entries\":18446744073709551615");
        check(huge.as_bytes(), &config, "the file ends after");
        let later = text.replace("\"version\":1", "\"version\":2");
        check(later.as_bytes(), &config, "of version 2; expected");
        let seed = MinHashConfig {
            seed: 2,
            ..config.clone()
        };
        check(&good, &seed, "was made with other signatures");
        std::fs::write(&path, &good).unwrap();
        let mut cut = good.clone();
        let at = cut.len() - 2;
        cut[at] = b'x';
        std::fs::write(&path, &cut).unwrap();
        let index = Index::open(&path, &config).unwrap();
        let damaged = index.ids().unwrap().next().unwrap();
        let error = damaged.unwrap_err();
        assert!(error.to_string().contains("is no id"), "{error}");
    }
}
