//! Character references: `&eacute;`, `&#233;`, `&#xe9;`, and the forms without a semicolon that pages still use.
//!
//! Follows the HTML Standard, section 13.2.5.72 and on. The names stand in `entities.txt`, which
//! `scripts/reference/entities.py` prints.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memchr;

/// Name (with its semicolon, when it must have one) and characters, sorted by name.
static NAMED: LazyLock<Vec<(&'static str, String)>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let (name, codes) = line.split_once(' ')?;
        let characters = codes
            .split(' ')
            .filter_map(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        Some((name, characters.collect()))
    };
    include_str!("entities.txt")
        .lines()
        .filter_map(line)
        .collect()
});

/// The longest name, `CounterClockwiseContourIntegral;`.
const LONGEST: usize = 32;

/// What numeric references between 0x80 and 0x9f mean: the characters of windows-1252.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// `text` with its character references replaced.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    decode_into(text, |piece| decoded.push_str(piece));
    Cow::Owned(decoded)
}

/// Hands over `text` piece by piece, references replaced.
pub(super) fn decode_into(text: &str, mut piece: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest.as_bytes()) {
        if at > 0 {
            piece(&rest[..at]);
        }
        rest = &rest[at..];
        let (characters, length) = reference(rest).unwrap_or((Cow::Borrowed("&"), 1));
        piece(&characters);
        rest = &rest[length..];
    }
    if !rest.is_empty() {
        piece(rest);
    }
}

/// The reference that `text`, which begins with `&`, begins with, and its length in bytes.
pub(crate) fn reference(text: &str) -> Option<(Cow<'static, str>, usize)> {
    if text.as_bytes().get(1) == Some(&b'#') {
        let (character, length) = numeric(&text[2..])?;
        return Some((Cow::Owned(character.to_string()), 2 + length));
    }
    let (characters, length) = named(&text[1..])?;
    Some((Cow::Borrowed(characters), 1 + length))
}

fn numeric(after: &str) -> Option<(char, usize)> {
    let (digits, radix, prefix) = match after.as_bytes().first()? {
        b'x' | b'X' => (&after[1..], 16, 1),
        _ => (after, 10, 0),
    };
    let length = digits
        .bytes()
        .take_while(|digit| (*digit as char).is_digit(radix))
        .count();
    if length == 0 {
        return None;
    }
    // Leading zeros are allowed without end; a number too large is no character.
    let code = digits[..length].bytes().fold(0_u32, |code, digit| {
        code.saturating_mul(radix)
            .saturating_add((digit as char).to_digit(radix).unwrap_or(0))
    });
    let character = match code {
        0x80..=0x9f => WINDOWS[(code - 0x80) as usize],
        0 => char::REPLACEMENT_CHARACTER,
        _ => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    let semicolon = usize::from(digits.as_bytes().get(length) == Some(&b';'));
    Some((character, prefix + length + semicolon))
}

/// The longest name that `after` begins with.
fn named(after: &str) -> Option<(&'static str, usize)> {
    let bytes = after.as_bytes();
    let length = bytes
        .iter()
        .take(LONGEST - 1)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let find = |name: &[u8]| {
        let index = NAMED
            .binary_search_by(|(known, _)| known.as_bytes().cmp(name))
            .ok()?;
        Some(NAMED[index].1.as_str())
    };
    if bytes.get(length) == Some(&b';')
        && let Some(characters) = find(&bytes[..=length])
    {
        return Some((characters, length + 1));
    }
    // The longest name that needs no semicolon has six letters.
    (2..=length.min(6))
        .rev()
        .find_map(|length| Some((find(&bytes[..length])?, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(decode(text), expected);
    }

    #[test]
    fn references() {
        check("a &amp; b", "a & b");
        check("&eacute;&Eacute;", "éÉ");
        check("&copy2024 &notit; &notin;", "©2024 ¬it; ∉");
        check("&ampamp;", "&amp;");
        check("&NotEqualTilde;", "≂̸");
        check("&CounterClockwiseContourIntegral;", "∳");
        check("&nothing; &; & &", "¬hing; &; & &");
        check("&nosuch; &zzz", "&nosuch; &zzz");
        check("&#65;&#x42;&#X43", "ABC");
        check("&#0065x", "Ax");
        check(
            "&#146;&#0;&#xD800;&#x110000;&#99999999999999999999;",
            "’\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
        );
        check("&#;&#x;&#xg", "&#;&#x;&#xg");
        check("&", "&");
        check("é&é;", "é&é;");
    }

    #[test]
    fn the_table_is_whole() {
        assert_eq!(NAMED.len(), 2231);
        assert!(NAMED.is_sorted_by(|a, b| a.0.as_bytes() < b.0.as_bytes()));
        assert_eq!(
            NAMED.iter().map(|(name, _)| name.len()).max(),
            Some(LONGEST)
        );
        let without = NAMED.iter().filter(|(name, _)| !name.ends_with(';'));
        assert_eq!(without.map(|(name, _)| name.len()).max(), Some(6));
    }
}
