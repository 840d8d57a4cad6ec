//! Comma-separated values with named columns (RFC 4180): the `csv-core` state machine, with exact lines and bytes.
//!
//! A quote that is never closed would take the rest of the file with it. A row may have 64 MiB; where it has more, or the
//! file ends within a quote, the row is refused alone, and the reading goes on at the line behind the one in which the
//! quote was opened. What is read twice so is limited, too: see [`MOST_REREAD`].

use std::io::BufRead;
use std::path::Path;

use csv_core::{ReadRecordResult, Reader as Machine, ReaderBuilder};
use kiln_text::{Document, Error, Position};

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::encoding::Encoding;
use crate::input::{Input, LONGEST_RECORD, too_long};
use crate::record::{Columns, Fields, Place};

/// How many bytes of a file may be gone over again behind quotes that are never closed, beside four times what was read
/// of it. A file with more of them is no table with quotes.
const MOST_REREAD: u64 = 128 << 20;

pub(crate) struct CsvReader {
    rows: Rows,
    name: String,
    fields: Fields,
    /// `None` for an empty file.
    columns: Option<Columns>,
}

/// How a file separates and encloses its cells.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quotes: bool,
}

impl CsvReader {
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        dialect: Dialect,
        start: (u64, u64),
    ) -> Result<Self, Error> {
        let mut rows = Rows::open(path, fields.encoding, dialect, (0, 0))?;
        let mut place = Place {
            path,
            name,
            line: 1,
            record: None,
            offset: 0,
        };
        let mut header = fields.columns.clone();
        if header.is_none() && rows.advance().map_err(Refusal::into_error)? {
            place.line = rows.row_line;
            header = Some(
                (0..rows.width())
                    .map(|column| rows.cell(column).to_owned())
                    .collect(),
            );
        }
        let columns = header
            .map(|header| Columns::find(header, fields, place))
            .transpose()?;
        if start.0 > rows.place().0 {
            rows = Rows::open(path, fields.encoding, dialect, start)?;
        }
        Ok(Self {
            rows,
            name: name.to_owned(),
            fields: fields.clone(),
            columns,
        })
    }
}

impl Reader for CsvReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        let Some(columns) = &self.columns else {
            return Ok(None);
        };
        while self.rows.advance()? {
            let rows = &self.rows;
            let place = Place {
                path: rows.input.path(),
                name: &self.name,
                line: rows.row_line,
                record: None,
                offset: rows.row_offset,
            };
            let cell = |column: usize| rows.cell(column);
            let document = columns
                .document(rows.width(), cell, &self.fields, place, skipped)
                .map_err(|error| Refusal::record(error, rows.text.as_bytes()))?;
            if document.is_some() {
                return Ok(document);
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        self.rows.place()
    }
}

/// Where in a cell a byte lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Nothing of the cell has passed.
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the cell ends, or the quote is doubled.
    Closed,
}

/// How far the bytes of a row have gone: the machine gives cells, and not where its quotes are.
struct Scan {
    delimiter: u8,
    quotes: bool,
    inside: Inside,
    /// Line ends passed: `\n`, `\r\n` or `\r`.
    line_ends: u64,
    /// The last byte passed was `\r`.
    after_return: bool,
    /// The byte and the line of the last quote that opened a cell.
    opened: (u64, u64),
    /// Where the line behind that one begins: its byte, and the line ends before it.
    behind: Option<(u64, u64)>,
}

impl Scan {
    fn pass(&mut self, bytes: &[u8], offset: u64) {
        for (&byte, at) in bytes.iter().zip(offset..) {
            let second = byte == b'\n' && self.after_return;
            let ends_line = byte == b'\r' || byte == b'\n';
            self.line_ends += u64::from(ends_line && !second);
            self.after_return = byte == b'\r';
            self.inside = match (self.inside, byte) {
                (Inside::Quoted, b'"') => Inside::Closed,
                (Inside::Closed, b'"') => Inside::Quoted,
                (Inside::Start, b'"') if self.quotes => {
                    self.opened = (at, self.line_ends + 1);
                    self.behind = None;
                    Inside::Quoted
                }
                (Inside::Quoted, _) => Inside::Quoted,
                _ if ends_line || byte == self.delimiter => Inside::Start,
                _ => Inside::Plain,
            };
            if ends_line && self.inside == Inside::Quoted {
                match &mut self.behind {
                    None => self.behind = Some((at + 1, self.line_ends)),
                    Some(behind) if second && behind.0 == at => behind.0 = at + 1,
                    Some(_) => {}
                }
            }
        }
    }
}

/// The rows of a file, with their places.
struct Rows {
    input: Input,
    encoding: Option<Encoding>,
    dialect: Dialect,
    machine: Machine,
    scan: Scan,
    /// Bytes gone over again.
    reread: u64,
    row_line: u64,
    row_offset: u64,
    /// The cells of the row one after another.
    text: String,
    /// Where each cell ends in `text`: the first `width` of these.
    ends: Vec<usize>,
    width: usize,
    /// What the machine writes `text` to.
    buffer: Vec<u8>,
}

impl Rows {
    fn open(
        path: &Path,
        encoding: Option<Encoding>,
        dialect: Dialect,
        (offset, line_ends): (u64, u64),
    ) -> Result<Self, Error> {
        Ok(Self {
            input: Input::open(path, encoding, offset)?,
            encoding,
            dialect,
            machine: machine(dialect),
            scan: Scan {
                delimiter: dialect.delimiter,
                quotes: dialect.quotes,
                inside: Inside::Start,
                line_ends,
                after_return: false,
                opened: (offset, line_ends + 1),
                behind: None,
            },
            reread: 0,
            row_line: 0,
            row_offset: offset,
            text: String::new(),
            ends: vec![0; 32],
            width: 0,
            buffer: vec![0; 4096],
        })
    }

    fn place(&self) -> (u64, u64) {
        (self.input.offset(), self.scan.line_ends)
    }

    fn width(&self) -> usize {
        self.width
    }

    fn cell(&self, column: usize) -> &str {
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[column]]
    }

    /// Go past blank lines.
    fn skip_blank_lines(&mut self) -> Result<(), Error> {
        loop {
            let offset = self.input.offset();
            let block = self.input.block()?;
            let length = block
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            if length == 0 {
                return Ok(());
            }
            self.scan.pass(&block[..length], offset);
            self.input.consume(length);
        }
    }

    /// Read the next row; `false` at the end.
    fn advance(&mut self) -> Result<bool, Refusal> {
        self.skip_blank_lines()?;
        self.row_line = self.scan.line_ends + 1;
        self.row_offset = self.input.offset();
        self.scan.inside = Inside::Start;
        self.width = 0;
        let mut length = 0;
        loop {
            let offset = self.input.offset();
            let block = self.input.block()?;
            let at_end = block.is_empty();
            let (result, consumed, written, ended) = self.machine.read_record(
                block,
                &mut self.buffer[length..],
                &mut self.ends[self.width..],
            );
            self.scan.pass(&block[..consumed], offset);
            self.input.consume(consumed);
            length += written;
            self.width += ended;
            let quoted = self.scan.inside == Inside::Quoted;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if length >= LONGEST_RECORD && quoted => {
                    let limit = LONGEST_RECORD >> 20;
                    return Err(self.never_closed(length, &format!("within {limit} MiB"))?);
                }
                ReadRecordResult::OutputFull if length >= LONGEST_RECORD => {
                    return Err(self.too_long(length)?);
                }
                ReadRecordResult::OutputFull => self.buffer.resize(self.buffer.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if self.ends.len() * 8 > LONGEST_RECORD => {
                    return Err(self.too_long(length)?);
                }
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(false),
                // A quote that is open where the last line ends has taken no other with it.
                ReadRecordResult::Record if at_end && quoted && self.scan.behind.is_some() => {
                    return Err(self.never_closed(length, "before the end of the file")?);
                }
                ReadRecordResult::Record => break,
            }
        }
        let text = std::str::from_utf8(&self.buffer[..length]).map_err(|_| {
            let line = Position::Line(self.row_line);
            Error::failure(self.input.path(), line, "changed while it was read")
        })?;
        self.text.clear();
        self.text.push_str(text);
        self.finish_line_end()?;
        Ok(true)
    }

    /// The machine stops inside `\r\n`; a reading that went on from there would count another line.
    fn finish_line_end(&mut self) -> Result<(), Error> {
        if self.scan.after_return && self.input.block()?.first() == Some(&b'\n') {
            self.input.consume(1);
            self.scan.after_return = false;
        }
        Ok(())
    }

    /// The refusal of the row, behind the line of whose open quote the reading goes on.
    fn never_closed(&mut self, length: usize, until: &str) -> Result<Refusal, Error> {
        let (byte, line) = self.scan.opened;
        let row = self.row_line;
        let error = Error::mistake(
            self.input.path(),
            Position::Line(line),
            format!(
                "the quote at byte {byte}, in the row that begins in line {row}, is not closed {until}; close it, \
                 or set quotes = false if quotes are ordinary characters in this file"
            ),
        );
        let refusal = Refusal::record(error, &self.buffer[..length]);
        let Some(behind) = self.scan.behind else {
            self.skip_line()?;
            return Ok(refusal);
        };
        // What lies before is passed over once more if the file is packed or decoded.
        let reread = self.reread + self.input.offset();
        if reread > MOST_REREAD + 4 * self.input.offset() {
            return Ok(Refusal::File(refusal.into_error()));
        }
        let path = self.input.path().to_owned();
        *self = Self::open(&path, self.encoding, self.dialect, behind)?;
        self.reread = reread;
        Ok(refusal)
    }

    /// The refusal of a row that is too long, behind whose line the reading goes on.
    fn too_long(&mut self, length: usize) -> Result<Refusal, Error> {
        let error = too_long(self.input.path(), self.row_line);
        let refusal = Refusal::record(error, &self.buffer[..length]);
        self.skip_line()?;
        Ok(refusal)
    }

    /// Go to the end of the line and begin anew there.
    fn skip_line(&mut self) -> Result<(), Error> {
        loop {
            let offset = self.input.offset();
            let block = self.input.block()?;
            let end = memchr::memchr2(b'\n', b'\r', block);
            let passed = end.unwrap_or(block.len());
            let done = end.is_some() || block.is_empty();
            self.scan.pass(&block[..passed], offset);
            self.input.consume(passed);
            if done {
                self.machine = machine(self.dialect);
                (self.buffer, self.ends) = (vec![0; 4096], vec![0; 32]);
                self.width = 0;
                return Ok(());
            }
        }
    }
}

fn machine(dialect: Dialect) -> Machine {
    let mut machine = ReaderBuilder::new()
        .delimiter(dialect.delimiter)
        .quoting(dialect.quotes)
        .build();
    // The machine drops a byte order mark from the first bytes it sees. Ours is gone already, and bytes in the middle
    // of a file are not its beginning.
    let _ = machine.read_record(b"\n", &mut [0], &mut [0]);
    machine
}
