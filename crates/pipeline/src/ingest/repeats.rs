//! Which parts of the documents that stay stand elsewhere too: decided once over all of them, and stored, so that the
//! decision survives an interruption.
//!
//! The file is a zstd stream. Of each document that something goes from it has the distance of its number from the one
//! before, how many ranges go, and of each range the distance from the end of the one before and the length: unsigned
//! LEB128 all of them. It is put in place whole.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use kiln_corpus::duplicates::{
    DocumentRanges, EndedPass, FoundRepeats, RepeatSearch, RepeatsConfig,
};
use kiln_run::{Progress, StopFlag, Unit, atomic::StagedFile};
use kiln_text::Source;

use crate::Error;
use crate::ingest::draft::StoredDraft;
use crate::ingest::resolve::{Resolved, sorting_folder};
use crate::stage::UNFINISHED;

const STRUCK: &str = "struck.zst";

/// What is needed to decide.
pub(super) struct RepeatsDecision<'a> {
    pub(super) folder: &'a Path,
    pub(super) drafts: usize,
    pub(super) config: &'a RepeatsConfig,
    /// Whether documents of which another stays are looked at.
    pub(super) with_copies: bool,
    pub(super) max_memory: u64,
    pub(super) progress: &'a dyn Progress,
    pub(super) stop: &'a StopFlag,
}

impl RepeatsDecision<'_> {
    /// Decide, if that was not done before an interruption.
    pub(super) fn run(&self, resolved: &Resolved) -> Result<(), Error> {
        let records = self.folder.join(UNFINISHED);
        let path = records.join(STRUCK);
        if path.exists() {
            return Ok(());
        }
        let sorting = sorting_folder(&records)?;
        self.progress.begin("repeats", None, Unit::Documents);
        let mut search = RepeatSearch::new(self.config, &sorting, self.max_memory)?;
        let mut done = 0;
        let found = loop {
            self.pass(resolved, &mut search, &mut done)?;
            match search.end_pass()? {
                EndedPass::Again(again) => search = again,
                EndedPass::Found(found) => break found,
            }
        };
        self.store(found, &path)?;
        self.progress.end();
        Ok(())
    }

    /// Look at all documents in their order.
    fn pass(
        &self,
        resolved: &Resolved,
        search: &mut RepeatSearch,
        done: &mut u64,
    ) -> Result<(), Error> {
        let mut number = 0;
        for draft in 0..self.drafts {
            let mut documents = StoredDraft::new(self.folder, draft).documents();
            while let Some(document) = documents.next_document()? {
                if self.stop.requested() {
                    return Err(Error::Interrupted);
                }
                if self.with_copies || resolved.copy_of(number).is_none() {
                    search.add(number, &document.text)?;
                }
                number += 1;
                *done += 1;
                self.progress.advance(*done);
            }
        }
        Ok(())
    }

    fn store(&self, found: FoundRepeats, path: &Path) -> Result<(), Error> {
        let failed = |error| Error::from(kiln_run::Error::io(path, error));
        let file = StagedFile::new(path)?;
        let mut out = zstd::Encoder::new(file, 0).map_err(failed)?;
        out.include_checksum(true).map_err(failed)?;
        let mut before = 0;
        for one in found {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let (number, ranges) = one?;
            write_document(&mut out, number - before, &ranges).map_err(failed)?;
            before = number;
        }
        Ok(out.finish().map_err(failed)?.commit()?)
    }
}

fn write_document(
    out: &mut impl Write,
    distance: u64,
    ranges: &[Range<usize>],
) -> std::io::Result<()> {
    write_number(out, distance)?;
    write_number(out, ranges.len() as u64)?;
    let mut end = 0;
    for range in ranges {
        write_number(out, (range.start - end) as u64)?;
        write_number(out, range.len() as u64)?;
        end = range.end;
    }
    Ok(())
}

/// Seven bits a byte, the lowest first; all bytes but the last have the eighth.
fn write_number(out: &mut impl Write, mut number: u64) -> std::io::Result<()> {
    while number >= 0x80 {
        out.write_all(&[number as u8 | 0x80])?;
        number >>= 7;
    }
    out.write_all(&[number as u8])
}

/// The stored decision, read from its beginning on.
pub(super) struct Struck {
    path: PathBuf,
    input: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    next: Option<DocumentRanges>,
}

/// What goes from some documents in a row; by default nothing.
#[derive(Default)]
pub(super) struct Strikes {
    path: PathBuf,
    documents: VecDeque<DocumentRanges>,
}

impl Struck {
    /// What was decided for the corpus in `folder`.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(UNFINISHED).join(STRUCK);
        let failed = |error| Error::from(kiln_run::Error::io(&path, error));
        let file = File::open(&path).map_err(failed)?;
        let input = BufReader::new(zstd::Decoder::new(file).map_err(failed)?);
        let mut struck = Self {
            path,
            input,
            next: None,
        };
        struck.read(0)?;
        Ok(struck)
    }

    /// What goes from the documents with these numbers, which are behind all that were asked for.
    pub(super) fn of(&mut self, numbers: Range<u64>) -> Result<Strikes, Error> {
        let mut documents = VecDeque::new();
        while let Some((number, ranges)) = self.next.take() {
            if number >= numbers.end {
                self.next = Some((number, ranges));
                break;
            }
            self.read(number)?;
            if number >= numbers.start {
                documents.push_back((number, ranges));
            }
        }
        Ok(Strikes {
            path: self.path.clone(),
            documents,
        })
    }

    /// The next document; `before` is the one before it.
    fn read(&mut self, before: u64) -> Result<(), Error> {
        let read = read_document(&mut self.input, before);
        self.next = read.map_err(|error| damaged(&self.path, &error.to_string()))?;
        Ok(())
    }
}

impl Strikes {
    /// What goes from a document, which is behind all that were asked for.
    pub(super) fn of(&mut self, document: u64) -> Option<Vec<Range<usize>>> {
        let (_, ranges) = self
            .documents
            .pop_front_if(|(number, _)| *number == document)?;
        Some(ranges)
    }

    /// A text without `ranges`.
    pub(super) fn strike(&self, text: &str, ranges: &[Range<usize>]) -> Result<String, Error> {
        let outside = |range: &Range<usize>| text.get(range.clone()).is_none();
        if ranges.iter().any(outside) {
            return Err(damaged(&self.path, "it does not fit the documents"));
        }
        Ok(kiln_corpus::duplicates::without_ranges(text, ranges))
    }
}

fn damaged(path: &Path, problem: &str) -> Error {
    let advice = format!("{problem}; remove the folder and ingest again");
    kiln_run::Error::damaged(path, advice).into()
}

/// A document and what goes from it; nothing at the end.
fn read_document(input: &mut impl Read, before: u64) -> std::io::Result<Option<DocumentRanges>> {
    let too_great = || std::io::Error::other("a number is too great");
    let Some(distance) = read_number(input)? else {
        return Ok(None);
    };
    let document = before.checked_add(distance).ok_or_else(too_great)?;
    let mut next = || -> std::io::Result<usize> {
        let number = read_number(input)?.ok_or(ErrorKind::UnexpectedEof)?;
        usize::try_from(number).map_err(|_| too_great())
    };
    let count = next()?;
    let (mut ranges, mut end) = (Vec::new(), 0_usize);
    for _ in 0..count {
        let start = end.checked_add(next()?).ok_or_else(too_great)?;
        end = start.checked_add(next()?).ok_or_else(too_great)?;
        ranges.push(start..end);
    }
    Ok(Some((document, ranges)))
}

/// Nothing if the input has ended.
fn read_number(input: &mut impl Read) -> std::io::Result<Option<u64>> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        // Not by the kind of an error: a stream that is cut short gives the one that an ended input does.
        let read = loop {
            match input.read(&mut byte) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if read == 0 {
            return match shift {
                0 => Ok(None),
                _ => Err(ErrorKind::UnexpectedEof.into()),
            };
        }
        number |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(Some(number));
        }
    }
    Err(std::io::Error::other("a number is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back() {
        for number in [0, 1, 127, 128, 300, 1 << 32, u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            write_number(&mut bytes, number).unwrap();
            assert_eq!(read_number(&mut bytes.as_slice()).unwrap(), Some(number));
            bytes.pop();
            if bytes.is_empty() {
                assert_eq!(read_number(&mut bytes.as_slice()).unwrap(), None);
            } else {
                assert!(read_number(&mut bytes.as_slice()).is_err());
            }
        }
        assert_eq!(
            read_number(&mut [0xac, 0x02].as_slice()).unwrap(),
            Some(300)
        );
        assert!(read_number(&mut [0xff; 11].as_slice()).is_err());
    }

    #[test]
    fn documents_are_read_back() {
        let documents = [(3, vec![0..5, 5..9, 200..1000]), (3000, vec![7..8, 8..10])];
        let mut bytes = Vec::new();
        write_document(&mut bytes, 3, &documents[0].1).unwrap();
        write_document(&mut bytes, 2997, &documents[1].1).unwrap();
        let mut input = bytes.as_slice();
        let first = read_document(&mut input, 0).unwrap();
        assert_eq!(first.as_ref(), Some(&documents[0]));
        let second = read_document(&mut input, 3).unwrap();
        assert_eq!(second.as_ref(), Some(&documents[1]));
        assert_eq!(read_document(&mut input, 3000).unwrap(), None);
        // Cut within a document, or with numbers that no text has.
        let mut input = &bytes[..4];
        assert!(read_document(&mut input, 0).is_err());
        let mut huge = Vec::new();
        for number in [1, 1, u64::MAX, 2] {
            write_number(&mut huge, number).unwrap();
        }
        assert!(read_document(&mut huge.as_slice(), 0).is_err());
    }
}
