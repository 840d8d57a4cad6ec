//! The records of an archive one after another, and the search for the next one behind damage.

use std::io::{self, Read};
use std::path::Path;

use kiln_text::{Error, Position};

use crate::broken::Refusal;
use crate::compression::Unpacked;
use crate::input::{LONGEST_RECORD, input_error};
use crate::record::shorten;

const BLOCK: usize = 64 << 10;

/// The longest line of a record's header.
const LONGEST_LINE: usize = 64 << 10;

/// The most lines of a record's header.
const MOST_LINES: usize = 1000;

/// What may be read again in the search for records inside of broken ones, beside four times what was passed.
const MOST_PUT_BACK: u64 = 4 * LONGEST_RECORD as u64;

/// A record of WARC, or of ARC in its terms.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Where it begins in the unpacked file.
    pub(super) offset: u64,
    /// Counted from 1.
    pub(super) number: u64,
    /// `WARC-Type` in lower case; of ARC records `response`.
    pub(super) kind: String,
    pub(super) url: Option<String>,
    /// In ISO 8601, as far as the record has it.
    pub(super) date: Option<String>,
    /// Of a response in WARC, this says that it is HTTP; of one in ARC, it is that of the page.
    pub(super) content_type: Option<String>,
    /// Empty for kinds that are not read.
    pub(super) content: Vec<u8>,
}

impl Record {
    /// It is of a kind that may hold a page or a text.
    pub(super) fn is_content(&self) -> bool {
        matches!(self.kind.as_str(), "response" | "resource" | "conversion")
    }
}

pub(super) struct Records {
    file: Unpacked,
    buffer: Vec<u8>,
    start: usize,
    /// Where `buffer[start]` lies in the unpacked file.
    offset: u64,
    /// Bytes that were put back so far.
    put_back_bytes: u64,
    /// Records passed, broken ones among them.
    number: u64,
    /// What ended the last reading after some bytes, which are given first.
    trouble: Option<io::Error>,
    /// The file is damaged to its end.
    ended: bool,
    /// The record before was broken: what follows is passed over up to the next beginning of one.
    lost: bool,
}

/// What went wrong: with the file (or the machine), or with the record that was being read.
enum Trouble {
    Read(io::Error),
    Record(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl From<String> for Trouble {
    fn from(problem: String) -> Self {
        Self::Record(problem)
    }
}

/// The first line of a record.
enum Head {
    Warc,
    /// The description of an ARC file: two lines and an empty one.
    Description,
    Arc(Record, usize),
}

impl Records {
    /// Go on at a byte of the unpacked file, `number` records having been read.
    pub(super) fn open(path: &Path, (offset, number): (u64, u64)) -> Result<Self, Error> {
        let mut records = Self {
            file: Unpacked::open(path)?,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            put_back_bytes: 0,
            number: 0,
            trouble: None,
            ended: false,
            lost: false,
        };
        records
            .pass_over(offset)
            .map_err(|error| input_error(path, error))?;
        records.number = number;
        Ok(records)
    }

    /// The byte of the unpacked file at which to go on, and how many records lie before it.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.offset, self.number)
    }

    /// The next bytes; none at the end. Always read in the same blocks, so that a damaged member gives the same bytes
    /// whenever it is read.
    fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.buffer.len() && !self.ended {
            (self.start, self.trouble) = match self.trouble.take() {
                Some(error) => return Err(error),
                None => (0, self.read_block()),
            };
            if self.buffer.is_empty()
                && let Some(error) = self.trouble.take()
            {
                return Err(error);
            }
        }
        Ok(&self.buffer[self.start..])
    }

    /// Fill the buffer as far as there is something, and say what stopped that before the end.
    fn read_block(&mut self) -> Option<io::Error> {
        self.buffer.resize(BLOCK, 0);
        let mut count = 0;
        let trouble = loop {
            match self.file.read(&mut self.buffer[count..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
                Ok(read) => {
                    count += read;
                    if read == 0 || count == BLOCK {
                        break None;
                    }
                }
            }
        };
        self.buffer.truncate(count);
        trouble
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Put bytes that were consumed last back.
    fn put_back(&mut self, bytes: &[u8]) {
        self.buffer.splice(..self.start, bytes.iter().copied());
        self.start = 0;
        self.offset -= bytes.len() as u64;
    }

    fn pass_over(&mut self, offset: u64) -> io::Result<()> {
        while self.offset < offset {
            let left = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            match self.fill() {
                Ok([]) => return Ok(()),
                Ok(block) => {
                    let count = block.len().min(left);
                    self.consume(count);
                }
                Err(error) => {
                    if !self.file.skip_damaged_member()? {
                        self.ended = true;
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next line, its end included; nothing at the end of the file. One that is too long comes in pieces.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let block = self.fill()?;
            let end = memchr::memchr(b'\n', block).map(|at| at + 1);
            let count = end.unwrap_or(block.len()).min(LONGEST_LINE - line.len());
            line.extend_from_slice(&block[..count]);
            self.consume(count);
            if count == 0 || line.ends_with(b"\n") || line.len() >= LONGEST_LINE {
                return Ok(line);
            }
        }
    }

    /// The next record. What lies between records and is none is refused once, as a broken record.
    pub(super) fn next_record(&mut self) -> Result<Option<Record>, Refusal> {
        let before = self.offset;
        let mut beginning = Vec::new();
        let mut offset = before;
        match self.try_record(&mut offset, &mut beginning) {
            Ok(record) => {
                self.lost = false;
                Ok(record)
            }
            Err(Trouble::Record(problem)) => {
                self.lost = true;
                self.number += 1;
                let error = Error::mistake(self.file.path(), Position::Byte(offset), problem);
                Err(Refusal::record(error, &beginning))
            }
            Err(Trouble::Read(error)) => {
                let error = input_error(self.file.path(), error);
                if !error.is_mistake() {
                    return Err(error.into());
                }
                self.number += 1;
                let path = self.file.path().to_owned();
                let went_on = self.file.skip_damaged_member();
                match went_on.map_err(|error| input_error(&path, error))? {
                    true => Err(Refusal::record(error, &beginning)),
                    false => {
                        self.ended = true;
                        Err(error.into())
                    }
                }
            }
        }
    }

    /// `offset` and `beginning` are set to where the record begins and what of it was read.
    fn try_record(
        &mut self,
        offset: &mut u64,
        beginning: &mut Vec<u8>,
    ) -> Result<Option<Record>, Trouble> {
        loop {
            *offset = self.offset;
            beginning.clear();
            let line = self.line()?;
            if line.is_empty() {
                return Ok(None);
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            beginning.extend_from_slice(&line);
            let head = match head(&line) {
                Ok(head) => head,
                // Already told.
                Err(_) if self.lost => continue,
                Err(problem) => return Err(problem.into()),
            };
            self.lost = false;
            let (mut record, length) = match head {
                Head::Description => {
                    self.pass_over_description()?;
                    self.number += 1;
                    continue;
                }
                Head::Arc(record, length) => (record, length),
                Head::Warc => self.header(beginning)?,
            };
            record.offset = *offset;
            self.content(&mut record, length, beginning)?;
            self.number += 1;
            record.number = self.number;
            return Ok(Some(record));
        }
    }

    fn pass_over_description(&mut self) -> io::Result<()> {
        for _ in 0..10 {
            if self.line()?.trim_ascii().is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The fields of a WARC record behind its first line.
    fn header(&mut self, beginning: &mut Vec<u8>) -> Result<(Record, usize), Trouble> {
        let mut record = Record::default();
        let mut length = None;
        for _ in 0..MOST_LINES {
            let line = self.line()?;
            beginning.extend_from_slice(&line);
            if line.is_empty() {
                return Err("the file ends in the header of this record"
                    .to_owned()
                    .into());
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim();
            if line.is_empty() {
                let Some(length) = length else {
                    return Err("the record has no Content-Length".to_owned().into());
                };
                return Ok((record, length));
            }
            // A line without a colon goes on with a field that is not needed.
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            let set = |field: &mut Option<String>| *field = Some(value.to_owned());
            match name.trim().to_ascii_lowercase().as_str() {
                "warc-type" => record.kind = value.to_ascii_lowercase(),
                "warc-target-uri" => {
                    // Some versions of wget write it in angle brackets.
                    let plain = value
                        .strip_prefix('<')
                        .and_then(|url| url.strip_suffix('>'));
                    record.url = Some(plain.unwrap_or(value).to_owned());
                }
                "warc-date" => set(&mut record.date),
                "content-type" => set(&mut record.content_type),
                "content-length" => {
                    let parsed = value.parse().map_err(|_| {
                        let shown = shorten(value);
                        format!("the Content-Length `{shown}` is not a number of bytes")
                    });
                    length = Some(parsed?);
                }
                _ => {}
            }
        }
        Err(format!("the header of this record has more than {MOST_LINES} lines").into())
    }

    /// Read the content of a record, or pass over it if it is not wanted.
    fn content(
        &mut self,
        record: &mut Record,
        length: usize,
        beginning: &mut Vec<u8>,
    ) -> Result<(), Trouble> {
        let start = self.offset;
        if !record.is_content() || length > LONGEST_RECORD {
            let end = start.saturating_add(length as u64);
            while self.offset < end {
                let left = usize::try_from(end - self.offset).unwrap_or(usize::MAX);
                let count = self.fill()?.len().min(left);
                if count == 0 {
                    break;
                }
                self.consume(count);
            }
            self.check_end(start, length)?;
            return match record.is_content() {
                false => Ok(()),
                true => {
                    let limit = LONGEST_RECORD >> 20;
                    Err(format!("the record has {length} bytes, more than {limit} MiB").into())
                }
            };
        }
        let mut content = Vec::with_capacity(length.min(1 << 20));
        while content.len() < length {
            let block = self.fill()?;
            let count = block.len().min(length - content.len());
            if count == 0 {
                break;
            }
            content.extend_from_slice(&block[..count]);
            self.consume(count);
        }
        let content_end = self.offset;
        let end = self.check_end(start, length);
        if let Err(Trouble::Record(_)) = end {
            // The next record may begin inside of what this one claims, or behind it.
            beginning.extend_from_slice(&content[..content.len().min(1 << 10)]);
            // Many false lengths must not make the search quadratic.
            self.put_back_bytes += content.len() as u64;
            if self.put_back_bytes <= MOST_PUT_BACK + 4 * start {
                let blank = usize::try_from(self.offset - content_end).unwrap_or(0);
                content.resize(content.len() + blank, b'\n');
                self.put_back(&content);
            }
        }
        record.content = content;
        end
    }

    /// After its content the record is over: the file ends or only line ends stand before another.
    fn check_end(&mut self, start: u64, length: usize) -> Result<(), Trouble> {
        let there = self.offset - start;
        if there < length as u64 {
            return Err(
                format!("the record has {length} bytes, of which {there} are there").into(),
            );
        }
        // A checksum that does not fit comes after the line ends of the record, and speaks of it.
        loop {
            if let Err(error) = self.fill() {
                if !self.file.begins_member() {
                    return Err(error.into());
                }
                self.trouble = Some(error);
                return Ok(());
            }
            let block = &self.buffer[self.start..];
            if block.is_empty() || block.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
                break;
            }
            let count = block.len();
            self.consume(count);
        }
        let blank = self.offset - start > length as u64;
        let block = self.fill()?;
        let next = block.trim_ascii_start();
        let next = &next[..next.len().min(5)];
        if b"WARC/".starts_with(next) || blank || block.first().is_none_or(|&byte| byte == b'\n') {
            return Ok(());
        }
        // Between ARC records stands one line end, which a wrong length would not leave there.
        if block.starts_with(b"\r\n") {
            return Ok(());
        }
        let line = block.split_inclusive(|&byte| byte == b'\n').next();
        if line.is_some_and(|line| head(line).is_ok()) {
            return Ok(());
        }
        Err(format!("the record does not end after its {length} bytes").into())
    }
}

/// What the first line of a record says.
fn head(line: &[u8]) -> Result<Head, String> {
    if line.starts_with(b"WARC/") {
        return Ok(Head::Warc);
    }
    if line.starts_with(b"filedesc:") {
        return Ok(Head::Description);
    }
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    let shown = || {
        format!(
            "expected the beginning of a record, found `{}`",
            shorten(text)
        )
    };
    let words: Vec<&str> = text.split(' ').collect();
    // From the end, for an address may hold blanks: version 1 has 5 words, version 2 has 10.
    let is_date = |word: &&str| word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_digit());
    let word = |from_end: usize| {
        words
            .len()
            .checked_sub(from_end)
            .and_then(|at| words.get(at))
    };
    let date_at = [3, 8]
        .into_iter()
        .find(|&from_end| word(from_end).is_some_and(is_date))
        .filter(|from_end| words.len() > from_end + 1);
    let (Some(from_end), true) = (date_at, text.contains(':')) else {
        return Err(shown());
    };
    let at = words.len() - from_end;
    let length = words[words.len() - 1];
    let Ok(length) = length.parse() else {
        return Err(format!(
            "the length `{}` of the ARC record is not a number of bytes",
            shorten(length)
        ));
    };
    let record = Record {
        kind: "response".into(),
        url: Some(words[..at - 1].join(" ")),
        date: Some(iso_date(words[at])),
        content_type: Some(words[at + 1].to_owned()),
        ..Record::default()
    };
    Ok(Head::Arc(record, length))
}

/// `20140216050221` as `2014-02-16T05:02:21Z`.
fn iso_date(digits: &str) -> String {
    match digits.len() {
        14.. => format!(
            "{}-{}-{}T{}:{}:{}Z",
            &digits[..4],
            &digits[4..6],
            &digits[6..8],
            &digits[8..10],
            &digits[10..12],
            &digits[12..14]
        ),
        _ => digits.to_owned(),
    }
}
