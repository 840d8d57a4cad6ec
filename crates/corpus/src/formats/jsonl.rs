//! JSON Lines: an object a line.

use std::path::{Path, PathBuf};

use kiln_text::{Document, Error};
use serde_json::{Map, Value};

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::input::Lines;
use crate::record::{self, Fields, Place};

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

/// What serde_json has to say, without the line that it counts in our single line.
pub(crate) fn json_problem(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let said = whole.split(" at line ").next().unwrap_or(&whole);
    format!("{said} at column {}", error.column())
}

/// The document of an object as it is written.
pub(super) fn parse(
    text: &str,
    fields: &Fields,
    place: Place,
    skipped: &mut Skipped,
) -> Result<Option<Document>, Error> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        place.mistake(format!("is not a JSON object: {}", json_problem(&error)))
    })?;
    record::object_document(&object, fields, place, skipped)
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
            let document = parse(line.text, &self.fields, place, skipped)
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
