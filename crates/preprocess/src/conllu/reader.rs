//! Sentences out of a stream of lines.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use kiln_text::{Error, Position};

use super::sentence::{Cut, Sentence};
use super::{Field, Id};

/// Bytes that a sentence may have: a file without blank lines is not held in memory.
const LONGEST: usize = 64 << 20;

/// Streams the sentences of a CoNLL-U file; after an error it ends.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    name: PathBuf,
    /// The line that was read beyond the sentence before, with its line end.
    ahead: Vec<u8>,
    /// Number of the line last read, from 1.
    line: u64,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Read from `input`, whose `name` stands in messages.
    pub fn new(input: R, name: impl AsRef<Path>) -> Self {
        Self {
            input,
            name: name.as_ref().to_owned(),
            ahead: Vec::new(),
            line: 0,
            ended: false,
        }
    }

    /// The name that stands in messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    fn problem(&self, problem: impl Into<String>) -> Error {
        Error::mistake(&self.name, Position::Line(self.line), problem)
    }

    /// The next line into `ahead`; nothing there at the end.
    fn read_line(&mut self) -> Result<(), Error> {
        self.ahead.clear();
        let read = (&mut self.input)
            .take(LONGEST as u64 + 1)
            .read_until(b'\n', &mut self.ahead)
            .map_err(|error| Error::io(&self.name, &error))?;
        self.line += u64::from(read > 0);
        if read > LONGEST {
            return Err(self.too_long());
        }
        Ok(())
    }

    fn too_long(&self) -> Error {
        self.problem(format!(
            "a sentence of more than {} MiB: expected a blank line after each sentence",
            LONGEST >> 20
        ))
    }

    fn read_sentence(&mut self) -> Result<Option<Sentence>, Error> {
        let mut sentence = Sentence {
            read: true,
            ..Sentence::default()
        };
        // Lines up to the first one after a blank line.
        let mut closed = false;
        loop {
            if self.ahead.is_empty() {
                self.read_line()?;
                if self.ahead.is_empty() {
                    break;
                }
            }
            let line = std::str::from_utf8(&self.ahead).map_err(|error| {
                self.problem(format!(
                    "byte {} of the line is not UTF-8: convert the file to UTF-8",
                    error.valid_up_to()
                ))
            })?;
            let start = sentence.text.len();
            let bare = line.strip_suffix('\n').unwrap_or(line);
            let bare = bare.strip_suffix('\r').unwrap_or(bare);
            let mark = if self.line == 1 && bare.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            };
            let bare = &bare[mark..];
            let blank = bare.trim_matches(' ').is_empty();
            if blank {
                closed |= !(sentence.rows.is_empty() && sentence.comments.is_empty());
            } else if closed {
                return Ok(Some(sentence));
            } else if bare.starts_with('#') {
                sentence
                    .comments
                    .push(start + mark..start + mark + bare.len());
            } else {
                let cut = self.cut(bare, start + mark, &sentence)?;
                sentence.rows.push(cut);
            }
            sentence.text.push_str(line);
            if sentence.text.len() > LONGEST {
                return Err(self.too_long());
            }
            self.ahead.clear();
        }
        Ok((!sentence.text.is_empty()).then_some(sentence))
    }

    /// Where the fields of a row stand. `start` is the place of the row in its sentence.
    fn cut(&self, row: &str, start: usize, sentence: &Sentence) -> Result<Cut, Error> {
        let mut fields = [(0, 0); 10];
        let mut found = 0;
        let mut place = start;
        for field in row.split('\t') {
            if let Some(slot) = fields.get_mut(found) {
                *slot = (place as u32, (place + field.len()) as u32);
            }
            found += 1;
            place += field.len() + 1;
        }
        if found != 10 {
            return Err(self.problem(format!(
                "{found} column{} parted by tabs: expected the ten columns of CoNLL-U, ID to MISC",
                if found == 1 { "" } else { "s" }
            )));
        }
        let field = |index: usize| {
            let (from, to): (u32, u32) = fields[index];
            &row[from as usize - start..to as usize - start]
        };
        let id = Id::parse(field(0)).ok_or_else(|| {
            self.problem(format!(
                "the id {:?}: expected a word `8`, a range `8-9` or an empty node `8.1`",
                shortened(field(0))
            ))
        })?;
        if field(Field::Form as usize).is_empty() {
            return Err(self.problem("an empty form: expected the word, or `_`"));
        }
        let words = sentence
            .rows
            .iter()
            .rev()
            .find_map(|cut| match cut.id {
                Id::Word(word) => Some(word),
                _ => None,
            })
            .unwrap_or(0);
        let expected = match id {
            Id::Word(word) | Id::Range(word, _) => (word != words + 1).then_some(words + 1),
            Id::Empty(word, _) => (word != words).then_some(words),
        };
        if let Some(expected) = expected {
            return Err(self.problem(format!(
                "the id {id} after word {words}: expected {expected}; a blank line parts sentences"
            )));
        }
        Ok(Cut { id, fields })
    }
}

/// The beginning of what could be long.
fn shortened(text: &str) -> &str {
    text.char_indices()
        .nth(20)
        .map_or(text, |(end, _)| &text[..end])
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Sentence, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read_sentence().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
