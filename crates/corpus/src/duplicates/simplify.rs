//! A text reduced to what near copies share: lower case, every number a 0, no punctuation, single spaces, no accents.
//!
//! The rules and their order are those of datatrove 0.10.1 (`simplify_text` with its default `TextNormConfig`):
//! lower case; `\p{Nd}+([.,،٫⎖⎗⎘]\p{Nd}+)?` becomes `0`; each character of its list of punctuation becomes a space;
//! white space is trimmed and collapsed; canonical decomposition (NFD), and characters of the category Mn go; trim.
//! Here they are one pass. Characters that Unicode added after version 14, which Python 3.11 has, may differ.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::words::punctuation::is_simplified_punctuation;

/// In [`BYTES`]: a digit.
const DIGIT: u8 = 1;
/// In [`BYTES`]: of a character that is not ASCII.
const OTHER: u8 = 2;

/// What each byte becomes: a letter its lower case, white space and punctuation a space.
const BYTES: [u8; 256] = {
    let mut table = [b' '; 256];
    let mut byte = 0;
    while byte < 256 {
        let character = byte as u8;
        if character.is_ascii_alphabetic() {
            table[byte] = character.to_ascii_lowercase();
        } else if character.is_ascii_digit() {
            table[byte] = DIGIT;
        } else if !character.is_ascii() {
            table[byte] = OTHER;
        }
        byte += 1;
    }
    table
};

/// Between the digits of one number.
const DECIMAL_SEPARATORS: &str = ".,،٫⎖⎗⎘";

/// The simplified text.
///
/// ```
/// use kiln_corpus::duplicates::simplify_text;
///
/// assert_eq!(simplify_text("  Déjà-vu: 3.14 TIMES!\n"), "deja vu 0 times");
/// ```
pub fn simplify_text(text: &str) -> String {
    // The lower case of a sigma depends on what stands around it; that of every other character on nothing.
    if text.contains('Σ') {
        return simplify_lowered(&text.to_lowercase());
    }
    simplify_lowered(text)
}

/// Everything but the sigmas.
fn simplify_lowered(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut simple = Simple {
        bytes: vec![0; bytes.len()],
        end: 0,
        after_space: true,
    };
    let mut run = String::new();
    let plain = &*PLAIN;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii()
            && let Some(eight) = bytes[at..].first_chunk()
            && simple.push_eight(u64::from_le_bytes(*eight))
        {
            at += 8;
            continue;
        }
        let became = BYTES[usize::from(byte)];
        if became > OTHER {
            simple.push(became);
            at += 1;
            continue;
        }
        let character = text[at..].chars().next().unwrap_or(' ');
        if let Some(letters) = plain.get(character) {
            at += character.len_utf8();
            simple.push_letters(letters, bytes.len() - at);
        } else if is_digit(character) {
            simple.push(b'0');
            at = number_end(text, at);
        } else if is_space(character) {
            simple.push(b' ');
            at += character.len_utf8();
        } else {
            at = take_run(text, at, &mut run);
            simple.push_run(
                run.nfd().filter(|&character| !is_mark(character)),
                bytes.len() - at,
            );
        }
    }
    simple.finish()
}

/// What was made of a text so far: there is always room for as many bytes as are still to be read.
struct Simple {
    bytes: Vec<u8>,
    end: usize,
    /// The next space would be at the beginning, or the second in a row.
    after_space: bool,
}

impl Simple {
    /// Add a letter, a digit or a space, without a branch.
    #[inline(always)]
    fn push(&mut self, byte: u8) {
        let space = byte == b' ';
        if let Some(slot) = self.bytes.get_mut(self.end) {
            *slot = byte;
        }
        self.end += usize::from(!(space && self.after_space));
        self.after_space = space;
    }

    /// Add eight bytes of a text, if they are letters of ASCII and what becomes spaces; says whether they are.
    #[inline(always)]
    fn push_eight(&mut self, eight: u64) -> bool {
        const ONES: u64 = u64::MAX / 0xFF;
        const HIGH: u64 = 0x80 * ONES;
        // The high bit of a byte is set where it is at least so much; bytes are of ASCII.
        let at_least = |bytes: u64, least: u8| bytes + u64::from(0x80 - least) * ONES;
        let ascii = eight & !HIGH;
        let digits = at_least(ascii, b'0') & !at_least(ascii, b'9' + 1);
        if (digits | eight) & HIGH != 0 {
            return false;
        }
        let small = eight | (0x20 * ONES);
        let letters = at_least(small, b'a') & !at_least(small, b'z' + 1) & HIGH;
        let mask = (letters >> 7) * 0xFF;
        let became = ((small & mask) | ((0x20 * ONES) & !mask)).to_le_bytes();
        let spaces = !letters & HIGH;
        let after_spaces = spaces << 8 | u64::from(self.after_space) << 7;
        match self.bytes.get_mut(self.end..self.end + 8) {
            Some(slots) if spaces & after_spaces == 0 => {
                slots.copy_from_slice(&became);
                self.end += 8;
                self.after_space = spaces >> 63 == 1;
            }
            _ => became.into_iter().for_each(|byte| self.push(byte)),
        }
        true
    }

    /// Add what one character became, with `rest` bytes of text still to come; it may be nothing.
    #[inline]
    fn push_letters(&mut self, letters: &str, rest: usize) {
        let end = self.end + letters.len();
        if end + rest > self.bytes.len() {
            self.bytes.resize(end + rest + (end + rest) / 8, 0);
        }
        self.bytes[self.end..end].copy_from_slice(letters.as_bytes());
        self.end = end;
        self.after_space = false;
    }

    /// Add other characters, with `rest` bytes of text still to come. Where all of them were marks there may be two
    /// spaces in a row afterwards, as there are in datatrove.
    fn push_run(&mut self, run: impl Iterator<Item = char>, rest: usize) {
        for character in run {
            let length = character.len_utf8();
            let needed = self.end + length + rest;
            if needed > self.bytes.len() {
                self.bytes.resize(needed + needed / 8, 0);
            }
            character.encode_utf8(&mut self.bytes[self.end..]);
            self.end += length;
        }
        self.after_space = false;
    }

    fn finish(mut self) -> String {
        self.bytes.truncate(self.end);
        let mut simple = match String::from_utf8(self.bytes) {
            Ok(simple) => simple,
            // Only whole characters were added; this is for the type.
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        // At the end, and about marks that stood alone.
        simple.truncate(simple.trim_end().len());
        let leading = simple.len() - simple.trim_start().len();
        simple.drain(..leading);
        simple
    }
}

/// What characters become, of those that are neither digits nor space nor change with what stands beside them.
struct Plain {
    /// Where what a character becomes begins among all, and its length; a length of `OTHERWISE` where it is not known.
    places: Vec<(u32, u8)>,
    letters: String,
}

/// Below are most letters that are not ideographs.
const PLAIN_END: u32 = 0x3100;

/// The length of what is not there.
const OTHERWISE: u8 = u8::MAX;

static PLAIN: LazyLock<Plain> = LazyLock::new(|| {
    let mut plain = Plain {
        places: vec![(0, OTHERWISE); PLAIN_END as usize],
        letters: String::new(),
    };
    for character in ('\u{80}'..=char::MAX).take_while(|&c| u32::from(c) < PLAIN_END) {
        let became: String = character
            .to_lowercase()
            .nfd()
            .filter(|&c| !is_mark(c))
            .collect();
        // Only what has a combining class moves about in NFD.
        let stays = became.chars().all(|c| canonical_combining_class(c) == 0);
        // The lower case of a sigma depends on its place.
        if !is_digit(character) && !is_space(character) && stays && character != 'Σ' {
            let start = plain.letters.len() as u32;
            plain.places[character as usize] = (start, became.len() as u8);
            plain.letters.push_str(&became);
        }
    }
    plain
});

impl Plain {
    #[inline]
    fn get(&self, character: char) -> Option<&str> {
        let &(start, length) = self.places.get(character as usize)?;
        let start = start as usize;
        (length != OTHERWISE).then(|| &self.letters[start..start + usize::from(length)])
    }
}

/// Fill `run` with the lower case of the characters from `start` that are neither ASCII nor digits, white space or
/// punctuation nor become plain letters, and give where they end. The characters around a run never take part in its normalisation: they are
/// starters that compose with nothing in NFD.
fn take_run(text: &str, start: usize, run: &mut String) -> usize {
    run.clear();
    let mut end = start;
    for character in text[start..].chars() {
        if character.is_ascii()
            || PLAIN
                .get(character)
                .is_some_and(|letters| !letters.is_empty())
            || is_digit(character)
            || is_space(character)
        {
            break;
        }
        run.extend(character.to_lowercase());
        end += character.len_utf8();
    }
    end
}

/// Category Nd.
fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
        || (!character.is_ascii()
            && character.is_numeric()
            && character.general_category() == GeneralCategory::DecimalNumber)
}

/// Category Mn.
fn is_mark(character: char) -> bool {
    // Where most letters are there are no marks, which saves the search.
    !matches!(character, '\0'..'\u{300}' | '\u{370}'..'\u{483}' | '\u{48a}'..'\u{591}' | '\u{3100}'..'\u{a66f}')
        && character.general_category() == GeneralCategory::NonspacingMark
}

/// White space, or of datatrove's list of punctuation. (Its `１` is a digit first, of which nothing is left here.)
fn is_space(character: char) -> bool {
    character.is_whitespace() || is_simplified_punctuation(character)
}

/// Where the number that begins at `start` ends: digits, and once more digits after a separator.
fn number_end(text: &str, start: usize) -> usize {
    let end = digits_end(text, start);
    if let Some(separator) = text[end..].chars().next()
        && DECIMAL_SEPARATORS.contains(separator)
    {
        let fraction = end + separator.len_utf8();
        let fraction_end = digits_end(text, fraction);
        if fraction_end > fraction {
            return fraction_end;
        }
    }
    end
}

fn digits_end(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    start
        + rest
            .find(|character| !is_digit(character))
            .unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules one after another, as they are written down.
    fn step_by_step(text: &str) -> String {
        let lowered: Vec<char> = text.to_lowercase().chars().collect();
        let mut numbered = String::new();
        let mut at = 0;
        while at < lowered.len() {
            let digits = |from: usize| lowered[from..].iter().take_while(|&&c| is_digit(c)).count();
            let whole = digits(at);
            if whole == 0 {
                numbered.push(lowered[at]);
                at += 1;
                continue;
            }
            numbered.push('0');
            at += whole;
            if at < lowered.len() && DECIMAL_SEPARATORS.contains(lowered[at]) && digits(at + 1) > 0
            {
                at += 1 + digits(at + 1);
            }
        }
        let spaced = numbered.replace(
            |c: char| c.is_ascii_punctuation() || c.is_ascii_control() || is_space(c),
            " ",
        );
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let plain: String = words.join(" ").nfd().filter(|&c| !is_mark(c)).collect();
        plain.trim().to_owned()
    }

    #[test]
    fn simplified() {
        let check = |text: &str, expected: &str| {
            assert_eq!(simplify_text(text), expected, "{text:?}");
            assert_eq!(step_by_step(text), expected, "{text:?}");
        };
        // As datatrove 0.10.1 gives them.
        check("", "");
        check(" \n\t.", "");
        check(
            "The quick brown fox jumps over the lazy dog, 42 times in 3.14 days!",
            "the quick brown fox jumps over the lazy dog 0 times in 0 days",
        );
        check("1.2.3 4,5 6. 7 ,8", "0 0 0 0 0 0");
        check("a1b22c", "a0b0c");
        check("٣٫٥ and １２", "0 and 0");
        check("DÉJÀ İstanbul Å", "deja istanbul a");
        check("ΣΑΣ ΟΔΟΣ Σ", "σας οδος σ");
        check("a \u{301} b", "a  b");
        check("\u{301} a \u{301}", "a");
        check("“Ça—va…”", "ca va");
        check(
            "한국어",
            "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}",
        );
        check("a\u{1c}b\u{a0}c\u{7f}d\u{85}e", "a b c d e");
        check("x\u{302e}\u{323}", "x\u{302e}");
        // Marks that stay are put in order, across those that go but not across letters.
        check("x\u{302e}\u{323}\u{1d165}", "x\u{1d165}\u{302e}");
        check("é\u{302e}é\u{1d165}", "e\u{302e}e\u{1d165}");
        check(
            "All of IT -- in, small Letters, with   spaces!",
            "all of it in small letters with spaces",
        );
        check("½ ² Ⅷ", "½ ² ⅷ");
    }

    proptest::proptest! {
        #[test]
        fn one_pass_is_all_steps(text in "[a-zA-Z0-9., Σσé\u{301}\u{323}\u{302e}\u{1d165}٣한—\u{1c}İ]{0,40}|[a-zA-Z.,]{0,40}") {
            proptest::prop_assert_eq!(simplify_text(&text), step_by_step(&text));
        }

        #[test]
        fn many_spaces(text in "[a-z ,@\\[`{A-Z/0-9:]{0,80}") {
            proptest::prop_assert_eq!(simplify_text(&text), step_by_step(&text));
        }

        #[test]
        fn any_text(text in "\\PC{0,60}") {
            proptest::prop_assert_eq!(simplify_text(&text), step_by_step(&text));
        }
    }
}
