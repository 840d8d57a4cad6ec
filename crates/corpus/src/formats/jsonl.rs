//! JSON Lines: an object a line.
//!
//! Lines are cut off one after another and taken apart many at a time on all cores; their documents, and what is wrong with
//! the broken ones, are given in the order of the lines, whatever the number of threads.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};

use kiln_text::{Document, Error};
use rayon::prelude::*;

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::input::{Line, Lines};
use crate::object::object_document;
use crate::record::{Fields, Place};

/// Bytes of lines that are taken apart together. What is longer is taken apart alone, without being copied.
const BLOCK: usize = 1 << 20;

/// Lines that one thread takes at the least.
const FEWEST: usize = 16;

pub(crate) struct JsonlReader {
    lines: Lines,
    objects: Objects,
    block: Block,
    /// What was taken apart and not yet given.
    ready: VecDeque<Item>,
    /// Behind what was given.
    place: (u64, u64),
}

/// What is needed to take a line apart.
struct Objects {
    name: String,
    path: PathBuf,
    fields: Fields,
}

/// Lines that are not taken apart yet.
#[derive(Default)]
struct Block {
    text: String,
    lines: Vec<Waiting>,
}

struct Waiting {
    number: u64,
    offset: u64,
    text: Range<usize>,
    /// Behind the line.
    place: (u64, u64),
}

/// What a line gives.
struct Item {
    outcome: Result<Option<Document>, Refusal>,
    /// What was left out, if anything was.
    skipped: Option<Box<Skipped>>,
    place: (u64, u64),
}

impl JsonlReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (offset, number): (u64, u64),
    ) -> Result<Self, Error> {
        let lines = Lines::open(path, fields.encoding, offset, number)?;
        Ok(Self {
            place: lines.place(),
            lines,
            objects: Objects {
                name: name.to_owned(),
                path: path.to_owned(),
                fields: fields.clone(),
            },
            block: Block::default(),
            ready: VecDeque::new(),
        })
    }

    /// Have something ready. Nothing is only at the end.
    fn read(&mut self) {
        let last = loop {
            let line = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break None,
                Err(refusal) => break Some(Err(refusal)),
            };
            if line.text.len() >= BLOCK {
                let mut skipped = Skipped::default();
                break Some(match self.objects.document(&line, &mut skipped) {
                    Ok(document) => Ok((document, skipped)),
                    Err(refusal) => Err(refusal),
                });
            }
            self.block.push(&line);
            let place = self.lines.place();
            if let Some(line) = self.block.lines.last_mut() {
                line.place = place;
            }
            if self.block.text.len() >= BLOCK {
                break None;
            }
        };
        self.ready.extend(self.block.take(&self.objects));
        let place = self.lines.place();
        self.ready.extend(last.map(|last| match last {
            Ok((document, skipped)) => Item::new(Ok(document), skipped, place),
            Err(refusal) => Item::new(Err(refusal), Skipped::default(), place),
        }));
    }
}

impl Block {
    fn push(&mut self, line: &Line<'_>) {
        let start = self.text.len();
        self.text.push_str(line.text);
        self.lines.push(Waiting {
            number: line.number,
            offset: line.offset,
            text: start..self.text.len(),
            place: (0, 0),
        });
    }

    /// Take all lines apart.
    fn take(&mut self, objects: &Objects) -> Vec<Item> {
        let text = &self.text;
        let lines = self.lines.par_drain(..).with_min_len(FEWEST);
        let items = lines.map(|waiting| {
            let line = Line {
                number: waiting.number,
                offset: waiting.offset,
                text: &text[waiting.text],
            };
            let mut skipped = Skipped::default();
            let outcome = objects.document(&line, &mut skipped);
            Item::new(outcome, skipped, waiting.place)
        });
        let items = items.collect();
        self.text.clear();
        items
    }
}

impl Item {
    fn new(
        outcome: Result<Option<Document>, Refusal>,
        skipped: Skipped,
        place: (u64, u64),
    ) -> Self {
        Self {
            outcome,
            skipped: (skipped != Skipped::default()).then(|| Box::new(skipped)),
            place,
        }
    }
}

impl Objects {
    /// Nothing where the line is blank or its text is empty.
    fn document(
        &self,
        line: &Line<'_>,
        skipped: &mut Skipped,
    ) -> Result<Option<Document>, Refusal> {
        if line.text.trim().is_empty() {
            return Ok(None);
        }
        let place = Place {
            path: &self.path,
            name: &self.name,
            line: line.number,
            record: None,
            offset: line.offset,
        };
        object_document(line.text, &self.fields, place, skipped)
            .map_err(|error| Refusal::record(error, line.text.as_bytes()))
    }
}

impl Reader for JsonlReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        loop {
            if self.ready.is_empty() {
                self.read();
            }
            let Some(item) = self.ready.pop_front() else {
                return Ok(None);
            };
            self.place = item.place;
            if let Some(more) = item.skipped {
                *skipped += &more;
            }
            match item.outcome {
                Ok(None) => {}
                given => return given,
            }
        }
    }

    fn place(&self) -> (u64, u64) {
        self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Format, SourceConfig};
    use crate::formats::reading::{check_places, read_from};

    /// Some 3 MB of lines: documents, broken ones, blank ones, empty texts, one longer than a block.
    fn lines() -> String {
        let mut lines = String::new();
        for number in 0..6000 {
            let words = "word ".repeat(number % 200);
            lines += &match number {
                7 | 4000 => "{\"text\": 1}\n".to_owned(),
                1500 => " \n".to_owned(),
                2500 => "{\"text\": \" \"}\r\n".to_owned(),
                3000 => format!("{{\"text\": \"{}\"}}\n", "long ".repeat(BLOCK / 4)),
                3500 => "no object\n".to_owned(),
                _ => format!("{{\"text\": \"{number} {words}\", \"id\": \"own-{number}\"}}\n"),
            };
        }
        lines + "{\"text\": \"the last has no end\"}"
    }

    /// What one line after another gives, without blocks.
    fn one_by_one(path: &Path) -> (Vec<Result<Document, String>>, Skipped) {
        let fields = Fields::of(&SourceConfig::default());
        let objects = Objects {
            name: "file".to_owned(),
            path: path.to_owned(),
            fields,
        };
        let mut lines = Lines::open(path, None, 0, 0).unwrap();
        let (mut all, mut skipped) = (Vec::new(), Skipped::default());
        while let Some(line) = lines.next_line().unwrap() {
            match objects.document(&line, &mut skipped) {
                Ok(document) => all.extend(document.map(Ok)),
                Err(refusal) => {
                    let said = refusal.into_error().to_string();
                    all.push(Err(said.replace(&path.display().to_string(), "file")));
                }
            }
        }
        (all, skipped)
    }

    #[test]
    fn blocks_give_what_single_lines_give_on_any_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (
            folder.path().join("plain"),
            folder.path().join("packed.zst"),
        );
        let lines = lines();
        std::fs::write(&plain, &lines).unwrap();
        std::fs::write(&packed, zstd::encode_all(lines.as_bytes(), 1).unwrap()).unwrap();
        let source = SourceConfig::default();
        let (expected, left_out) = one_by_one(&plain);
        assert_eq!(expected.iter().filter(|one| one.is_err()).count(), 3);
        assert_eq!(left_out.empty_texts, 1);
        for path in [&plain, &packed] {
            for threads in [1, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let read = || read_from(Format::Jsonl, path, &source, (0, 0)).unwrap();
                let (all, places, skipped) = pool.unwrap().install(read);
                assert!(all == expected, "{threads} threads");
                assert_eq!(skipped, left_out);
                assert_eq!(places.last(), Some(&(lines.len() as u64, 6001)));
            }
            check_places(Format::Jsonl, path, &source, 499);
        }
    }
}
