//! What kind of character a character is, by Python's, datatrove's and spaCy's tables.

use std::sync::LazyLock;

/// Python: `isalpha()`.
pub(super) const LETTER: u32 = 1 << 0;
/// Python: a general category of punctuation.
pub(super) const PUNCT: u32 = 1 << 1;
/// Python: `\w`.
pub(super) const WORD: u32 = 1 << 2;
/// Python: `\d`.
pub(super) const DECIMAL: u32 = 1 << 3;
/// datatrove: what `simplify_text` makes a blank.
pub(super) const SIMPLIFIED: u32 = 1 << 4;
/// datatrove: `PUNCTUATION_SET`.
pub(super) const PUNCTUATION: u32 = 1 << 5;
/// datatrove: `TERMINAL_PUNCTUATION`.
pub(super) const TERMINAL: u32 = 1 << 6;
/// spaCy: `ALPHA`, `ALPHA_LOWER` and `ALPHA_UPPER` (scripts without case are in all three), `CONCAT_QUOTES`.
pub(super) const ALPHA: u32 = 1 << 7;
pub(super) const LOWER: u32 = 1 << 8;
pub(super) const UPPER: u32 = 1 << 9;
pub(super) const QUOTE: u32 = 1 << 10;
/// spaCy: a prefix, a suffix, an infix of its own, whatever stands beside it.
pub(super) const PREFIX: u32 = 1 << 11;
pub(super) const SUFFIX: u32 = 1 << 12;
pub(super) const INFIX: u32 = 1 << 13;
/// spaCy: a full stop behind this character is a suffix.
pub(super) const BEFORE_STOP: u32 = 1 << 14;
/// spaCy: a sentence may end with this character.
pub(super) const SENTENCE_END: u32 = 1 << 15;

/// The names in the table, in the order of the bits.
const NAMES: [&str; 16] = [
    "letter",
    "punct",
    "word",
    "decimal",
    "simplified",
    "punctuation",
    "terminal",
    "alpha",
    "lower",
    "upper",
    "quote",
    "prefix",
    "suffix",
    "infix",
    "before_stop",
    "sentence_end",
];

const PAGE: usize = 256;

/// Class bits by code point, in two steps: equal pages of 256 are stored once.
pub(super) struct Classes {
    page_of: Vec<u16>,
    bits: Vec<u32>,
}

/// The table.
pub(super) static CLASSES: LazyLock<Classes> =
    LazyLock::new(|| Classes::parse(include_str!("classes.txt")));

impl Classes {
    fn parse(table: &str) -> Self {
        let mut flat = vec![0u32; (char::MAX as usize / PAGE + 1) * PAGE];
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split(' ');
            let name = fields.next().unwrap_or_default();
            let bit = NAMES.iter().position(|known| *known == name);
            let bit = bit.map_or(0, |bit| 1 << bit);
            for range in fields {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                let code = |digits| usize::from_str_radix(digits, 16).unwrap_or(0);
                for entry in &mut flat[code(first)..=code(last)] {
                    *entry |= bit;
                }
            }
        }
        let mut page_of = Vec::new();
        let mut bits: Vec<u32> = Vec::new();
        for page in flat.chunks(PAGE) {
            let known = bits.chunks(PAGE).position(|stored| stored == page);
            let index = known.unwrap_or_else(|| {
                bits.extend(page);
                bits.len() / PAGE - 1
            });
            page_of.push(index as u16);
        }
        Self { page_of, bits }
    }

    /// The classes of a character.
    #[inline]
    pub(super) fn of(&self, character: char) -> u32 {
        let code = character as usize;
        let page = usize::from(self.page_of[code / PAGE]);
        self.bits[page * PAGE + code % PAGE]
    }

    /// Whether a character has one of the classes.
    #[inline]
    pub(super) fn is(&self, character: char, classes: u32) -> bool {
        self.of(character) & classes != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_from_the_table() {
        let cases = [
            ('é', LETTER | WORD | ALPHA | LOWER | BEFORE_STOP),
            ('X', LETTER | WORD | ALPHA | UPPER),
            ('7', WORD | DECIMAL | BEFORE_STOP),
            ('\u{9}', 0),
            ('\u{1}', SIMPLIFIED | PUNCTUATION),
            (
                '“',
                PUNCT | SIMPLIFIED | PUNCTUATION | QUOTE | PREFIX | SUFFIX | BEFORE_STOP,
            ),
            ('‽', PUNCT | PUNCTUATION | TERMINAL | SENTENCE_END),
            ('☃', PREFIX | SUFFIX | INFIX),
            ('漢', LETTER | WORD | ALPHA | LOWER | UPPER | BEFORE_STOP),
            // A combining mark of an Indic script: spaCy takes whole blocks for letters, Python does not.
            ('\u{93E}', ALPHA | LOWER | UPPER | BEFORE_STOP),
            ('\u{10FFFF}', 0),
        ];
        for (character, expected) in cases {
            assert_eq!(CLASSES.of(character), expected, "{character:?}");
        }
    }
}
