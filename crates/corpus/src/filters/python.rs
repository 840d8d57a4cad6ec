//! What Python's string methods do, which the published filters are written with: where words and lines end, and what a
//! letter is.
//!
//! Rust's own notions differ. `str.split()` also cuts at U+001C to U+001F, `str.splitlines()` knows ten ends of a line, and
//! `str.isalpha()` asks for a letter (general category L), where `char::is_alphabetic` is true of letter numbers and of
//! vowel signs too.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// What a byte can be the beginning of.
const WORD: u8 = 0;
const SPACE: u8 = 1;
const LINE_END: u8 = 2;
const PERHAPS: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [WORD; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte {
            0x0a..=0x0d | 0x1c..=0x1e => SPACE | LINE_END,
            0x09 | 0x1f | 0x20 => SPACE,
            // The first bytes of the characters in `space_after`.
            0xc2 | 0xe1 | 0xe2 | 0xe3 => PERHAPS,
            _ => WORD,
        };
        byte += 1;
    }
    classes
};

/// Bytes of the white space beyond ASCII that begins here, or 0.
fn wide_space(bytes: &[u8]) -> usize {
    match *bytes {
        [0xc2, 0x85 | 0xa0, ..] => 2,
        [0xe1, 0x9a, 0x80, ..] => 3,
        [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..] => 3,
        [0xe2, 0x81, 0x9f, ..] => 3,
        [0xe3, 0x80, 0x80, ..] => 3,
        _ => 0,
    }
}

/// Bytes of the white space that begins here, or 0.
#[inline]
fn space(bytes: &[u8], at: usize) -> usize {
    match CLASSES[usize::from(bytes[at])] {
        WORD => 0,
        PERHAPS => wide_space(&bytes[at..]),
        _ => 1,
    }
}

/// Whether `str.isspace()` is true of a character.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// `str.strip()`
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.split()`
pub(crate) fn split(text: &str) -> Split<'_> {
    Split { text, at: 0 }
}

/// The words of a text.
pub(crate) struct Split<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let mut start = self.at;
        loop {
            if start >= bytes.len() {
                self.at = start;
                return None;
            }
            match space(bytes, start) {
                0 => break,
                length => start += length,
            }
        }
        let mut end = start + 1;
        let mut length = 0;
        while end < bytes.len() {
            length = space(bytes, end);
            if length > 0 {
                break;
            }
            end += 1;
        }
        self.at = end + length;
        Some(&self.text[start..end])
    }
}

/// `str.splitlines()`: what ends a line is no part of it, and after the last end there is no other line.
pub(crate) fn split_lines(text: &str) -> SplitLines<'_> {
    SplitLines { text, at: 0 }
}

/// The lines of a text.
pub(crate) struct SplitLines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for SplitLines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if start >= bytes.len() {
            return None;
        }
        let mut end = start;
        let mut length = 0;
        while end < bytes.len() {
            let class = CLASSES[usize::from(bytes[end])];
            if class & (LINE_END | PERHAPS) != 0 {
                length = match bytes[end..] {
                    [b'\r', b'\n', ..] => 2,
                    [0xc2, 0x85, ..] => 2,
                    [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
                    _ => usize::from(class & LINE_END != 0),
                };
                if length > 0 {
                    break;
                }
            }
            end += 1;
        }
        self.at = end + length;
        Some(&self.text[start..end])
    }
}

/// Whether `str.isalpha()` is true of a character.
pub(crate) fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphabetic();
    }
    // Every letter is alphabetic, which is quickly seen.
    character.is_alphabetic() && character.general_category_group() == GeneralCategoryGroup::Letter
}

/// Whether `\d` matches a character.
pub(crate) fn is_digit(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_digit();
    }
    character.is_numeric() && character.general_category() == GeneralCategory::DecimalNumber
}

/// `len()`: how many code points.
#[inline]
pub(crate) fn length(text: &str) -> usize {
    if text.len() < 32 {
        // A word; what is not the second, third or fourth byte of a character begins one.
        return text
            .bytes()
            .map(|byte| usize::from((byte as i8) >= -0x40))
            .sum();
    }
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_end_where_python_ends_them() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(split(text).collect::<Vec<_>>(), expected, "{text:?}")
        };
        check("", &[]);
        check(" \t\n", &[]);
        check("one", &["one"]);
        check("  one two\n", &["one", "two"]);
        check(
            "a\u{1c}b\u{1d}c\u{1e}d\u{1f}e\u{b}f\u{c}g\rh",
            &["a", "b", "c", "d", "e", "f", "g", "h"],
        );
        check(
            "a\u{85}b\u{a0}c\u{1680}d\u{2000}e\u{200a}f",
            &["a", "b", "c", "d", "e", "f"],
        );
        check(
            "a\u{2028}b\u{2029}c\u{202f}d\u{205f}e\u{3000}f",
            &["a", "b", "c", "d", "e", "f"],
        );
        // Not white space: zero width space, byte order mark, NUL, and neighbours of what is.
        check(
            "a\u{200b}b\u{feff}c\0d\u{86}e\u{2060}f é\u{3001}",
            &["a\u{200b}b\u{feff}c\0d\u{86}e\u{2060}f", "é\u{3001}"],
        );
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(split_lines(text).collect::<Vec<_>>(), expected, "{text:?}")
        };
        check("", &[]);
        check("\n", &[""]);
        check("a", &["a"]);
        check("a\nb\n", &["a", "b"]);
        check("a\r\nb\rc\n\rd", &["a", "b", "c", "", "d"]);
        check(
            "a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{1f}g",
            &["a", "b", "c", "d", "e", "f\u{1f}g"],
        );
        check("a\u{85}b\u{2028}c\u{2029}", &["a", "b", "c"]);
        check("é\u{a0}\u{2027}b\tc", &["é\u{a0}\u{2027}b\tc"]);
    }

    #[test]
    fn letters_and_digits_are_pythons() {
        let letters = ['a', 'Z', 'é', 'ª', 'ǅ', '中', 'ก', 'א', 'ʰ'];
        // Letter number, circled letter, vowel sign, digit, superscript, fraction, underscore.
        let others = ['Ⅷ', 'ⓐ', '\u{93e}', '7', '²', '½', '_', '\u{301}'];
        assert!(letters.into_iter().all(is_letter));
        assert!(!others.into_iter().any(is_letter));
        assert!(['0', '9', '٣', '७', '５'].into_iter().all(is_digit));
        assert!(!['²', '½', '①', 'a', '三', 'Ⅷ'].into_iter().any(is_digit));
    }

    proptest! {
        #[test]
        fn words_are_what_stands_between_spaces(text in "[a-c é中…\u{85}\u{a0}\u{2003}\u{2028}\u{3000}\u{3001}\u{1d}\n]{0,40}") {
            let expected: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(split(&text).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn a_length_is_a_count_of_characters(text in ".{0,60}") {
            prop_assert_eq!(length(&text), text.chars().count());
        }
    }
}
