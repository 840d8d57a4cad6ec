//! Comma-separated values with named columns (RFC 4180): the `csv-core` state machine, with exact lines and bytes.

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
        if header.is_none() && rows.advance()? {
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

/// The rows of a file, with their places.
struct Rows {
    input: Input,
    machine: Machine,
    quotes: bool,
    /// Line ends passed: `\n`, `\r\n` or `\r`.
    line_ends: u64,
    /// The last byte passed was `\r`.
    after_return: bool,
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
        let mut machine = ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .quoting(dialect.quotes)
            .build();
        // The machine drops a byte order mark from the first bytes it sees. Ours is gone already, and bytes in the middle
        // of a file are not its beginning.
        let _ = machine.read_record(b"\n", &mut [0], &mut [0]);
        Ok(Self {
            input: Input::open(path, encoding, offset)?,
            machine,
            quotes: dialect.quotes,
            line_ends,
            after_return: false,
            row_line: 0,
            row_offset: offset,
            text: String::new(),
            ends: vec![0; 32],
            width: 0,
            buffer: vec![0; 4096],
        })
    }

    fn place(&self) -> (u64, u64) {
        (self.input.offset(), self.line_ends)
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
            let block = self.input.block()?;
            let length = block
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                .count();
            if length == 0 {
                return Ok(());
            }
            count_line_ends(
                &block[..length],
                &mut self.line_ends,
                &mut self.after_return,
            );
            self.input.consume(length);
        }
    }

    /// Read the next row; `false` at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        self.skip_blank_lines()?;
        self.row_line = self.line_ends + 1;
        self.row_offset = self.input.offset();
        self.width = 0;
        let (mut length, mut quotes) = (0, 0);
        loop {
            let block = self.input.block()?;
            let at_end = block.is_empty();
            let (result, consumed, written, ended) = self.machine.read_record(
                block,
                &mut self.buffer[length..],
                &mut self.ends[self.width..],
            );
            let passed = &block[..consumed];
            count_line_ends(passed, &mut self.line_ends, &mut self.after_return);
            quotes += passed.iter().filter(|&&byte| byte == b'"').count();
            self.input.consume(consumed);
            length += written;
            self.width += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if length > LONGEST_RECORD => {
                    return Err(too_long(self.input.path(), self.row_line));
                }
                ReadRecordResult::OutputFull => self.buffer.resize(self.buffer.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::End => return Ok(false),
                ReadRecordResult::Record => {
                    let several_lines = self.line_ends >= self.row_line;
                    if at_end && self.quotes && several_lines && quotes % 2 == 1 {
                        return Err(self.never_closed());
                    }
                    break;
                }
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
        if self.after_return && self.input.block()?.first() == Some(&b'\n') {
            self.input.consume(1);
            self.after_return = false;
        }
        Ok(())
    }

    fn never_closed(&self) -> Error {
        Error::mistake(
            self.input.path(),
            Position::Line(self.row_line),
            "a quote opened in the row that begins here is never closed; close it, \
             or set quotes = false if quotes are ordinary characters in this file",
        )
    }
}

fn count_line_ends(bytes: &[u8], count: &mut u64, after_return: &mut bool) {
    for &byte in bytes {
        *count += u64::from(byte == b'\r' || (byte == b'\n' && !*after_return));
        *after_return = byte == b'\r';
    }
}
