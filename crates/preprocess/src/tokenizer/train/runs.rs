//! Counted words on disk: sorted runs in files without a name, which are gone when their owner is, however it ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};

use kiln_text::Position;

use crate::Error;

/// Bytes of a file that are read or written at once.
const BUFFER: usize = 1 << 16;

/// As many runs are merged into one, so that there are never more files open.
pub(crate) const RUNS_LIMIT: usize = 64;

/// Distinct words in the order of their bytes, each with its count.
pub(crate) struct Run {
    file: File,
}

fn failure(error: &io::Error) -> Error {
    let problem = format!("cannot keep counted words in the temporary folder: {error}");
    kiln_text::Error::failure(std::env::temp_dir(), Position::Whole, problem).into()
}

impl Run {
    /// Write sorted words down.
    pub(crate) fn write<'a>(words: impl Iterator<Item = (&'a str, u64)>) -> Result<Self, Error> {
        let mut writer = RunWriter::new()?;
        for (word, count) in words {
            writer.push(word.as_bytes(), count)?;
        }
        writer.finish()
    }

    /// One run of several, the counts of equal words added up.
    pub(crate) fn merge(mut runs: Vec<Self>) -> Result<Self, Error> {
        let mut readers = Vec::with_capacity(runs.len());
        for run in &mut runs {
            readers.push(run.reader()?);
        }
        let mut heads = BinaryHeap::new();
        for (place, reader) in readers.iter_mut().enumerate() {
            if let Some(count) = reader.next()? {
                heads.push(Reverse((std::mem::take(&mut reader.word), place, count)));
            }
        }
        let mut writer = RunWriter::new()?;
        let mut current: Option<(Vec<u8>, u64)> = None;
        while let Some(Reverse((word, place, count))) = heads.pop() {
            let spare = match &mut current {
                Some((same, total)) if *same == word => {
                    *total += count;
                    word
                }
                _ => match current.replace((word, count)) {
                    Some((done, total)) => {
                        writer.push(&done, total)?;
                        done
                    }
                    None => Vec::new(),
                },
            };
            let reader = &mut readers[place];
            reader.word = spare;
            if let Some(count) = reader.next()? {
                heads.push(Reverse((std::mem::take(&mut reader.word), place, count)));
            }
        }
        if let Some((word, total)) = current {
            writer.push(&word, total)?;
        }
        writer.finish()
    }

    /// Each word with its count, in order.
    pub(crate) fn each(&mut self, take: &mut dyn FnMut(&str, u64)) -> Result<(), Error> {
        let mut reader = self.reader()?;
        while let Some(count) = reader.next()? {
            let word = std::str::from_utf8(&reader.word)
                .map_err(|error| failure(&io::Error::other(error)))?;
            take(word, count);
        }
        Ok(())
    }

    fn reader(&mut self) -> Result<RunReader<'_>, Error> {
        self.file.rewind().map_err(|error| failure(&error))?;
        Ok(RunReader {
            file: BufReader::with_capacity(BUFFER, &self.file),
            word: Vec::new(),
        })
    }
}

struct RunWriter {
    file: BufWriter<File>,
}

impl RunWriter {
    fn new() -> Result<Self, Error> {
        let file = tempfile::tempfile().map_err(|error| failure(&error))?;
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, file),
        })
    }

    fn push(&mut self, word: &[u8], count: u64) -> Result<(), Error> {
        self.number(word.len() as u64)
            .and_then(|()| self.file.write_all(word))
            .and_then(|()| self.number(count))
            .map_err(|error| failure(&error))
    }

    /// A number in groups of seven bits, the least first.
    fn number(&mut self, mut number: u64) -> io::Result<()> {
        while number >= 0x80 {
            self.file.write_all(&[number as u8 | 0x80])?;
            number >>= 7;
        }
        self.file.write_all(&[number as u8])
    }

    fn finish(self) -> Result<Run, Error> {
        let file = self
            .file
            .into_inner()
            .map_err(|error| failure(error.error()))?;
        Ok(Run { file })
    }
}

struct RunReader<'a> {
    file: BufReader<&'a File>,
    /// The word that was read last.
    word: Vec<u8>,
}

impl RunReader<'_> {
    /// Read a word; its count, or `None` at the end.
    fn next(&mut self) -> Result<Option<u64>, Error> {
        self.read().map_err(|error| failure(&error))
    }

    fn read(&mut self) -> io::Result<Option<u64>> {
        if self.file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let length = self.number()?;
        self.word.clear();
        let read = (&mut self.file).take(length).read_to_end(&mut self.word)?;
        if (read as u64) < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.number().map(Some)
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            number |= u64::from(byte[0] & 0x7F) << shift;
            if byte[0] < 0x80 {
                break;
            }
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn merged_runs_are_the_sums(
            runs in proptest::collection::vec(proptest::collection::btree_map("[abé]{0,3}", 1u64..u64::MAX / 16, 0..12), 0..6)
        ) {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            let mut written = Vec::new();
            for run in &runs {
                written.push(Run::write(run.iter().map(|(word, count)| (word.as_str(), *count))).unwrap());
                for (word, count) in run {
                    *expected.entry(word.clone()).or_default() += count;
                }
            }
            let mut merged = Run::merge(written).unwrap();
            for _ in 0..2 {
                let mut found = Vec::new();
                merged.each(&mut |word, count| found.push((word.to_owned(), count))).unwrap();
                prop_assert_eq!(&found, &expected.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
