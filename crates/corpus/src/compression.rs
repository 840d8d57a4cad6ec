//! Compressed files as streams of what they hold: gzip, Zstandard, xz and bzip2, each of any number of parts one after
//! another, recognised by their first bytes.
//!
//! Every place in a compressed file is a place in the bytes it unpacks to; to go on there, what lies before is unpacked
//! and passed over.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use kiln_text::{Error, Position};

/// A file that unpacks to more than this many times its bytes is taken for one made to fill memory and disk. Deflate
/// cannot do more than 1032; text comes to 3 to 20.
const HIGHEST_RATIO: u64 = 1000;

/// What a file may unpack to before its ratio is looked at.
const RATIO_FREE: u64 = 64 << 20;

/// The largest window of a Zstandard frame, as a power of two: that of `zstd --long=31`.
const ZSTD_WINDOW: u32 = 31;

/// What an xz decoder may take: the `xz -9` preset takes 65 MiB.
const XZ_MEMORY: u64 = 1 << 30;

const BLOCK: usize = 64 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

const EXTENSIONS: [(&str, Compression); 7] = [
    ("gz", Compression::Gzip),
    ("bgz", Compression::Gzip),
    ("zst", Compression::Zstd),
    ("zstd", Compression::Zstd),
    ("xz", Compression::Xz),
    ("bz2", Compression::Bzip2),
    ("bz", Compression::Bzip2),
];

impl Compression {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }

    /// What the last extension of a file's name says.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() || stem.ends_with('/') {
            return None;
        }
        let known = EXTENSIONS.iter();
        known
            .filter(|(known, _)| known.eq_ignore_ascii_case(extension))
            .map(|&(_, compression)| compression)
            .next()
    }

    /// The name without the extension that says how it is compressed.
    pub(crate) fn strip_extension(name: &str) -> &str {
        match (Self::of_name(name), name.rsplit_once('.')) {
            (Some(_), Some((stem, _))) => stem,
            _ => name,
        }
    }

    /// What the first bytes of a file say (ten are enough).
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // The beginning of a block, or the end of an empty stream; `BZh9` alone may be text.
            [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x31,
                0x41,
                0x59,
                0x26,
                0x53,
                0x59,
                ..,
            ]
            | [
                b'B',
                b'Z',
                b'h',
                b'1'..=b'9',
                0x17,
                0x72,
                0x45,
                0x38,
                0x50,
                0x90,
                ..,
            ] => Some(Self::Bzip2),
            _ => None,
        }
    }
}

/// A file, unpacked if it is compressed.
pub(crate) struct Unpacked {
    path: PathBuf,
    compression: Option<Compression>,
    decoder: Decoder,
    /// Bytes given so far.
    offset: u64,
}

enum Decoder {
    Plain(Packed),
    Gzip(Box<Gzip>),
    Zstd(Box<zstd::Decoder<'static, BufReader<Packed>>>),
    Xz(Box<liblzma::bufread::XzDecoder<BufReader<Packed>>>),
    Bzip2(Box<bzip2::bufread::MultiBzDecoder<BufReader<Packed>>>),
}

impl Unpacked {
    /// Open `path` at its beginning.
    ///
    /// # Errors
    /// The file cannot be opened, or its name says that it is compressed and its bytes say that it is not.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let io = |error: io::Error| Error::io(path, &error);
        let mut file = File::open(path).map_err(io)?;
        let mut head = Vec::new();
        file.by_ref().take(16).read_to_end(&mut head).map_err(io)?;
        file.rewind().map_err(io)?;
        let compression = Compression::of_bytes(&head);
        if let (None, Some(named)) = (compression, path.to_str().and_then(Compression::of_name)) {
            let begins = if head.is_empty() {
                "is empty"
            } else {
                "does not begin like it"
            };
            let name = named.name();
            let problem = format!(
                "is named as a {name} file but {begins}; rename it if it is not compressed, or fetch it again"
            );
            return Err(Error::mistake(path, Position::Whole, problem));
        }
        let packed = Packed {
            path: path.to_owned(),
            file,
            position: 0,
        };
        Ok(Self {
            path: path.to_owned(),
            compression,
            decoder: Decoder::new(compression, packed).map_err(io)?,
            offset: 0,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is anything to unpack.
    pub(crate) fn is_packed(&self) -> bool {
        self.compression.is_some()
    }

    /// Go to a byte that lies ahead: at once in a plain file, by unpacking what lies before it in another.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        if let Decoder::Plain(packed) = &mut self.decoder {
            packed.seek(offset)?;
            self.offset = offset;
            return Ok(());
        }
        let mut passed = vec![0; BLOCK];
        while self.offset < offset {
            let wanted =
                usize::try_from(offset - self.offset).map_or(BLOCK, |left| left.min(BLOCK));
            if self.read(&mut passed[..wanted])? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// After an error inside a gzip file: go on with the next member behind the place where the damaged one begins.
    /// `false` if there is none, or the file is not gzip.
    pub(crate) fn skip_damaged_member(&mut self) -> io::Result<bool> {
        match &mut self.decoder {
            Decoder::Gzip(gzip) => gzip.skip_damaged_member(),
            _ => Ok(false),
        }
    }

    /// Nothing of the present member of a gzip file was given: what is wrong with it does not touch what was.
    pub(crate) fn begins_member(&self) -> bool {
        matches!(&self.decoder, Decoder::Gzip(gzip) if !gzip.given)
    }

    fn packed(&self) -> u64 {
        match &self.decoder {
            Decoder::Plain(packed) => packed.position,
            Decoder::Gzip(gzip) => gzip.packed(),
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref().position,
            Decoder::Xz(decoder) => decoder.get_ref().get_ref().position,
            Decoder::Bzip2(decoder) => decoder.get_ref().get_ref().position,
        }
    }

    fn mistake(&self, problem: String) -> io::Error {
        io::Error::other(Error::mistake(
            &self.path,
            Position::Byte(self.offset),
            problem,
        ))
    }

    /// What went wrong, as a refusal of the file, unless the machine failed.
    fn damaged(&self, error: io::Error) -> io::Error {
        let is_ours = error.get_ref().is_some_and(|inner| inner.is::<Error>());
        let Some(compression) = self.compression.filter(|_| !is_ours) else {
            return error;
        };
        let name = compression.name();
        let packed = self.packed();
        self.mistake(match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                format!("the {name} file ends early, after {packed} bytes; fetch it again")
            }
            _ => format!(
                "the {name} file is damaged before its byte {packed}, of which this byte was unpacked ({error}); \
                 fetch it again"
            ),
        })
    }
}

impl Decoder {
    fn new(compression: Option<Compression>, packed: Packed) -> io::Result<Self> {
        let Some(compression) = compression else {
            return Ok(Self::Plain(packed));
        };
        let packed = BufReader::with_capacity(BLOCK, packed);
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(Gzip::new(packed))),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(packed)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Self::Zstd(Box::new(decoder))
            }
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    XZ_MEMORY,
                    liblzma::stream::CONCATENATED,
                )?;
                Self::Xz(Box::new(liblzma::bufread::XzDecoder::new_stream(
                    packed, stream,
                )))
            }
            Compression::Bzip2 => {
                Self::Bzip2(Box::new(bzip2::bufread::MultiBzDecoder::new(packed)))
            }
        })
    }
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.decoder {
            Decoder::Plain(packed) => packed.read(out),
            Decoder::Gzip(gzip) => gzip.read(out),
            Decoder::Zstd(decoder) => decoder.read(out),
            Decoder::Xz(decoder) => decoder.read(out),
            Decoder::Bzip2(decoder) => decoder.read(out),
        };
        let count = match read {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.damaged(error)),
        };
        self.offset += count as u64;
        if self.compression.is_some()
            && self.offset > RATIO_FREE
            && self.offset / HIGHEST_RATIO > self.packed()
        {
            let packed = self.packed();
            return Err(self.mistake(format!(
                "{packed} bytes unpack to more than {HIGHEST_RATIO} times as many; \
                 unpack the file first if it is meant to"
            )));
        }
        Ok(count)
    }
}

/// The file as it lies on the disk. Its errors are told apart from those of a decoder by being ours.
struct Packed {
    path: PathBuf,
    file: File,
    /// Bytes read so far.
    position: u64,
}

impl Packed {
    fn seek(&mut self, position: u64) -> io::Result<()> {
        self.position = self.file.seek(SeekFrom::Start(position))?;
        Ok(())
    }
}

impl Read for Packed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read(out) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io::Error::other(Error::io(&self.path, &error))),
                Ok(count) => {
                    self.position += count as u64;
                    return Ok(count);
                }
            }
        }
    }
}

/// The members of a gzip file. Zero bytes behind them are padding, as of a tape.
struct Gzip {
    /// `None` only while one member is changed for the next.
    member: Option<GzDecoder<BufReader<Packed>>>,
    /// Where the present member begins in the file.
    member_start: u64,
    /// Bytes of the present member were given.
    given: bool,
    ended: bool,
}

impl Gzip {
    fn new(packed: BufReader<Packed>) -> Self {
        Self {
            member_start: place(&packed),
            member: Some(GzDecoder::new(packed)),
            given: false,
            ended: false,
        }
    }

    fn packed(&self) -> u64 {
        self.member
            .as_ref()
            .map_or(0, |member| member.get_ref().get_ref().position)
    }

    fn start_member(&mut self, packed: BufReader<Packed>) {
        self.member_start = place(&packed);
        self.given = false;
        self.member = Some(GzDecoder::new(packed));
    }

    /// Search for the next beginning of a member: its two magic bytes, the method deflate, and no reserved flag (RFC 1952,
    /// 2.3).
    fn skip_damaged_member(&mut self) -> io::Result<bool> {
        let Some(member) = self.member.take() else {
            return Ok(false);
        };
        let mut packed = member.into_inner().into_inner();
        packed.seek(self.member_start + 1)?;
        let mut packed = BufReader::with_capacity(BLOCK, packed);
        let mut last = [0u8; 4];
        let mut found = None;
        'search: while found.is_none() {
            let block = packed.fill_buf()?;
            if block.is_empty() {
                break 'search;
            }
            let mut taken = block.len();
            for (index, &byte) in block.iter().enumerate() {
                last = [last[1], last[2], last[3], byte];
                if let [0x1f, 0x8b, 8, flags] = last
                    && flags & 0xe0 == 0
                {
                    taken = index + 1;
                    found = Some(());
                    break;
                }
            }
            packed.consume(taken);
        }
        let start = place(&packed).saturating_sub(4);
        if found.is_some() {
            let mut inner = packed.into_inner();
            inner.seek(start)?;
            packed = BufReader::with_capacity(BLOCK, inner);
        }
        self.ended = found.is_none();
        self.start_member(packed);
        Ok(found.is_some())
    }
}

/// Where in the file the next byte of the buffer lies.
fn place(packed: &BufReader<Packed>) -> u64 {
    packed.get_ref().position - packed.buffer().len() as u64
}

impl Read for Gzip {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.ended
            && let Some(member) = &mut self.member
        {
            let count = member.read(out)?;
            if count > 0 || out.is_empty() {
                self.given |= count > 0;
                return Ok(count);
            }
            let Some(member) = self.member.take() else {
                break;
            };
            let mut packed = member.into_inner();
            loop {
                let block = packed.fill_buf()?;
                let zeros = block.iter().take_while(|&&byte| byte == 0).count();
                let (only_zeros, at_end) = (zeros == block.len(), block.is_empty());
                packed.consume(zeros);
                if at_end {
                    self.ended = true;
                }
                if at_end || !only_zeros {
                    break;
                }
            }
            self.start_member(packed);
        }
        Ok(0)
    }
}
