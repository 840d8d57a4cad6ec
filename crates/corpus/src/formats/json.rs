//! JSON objects with named fields: in one array, alone, or one after another. One object is held at a time.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use kiln_text::{Document, Error, Position};

use super::Reader;
use super::jsonl::parse;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::input::{Input, LONGEST_RECORD};
use crate::record::{Fields, Place};

pub(crate) struct JsonReader {
    input: Input,
    name: String,
    path: PathBuf,
    fields: Fields,
    /// The file is one array.
    array: bool,
    /// Objects passed.
    records: u64,
    /// The object being read.
    object: Vec<u8>,
}

impl JsonReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        place: (u64, u64),
    ) -> Result<Self, Error> {
        let mut input = Input::open(path, fields.encoding, 0)?;
        let array = next_byte(&mut input)? == Some(b'[');
        if array {
            input.consume(1);
        }
        if place.0 > input.offset() {
            input = Input::open(path, fields.encoding, place.0)?;
        }
        Ok(Self {
            input,
            name: name.to_owned(),
            path: path.to_owned(),
            fields: fields.clone(),
            array,
            records: place.1,
            object: Vec::new(),
        })
    }

    fn mistake(&self, problem: &str) -> Refusal {
        Error::mistake(&self.path, Position::Byte(self.input.offset()), problem).into()
    }

    /// Go to the beginning of the next object; `false` at the end.
    fn find_object(&mut self) -> Result<bool, Refusal> {
        loop {
            match (next_byte(&mut self.input)?, self.array) {
                (Some(b'{'), _) => return Ok(true),
                (Some(b','), true) => self.input.consume(1),
                (Some(b']'), true) => {
                    self.input.consume(1);
                    return match next_byte(&mut self.input)? {
                        None => Ok(false),
                        Some(_) => Err(self.mistake(
                            "something follows the end of the JSON array; \
                             write one array or objects one after another",
                        )),
                    };
                }
                (None, false) => return Ok(false),
                (None, true) => {
                    return Err(self.mistake("the file ends inside its JSON array; complete it"));
                }
                (Some(_), true) => {
                    return Err(self.mistake("expected a JSON object, `,` or `]` in the array"));
                }
                (Some(_), false) => {
                    return Err(self.mistake(
                        "expected a JSON object; the file is to hold objects one after another, or an array of them",
                    ));
                }
            }
        }
    }

    /// Read the object that begins here up to the brace that closes it.
    fn read_object(&mut self) -> Result<(), Refusal> {
        self.object.clear();
        let start = self.input.offset();
        let refuse = |path: &Path, problem: String| -> Refusal {
            Error::mistake(path, Position::Byte(start), problem).into()
        };
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        loop {
            let block = self.input.block()?;
            if block.is_empty() {
                let problem = "the JSON object that begins here is never closed; complete it";
                return Err(refuse(&self.path, problem.into()));
            }
            let mut taken = block.len();
            for (index, &byte) in block.iter().enumerate() {
                if in_string {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = true,
                        b'"' => in_string = false,
                        _ => {}
                    }
                    continue;
                }
                match byte {
                    b'"' => in_string = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            taken = index + 1;
                            break;
                        }
                    }
                    _ => {}
                }
            }
            self.object.extend_from_slice(&block[..taken]);
            self.input.consume(taken);
            if depth == 0 {
                return Ok(());
            }
            if self.object.len() > LONGEST_RECORD {
                let limit = LONGEST_RECORD >> 20;
                let problem = format!(
                    "a JSON object of more than {limit} MiB begins here; cut it, or look for a brace that is never closed"
                );
                return Err(refuse(&self.path, problem));
            }
        }
    }
}

/// The next byte that is not white space, not consumed.
fn next_byte(input: &mut Input) -> Result<Option<u8>, Error> {
    loop {
        let block = input.block()?;
        let blank = block
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
            .count();
        match block.get(blank).copied() {
            Some(byte) => {
                input.consume(blank);
                return Ok(Some(byte));
            }
            None if block.is_empty() => return Ok(None),
            None => input.consume(blank),
        }
    }
}

impl Reader for JsonReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while self.find_object()? {
            let offset = self.input.offset();
            self.read_object()?;
            self.records += 1;
            let place = Place {
                path: &self.path,
                name: &self.name,
                line: 0,
                record: Some(self.records),
                offset,
            };
            let document = std::str::from_utf8(&self.object)
                .map_err(|_| place.mistake("changed while it was read"))
                .and_then(|text| parse(text, &self.fields, place, skipped))
                .map_err(|error| Refusal::record(error, &self.object))?;
            if document.is_some() {
                return Ok(document);
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        (self.input.offset(), self.records)
    }
}
