//! What the classifiers see of a word: hashes of its parts.

use super::lookup::{Known, Lookup};
use crate::perceptron::{feature, hash};

/// A word, looked at once.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    pub(super) lower: String,
    pub(super) known: Option<Known<'a>>,
    /// Hash of the lowercase form.
    pub(super) form: u64,
    /// Hash of the form with its case.
    pub(super) exact: u64,
    /// Hash of the kinds of characters, runs shortened: `Xx`, `X.X.`, `d-x`.
    pub(super) shape: u64,
    /// The set of tags in the training data, or for a rare form the end of the word.
    pub(super) class: u64,
    /// Hashes of the last 1 to 5 characters of the lowercase form; of fewer where it is shorter.
    pub(super) ends: [u64; 5],
    /// Hash of the last 6.
    pub(super) end6: u64,
    /// Hashes of the first 1 to 4.
    pub(super) starts: [u64; 4],
}

impl<'a> Word<'a> {
    pub(super) fn new(form: &str, lookup: &'a Lookup) -> Self {
        let lower = super::lowercase(form);
        let known = lookup.get(&lower);
        let mut ends = [0; 5];
        let mut places = lower.char_indices().rev();
        for end in &mut ends {
            let start = places.next().map_or(0, |(place, _)| place);
            *end = hash(&lower.as_bytes()[start..]);
        }
        let end6 = hash(&lower.as_bytes()[places.next().map_or(0, |(place, _)| place)..]);
        let mut starts = [0; 4];
        let mut places = lower.char_indices().skip(1);
        for start in &mut starts {
            let end = places.next().map_or(lower.len(), |(place, _)| place);
            *start = hash(&lower.as_bytes()[..end]);
        }
        let class = known
            .and_then(|known| known.class)
            .unwrap_or_else(|| feature(2, ends[1]));
        Self {
            known,
            form: hash(lower.as_bytes()),
            exact: hash(form.as_bytes()),
            shape: shape(form),
            class,
            ends,
            end6,
            starts,
            lower,
        }
    }

    /// The one tag that the form has.
    pub(super) fn fixed(&self) -> Option<u16> {
        self.known.and_then(|known| known.fixed)
    }
}

/// The kinds of characters, runs of more than two shortened.
fn shape(form: &str) -> u64 {
    let mut shape = [0; 12];
    let mut length = 0;
    for char in form.chars() {
        let kind = match char {
            '0'..='9' => b'd',
            'a'..='z' => b'x',
            'A'..='Z' => b'X',
            _ if char.is_ascii() => char as u8,
            _ if char.is_uppercase() => b'X',
            _ if char.is_alphabetic() => b'x',
            _ if char.is_numeric() => b'd',
            _ => b'?',
        };
        let repeated = length >= 2 && shape[length - 1] == kind && shape[length - 2] == kind;
        if length < shape.len() && !repeated {
            shape[length] = kind;
            length += 1;
        }
    }
    hash(&shape[..length])
}
