//! JSON Lines: an object a line.

use std::path::{Path, PathBuf};

use kiln_text::{Document, Error};

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::input::Lines;
use crate::object::object_document;
use crate::record::{Fields, Place};

pub(crate) struct JsonlReader {
    lines: Lines,
    name: String,
    path: PathBuf,
    fields: Fields,
}

impl JsonlReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (offset, number): (u64, u64),
    ) -> Result<Self, Error> {
        Ok(Self {
            lines: Lines::open(path, fields.encoding, offset, number)?,
            name: name.to_owned(),
            path: path.to_owned(),
            fields: fields.clone(),
        })
    }
}

impl Reader for JsonlReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while let Some(line) = self.lines.next_line()? {
            if line.text.trim().is_empty() {
                continue;
            }
            let place = Place {
                path: &self.path,
                name: &self.name,
                line: line.number,
                record: None,
                offset: line.offset,
            };
            let document = object_document(line.text, &self.fields, place, skipped)
                .map_err(|error| Refusal::record(error, line.text.as_bytes()))?;
            if document.is_some() {
                return Ok(document);
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        self.lines.place()
    }
}
