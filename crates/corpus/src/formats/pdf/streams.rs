//! What the streams of a PDF file unpack to, counted before a library unpacks them without a limit.
//!
//! Every stream stands in the bytes of the file (ISO 32000-1, 7.3.8), with the dictionary that names its filters before
//! it: 7.4.4 Flate and LZW, 7.4.3 ASCII85, several of them one after another. All filters of a stream are run here, in
//! constant memory, and what each of them gives is counted. Where a name could be read in two ways, both are counted. Of
//! an encrypted file the streams cannot be unpacked and count as they stand.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use memchr::memmem;
use weezl::BitOrder;
use weezl::decode::Decoder;

/// The longest row of pixels that a predictor may ask for.
const LONGEST_ROW: u64 = 64 << 20;
/// The widest field of a table of objects; four bytes are usual.
const WIDEST_FIELD: u64 = 1 << 24;
/// How much of the dictionary before a stream is looked at.
const DICTIONARY: usize = 64 << 10;
/// The most filters of one stream.
const MOST_FILTERS: usize = 8;

/// Refuse a file whose streams unpack to more bytes than the limit, or ask for memory that no file needs.
pub(super) fn check(bytes: &[u8], limit: u64) -> Result<(), String> {
    let total = Rc::new(Cell::new(0));
    let mut behind = 0;
    for found in memmem::find_iter(bytes, b"stream") {
        let before = &bytes[behind.max(found.saturating_sub(DICTIONARY))..found];
        if before.ends_with(b"end") {
            behind = found + 6;
            continue;
        }
        let dictionary = unescaped(before);
        check_numbers(&dictionary)?;
        let start = match &bytes[found + 6..] {
            [b'\r', b'\n', ..] => found + 8,
            [b'\r' | b'\n', ..] => found + 7,
            _ => found + 6,
        };
        // Of a name that stands twice the last counts, but not of one within another dictionary.
        for filter in memmem::find_iter(&dictionary, b"/Filter").take(MOST_FILTERS) {
            let names = names(&dictionary[filter + 7..])?;
            let late = memmem::find(&dictionary, b"/EarlyChange").is_some();
            for early in [true, false].into_iter().take(1 + usize::from(late)) {
                let mut stream: Box<dyn Read> = Box::new(&bytes[start..]);
                for &name in &names {
                    let stream_so_far = filtered(name, early, stream);
                    let total = total.clone();
                    stream = Box::new(Counted {
                        stream: stream_so_far,
                        total,
                        limit,
                    });
                }
                if !names.is_empty() {
                    // Where it is broken it counts as far as it goes.
                    let _ = io::copy(&mut stream, &mut io::sink());
                }
                if total.get() > limit {
                    let limit = limit >> 20;
                    return Err(format!("unpacks to more than {limit} MiB; leave it out"));
                }
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Flate,
    Lzw,
    Ascii85,
}

const NAMES: [(&[u8], Filter); 3] = [
    (b"/FlateDecode", Filter::Flate),
    (b"/LZWDecode", Filter::Lzw),
    (b"/ASCII85Decode", Filter::Ascii85),
];

/// The filters named in what follows `/Filter`, up to the next stream.
fn names(text: &[u8]) -> Result<Vec<Filter>, String> {
    let slashes = memchr::memchr_iter(b'/', text);
    let named = slashes.filter_map(|at| {
        let known = NAMES.iter().find(|(name, _)| text[at..].starts_with(name));
        known.map(|(_, filter)| *filter)
    });
    let named: Vec<_> = named.take(MOST_FILTERS + 1).collect();
    match named.len() > MOST_FILTERS {
        true => Err(format!(
            "packs a stream more than {MOST_FILTERS} times; leave it out"
        )),
        false => Ok(named),
    }
}

fn filtered<'b>(filter: Filter, early: bool, stream: Box<dyn Read + 'b>) -> Box<dyn Read + 'b> {
    let mut stream = BufReader::new(stream);
    match filter {
        // The library takes a stream for raw Deflate behind its two bytes of header where they are wrong.
        Filter::Flate => match io::copy(&mut stream.by_ref().take(2), &mut io::sink()) {
            Ok(2) => Box::new(flate2::bufread::DeflateDecoder::new(stream)),
            _ => Box::new(io::empty()),
        },
        Filter::Lzw => Box::new(Lzw {
            stream,
            decoder: match early {
                true => Decoder::with_tiff_size_switch(BitOrder::Msb, 8),
                false => Decoder::new(BitOrder::Msb, 8),
            },
        }),
        Filter::Ascii85 => Box::new(Ascii85 { stream }),
    }
}

/// Counts what a filter gives, and ends once that is too much.
struct Counted<'b> {
    stream: Box<dyn Read + 'b>,
    total: Rc<Cell<u64>>,
    limit: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.total.get() > self.limit {
            return Ok(0);
        }
        let count = self.stream.read(out)?;
        self.total.set(self.total.get() + count as u64);
        Ok(count)
    }
}

struct Lzw<R> {
    stream: BufReader<R>,
    decoder: Decoder,
}

impl<R: Read> Read for Lzw<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = self.decoder.decode_bytes(self.stream.fill_buf()?, out);
            self.stream.consume(result.consumed_in);
            let stays = result.consumed_in == 0;
            if result.consumed_out > 0 || stays || out.is_empty() || result.status.is_err() {
                return Ok(result.consumed_out);
            }
        }
    }
}

struct Ascii85<R> {
    stream: BufReader<R>,
}

impl<R: Read> Read for Ascii85<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut given = 0;
        // Up to four bytes for a group of five characters, or of a single `z`.
        let (mut group, mut length) = (0u32, 0);
        while given + 4 <= out.len() {
            let Some(&byte) = self.stream.fill_buf()?.first() else {
                break;
            };
            match byte {
                b'z' if length == 0 => given += put(out, given, 0),
                b'!'..=b'u' => {
                    group = group.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                    length += 1;
                    if length == 5 {
                        given += put(out, given, group);
                        (group, length) = (0, 0);
                    }
                }
                byte if byte.is_ascii_whitespace() => {}
                _ => break,
            }
            self.stream.consume(1);
        }
        if (1..5).contains(&length) && given + 4 <= out.len() {
            for _ in length..5 {
                group = group.wrapping_mul(85).wrapping_add(84);
            }
            put(out, given, group);
            given += length - 1;
        }
        Ok(given)
    }
}

fn put(out: &mut [u8], at: usize, group: u32) -> usize {
    out[at..at + 4].copy_from_slice(&group.to_be_bytes());
    4
}

/// With the characters for which names have numbers, `#46` for `F` (7.3.5).
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'#') {
        return Cow::Borrowed(text);
    }
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'#', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(plain)
}

/// Refuse rows of pixels and fields of tables for which memory is taken by their announced length alone.
fn check_numbers(dictionary: &[u8]) -> Result<(), String> {
    let largest = |name: &[u8]| {
        let found = memmem::find_iter(dictionary, name);
        let numbers =
            found.filter_map(|at| number(dictionary[at + name.len()..].trim_ascii_start()));
        numbers.max().unwrap_or(1).max(1)
    };
    let row = largest(b"/Columns")
        .saturating_mul(largest(b"/Colors"))
        .saturating_mul(largest(b"/BitsPerComponent").max(8));
    if row / 8 > LONGEST_ROW {
        let limit = LONGEST_ROW >> 20;
        return Err(format!(
            "asks for rows of more than {limit} MiB; leave it out"
        ));
    }
    for at in memmem::find_iter(dictionary, b"/W") {
        let Some(list) = dictionary[at + 2..].trim_ascii_start().strip_prefix(b"[") else {
            continue;
        };
        let list = list.split(|&byte| byte == b']').next().unwrap_or(list);
        let numbers = list.split(u8::is_ascii_whitespace).filter_map(number);
        if numbers.max().is_some_and(|widest| widest > WIDEST_FIELD) {
            return Err("announces fields of more than 16 MiB; leave it out".to_owned());
        }
    }
    Ok(())
}

/// The number that a text begins with; as large as can be if it has too many digits.
fn number(text: &[u8]) -> Option<u64> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let values = digits.map(|digit| u64::from(digit - b'0'));
    values.fold(None, |number: Option<u64>, digit| {
        let number = number.unwrap_or(0);
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflated(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn lzw(content: &[u8], early: bool) -> Vec<u8> {
        use weezl::encode::Encoder;
        let mut encoder = match early {
            true => Encoder::with_tiff_size_switch(BitOrder::Msb, 8),
            false => Encoder::new(BitOrder::Msb, 8),
        };
        encoder.encode(content).unwrap()
    }

    fn stream(entries: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("1 0 obj\n<< {entries} >>\nstream\n");
        [head.as_bytes(), content, b"\nendstream\nendobj\n"].concat()
    }

    #[test]
    fn all_filters_of_a_stream_are_counted() {
        let zeros = vec![0; 100_000];
        let flate = deflated(&zeros);
        let twice = deflated(&flate);
        let raw = [&b"xx"[..], &flate[2..]].concat();
        let z = b"z".repeat(25_000);
        let (before, flates) = (twice.len() as u64, flate.len() as u64);
        let none = 0;
        // Entries of the dictionary, the content, and what its filters give.
        let cases: [(&str, &[u8], u64); 11] = [
            ("", &flate, none),
            ("/Filter /FlateDecode", &flate, 100_000),
            ("/Filter/Fl#61teDecode", &flate, 100_000),
            ("/Filter /FlateDecode", &raw, 100_000),
            (
                "/Filter [/FlateDecode /FlateDecode]",
                &twice,
                100_000 + flates,
            ),
            ("/Filter /LZWDecode", &lzw(&zeros, true), 100_000),
            (
                "/Filter /LZWDecode /DecodeParms << /EarlyChange 0 >>",
                &lzw(&zeros, false),
                200_000,
            ),
            (
                "/Filter [ /FlateDecode /LZWDecode ]",
                &deflated(&lzw(&zeros, true)),
                100_000 + lzw(&zeros, true).len() as u64,
            ),
            ("/Filter /ASCII85Decode", &z, 100_000),
            ("/Filter [/ASCII85Decode/FlateDecode]", b"GhQ~>", 4),
            ("/Filter /DCTDecode", &flate, none),
        ];
        assert!(before < flates);
        for (entries, content, expected) in cases {
            let file = [stream(entries, content), stream("/Length 5", b"plain")].concat();
            assert_eq!(check(&file, expected.max(1) * 2 + 8), Ok(()), "{entries}");
            if expected > 100 {
                let refused = check(&file, expected / 2).unwrap_err();
                assert!(refused.starts_with("unpacks to more than"), "{entries}");
            }
        }
        let both = [
            stream("/Filter /FlateDecode", &flate),
            stream("/Filter /FlateDecode", &flate),
        ]
        .concat();
        assert_eq!(check(&both, 200_000), Ok(()));
        assert!(check(&both, 199_999).is_err());
    }

    #[test]
    fn announced_memory_is_bounded() {
        let cases = [
            (
                "/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 5 >>",
                true,
            ),
            (
                "/DecodeParms << /Predictor 12 /Columns 9999999999 >>",
                false,
            ),
            ("/DecodeParms << /Columns 100000 /Colors 100000 >>", false),
            ("/Type /XRef /W [1 2 1]", true),
            ("/Type /XRef /W[1 99999999999999999999999 1]", false),
            (
                "/Filter [/FlateDecode/FlateDecode/FlateDecode/FlateDecode/FlateDecode/FlateDecode/FlateDecode/FlateDecode/FlateDecode]",
                false,
            ),
        ];
        for (entries, fits) in cases {
            assert_eq!(
                check(&stream(entries, b"x"), 1 << 20).is_ok(),
                fits,
                "{entries}"
            );
        }
    }
}
