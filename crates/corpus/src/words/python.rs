//! White space, lines and letters as Python 3.11 (Unicode 14) has them, where rules are written in its terms.
//!
//! White space has four characters more than Rust's: the separators U+001C to U+001F.

use super::classes::{CLASSES, LETTER};

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
    text.split(is_space).filter(|word| !word.is_empty())
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
    for (at, byte) in text.iter().enumerate() {
        let end = match byte {
            b'\r' if text.get(at + 1) == Some(&b'\n') => 2,
            b'\n'..=b'\r' | 0x1C..=0x1E => 1,
            0xC2 if text.get(at + 1) == Some(&0x85) => 2,
            0xE2 if matches!(text.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9])) => 3,
            _ => continue,
        };
        return (at, end);
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
        let check = |text: &str, lines: &[&str], words: &[&str]| {
            assert_eq!(splitlines(text).collect::<Vec<_>>(), lines, "{text:?}");
            assert_eq!(split(text).collect::<Vec<_>>(), words, "{text:?}");
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

    proptest! {
        #[test]
        fn no_character_but_ends_is_lost(text in "[a\u{E9}\n\r\u{B}\u{1E}\u{85}\u{2028}]{0,12}") {
            let ends = |c: char| is_space(c);
            let joined: String = splitlines(&text).collect();
            prop_assert_eq!(joined, text.replace(ends, ""));
        }
    }
}
