//! A file as a stream of UTF-8, with the place of whatever is not.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use kiln_text::{Error, Position};

const BLOCK: usize = 64 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The longest line or record that is read: a record has to fit in memory, and a quote that is never closed must not take
/// the rest of the file with it.
pub(crate) const LONGEST_RECORD: usize = 64 << 20;

/// A file whose bytes are checked as they pass. A byte order mark at its beginning is left out.
pub(crate) struct Input<R = File> {
    path: PathBuf,
    file: R,
    buffer: Vec<u8>,
    /// `buffer[start..valid]` is checked and not yet consumed; `buffer[valid..end]` is the beginning of a character.
    start: usize,
    valid: usize,
    end: usize,
    /// Where `buffer[start]` lies in the file.
    offset: u64,
    ended: bool,
}

impl Input {
    /// Open `path` at a byte where a character begins.
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self, Error> {
        let io = |error: io::Error| Error::io(path, &error);
        let mut file = File::open(path).map_err(io)?;
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(io)?;
        }
        Self::new(path, file, offset)
    }
}

impl<R: Read> Input<R> {
    fn new(path: &Path, file: R, offset: u64) -> Result<Self, Error> {
        let mut input = Self {
            path: path.to_owned(),
            file,
            buffer: vec![0; BLOCK],
            start: 0,
            valid: 0,
            end: 0,
            offset,
            ended: false,
        };
        if offset == 0 && input.block()?.starts_with(BYTE_ORDER_MARK) {
            input.consume(BYTE_ORDER_MARK.len());
        }
        Ok(input)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The next bytes, whole characters; none at the end. What is used of them has to be consumed.
    pub(crate) fn block(&mut self) -> Result<&[u8], Error> {
        if self.start == self.valid {
            self.refill()
                .map_err(|error| input_error(&self.path, error))?;
        }
        Ok(&self.buffer[self.start..self.valid])
    }

    /// The place in the file of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Read until a whole character is there, or the end.
    fn refill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.valid..self.end, 0);
        self.end -= self.valid;
        self.start = 0;
        self.valid = 0;
        while self.valid == 0 && !self.ended {
            let read = match self.file.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            self.end += read;
            self.ended = read == 0;
            self.check()?;
        }
        Ok(())
    }

    fn check(&mut self) -> io::Result<()> {
        match std::str::from_utf8(&self.buffer[..self.end]) {
            Ok(_) => self.valid = self.end,
            Err(error) => {
                self.valid = error.valid_up_to();
                // One byte alone does not yet show UTF-16.
                let broken = self.ended || (error.error_len().is_some() && self.end > 1);
                if broken && self.valid == 0 {
                    return Err(io::Error::other(self.not_utf8()));
                }
            }
        }
        Ok(())
    }

    fn not_utf8(&self) -> Error {
        let from = match (self.offset, &self.buffer[..self.end]) {
            (0, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => "UTF-16",
            _ => "LATIN1",
        };
        let bad = self.buffer[0];
        Error::mistake(
            &self.path,
            Position::Byte(self.offset),
            format!(
                "0x{bad:02x} is not UTF-8; convert the file first, for example `iconv -f {from} -t UTF-8`"
            ),
        )
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.valid {
            self.refill()?;
        }
        Ok(&self.buffer[self.start..self.valid])
    }

    fn consume(&mut self, amount: usize) {
        self.start += amount;
        self.offset += amount as u64;
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// The refusal that travelled through a reader as an [`io::Error`], or the failure itself.
pub(crate) fn input_error(path: &Path, error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(refused) => refused,
        Err(failed) => Error::io(path, &failed),
    }
}

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
        let newline = available.iter().position(|&byte| byte == b'\n');
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
    pub(crate) fn open(path: &Path, offset: u64, number: u64) -> Result<Self, Error> {
        Ok(Self {
            input: Input::open(path, offset)?,
            number,
            buffer: Vec::new(),
        })
    }

    /// The byte at which the next line begins, and how many lines lie before it.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.input.offset(), self.number)
    }

    pub(crate) fn next_line(&mut self) -> Result<Option<Line<'_>>, Error> {
        self.buffer.clear();
        let offset = self.input.offset();
        let fits = read_line(&mut self.input, &mut self.buffer, LONGEST_RECORD)
            .map_err(|error| input_error(self.input.path(), error))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if !fits {
            return Err(too_long(self.input.path(), self.number));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes a few at a time, as pipes and network file systems do.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(out.len()).min(self.0.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(bytes: &[u8], step: usize) -> Result<String, String> {
        let path = Path::new("x");
        let mut text = String::new();
        Input::new(path, Trickle(bytes, step), 0)
            .and_then(|mut input| {
                let error = |error| input_error(path, error);
                input.read_to_string(&mut text).map_err(error)
            })
            .map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn a_byte_order_mark_is_left_out_and_bad_bytes_are_placed() {
        let latin = "byte 3: 0xe9 is not UTF-8; convert the file first, for example `iconv -f LATIN1 -t UTF-8`";
        let cases: [(&[u8], Result<&str, String>); 6] = [
            (b"", Ok("")),
            ("\u{feff}a\u{feff}".as_bytes(), Ok("a\u{feff}")),
            ("naïve 🙂".as_bytes(), Ok("naïve 🙂")),
            (b"caf\xe9", Err(format!("x: {latin}"))),
            (b"caf\xe9 noir", Err(format!("x: {latin}"))),
            (
                b"\xff\xfeh\0i\0",
                Err("x: byte 0: 0xff is not UTF-8; convert the file first, for example `iconv -f UTF-16 -t UTF-8`".into()),
            ),
        ];
        for (bytes, expected) in cases {
            for step in [1, 2, 3, 1000] {
                assert_eq!(
                    read(bytes, step),
                    expected.clone().map(str::to_owned),
                    "step {step}"
                );
            }
        }
    }

    #[test]
    fn lines_longer_than_the_limit_stop_early() {
        let mut line = Vec::new();
        assert!(read_line(&mut &b"ab\ncd"[..], &mut line, 3).unwrap());
        assert_eq!(line, b"ab\n");
        line.clear();
        assert!(!read_line(&mut &b"abcdef"[..], &mut line, 3).unwrap());
    }

    proptest! {
        #[test]
        fn agrees_with_the_whole_file_at_once(bytes in proptest::collection::vec(any::<u8>(), 0..200), step in 1usize..9) {
            let body = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
            match (read(&bytes, step), std::str::from_utf8(body)) {
                (Ok(text), Ok(expected)) => prop_assert_eq!(text, expected),
                (Err(error), Err(expected)) => {
                    let at = expected.valid_up_to() + bytes.len() - body.len();
                    let place = format!("x: byte {at}: ");
                    prop_assert!(error.starts_with(&place), "{} {}", error, at);
                }
                (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
            }
        }
    }
}
