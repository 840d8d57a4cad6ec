//! Which encoding the beginning of a file is in: by its mark, by its zeros, by being UTF-8, by what it declares, and last
//! by how the text looks that each encoding would make of it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::Encoding;

/// Up to this share of NULs and other control characters, one in so many characters, is found in texts.
const CONTROLS: usize = 64;

/// What the beginning of a file is.
#[derive(Debug, PartialEq)]
pub(crate) enum Detected {
    /// Text in this encoding, behind a byte order mark of `mark` bytes.
    Text { encoding: Encoding, mark: usize },
    /// No text; what shows it.
    Binary(String),
    /// Text in an encoding that is not read, of this name.
    Unread(&'static str),
}

/// Judge the first bytes of a file: all of it, or (not `complete`) a few hundred KiB that may end inside a character.
pub(crate) fn detect(bytes: &[u8], complete: bool) -> Detected {
    let text = |encoding| Detected::Text { encoding, mark: 0 };
    if let Some((encoding, mark)) = mark(bytes) {
        return Detected::Text { encoding, mark };
    }
    if let Some(encoding) = wide(bytes, complete) {
        return text(encoding);
    }
    if let Some(what) = binary(bytes) {
        return Detected::Binary(what);
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => text(seven_bits(bytes).unwrap_or(Encoding::UTF_8)),
        Err(error) if error.error_len().is_none() && !complete => {
            text(seven_bits(bytes).unwrap_or(Encoding::UTF_8))
        }
        Err(_) => detect_legacy(bytes),
    }
}

/// A byte order mark: its encoding and its length.
pub(crate) fn mark(bytes: &[u8]) -> Option<(Encoding, usize)> {
    Some(match bytes {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::UTF_8, 3),
        [0xff, 0xfe, 0, 0, ..] => (Encoding::Utf32 { big_endian: false }, 4),
        [0, 0, 0xfe, 0xff, ..] => (Encoding::Utf32 { big_endian: true }, 4),
        [0xff, 0xfe, ..] => (Encoding::Standard(encoding_rs::UTF_16LE), 2),
        [0xfe, 0xff, ..] => (Encoding::Standard(encoding_rs::UTF_16BE), 2),
        _ => return None,
    })
}

/// UTF-16 or UTF-32 without a mark: the zeros of its ASCII stand in the same places throughout.
fn wide(bytes: &[u8], complete: bool) -> Option<Encoding> {
    if bytes.len() < 4 || !bytes.contains(&0) {
        return None;
    }
    for big_endian in [false, true] {
        if complete && !bytes.len().is_multiple_of(4) {
            break;
        }
        let encoding = Encoding::Utf32 { big_endian };
        if looks_like_text(&encoding.decode(&bytes[..bytes.len() / 4 * 4])) {
            return Some(encoding);
        }
    }
    let zeros = |first: usize| {
        let every_second = bytes.iter().skip(first).step_by(2);
        every_second.filter(|&&byte| byte == 0).count()
    };
    let (even, odd, pairs) = (zeros(0), zeros(1), bytes.len() / 2);
    if complete && bytes.len() % 2 == 1 {
        return None;
    }
    // Where hardly a letter is ASCII, blanks and line ends are; in a few words that need not show.
    let share = if pairs < 32 { 2 } else { 8 };
    let encoding = if odd * share > pairs && even * 64 < odd {
        Encoding::Standard(encoding_rs::UTF_16LE)
    } else if even * share > pairs && odd * 64 < even {
        Encoding::Standard(encoding_rs::UTF_16BE)
    } else {
        return None;
    };
    // A pair of surrogates may be cut at the end.
    let text = encoding.decode(&bytes[..pairs * 2]);
    looks_like_text(text.strip_suffix('\u{fffd}').unwrap_or(&text)).then_some(encoding)
}

fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\x0c' | '\x1b' | '\u{85}')
}

fn looks_like_text(text: &str) -> bool {
    let (mut all, mut controls) = (0, 0);
    for character in text.chars() {
        if character == char::REPLACEMENT_CHARACTER {
            return false;
        }
        all += 1;
        controls += usize::from(is_control(character));
    }
    controls * CONTROLS <= all
}

/// What shows that the bytes are no text in an encoding that keeps ASCII.
pub(crate) fn binary(bytes: &[u8]) -> Option<String> {
    let zeros = bytes.iter().filter(|&&byte| byte == 0).count();
    if zeros == 0 {
        return None;
    }
    let first = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    let valid = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    // A text may hold single NULs, but then it is sound otherwise.
    (!valid || zeros * CONTROLS > bytes.len()).then(|| {
        format!(
            "{zeros} of its first {} bytes are zero, the first at {first}",
            bytes.len()
        )
    })
}

/// Encodings that change character sets by escapes and keep to seven bits, and so are UTF-8 to look at.
fn seven_bits(bytes: &[u8]) -> Option<Encoding> {
    let escape = memchr::memchr(0x1b, bytes)?;
    if !bytes.is_ascii() {
        return None;
    }
    match &bytes[escape + 1..] {
        [b'$', b')', b'C', ..] => Some(Encoding::Iso2022Kr),
        [b'$', b'B' | b'@', ..] | [b'(', b'J' | b'I', ..] => {
            Some(Encoding::Standard(encoding_rs::ISO_2022_JP))
        }
        _ => None,
    }
}

/// The encoding of bytes that are not UTF-8, or not throughout.
pub(crate) fn detect_legacy(bytes: &[u8]) -> Detected {
    let text = |encoding| Detected::Text { encoding, mark: 0 };
    if let Some(encoding) = declared(bytes).filter(|&encoding| is_clean(encoding, bytes)) {
        return text(encoding);
    }
    if is_mostly_utf8(bytes) {
        return text(Encoding::UTF_8);
    }
    if super::looks::looks_like_euc_tw(bytes) {
        return Detected::Unread("EUC-TW");
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = Encoding::Standard(detector.guess(None, Utf8Detection::Deny));
    text(super::looks::choose(bytes, guess))
}

/// What an XML declaration or the head of a web page says.
fn declared(bytes: &[u8]) -> Option<Encoding> {
    let head = &bytes[..bytes.len().min(2048)];
    let head: String = head
        .iter()
        .map(|byte| char::from(byte & 0x7f).to_ascii_lowercase())
        .collect();
    let label = |after: &str| {
        let value = after.trim_start().strip_prefix('=')?;
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        let end = value.find(|c: char| !c.is_ascii_alphanumeric() && !"-_:.".contains(c));
        Encoding::of_label(&value[..end?])
    };
    let trimmed = head.trim_start();
    if let Some(declaration) = trimmed.strip_prefix("<?xml") {
        let (inside, _) = declaration.split_once("?>")?;
        let (_, after) = inside.split_once("encoding")?;
        return label(after).filter(|&encoding| keeps_ascii(encoding));
    }
    let (_, meta) = head.split_once("<meta")?;
    let (_, after) = meta.split_once("charset")?;
    label(after).filter(|&encoding| keeps_ascii(encoding))
}

/// A declaration that could be read as ASCII is not written in these.
fn keeps_ascii(encoding: Encoding) -> bool {
    match encoding {
        Encoding::Standard(standard) => {
            standard.is_ascii_compatible() && standard != encoding_rs::UTF_8
        }
        Encoding::Utf32 { .. } => false,
        Encoding::Iso2022Kr | Encoding::Johab | Encoding::Ibm855 => true,
    }
}

/// At most one character in a thousand cannot be decoded, or the one that is cut at the end.
fn is_clean(encoding: Encoding, bytes: &[u8]) -> bool {
    let text = encoding.decode(bytes);
    let bad = text.matches(char::REPLACEMENT_CHARACTER).count();
    bad.saturating_sub(1) * 1000 <= text.len()
}

/// Many characters of several bytes and few bytes that are none: UTF-8 with damage.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good >= 4 * bad
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATIN: Encoding = Encoding::Standard(encoding_rs::WINDOWS_1252);

    #[test]
    fn marks_zeros_and_declarations() {
        let wide = |text: &str, unit: usize, big_endian: bool| -> Vec<u8> {
            let units: Vec<u32> = match unit {
                2 => text.encode_utf16().map(u32::from).collect(),
                _ => text.chars().map(u32::from).collect(),
            };
            let bytes = units.into_iter().flat_map(|code| match big_endian {
                true => code.to_be_bytes()[4 - unit..].to_vec(),
                false => code.to_le_bytes()[..unit].to_vec(),
            });
            bytes.collect()
        };
        let text = "One day, naïve 🙂 words.\r\n";
        let utf16 = |big: bool| {
            Encoding::Standard(match big {
                true => encoding_rs::UTF_16BE,
                false => encoding_rs::UTF_16LE,
            })
        };
        for big_endian in [false, true] {
            for (unit, expected) in [(2, utf16(big_endian)), (4, Encoding::Utf32 { big_endian })] {
                for mark in [0, unit] {
                    let marked = if mark > 0 { "\u{feff}" } else { "" };
                    let bytes = wide(&format!("{marked}{text}"), unit, big_endian);
                    let found = detect(&bytes, true);
                    assert_eq!(
                        found,
                        Detected::Text {
                            encoding: expected,
                            mark
                        }
                    );
                    assert_eq!(expected.decode(&bytes), text);
                }
            }
        }
        let declared = |text: &[u8]| detect(text, true);
        let is = |encoding| Detected::Text { encoding, mark: 0 };
        for (bytes, expected) in [
            (&b""[..], is(Encoding::UTF_8)),
            (b"plain", is(Encoding::UTF_8)),
            ("na\u{ef}ve".as_bytes(), is(Encoding::UTF_8)),
            (b"The caf\xe9 on the corner.", is(LATIN)),
            (
                "Ünïcödé with one bad byte: \u{e9}\u{e9}".as_bytes(),
                is(Encoding::UTF_8),
            ),
            (
                b"\xc3\x9cn\xc3\xafc\xc3\xb6d\xc3\xa9 \xc3\xa9 and \xff",
                is(Encoding::UTF_8),
            ),
            (
                b"<?xml version=\"1.0\" encoding='IBM855'?><a>\xd6\xdd</a>",
                is(Encoding::Ibm855),
            ),
            (
                b"<html><META http-equiv=x content=\"text/html; charset=koi8-r\"><p>\xd4\xc5",
                is(Encoding::Standard(encoding_rs::KOI8_R)),
            ),
            (b"\x1b$)C\x0e0!", is(Encoding::Iso2022Kr)),
            (
                b"a \x1b$B$3\x1b(B b",
                is(Encoding::Standard(encoding_rs::ISO_2022_JP)),
            ),
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
                Detected::Binary("3 of its first 16 bytes are zero, the first at 8".into()),
            ),
        ] {
            assert_eq!(
                declared(bytes),
                expected,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
        let one_zero = format!("{}\0", "text ".repeat(20));
        assert_eq!(detect(one_zero.as_bytes(), true), is(Encoding::UTF_8));
    }

    #[test]
    fn euc_tw_is_told_from_its_neighbours() {
        // Hanzi and a comma of the first plane of CNS 11643.
        let taiwanese: Vec<u8> = [0xc4a1u16, 0xe6b2, 0xc5c9, 0xd1a7, 0xf0b1, 0xa1a2, 0xc8a4]
            .iter()
            .flat_map(|code| code.to_be_bytes())
            .cycle()
            .take(140)
            .collect();
        let rare = [&taiwanese[..], b"\x8e\xa2\xb0\xa1 and ASCII\n"].concat();
        for bytes in [&taiwanese, &rare] {
            assert_eq!(detect(bytes, true), Detected::Unread("EUC-TW"));
            // Cut within a character, as the first block of a file may be.
            let cut = &bytes[..bytes.len() / 2 - 1];
            assert_eq!(detect(cut, false), Detected::Unread("EUC-TW"));
        }
        let chinese =
            "这是一个测试文件的内容，我们用它来测试编码的识别，北京和上海都是很大的城市。";
        let japanese = "これは文字コードを調べるための日本語の文章です。東京と大阪は大きな街です。";
        let korean =
            "이것은 문자 부호화를 시험하기 위한 한국어 문장입니다. 서울과 부산은 큰 도시입니다.";
        let cases = [
            (encoding_rs::GBK, chinese),
            (encoding_rs::EUC_JP, japanese),
            (encoding_rs::EUC_KR, korean),
        ];
        for (encoding, text) in cases {
            let (bytes, ..) = encoding.encode(text);
            let found = detect(&bytes, true);
            let is_unread = matches!(found, Detected::Unread(_));
            assert!(!is_unread, "{} {found:?}", encoding.name());
        }
        assert_eq!(Encoding::of_label("euc-tw"), None);
    }

    /// Files whose folders say their true encodings, against Python's decodings of them. Prints a table.
    #[test]
    #[ignore = "needs data sets: set KILN_DATA"]
    #[allow(clippy::print_stdout)]
    fn real_files() {
        let data = std::path::PathBuf::from(std::env::var_os("KILN_DATA").unwrap());
        let (mut right, mut guessed, mut all) = (0, 0, 0);
        for line in include_str!("true_decodings.tsv").lines() {
            let cells: Vec<_> = line.split('\t').collect();
            let [file, codec, size, checksum] = cells[..] else {
                panic!("{line}");
            };
            let bytes = std::fs::read(data.join("encodings").join(file)).unwrap();
            let is_true = |encoding: Encoding, mark: usize| {
                let text = encoding.decode(&bytes[mark..]);
                let mut crc = flate2::Crc::new();
                crc.update(text.as_bytes());
                let same =
                    size == text.len().to_string() && checksum == format!("{:08x}", crc.sum());
                same || Encoding::of_label(codec) == Some(encoding)
            };
            let (ours, name) = match detect(&bytes, true) {
                Detected::Text { encoding, mark } => (is_true(encoding, mark), encoding.name()),
                Detected::Binary(_) => (false, "binary"),
                // That it is named is all that can be right here.
                Detected::Unread(name) => {
                    (name.eq_ignore_ascii_case(&codec.replace('_', "-")), name)
                }
            };
            // Without what the file declares about itself.
            let silent = blank_declarations(bytes.clone());
            let unaided = match detect(&silent, true) {
                Detected::Text { encoding, mark } => is_true(encoding, mark),
                Detected::Binary(_) => false,
                Detected::Unread(name) => name.eq_ignore_ascii_case(&codec.replace('_', "-")),
            };
            all += 1;
            right += u32::from(ours);
            guessed += u32::from(unaided);
            println!(
                "{:<5} {:<5} {file:<70} {name}",
                if ours { "right" } else { "WRONG" },
                if unaided { "right" } else { "WRONG" }
            );
        }
        println!("right: {right} of {all}; without the files' declarations: {guessed}");
        assert!(right * 10 >= all * 9 && guessed * 10 >= all * 9);
    }

    /// `encoding` and `charset` written so that they are not found.
    fn blank_declarations(mut bytes: Vec<u8>) -> Vec<u8> {
        for word in [&b"encoding"[..], b"charset"] {
            for at in 0..bytes.len().saturating_sub(word.len()) {
                if bytes[at..at + word.len()].eq_ignore_ascii_case(word) {
                    bytes[at] = b'x';
                }
            }
        }
        bytes
    }
}
