//! The lines of a file.

use std::io::{self, BufRead};
use std::path::Path;

use kiln_text::{Error, Position};

use super::{BLOCK, Input, LONGEST_RECORD, input_error};
use crate::broken::Refusal;
use crate::encoding::Encoding;

/// Append the next line, its `\n` included, to `line`; `false` if it grows over `limit` bytes. Nothing is appended at
/// the end of the input.
pub(crate) fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    limit: usize,
) -> io::Result<bool> {
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            return Ok(true);
        }
        let newline = memchr::memchr(b'\n', available);
        let taken = newline.map_or(available.len(), |at| at + 1);
        line.extend_from_slice(&available[..taken]);
        input.consume(taken);
        if newline.is_some() {
            return Ok(true);
        }
        if line.len() > limit {
            return Ok(false);
        }
    }
}

/// The lines of a file, counted.
pub(crate) struct Lines {
    input: Input,
    number: u64,
    buffer: Vec<u8>,
    /// The last line was too long, and its end was not reached.
    inside: bool,
}

/// One line, without its line end.
pub(crate) struct Line<'a> {
    /// Counted from 1.
    pub(crate) number: u64,
    /// The byte at which it begins.
    pub(crate) offset: u64,
    pub(crate) text: &'a str,
}

impl Lines {
    /// Go on at a byte where a line begins, `number` lines having been read.
    pub(crate) fn open(
        path: &Path,
        encoding: Option<Encoding>,
        offset: u64,
        number: u64,
    ) -> Result<Self, Error> {
        Ok(Self {
            input: Input::open(path, encoding, offset)?,
            number,
            buffer: Vec::new(),
            inside: false,
        })
    }

    /// The byte at which the next line begins, and how many lines lie before it.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.input.offset(), self.number)
    }

    /// The next line. One that is too long is refused alone: the one after it can be asked for.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line<'_>>, Refusal> {
        while std::mem::take(&mut self.inside) {
            self.buffer.clear();
            let ends = read_line(&mut self.input, &mut self.buffer, BLOCK)
                .map_err(|error| input_error(self.input.path(), error))?;
            self.inside = !ends;
        }
        self.buffer.clear();
        let offset = self.input.offset();
        let fits = read_line(&mut self.input, &mut self.buffer, LONGEST_RECORD)
            .map_err(|error| input_error(self.input.path(), error))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if !fits {
            self.inside = true;
            let error = too_long(self.input.path(), self.number);
            return Err(Refusal::record(error, &self.buffer));
        }
        let line = std::str::from_utf8(&self.buffer).map_err(|error| {
            let at = offset + error.valid_up_to() as u64;
            Error::failure(
                self.input.path(),
                Position::Byte(at),
                "changed while it was read",
            )
        })?;
        let text = line.strip_suffix('\n').unwrap_or(line);
        Ok(Some(Line {
            number: self.number,
            offset,
            text: text.strip_suffix('\r').unwrap_or(text),
        }))
    }
}

/// A record longer than can be held.
pub(crate) fn too_long(path: &Path, line: u64) -> Error {
    let limit = LONGEST_RECORD >> 20;
    Error::mistake(
        path,
        Position::Line(line),
        format!(
            "a record of more than {limit} MiB begins here; \
             cut it, read running text with format = \"text\", or look for a quote that is never closed"
        ),
    )
}
