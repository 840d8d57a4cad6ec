//! A file as a stream of UTF-8, unpacked if it is compressed and decoded if it is in another encoding.
//!
//! Places in a stream are bytes of it: of the file itself where that is UTF-8 and not compressed, else of the UTF-8 text
//! that it unpacks and decodes to.

mod ahead;
mod lines;

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use kiln_text::{Error, Position};

use crate::compression::Unpacked;
use crate::content;
use crate::encoding::{self, Decode, Detected, Encoding};
use ahead::Ahead;

pub(crate) use lines::{Line, Lines, read_line, too_long};

/// Read at once; by so many bytes an encoding is judged.
const BLOCK: usize = 256 << 10;

/// The longest line or record that is read: a record has to fit in memory, and a quote that is never closed must not take
/// the rest of the file with it.
pub(crate) const LONGEST_RECORD: usize = 64 << 20;

/// A file whose characters are checked, or decoded, as they pass. A byte order mark at its beginning is left out.
pub(crate) struct Input {
    path: PathBuf,
    source: Box<dyn Read + Send>,
    state: State,
    buffer: Vec<u8>,
    /// `buffer[start..valid]` is checked and not yet consumed; `buffer[valid..end]` is the beginning of a character.
    start: usize,
    valid: usize,
    end: usize,
    /// Where `buffer[start]` lies in the stream.
    offset: u64,
    ended: bool,
}

enum State {
    /// The bytes are UTF-8.
    Utf8 {
        /// The recipe says so.
        declared: bool,
        /// All bytes so far were ASCII, so that they are the same in another encoding.
        ascii: bool,
    },
    Decoded {
        decoder: Box<dyn Decode>,
        /// Read and not yet decoded.
        raw: Vec<u8>,
        /// The decoder was told that nothing follows.
        finished: bool,
    },
}

impl Input {
    /// Open `path` at a byte of the stream where a character begins. `None` as encoding: as the bytes look.
    pub(crate) fn open(
        path: &Path,
        encoding: Option<Encoding>,
        offset: u64,
    ) -> Result<Self, Error> {
        let mut file = Unpacked::open(path)?;
        let mut skipped = 0;
        if encoding == Some(Encoding::UTF_8) && offset > 0 {
            // Bytes of the file are bytes of the stream: no need to read those before.
            file.skip_to(offset)
                .map_err(|error| input_error(path, error))?;
            skipped = offset;
        }
        let source: Box<dyn Read + Send> = match file.is_packed() {
            true => Box::new(Ahead::new(file)),
            false => Box::new(file),
        };
        let mut input = Self::new(path, source, encoding, skipped)?;
        input.pass_over(offset)?;
        Ok(input)
    }

    /// `offset`: where `source` stands.
    pub(crate) fn new(
        path: &Path,
        source: Box<dyn Read + Send>,
        encoding: Option<Encoding>,
        offset: u64,
    ) -> Result<Self, Error> {
        let mut input = Self {
            path: path.to_owned(),
            source,
            state: State::Utf8 {
                declared: encoding == Some(Encoding::UTF_8),
                ascii: true,
            },
            buffer: vec![0; BLOCK],
            start: 0,
            valid: 0,
            end: 0,
            offset,
            ended: false,
        };
        if offset == 0 {
            input
                .begin(encoding)
                .map_err(|error| input_error(path, error))?;
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

    /// The place in the stream of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    fn pass_over(&mut self, offset: u64) -> Result<(), Error> {
        while self.offset < offset {
            let left = usize::try_from(offset - self.offset).unwrap_or(usize::MAX);
            let count = self.block()?.len().min(left);
            if count == 0 {
                break;
            }
            self.consume(count);
        }
        Ok(())
    }

    /// Look at the first bytes and find out what they are.
    fn begin(&mut self, declared: Option<Encoding>) -> io::Result<()> {
        self.fill()?;
        let head = &self.buffer[..self.end];
        let (encoding, mark) = match declared {
            Some(declared) => match encoding::mark(head) {
                Some((marked, length)) if marked.goes_with(declared) => (marked, length),
                _ => (declared, 0),
            },
            // What UTF-16 would be does not begin like this.
            None if head.contains(&0) && content::name(head).is_some() => {
                return Err(io::Error::other(self.not_text("")));
            }
            None => match encoding::detect(head, self.ended) {
                Detected::Text { encoding, mark } => (encoding, mark),
                Detected::Binary(why) => return Err(io::Error::other(self.not_text(&why))),
                Detected::Unread(name) => return Err(io::Error::other(self.unread(name))),
            },
        };
        if encoding != Encoding::UTF_8 {
            self.decode(encoding, mark);
            return Ok(());
        }
        self.check()?;
        let mark = mark.min(self.valid);
        self.consume(mark);
        Ok(())
    }

    /// Decode the buffer but for its first `passed` bytes, and all that follows.
    fn decode(&mut self, encoding: Encoding, passed: usize) {
        self.state = State::Decoded {
            decoder: encoding.decoder(),
            raw: self.buffer[passed..self.end].to_vec(),
            finished: false,
        };
        (self.start, self.valid, self.end) = (0, 0, 0);
    }

    /// Read until the buffer is full, or the end.
    fn fill(&mut self) -> io::Result<()> {
        while self.end < self.buffer.len() && !self.ended {
            self.read_once()?;
        }
        Ok(())
    }

    fn read_once(&mut self) -> io::Result<()> {
        let read = loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += read;
        self.ended = read == 0;
        Ok(())
    }

    /// Have a whole character, or be at the end.
    fn refill(&mut self) -> io::Result<()> {
        if let State::Decoded { .. } = self.state {
            return self.refill_decoded();
        }
        self.buffer.copy_within(self.valid..self.end, 0);
        self.end -= self.valid;
        (self.start, self.valid) = (0, 0);
        if self.end > 0 {
            self.check()?;
        }
        while self.valid == 0 && !self.ended {
            if let State::Decoded { .. } = self.state {
                return self.refill_decoded();
            }
            self.read_once()?;
            self.check()?;
        }
        match self.state {
            State::Decoded { .. } if self.valid == 0 => self.refill_decoded(),
            _ => Ok(()),
        }
    }

    fn refill_decoded(&mut self) -> io::Result<()> {
        let State::Decoded {
            decoder,
            raw,
            finished,
        } = &mut self.state
        else {
            return Ok(());
        };
        let mut text = String::new();
        (self.start, self.valid, self.end) = (0, 0, 0);
        // The buffer keeps its bytes for reading; the text takes its place only once there is some.
        while text.is_empty() && !*finished {
            if raw.is_empty() && self.ended {
                decoder.decode(&[], true, &mut text);
                *finished = true;
                break;
            }
            if raw.is_empty() {
                raw.resize(BLOCK, 0);
                let read = loop {
                    match self.source.read(raw) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        other => break other?,
                    }
                };
                raw.truncate(read);
                self.ended = read == 0;
            }
            decoder.decode(raw, false, &mut text);
            raw.clear();
        }
        self.buffer = text.into_bytes();
        (self.valid, self.end) = (self.buffer.len(), self.buffer.len());
        Ok(())
    }

    /// See how much of the buffer is whole characters. Bytes that are none are refused or decoded, once they are its first.
    fn check(&mut self) -> io::Result<()> {
        let State::Utf8 { declared, ascii } = &mut self.state else {
            return Ok(());
        };
        let bytes = &self.buffer[..self.end];
        let (valid, broken) = match std::str::from_utf8(bytes) {
            Ok(_) => (self.end, false),
            Err(error) => {
                let valid = error.valid_up_to();
                (valid, self.ended || error.error_len().is_some())
            }
        };
        self.valid = valid;
        *ascii &= bytes[..valid].is_ascii();
        if !broken || valid > 0 {
            return Ok(());
        }
        if *declared {
            return Err(io::Error::other(self.not_utf8()));
        }
        let encoding = match *ascii {
            false => Encoding::UTF_8,
            true => {
                self.fill()?;
                let bytes = &self.buffer[..self.end];
                if let Some(why) = encoding::binary(bytes) {
                    return Err(io::Error::other(self.not_text(&why)));
                }
                match encoding::detect_legacy(bytes) {
                    Detected::Text { encoding, .. } => encoding,
                    Detected::Binary(why) => return Err(io::Error::other(self.not_text(&why))),
                    Detected::Unread(name) => return Err(io::Error::other(self.unread(name))),
                }
            }
        };
        self.decode(encoding, 0);
        Ok(())
    }

    fn not_utf8(&self) -> Error {
        let bad = self.buffer[0];
        Error::mistake(
            &self.path,
            Position::Byte(self.offset),
            format!(
                "0x{bad:02x} is not UTF-8, which `encoding` says the file is; \
                 name the right encoding, or set encoding = \"auto\""
            ),
        )
    }

    fn unread(&self, name: &str) -> Error {
        let problem = format!(
            "is text in {name}, which is not read; convert it first (iconv -f {name} -t UTF-8), \
             or name its `encoding` if it is in another"
        );
        Error::mistake(&self.path, Position::Byte(self.offset), problem)
    }

    fn not_text(&self, why: &str) -> Error {
        let what = match content::name(&self.buffer[..self.end]) {
            Some(name) => format!("holds {name}, not text"),
            None => format!("does not look like text: {why}"),
        };
        Error::mistake(
            &self.path,
            Position::Byte(self.offset),
            format!(
                "{what}; leave it out, or name its `format` or its `encoding` if it is one of those read"
            ),
        )
    }
}

impl BufRead for Input {
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

impl Read for Input {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives its bytes a few at a time, as pipes and network file systems do.
    struct Trickle(std::collections::VecDeque<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(out.len()).min(self.0.len());
            for (place, byte) in out.iter_mut().zip(self.0.drain(..count)) {
                *place = byte;
            }
            Ok(count)
        }
    }

    fn read(bytes: &[u8], step: usize, encoding: Option<Encoding>) -> Result<String, String> {
        let path = Path::new("x");
        let mut text = String::new();
        let source = Trickle(bytes.iter().copied().collect(), step);
        Input::new(path, Box::new(source), encoding, 0)
            .and_then(|mut input| {
                let error = |error| input_error(path, error);
                input.read_to_string(&mut text).map_err(error)
            })
            .map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn declared_utf8_is_refused_where_it_is_none() {
        let bad = |at: usize, byte: &str| {
            Err(format!(
                "x: byte {at}: 0x{byte} is not UTF-8, which `encoding` says the file is; \
                 name the right encoding, or set encoding = \"auto\""
            ))
        };
        let cases: [(&[u8], Result<&str, String>); 6] = [
            (b"", Ok("")),
            ("\u{feff}a\u{feff}".as_bytes(), Ok("a\u{feff}")),
            ("naïve 🙂".as_bytes(), Ok("naïve 🙂")),
            (b"caf\xe9", bad(3, "e9")),
            (b"caf\xe9 noir", bad(3, "e9")),
            (b"\xff\xfeh\0i\0", bad(0, "ff")),
        ];
        for (bytes, expected) in cases {
            for step in [1, 2, 3, 1000] {
                assert_eq!(
                    read(bytes, step, Some(Encoding::UTF_8)),
                    expected.clone().map(str::to_owned),
                    "step {step}"
                );
            }
        }
    }

    #[test]
    fn other_encodings_are_decoded() {
        let utf16 = |text: &str| -> Vec<u8> {
            let units = format!("\u{feff}{text}");
            units.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        let late = |bytes: &[u8]| [&b"ascii. ".repeat(BLOCK / 7 * 3)[..], bytes].concat();
        let decoded = |text: &str| late(text.as_bytes());
        let cases: [(Vec<u8>, Vec<u8>); 7] = [
            (b"caf\xe9 noir".to_vec(), "café noir".into()),
            (utf16("h\u{e9} 🙂"), "h\u{e9} 🙂".into()),
            ("\u{feff}a\u{feff}".into(), "a\u{feff}".into()),
            // What begins as ASCII shows its encoding later.
            (
                late(b"The caf\xe9 noir, d\xe9j\xe0 vu"),
                decoded("The café noir, déjà vu"),
            ),
            (late("é and é".as_bytes()), decoded("é and é")),
            // What began as UTF-8 stays so.
            (
                [&decoded("é é")[..], &late(b"\xff.")].concat(),
                [&decoded("é é")[..], &decoded("\u{fffd}.")].concat(),
            ),
            (
                [&late(b"d\xe9j\xe0 vu. ")[..], &late(b"\xe9t\xe9")].concat(),
                [&decoded("déjà vu. ")[..], &decoded("été")].concat(),
            ),
        ];
        for (bytes, expected) in cases {
            for step in [7, 1 << 20] {
                let text = read(&bytes, step, None).unwrap();
                assert!(text.as_bytes() == expected, "step {step}");
            }
        }
        let error = read(&late(b"\xff\0\0\0\0"), 1000, None).unwrap_err();
        assert!(
            error.starts_with("x: byte 786429: does not look like text: 4 of"),
            "{error}"
        );
        let error = read(b"%PDF-1.4\n%\xe2\xe3\0\0", 1000, None).unwrap_err();
        assert!(
            error.starts_with("x: byte 0: holds a PDF file, not text; "),
            "{error}"
        );
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
        fn declared_utf8_agrees_with_the_whole_file_at_once(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            step in 1usize..9,
        ) {
            let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            match (read(&bytes, step, Some(Encoding::UTF_8)), std::str::from_utf8(body)) {
                (Ok(text), Ok(expected)) => prop_assert_eq!(text, expected),
                (Err(error), Err(expected)) => {
                    let at = expected.valid_up_to() + bytes.len() - body.len();
                    let place = format!("x: byte {at}: ");
                    prop_assert!(error.starts_with(&place), "{} {}", error, at);
                }
                (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
            }
        }

        #[test]
        fn any_encoding_gives_the_same_text_in_any_steps(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            step in 1usize..9,
            label in prop::sample::select(vec!["auto", "utf-16", "utf-32", "johab", "iso-2022-kr", "cp855", "gb18030", "iso-2022-jp"]),
        ) {
            let encoding = Encoding::of_label(label);
            let whole = read(&bytes, 1000, encoding);
            prop_assert_eq!(&whole, &read(&bytes, step, encoding));
            if let Some(encoding) = encoding {
                prop_assert_eq!(whole, Ok(encoding.decode(&bytes)));
            }
        }
    }
}
