//! How many code points the words of a text have.

use crate::words::python;

/// Words are asked for in the order of the text. Most texts have few characters beyond ASCII, and a word that ends before
/// the next of these has as many characters as bytes.
pub(super) struct Lengths<'a> {
    text: &'a str,
    next_wide: usize,
}

impl<'a> Lengths<'a> {
    /// The words of a text.
    pub(super) fn of(text: &'a str) -> Self {
        Self {
            text,
            next_wide: wide_from(text.as_bytes(), 0),
        }
    }

    /// The length of a word, which is a part of the text behind the words before.
    #[inline]
    pub(super) fn next(&mut self, word: &str) -> usize {
        let start = word.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        let end = start.wrapping_add(word.len());
        if end <= self.next_wide && start <= end {
            return word.len();
        }
        self.next_wide = wide_from(self.text.as_bytes(), end);
        python::len(word)
    }
}

/// Where the first byte beyond ASCII is from a place on; the end if there is none.
fn wide_from(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let mut at = 0;
    for eight in rest.chunks_exact(8) {
        if !eight.is_ascii() {
            break;
        }
        at += 8;
    }
    let wide = rest[at..].iter().position(|byte| !byte.is_ascii());
    wide.map_or(bytes.len(), |wide| from + at + wide)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lengths_are_those_of_the_words(text in "[a-cé中…\u{85}\u{2003} ]{0,60}") {
            let mut lengths = Lengths::of(&text);
            for word in python::split(&text) {
                prop_assert_eq!(lengths.next(word), word.chars().count(), "{}", word);
            }
        }
    }
}
