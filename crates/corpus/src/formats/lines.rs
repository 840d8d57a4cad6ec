//! A document a line, as files with one class each often are (`rt-polarity.pos`, `rt-polarity.neg`).

use std::path::Path;

use kiln_text::{Document, Error, Provenance};

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::encoding::Encoding;
use crate::input::Lines;

pub(crate) struct LineReader {
    lines: Lines,
    name: String,
}

impl LineReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        encoding: Option<Encoding>,
        (offset, number): (u64, u64),
    ) -> Result<Self, Error> {
        Ok(Self {
            lines: Lines::open(path, encoding, offset, number)?,
            name: name.to_owned(),
        })
    }
}

impl Reader for LineReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while let Some(line) = self.lines.next_line()? {
            if line.text.trim().is_empty() {
                skipped.empty_text(&self.name, line.number);
                continue;
            }
            let id = format!("{}#{}", self.name, line.number);
            let place = Provenance::at(&self.name, line.offset);
            return Ok(Some(Document::new(id, line.text, place)));
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        self.lines.place()
    }
}
