//! spaCy's rule for sentences, `sentencizer`.

use super::{Sink, pieces};
use crate::words::classes::{CLASSES, PUNCT, SENTENCE_END};

/// The sentences of a text that have something in them.
pub(in crate::words) fn count(text: &str) -> usize {
    let mut sentences = Sentences::default();
    pieces(text, &mut sentences);
    sentences.end();
    sentences.count
}

/// The same of a part of a text, from the words of the text that are in it.
pub(in crate::words) fn count_of_words(text: &str, words: &[&str]) -> usize {
    let mut sentences = Sentences::default();
    let mut last_end = None;
    for word in words {
        let start = word.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        let between = last_end.and_then(|end| text.as_bytes().get(end..start));
        if !matches!(between, None | Some([] | [b' '])) {
            sentences.space();
        }
        sentences.word(word);
        last_end = Some(start + word.len());
    }
    sentences.end();
    sentences.count
}

/// A sentence ends behind a piece that is a mark such as `.`, and the punctuation that follows it.
#[derive(Default)]
struct Sentences {
    count: usize,
    has_word: bool,
    is_over: bool,
}

impl Sentences {
    fn end(&mut self) {
        self.count += usize::from(self.has_word);
        self.has_word = false;
        self.is_over = false;
    }
}

impl<'a> Sink<'a> for Sentences {
    fn word(&mut self, word: &'a str) {
        if is_end(word) {
            self.is_over = true;
        } else if self.is_over && !word.chars().all(|c| CLASSES.is(c, PUNCT)) {
            self.end();
        }
        self.has_word = true;
    }

    fn space(&mut self) {
        if self.is_over {
            self.end();
        }
    }
}

fn is_end(word: &str) -> bool {
    // Most words are longer, and begin with a letter of ASCII.
    if matches!(word.as_bytes(), [0..=0x7f, _, ..]) {
        return false;
    }
    let mut characters = word.chars();
    let first = characters.next().unwrap_or_default();
    CLASSES.is(first, SENTENCE_END) && characters.next().is_none()
}
