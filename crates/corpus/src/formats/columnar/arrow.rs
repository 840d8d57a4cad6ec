//! Arrow IPC, as a stream and as a file: record batch by record batch.
//!
//! A file is a stream between two marks, with an index at its end that a reading from the beginning does not need (Arrow
//! columnar format, "IPC File Format"), so both are read as a stream of messages, compressed as a whole or not. A batch
//! is as large as its writer made it and has to be held: one of more than 1 GiB is refused. Batches that were passed
//! before a reading goes on are not decoded again.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{Message, MessageHeader, root_as_message};
use kiln_text::{Document, Error, Position};

use super::cells::{Batch, Wanted};
use super::guarded;
use crate::broken::Refusal;
use crate::compression::Unpacked;
use crate::counts::Skipped;
use crate::formats::Reader;
use crate::input::input_error;
use crate::record::{Fields, Place};

const FILE_MARK: &[u8; 8] = b"ARROW1\0\0";
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The longest description of a message.
const LONGEST_DESCRIPTION: usize = 64 << 20;
/// The largest batch, decompressed.
const LARGEST_BATCH: u64 = 1 << 30;

pub(crate) struct ArrowReader {
    path: PathBuf,
    name: String,
    fields: Fields,
    messages: Messages,
    decoder: StreamDecoder,
    wanted: Option<Wanted>,
    batch: Option<Batch>,
    /// The next row of `batch`.
    next: usize,
    /// Where the message of `batch` begins.
    batch_offset: u64,
    /// Rows given or passed, in all.
    row: u64,
    /// Rows of the batches so far, `batch` among them.
    rows_read: u64,
}

impl ArrowReader {
    /// Go on behind so many rows.
    pub(crate) fn open(
        path: &Path,
        name: &str,
        fields: &Fields,
        (_, row): (u64, u64),
    ) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            fields: fields.clone(),
            messages: Messages::open(path)?,
            decoder: StreamDecoder::new(),
            wanted: None,
            batch: None,
            next: 0,
            batch_offset: 0,
            row,
            rows_read: 0,
        })
    }

    fn mistake(&self, offset: u64, problem: impl Into<String>) -> Error {
        Error::mistake(&self.path, Position::Byte(offset), problem)
    }

    /// Have a row that was not given yet; `false` at the end.
    fn advance(&mut self) -> Result<bool, Refusal> {
        while self
            .batch
            .as_ref()
            .is_none_or(|batch| self.next >= batch.rows)
        {
            self.batch = None;
            let offset = self.messages.offset;
            self.batch_offset = offset;
            let head = self
                .messages
                .next()
                .map_err(|problem| problem.into_error(&self.path, offset))?;
            let Some(head) = head else {
                if self.wanted.is_none() {
                    return Err(self.mistake(offset, "holds no Arrow schema").into());
                }
                return Ok(false);
            };
            if head
                .rows
                .is_some_and(|rows| self.rows_read + rows <= self.row)
            {
                self.rows_read += head.rows.unwrap_or(0);
                self.messages
                    .skip(&head)
                    .map_err(|problem| problem.into_error(&self.path, offset))?;
                continue;
            }
            self.decode(&head, offset)?;
        }
        Ok(true)
    }

    fn decode(&mut self, head: &Head, offset: u64) -> Result<(), Refusal> {
        let message = self
            .messages
            .whole(head)
            .map_err(|problem| problem.into_error(&self.path, offset))?;
        let mut message = Buffer::from_vec(message);
        let before = self.rows_read;
        self.rows_read += head.rows.unwrap_or(0);
        let decoder = &mut self.decoder;
        let batch = match guarded(|| decoder.decode(&mut message)) {
            Ok(batch) => batch,
            // Without the messages before it no other can be decoded.
            Err(problem) => {
                return Err(self
                    .mistake(offset, format!("cannot be decoded: {problem}"))
                    .into());
            }
        };
        if self.wanted.is_none()
            && let Some(schema) = self.decoder.schema()
        {
            let wanted = Wanted::find(&schema, &self.fields);
            self.wanted = Some(
                wanted.map_err(|problem| Error::mistake(&self.path, Position::Whole, problem))?,
            );
        }
        if let (Some(batch), Some(wanted)) = (batch, &self.wanted) {
            let batch = wanted
                .of(&batch)
                .map_err(|problem| self.mistake(offset, problem))?;
            self.next = usize::try_from(self.row.saturating_sub(before)).unwrap_or(usize::MAX);
            self.batch = Some(batch);
        }
        Ok(())
    }
}

impl Reader for ArrowReader {
    fn next_document(&mut self, skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        while self.advance()? {
            let Some(batch) = &self.batch else { break };
            let row = self.next;
            self.next += 1;
            self.row += 1;
            let place = Place {
                path: &self.path,
                name: &self.name,
                line: self.row,
                record: None,
                offset: self.batch_offset,
            };
            if let Some(document) = batch.document(row, &self.fields, place, skipped)? {
                return Ok(Some(document));
            }
        }
        Ok(None)
    }

    fn place(&self) -> (u64, u64) {
        (self.batch_offset, self.row)
    }
}

/// What is wrong with a message.
enum Problem {
    Read(io::Error),
    Broken(String),
}

impl Problem {
    fn into_error(self, path: &Path, offset: u64) -> Error {
        match self {
            Self::Read(error) if error.kind() == io::ErrorKind::UnexpectedEof => Error::mistake(
                path,
                Position::Byte(offset),
                "ends in the middle of a message; fetch it again",
            ),
            Self::Read(error) => input_error(path, error),
            Self::Broken(problem) => Error::mistake(path, Position::Byte(offset), problem),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// The description of a message, before its body.
struct Head {
    /// As it stands in the file, with the bytes before it that say its length.
    bytes: Vec<u8>,
    body: usize,
    /// Of a batch: its rows.
    rows: Option<u64>,
    /// Where the compressed parts of the body begin, each with its own length before it.
    compressed: Vec<usize>,
}

/// The messages of a stream.
struct Messages {
    file: BufReader<Unpacked>,
    offset: u64,
}

impl Messages {
    fn open(path: &Path) -> Result<Self, Error> {
        let mut file = BufReader::with_capacity(256 << 10, Unpacked::open(path)?);
        let mut mark = [0; 8];
        let length = read_up_to(&mut file, &mut mark).map_err(|error| input_error(path, error))?;
        if &mark == FILE_MARK {
            // Some writers fill up to 64 bytes with zeros before the first message.
            let mut offset = 8;
            while offset < 64
                && file
                    .fill_buf()
                    .map_err(|error| input_error(path, error))?
                    .starts_with(&[0; 8])
            {
                file.consume(8);
                offset += 8;
            }
            return Ok(Self { file, offset });
        }
        if length < 8 || mark[..4] != CONTINUATION {
            let problem =
                "is not an Arrow file or stream (it begins with neither `ARROW1` nor a message)";
            return Err(Error::mistake(path, Position::Whole, problem));
        }
        // A stream: from the beginning again.
        let file = BufReader::with_capacity(256 << 10, Unpacked::open(path)?);
        Ok(Self { file, offset: 0 })
    }

    /// The next description, or `None` at the end of the stream.
    fn next(&mut self) -> Result<Option<Head>, Problem> {
        let mut start = [0; 8];
        let length = read_up_to(&mut self.file, &mut start)?;
        if length == 0 {
            return Ok(None);
        }
        if length < 8 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if start[..4] != CONTINUATION {
            return Err(Problem::Broken(
                "is not the beginning of an Arrow message".to_owned(),
            ));
        }
        let size = u32::from_le_bytes([start[4], start[5], start[6], start[7]]) as usize;
        if size == 0 {
            return Ok(None);
        }
        if size > LONGEST_DESCRIPTION {
            return Err(Problem::Broken(format!(
                "a message is described in {size} bytes; its length is damaged"
            )));
        }
        let mut bytes = start.to_vec();
        read_exactly(&mut self.file, &mut bytes, size)?;
        let described = guarded(|| match root_as_message(&bytes[8..]) {
            Ok(message) => describe(&message),
            Err(error) => Err(error.to_string()),
        });
        let (body, rows, compressed) = described.map_err(|problem| {
            Problem::Broken(format!(
                "a message that cannot be read begins here: {problem}"
            ))
        })?;
        Ok(Some(Head {
            bytes,
            body,
            rows,
            compressed,
        }))
    }

    /// Description and body.
    fn whole(&mut self, head: &Head) -> Result<Vec<u8>, Problem> {
        let mut bytes = head.bytes.clone();
        let body = bytes.len();
        read_exactly(&mut self.file, &mut bytes, head.body)?;
        let mut unpacked = 0u64;
        for &start in &head.compressed {
            let length = bytes
                .get(body + start..body + start + 8)
                .and_then(|length| length.try_into().ok());
            let length = length.map_or(0, i64::from_le_bytes);
            unpacked = unpacked.saturating_add(u64::try_from(length).unwrap_or(0));
        }
        if unpacked > LARGEST_BATCH {
            return Err(Problem::Broken(too_large(unpacked)));
        }
        self.offset += bytes.len() as u64;
        Ok(bytes)
    }

    /// Go past the body.
    fn skip(&mut self, head: &Head) -> Result<(), Problem> {
        let passed = io::copy(
            &mut self.file.by_ref().take(head.body as u64),
            &mut io::sink(),
        )?;
        if passed < head.body as u64 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        self.offset += (head.bytes.len() + head.body) as u64;
        Ok(())
    }
}

/// Length of the body, rows if it is a batch, and where its compressed parts begin.
fn describe(message: &Message) -> Result<(usize, Option<u64>, Vec<usize>), String> {
    let body =
        u64::try_from(message.bodyLength()).map_err(|_| "its length is negative".to_owned())?;
    if body > LARGEST_BATCH {
        return Err(too_large(body));
    }
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message
            .header_as_dictionary_batch()
            .and_then(|batch| batch.data()),
        _ => None,
    };
    let mut compressed = Vec::new();
    if let Some(batch) = batch.filter(|batch| batch.compression().is_some()) {
        let buffers = batch.buffers().into_iter().flatten();
        compressed = buffers
            .filter(|buffer| buffer.length() > 0)
            .filter_map(|buffer| usize::try_from(buffer.offset()).ok())
            .filter(|&offset| offset as u64 <= body)
            .collect();
    }
    let rows = match message.header_type() {
        MessageHeader::RecordBatch => {
            let length = batch.map_or(0, |batch| batch.length());
            Some(u64::try_from(length).map_err(|_| "its number of rows is negative".to_owned())?)
        }
        _ => None,
    };
    if rows.is_some_and(|rows| rows > LARGEST_BATCH) {
        return Err("its number of rows is damaged".to_owned());
    }
    Ok((body as usize, rows, compressed))
}

fn too_large(bytes: u64) -> String {
    let limit = LARGEST_BATCH >> 20;
    let mebibytes = bytes >> 20;
    format!("a record batch of {mebibytes} MiB; write batches of at most {limit} MiB")
}

/// Fill `out` as far as there are bytes; gives how many there were.
fn read_up_to(file: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < out.len() {
        match file.read(&mut out[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Append so many bytes; memory grows with what is there and not with what was announced.
fn read_exactly(file: &mut impl Read, bytes: &mut Vec<u8>, count: usize) -> io::Result<()> {
    let read = file.by_ref().take(count as u64).read_to_end(bytes)?;
    match read == count {
        true => Ok(()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
