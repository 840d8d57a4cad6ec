//! Borders of tokens: what a border between two characters looks like to the perceptron.
//!
//! White space always parts tokens. Within what it leaves, a chunk, two letters or two digits never are parted; at every
//! other place the classifier is asked, from left to right.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use super::trained::{SMALL, Words};
use crate::perceptron::{feature, hash};

/// What kinds of characters there are, and how a shape writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    Lower = b'a',
    Upper = b'A',
    Digit = b'0',
    Other = b'.',
}

impl Class {
    #[inline]
    pub(super) fn of(character: char) -> Self {
        match character {
            'a'..='z' => Self::Lower,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Digit,
            '\0'..='\x7f' => Self::Other,
            _ if character.is_uppercase() => Self::Upper,
            _ if character.is_alphabetic() => Self::Lower,
            _ if character.is_numeric() => Self::Digit,
            _ => Self::Other,
        }
    }

    fn is_letter(self) -> bool {
        matches!(self, Self::Lower | Self::Upper)
    }
}

/// A character of a chunk.
#[derive(Clone, Copy)]
struct Character {
    /// Place in the chunk, in bytes.
    place: usize,
    character: char,
    class: Class,
}

/// The characters of one chunk, and room for its features.
#[derive(Default)]
pub(super) struct Chunk {
    characters: Vec<Character>,
    length: usize,
    features: Vec<u64>,
}

/// What stands around a chunk.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The chunk before, or nothing.
    pub(super) before: &'a str,
    /// The chunk behind, or nothing.
    pub(super) after: &'a str,
    /// What is known of words.
    pub(super) words: &'a Words,
}

impl Chunk {
    fn read(&mut self, chunk: &str) {
        self.characters.clear();
        self.characters
            .extend(chunk.char_indices().map(|(place, character)| Character {
                place,
                character,
                class: Class::of(character),
            }));
        self.length = chunk.len();
    }

    /// Whether the characters at `place - 1` and `place` may belong to two tokens.
    fn may_part(&self, place: usize) -> bool {
        let (one, other) = (self.characters[place - 1], self.characters[place]);
        let alike = match one.class {
            Class::Other => false,
            Class::Digit => other.class == Class::Digit,
            Class::Lower | Class::Upper => other.class.is_letter(),
        };
        !alike && !joins(one.character, other.character)
    }

    /// Cut a chunk, which begins at byte `start` of the text, into tokens. `parts` is given the features of every
    /// place in question and the place, in bytes of the text, and says whether a token begins there.
    pub(super) fn cut(
        &mut self,
        chunk: &str,
        start: usize,
        around: Around<'_>,
        tokens: &mut Vec<Range<usize>>,
        mut parts: impl FnMut(&[u64], usize) -> bool,
    ) {
        if chunk.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            tokens.push(start..start + chunk.len());
            return;
        }
        self.read(chunk);
        let mut first = 0;
        let mut shape = None;
        for place in 1..self.characters.len() {
            if !self.may_part(place) {
                continue;
            }
            let shape = *shape.get_or_insert_with(|| self.shape(0..self.characters.len()));
            let mut features = std::mem::take(&mut self.features);
            self.describe(chunk, first, place, shape, around, &mut features);
            let byte = self.characters[place].place;
            if parts(&features, start + byte) {
                tokens.push(start + self.characters[first].place..start + byte);
                first = place;
            }
            self.features = features;
        }
        if let Some(character) = self.characters.get(first) {
            tokens.push(start + character.place..start + self.length);
        }
    }

    /// Hash of the classes, of which three or more in a row are written as two; marks stand for themselves.
    fn shape(&self, range: Range<usize>) -> u64 {
        let mut shape = 0;
        let mut row = (0, 0);
        for character in &self.characters[range] {
            let sign = match character.class {
                Class::Other => u64::from(character.character),
                class => class as u64,
            };
            row = if row.0 == sign {
                (sign, row.1 + 1)
            } else {
                (sign, 1)
            };
            if row.1 <= 2 {
                shape = feature(shape, sign);
            }
        }
        shape
    }

    /// The run of letters or digits that begins at `place` (or the one mark there).
    fn run_from(&self, place: usize) -> Range<usize> {
        let mut end = place + 1;
        while end < self.characters.len() && !self.may_part(end) {
            end += 1;
        }
        place..end
    }

    fn run_to(&self, end: usize) -> Range<usize> {
        let mut start = end - 1;
        while start > 0 && !self.may_part(start) {
            start -= 1;
        }
        start..end
    }

    /// Hash of characters in lower case, digits as one.
    fn word(&self, range: Range<usize>) -> u64 {
        let mut word = 0;
        for character in &self.characters[range] {
            word = feature(word, u64::from(folded(*character)));
        }
        word
    }

    fn describe(
        &self,
        chunk: &str,
        first: usize,
        place: usize,
        shape: u64,
        around: Around<'_>,
        features: &mut Vec<u64>,
    ) {
        let at = |offset: isize| match place.checked_add_signed(offset) {
            Some(place) => self
                .characters
                .get(place)
                .map_or(1, |c| u64::from(folded(*c))),
            None => 0,
        };
        let class = |offset: isize| match place.checked_add_signed(offset) {
            Some(place) => self.characters.get(place).map_or(1, |c| match c.class {
                Class::Other => u64::from(c.character),
                class => class as u64,
            }),
            None => 0,
        };
        let left = self.run_to(place);
        let right = self.run_from(place);
        let (left_word, right_word) = (self.word(left.clone()), self.word(right.clone()));
        let pair = feature(class(-1), class(0));
        let capital = u64::from(self.characters[left.start].class == Class::Upper);
        let left_length = left.len().min(6) as u64;
        let ends = u64::from(right.end == self.characters.len());
        let begins = u64::from(left.start == 0);
        let after = around
            .after
            .chars()
            .next()
            .map_or(1, |c| match Class::of(c) {
                Class::Other => u64::from(c),
                class => class as u64,
            });
        let known = around
            .words
            .get(lower_hash(&chunk[self.bytes(left.clone())]))
            & SMALL;
        let address = chunk.contains("//") || chunk.contains("www.") || chunk.contains('@');
        let so_far = self.shape(first..place);
        let same = self.characters[first..place]
            .iter()
            .all(|c| c.character == self.characters[place].character);
        let repeats = feature((place - first).min(4) as u64, u64::from(same));
        features.clear();
        let mut kind = 0;
        let mut push = |value: u64| {
            features.push(feature(kind, value));
            kind += 1;
        };
        push(pair);
        push(feature(at(-1), at(0)));
        push(feature(at(-2), pair));
        push(feature(pair, at(1)));
        push(feature(feature(at(-2), at(-1)), feature(at(0), at(1))));
        push(feature(
            feature(class(-2), class(-1)),
            feature(class(0), class(1)),
        ));
        push(feature(
            feature(class(-3), class(-2)),
            feature(class(-1), class(0)),
        ));
        push(feature(feature(class(2), class(1)), pair));
        push(feature(left_word, class(0)));
        push(feature(right_word, class(-1)));
        push(feature(left_word, right_word));
        push(feature(pair, feature(left_length, feature(capital, ends))));
        push(feature(
            pair,
            feature(u64::from(known), feature(capital, ends)),
        ));
        push(feature(shape, place.min(12) as u64));
        push(feature(shape, pair));
        push(feature(so_far, class(0)));
        push(feature(so_far, feature(class(0), feature(class(1), ends))));
        push(feature(pair, feature(repeats, ends)));
        push(feature(pair, feature(u64::from(address), ends)));
        push(feature(pair, feature(ends, after)));
        push(feature(feature(left_word, pair), feature(ends, after)));
        push(feature(feature(pair, capital), feature(left_length, after)));
        push(feature(pair, feature(begins, ends)));
        push(feature(
            pair,
            feature(hash(around.before.as_bytes()), begins),
        ));
        push(feature(lower_hash(around.after), feature(left_word, ends)));
        push(feature(pair, feature(right.len().min(5) as u64, ends)));
    }

    fn bytes(&self, range: Range<usize>) -> Range<usize> {
        let byte = |place: usize| self.characters.get(place).map_or(self.length, |c| c.place);
        byte(range.start)..byte(range.end)
    }
}

/// Whether two characters never are parted, whatever their classes: an accent goes with what it stands on, and what a
/// joiner joins stays joined.
fn joins(one: char, other: char) -> bool {
    const JOINER: char = '\u{200d}';
    !(one.is_ascii() && other.is_ascii())
        && (is_combining_mark(other)
            || one == JOINER
            || matches!(other, JOINER | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}'))
}

fn folded(character: Character) -> char {
    match character.class {
        Class::Digit => '0',
        Class::Upper => character
            .character
            .to_lowercase()
            .next()
            .unwrap_or(character.character),
        Class::Lower | Class::Other => character.character,
    }
}

/// Hash of a word in lower case.
pub(super) fn lower_hash(word: &str) -> u64 {
    let mut bytes = [0; 32];
    match bytes.get_mut(..word.len()) {
        Some(bytes) if word.is_ascii() => {
            bytes.copy_from_slice(word.as_bytes());
            bytes.make_ascii_lowercase();
            hash(bytes)
        }
        _ => hash(word.to_lowercase().as_bytes()),
    }
}

/// Whether all of it is small letters.
pub(super) fn in_small_letters(form: &str) -> bool {
    match form.is_ascii() {
        true => form.bytes().all(|byte| byte.is_ascii_lowercase()),
        false => form
            .chars()
            .all(|character| Class::of(character) == Class::Lower),
    }
}
