//! Chunks of a corpus whose duplicates are not known yet: every document that its filters keep, with its mark, and the
//! ledger's lines as they are so far. They lie in the folder of what is unfinished and go away with it.

use std::io::Write;
use std::path::{Path, PathBuf};

use kiln_corpus::{ChunkWriter, DocumentReader, Part, StoredDocument};
use kiln_run::{DigestWriter, FileEntry, atomic::StagedFile};
use serde::Deserialize;

use crate::Error;
use crate::ingest::chunk::{Quarantine, Ready, Tally};
use crate::ingest::marks;
use crate::ledger::{self, LedgerWriter, for_each_line, split_name};
use crate::stage::UNFINISHED;

/// A draft is read twice and removed: there time counts for more than size.
const LEVEL: i32 = -1;

/// The files of a draft, without the folder that they lie in.
fn documents_name(number: usize) -> String {
    format!("documents-{number:05}.jsonl.zst")
}

fn lines_name(number: usize) -> String {
    format!("lines-{number:05}.jsonl.zst")
}

fn marks_name(number: usize) -> String {
    format!("marks-{number:05}.bin")
}

/// Where drafts lie in the folder of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drafts {
    /// Among what goes away when the corpus is finished.
    Unfinished,
    /// In the folder itself: a shard holds nothing else.
    Shard,
}

impl Drafts {
    fn name(self, file: &str) -> String {
        match self {
            Self::Unfinished => format!("{UNFINISHED}/{file}"),
            Self::Shard => file.to_owned(),
        }
    }
}

/// What a file of draft `from` of a shard is called as a file of draft `to` of a corpus in the making.
pub(super) fn renumbered(file: &str, from: usize, to: usize) -> Option<String> {
    let number = format!("{from:05}");
    let (what, ending) = file.split_once('-')?;
    let ending = ending.strip_prefix(&number)?;
    let file = format!("{what}-{to:05}{ending}");
    let of_draft = [documents_name(to), lines_name(to), marks_name(to)];
    Some(match of_draft.contains(&file) {
        true => Drafts::Unfinished.name(&file),
        false => file,
    })
}

/// Whether a file goes away when the corpus is finished.
pub(super) fn is_draft(file: &FileEntry) -> bool {
    file.name.starts_with(UNFINISHED)
}

/// A draft in the making.
pub(super) struct Draft {
    place: Drafts,
    number: usize,
    documents: ChunkWriter<DigestWriter<StagedFile>>,
    lines: LedgerWriter,
    marks: DigestWriter<StagedFile>,
    marks_path: PathBuf,
    /// Of the corpus already: nothing changes it.
    quarantine: Quarantine,
    tally: Tally,
}

impl Draft {
    pub(super) fn new(folder: &Path, place: Drafts, number: usize) -> Result<Self, Error> {
        let path = |file: String| folder.join(place.name(&file));
        let documents = path(documents_name(number));
        let file = DigestWriter::new(StagedFile::new(&documents)?);
        let marks_path = path(marks_name(number));
        Ok(Self {
            place,
            number,
            documents: ChunkWriter::with_level(file, documents, LEVEL)?,
            lines: LedgerWriter::with_level(&path(lines_name(number)), LEVEL)?,
            marks: DigestWriter::new(StagedFile::new(&marks_path)?),
            marks_path,
            quarantine: Quarantine::new(folder, number),
            tally: Tally::default(),
        })
    }

    /// The next document is kept; `line` is its line of the ledger.
    pub(super) fn keep(&mut self, document: &Ready, mark: &[u8], line: &[u8]) -> Result<(), Error> {
        self.tally.keep(document);
        self.documents.write_stored(document.line())?;
        self.marks
            .write_all(mark)
            .map_err(|error| kiln_run::Error::io(&self.marks_path, error))?;
        self.lines.write(line)
    }

    pub(super) fn quarantine(&mut self) -> &mut Quarantine {
        &mut self.quarantine
    }

    pub(super) fn leave_out(&mut self, reason: &str, line: &[u8]) -> Result<(), Error> {
        self.tally.leave_out(reason);
        self.lines.write(line)
    }

    pub(super) fn commit(self) -> Result<(Vec<FileEntry>, Tally), Error> {
        let name = |file: String| self.place.name(&file);
        let mut files = vec![
            ledger::commit(self.documents.finish()?, &name(documents_name(self.number)))?,
            ledger::commit(self.marks, &name(marks_name(self.number)))?,
            self.lines.commit(&name(lines_name(self.number)))?,
        ];
        files.extend(self.quarantine.commit()?);
        Ok((files, self.tally))
    }
}

/// A stored draft.
pub(super) struct StoredDraft<'a> {
    folder: &'a Path,
    number: usize,
}

/// What a later step needs of a line.
#[derive(Deserialize)]
struct Line<'a> {
    kept: bool,
    #[serde(borrow)]
    reason: Option<&'a str>,
    split: &'a str,
}

/// What a draft has for one document of the sources.
pub(super) enum Drafted<'a> {
    /// Its filters keep it; its line.
    Kept(Part, StoredDocument<'a>, &'a str),
    /// A filter dropped it, and its line says so.
    Dropped(&'a str, &'a str),
}

impl<'a> StoredDraft<'a> {
    pub(super) fn new(folder: &'a Path, number: usize) -> Self {
        Self { folder, number }
    }

    fn path(&self, file: String) -> PathBuf {
        self.folder.join(Drafts::Unfinished.name(&file))
    }

    /// The marks, `length` bytes each, in the order of the documents that are kept: many at a time.
    pub(super) fn for_each_marks(
        &self,
        length: usize,
        take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        marks::for_each_block(&self.path(marks_name(self.number)), length, take)
    }

    /// The documents that are kept.
    pub(super) fn documents(&self) -> DocumentReader {
        DocumentReader::new([self.path(documents_name(self.number))])
    }

    /// Every document of the sources in their order.
    pub(super) fn for_each(
        &self,
        mut take: impl FnMut(Drafted<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let path = self.path(lines_name(self.number));
        let damaged = |problem: &str| {
            let advice = format!("{problem}; remove the folder and ingest again");
            Error::from(kiln_run::Error::damaged(&path, advice))
        };
        let mut documents = self.documents();
        for_each_line(&path, |line| {
            let read: Line<'_> =
                serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
            if !read.kept {
                return take(Drafted::Dropped(read.reason.unwrap_or_default(), line));
            }
            let part = Part::ALL
                .into_iter()
                .find(|part| split_name(*part) == read.split)
                .ok_or_else(|| damaged("a line names no part of the split"))?;
            let document = documents
                .next_stored()?
                .ok_or_else(|| damaged("there are more lines than documents"))?;
            take(Drafted::Kept(part, document, line))
        })
    }
}
