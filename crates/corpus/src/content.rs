//! What a file is by its first bytes.

use crate::config::Format;

/// What a beginning stands for: its name in a message, and the format that reads it.
struct Magic(usize, &'static [u8], &'static str, Option<Format>);

/// Offset and bytes of known beginnings.
const MAGIC: [Magic; 20] = [
    Magic(0, b"%PDF-", "a PDF file", Some(Format::Pdf)),
    Magic(
        0,
        b"PK\x03\x04",
        "a ZIP archive (as EPUB and office files are)",
        None,
    ),
    Magic(0, b"PK\x05\x06", "an empty ZIP archive", None),
    Magic(0, b"PAR1", "a Parquet file", Some(Format::Parquet)),
    Magic(0, b"ARROW1\0\0", "an Arrow file", Some(Format::Arrow)),
    Magic(0, b"WARC/", "a web archive", Some(Format::Warc)),
    Magic(0, b"filedesc://", "a web archive (ARC)", Some(Format::Warc)),
    Magic(0, b"\x89PNG\r\n", "a PNG picture", None),
    Magic(0, b"\xff\xd8\xff", "a JPEG picture", None),
    Magic(0, b"GIF8", "a GIF picture", None),
    Magic(0, b"RIFF", "a RIFF file (sound, video or WebP)", None),
    Magic(0, b"\x7fELF", "a program", None),
    Magic(0, b"MZ", "a Windows program", None),
    Magic(0, b"SQLite format 3\0", "an SQLite database", None),
    Magic(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", None),
    Magic(0, b"Rar!\x1a\x07", "a RAR archive", None),
    Magic(
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file",
        None,
    ),
    Magic(257, b"ustar", "a tar archive", None),
    Magic(0, b"ID3", "an MP3 file", None),
    Magic(0, b"\0asm", "WebAssembly", None),
];

fn magic(bytes: &[u8]) -> Option<&'static Magic> {
    MAGIC.iter().find(|magic| {
        bytes
            .get(magic.0..)
            .is_some_and(|rest| rest.starts_with(magic.1))
    })
}

/// What a file that begins so holds, for a message.
pub(crate) fn name(bytes: &[u8]) -> Option<&'static str> {
    magic(bytes).map(|magic| magic.2)
}

/// The format of a file whose name does not tell it, if its first bytes (unpacked) do.
pub(crate) fn format(bytes: &[u8]) -> Option<Format> {
    if let Some(magic) = magic(bytes) {
        return magic.3;
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    let begins = |tag: &str| {
        let beginning = text.get(..tag.len());
        beginning.is_some_and(|bytes| bytes.eq_ignore_ascii_case(tag.as_bytes()))
    };
    if begins("<!doctype html") || begins("<html") {
        return Some(Format::Html);
    }
    if begins("<mediawiki") {
        return Some(Format::Wikipedia);
    }
    let after = |count: usize| text.get(count..).map(<[u8]>::trim_ascii_start);
    match text.first()? {
        b'{' if matches!(after(1)?.first()?, b'"' | b'}') => Some(Format::Json),
        b'[' if after(1)?.first() == Some(&b'{') => Some(Format::Json),
        _ => None,
    }
}
