//! White space, lines and letters as Python 3.11 (Unicode 14) has them, where rules are written in its terms.
//!
//! White space has four characters more than Rust's: the separators U+001C to U+001F.

use std::num::NonZeroUsize;

use super::classes::{CLASSES, DECIMAL, LETTER};

/// `str.isspace()` of one character, and `\s` of a pattern.
#[inline]
pub fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&character)
}

/// `str.isalpha()` of one character: a letter of any script, and not the marks that go with it.
#[inline]
pub fn is_alpha(character: char) -> bool {
    match character.is_ascii() {
        true => character.is_ascii_alphabetic(),
        false => CLASSES.is(character, LETTER),
    }
}

/// Whether `\d` matches one character: a decimal digit of any script.
#[inline]
pub fn is_digit(character: char) -> bool {
    match character.is_ascii() {
        true => character.is_ascii_digit(),
        false => CLASSES.is(character, DECIMAL),
    }
}

/// `str.strip()`.
#[inline]
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.lstrip()`.
#[inline]
pub fn lstrip(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// `str.rstrip()`.
#[inline]
pub fn rstrip(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// `str.split()`: what stands between white space, never empty.
///
/// ```
/// use kiln_corpus::words::python;
///
/// let words: Vec<&str> = python::split(" one\u{1F}two\n").collect();
/// assert_eq!(words, ["one", "two"]);
/// ```
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(length) = space_at(bytes, at)? {
            at += length.get();
        }
        let start = at;
        let (end, length) = next_space(bytes, start);
        at = end + length;
        Some(&text[start..end])
    })
}

/// The words of [`split`], all at once: 64 bytes are looked at together.
pub(super) fn words(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity(text.len() / 5 + 8);
    // The bytes of a space of the last block that are in this one; where the word began that the last block left open.
    let (mut rest, mut open) = (0, None);
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        let from = number * BLOCK;
        let spaces;
        (spaces, rest) = spaces_of(bytes, from, block, rest);
        let at = |mask: u64| from + mask.trailing_zeros() as usize;
        let before = spaces << 1 | u64::from(open.is_none());
        let (mut starts, mut ends) = (!spaces & before, spaces & !before);
        if let Some(start) = open {
            if ends == 0 {
                continue;
            }
            words.push(&text[start..at(ends)]);
            ends &= ends - 1;
        }
        while ends != 0 {
            words.push(&text[at(starts)..at(ends)]);
            starts &= starts - 1;
            ends &= ends - 1;
        }
        open = (starts != 0).then(|| at(starts));
    }
    if let Some(start) = open {
        words.push(&text[start..]);
    }
    words
}

/// The bytes that are looked at together.
const BLOCK: usize = 64;

/// A bit for each byte of a block that is white space, and bits for those of the next block that belong to the last
/// character of this one, as `open` are for this one. What a short block lacks is white space.
#[inline]
fn spaces_of(bytes: &[u8], from: usize, block: &[u8], open: u64) -> (u64, u64) {
    let mut padded = [b' '; BLOCK];
    let block = match block.try_into() {
        Ok(block) => block,
        Err(_) => {
            padded[..block.len()].copy_from_slice(block);
            &padded
        }
    };
    let (low, mut odd) = low_and_odd(block);
    let mut spaces = u128::from(low | open);
    while odd != 0 {
        let place = odd.trailing_zeros();
        odd &= odd - 1;
        let byte = block[place as usize];
        match SPACES[usize::from(byte)] {
            0 if byte < 0x80 => spaces &= !(1 << place),
            2 => {
                let length = space_at(bytes, from + place as usize).flatten();
                spaces |= ((1 << length.map_or(0, NonZeroUsize::get)) - 1) << place;
            }
            _ => {}
        }
    }
    (spaces as u64, (spaces >> BLOCK) as u64)
}

/// Which bytes of a block are at most 0x20, and which have to be looked at one by one: those beyond ASCII and the control
/// characters but line feeds.
#[inline]
fn low_and_odd(block: &[u8; BLOCK]) -> (u64, u64) {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = 0x80 * ONES;
    // In this product the lowest bits of all bytes meet in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (mut low, mut odd) = (0, 0);
    for (place, eight) in (0..).step_by(8).zip(block.as_chunks().0) {
        let eight = u64::from_le_bytes(*eight);
        let seven = eight & !HIGH;
        // The high bit of a byte is set where its low seven bits are above 0x20, above 0x1F, not a line feed's.
        let above = seven + (0x7F - 0x20) * ONES;
        let printed = seven + (0x7F - 0x1F) * ONES;
        let other = (seven ^ (u64::from(b'\n') * ONES)) + 0x7F * ONES;
        let is_low = !(above | eight) & HIGH;
        let is_odd = (!printed & other | eight) & HIGH;
        low |= ((is_low >> 7).wrapping_mul(GATHER) >> 56) << place;
        odd |= ((is_odd >> 7).wrapping_mul(GATHER) >> 56) << place;
    }
    (low, odd)
}

/// Where the next white space begins and how many bytes it has; at the end there is some of none.
fn next_space(bytes: &[u8], mut at: usize) -> (usize, usize) {
    loop {
        at = next_odd::<0x20>(bytes, at);
        match space_at(bytes, at) {
            Some(None) => at += 1,
            Some(Some(length)) => return (at, length.get()),
            None => return (at, 0),
        }
        // In a script beyond ASCII most bytes are odd, and none of them is white space.
        while (bytes.get(at)).is_some_and(|&byte| byte >= 0x80 && SPACES[usize::from(byte)] == 0) {
            at += 1;
        }
    }
}

/// The first byte from a place on that is at most `LOW` or beyond ASCII, or one of the last seven: eight bytes are looked
/// at together. What ends words and lines begins with such a byte.
#[inline]
fn next_odd<const LOW: u8>(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = 0x80 * ONES;
    while let Some(eight) = bytes.get(at..at + 8) {
        let mut copied = [0; 8];
        copied.copy_from_slice(eight);
        let eight = u64::from_le_bytes(copied);
        // The high bit of a byte is set where its low seven bits are above LOW.
        let above = (eight & !HIGH) + u64::from(0x7F - LOW) * ONES;
        let odd = (!above | eight) & HIGH;
        if odd != 0 {
            return at + odd.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// Which bytes are white space (1) and which may begin it (2): most bytes are neither, and words are found byte by byte.
const SPACES: [u8; 256] = {
    let mut spaces = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        spaces[byte] = match byte {
            0x09..=0x0D | 0x1C..=0x20 => 1,
            0xC2 | 0xE1..=0xE3 => 2,
            _ => 0,
        };
        byte += 1;
    }
    spaces
};

/// The bytes of the white space at a place, if there is any; none beyond the end.
#[inline]
fn space_at(bytes: &[u8], at: usize) -> Option<Option<NonZeroUsize>> {
    let length = match SPACES[usize::from(*bytes.get(at)?)] {
        0 => 0,
        1 => 1,
        _ => match bytes[at..] {
            [0xC2, 0x85 | 0xA0, ..] => 2,
            [0xE1, 0x9A, 0x80, ..] => 3,
            [0xE2, 0x80, 0x80..=0x8A | 0xA8 | 0xA9 | 0xAF, ..] => 3,
            [0xE2, 0x81, 0x9F, ..] | [0xE3, 0x80, 0x80, ..] => 3,
            _ => 0,
        },
    };
    Some(NonZeroUsize::new(length))
}

/// `len()`: how many code points.
#[inline]
pub fn len(text: &str) -> usize {
    if text.len() < 32 {
        // A word. Bytes that are not the second, third or fourth of a character begin one.
        let begins = |byte: u8| usize::from(byte & 0xC0 != 0x80);
        return text.bytes().map(begins).sum();
    }
    text.chars().count()
}

/// `str.splitlines()`: lines without what ends them, which is more than a line feed; nothing for an empty text, and no
/// empty line after the last end.
///
/// ```
/// use kiln_corpus::words::python;
///
/// let lines: Vec<&str> = python::splitlines("one\r\n\ntwo\u{2028}three\n").collect();
/// assert_eq!(lines, ["one", "", "two", "three"]);
/// ```
pub fn splitlines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, end) = line_end(rest.as_bytes());
        let found = &rest[..line];
        rest = &rest[line + end..];
        Some(found)
    })
}

/// The bytes of the first line and those of what ends it.
fn line_end(text: &[u8]) -> (usize, usize) {
    let mut at = next_odd::<0x1E>(text, 0);
    while let Some(byte) = text.get(at) {
        let end = match byte {
            b'\r' if text.get(at + 1) == Some(&b'\n') => 2,
            b'\n'..=b'\r' | 0x1C..=0x1E => 1,
            0xC2 if text.get(at + 1) == Some(&0x85) => 2,
            0xE2 if matches!(text.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9])) => 3,
            0x80.. => 0,
            _ => {
                at = next_odd::<0x1E>(text, at + 1);
                continue;
            }
        };
        if end > 0 {
            return (at, end);
        }
        at += 1;
    }
    (text.len(), 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Results of Python 3.11.
    #[test]
    fn lines_and_words_are_pythons() {
        let check = |text: &str, lines: &[&str], expected: &[&str]| {
            assert_eq!(splitlines(text).collect::<Vec<_>>(), lines, "{text:?}");
            assert_eq!(split(text).collect::<Vec<_>>(), expected, "{text:?}");
            assert_eq!(words(text), expected, "{text:?}");
        };
        check("", &[], &[]);
        check("a", &["a"], &["a"]);
        check("a\n", &["a"], &["a"]);
        check("a\n\n", &["a", ""], &["a"]);
        check("x\n\r\ny\r", &["x", "", "y"], &["x", "y"]);
        check("\u{85}", &[""], &[]);
        check(
            "\r\na\rb\u{B}c\u{C}d\u{1C}e\u{1D}f\u{1E}g\u{1F}h\u{85}i\u{2028}j\u{2029}k",
            &["", "a", "b", "c", "d", "e", "f", "g\u{1F}h", "i", "j", "k"],
            &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
        );
        check("Å\u{A0}\u{2029}…", &["Å\u{A0}", "…"], &["Å", "…"]);
    }

    #[test]
    fn characters_are_pythons() {
        // [c for c in range(0x110000) if chr(c).isspace()]
        let spaces = [
            9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 133, 160, 5760, 8192, 8193, 8194, 8195, 8196,
            8197, 8198, 8199, 8200, 8201, 8202, 8232, 8233, 8239, 8287, 12288,
        ];
        let found: Vec<u32> = ('\0'..=char::MAX)
            .filter(|c| is_space(*c))
            .map(u32::from)
            .collect();
        assert_eq!(found, spaces);
        // sum(chr(c).isalpha() for c in range(0x110000))
        assert_eq!(('\0'..=char::MAX).filter(|c| is_alpha(*c)).count(), 131_756);
        // A Roman numeral and a vowel sign are alphabetic in Rust, and U+1E030 is a letter since Unicode 15.
        let cases = [
            ('é', true),
            ('漢', true),
            ('Ⅷ', false),
            ('\u{93E}', false),
            ('\u{1E030}', false),
        ];
        for (character, letter) in cases {
            assert_eq!(is_alpha(character), letter, "{character:?}");
        }
        assert_eq!(strip("\u{1C} a b\u{A0}\n"), "a b");
        assert_eq!(lstrip("\u{1C} a b\u{A0}\n"), "a b\u{A0}\n");
        assert_eq!(rstrip("\u{1C} a b\u{A0}\n"), "\u{1C} a b");
    }

    #[test]
    fn digits_are_pythons() {
        assert!(['0', '9', '٣', '७', '５'].into_iter().all(is_digit));
        assert!(!['²', '½', '①', 'a', '三', 'Ⅷ'].into_iter().any(is_digit));
    }

    proptest! {
        #[test]
        fn words_are_what_stands_between_spaces(text in "[a-c é中…\u{86}\u{85}\u{a0}\u{200b}\u{2003}\u{2028}\u{3000}\u{3001}\u{1680}\u{205f}\u{1d}\n]{0,40}") {
            let expected: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(split(&text).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(words(&text), expected);
        }

        #[test]
        fn words_are_the_same_wherever_blocks_end(text in "[a-c é中…\u{86}\u{85}\u{a0}\u{2003}\u{3000}\u{3001}\u{1b}\u{1d}\n\t]{60,200}|[a\u{3000}]{20,70}") {
            prop_assert_eq!(words(&text), split(&text).collect::<Vec<_>>());
        }

        #[test]
        fn a_length_is_a_count_of_characters(text in ".{0,60}") {
            prop_assert_eq!(len(&text), text.chars().count());
        }

        #[test]
        fn no_character_but_ends_is_lost(text in "[a\u{E9}\n\r\u{B}\u{1E}\u{85}\u{2028}]{0,12}") {
            let ends = |c: char| is_space(c);
            let joined: String = splitlines(&text).collect();
            prop_assert_eq!(joined, text.replace(ends, ""));
        }
    }
}
