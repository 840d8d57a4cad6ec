//! Every run of n words of a text, each joined by single spaces.

use std::borrow::Cow;

use crate::words::Words;

/// The words of a simplified text, laid out so that every n-gram is a slice.
pub(crate) struct NGrams<'a> {
    joined: Cow<'a, str>,
    /// Where each word begins and ends in `joined`.
    words: Vec<(usize, usize)>,
}

impl<'a> NGrams<'a> {
    /// The words of what [`super::simplify_text`] gave.
    pub(crate) fn new(simple: &'a str, words: Words) -> Self {
        // What is there most of the time: no word needs to be moved.
        if words == Words::Whitespace
            && let Some(bounds) = spaced_words(simple)
        {
            return Self {
                joined: Cow::Borrowed(simple),
                words: bounds,
            };
        }
        let mut joined = String::with_capacity(simple.len() + 16);
        let mut bounds = Vec::new();
        for word in words.split(simple) {
            if !bounds.is_empty() {
                joined.push(' ');
            }
            let start = joined.len();
            joined.push_str(word);
            bounds.push((start, joined.len()));
        }
        Self {
            joined: Cow::Owned(joined),
            words: bounds,
        }
    }

    /// How many words there are.
    pub(crate) fn word_count(&self) -> usize {
        self.words.len()
    }

    /// The n-grams in order. None where there are fewer words.
    pub(crate) fn iter(&self, n: usize) -> impl Iterator<Item = &str> {
        let ends = self.words.iter().skip(n.saturating_sub(1));
        let bounds = self.words.iter().zip(ends);
        bounds.map(|(&(start, _), &(_, end))| &self.joined[start..end])
    }
}

/// Where words with one space between each two begin and end; `None` if there are more spaces anywhere.
fn spaced_words(simple: &str) -> Option<Vec<(usize, usize)>> {
    let mut bounds = Vec::with_capacity(simple.len() / 4);
    let mut start = 0;
    for at in memchr::memchr_iter(b' ', simple.as_bytes()) {
        if at == start {
            return None;
        }
        bounds.push((start, at));
        start = at + 1;
    }
    if start < simple.len() {
        bounds.push((start, simple.len()));
    }
    Some(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut() {
        let check = |text: &str, n: usize, expected: &[&str]| {
            let grams = NGrams::new(text, Words::Whitespace);
            assert_eq!(grams.iter(n).collect::<Vec<_>>(), expected);
            assert_eq!(grams.word_count(), text.split_whitespace().count());
        };
        check("", 1, &[]);
        check("a", 1, &["a"]);
        check("a bb c", 1, &["a", "bb", "c"]);
        check("a bb c", 2, &["a bb", "bb c"]);
        check("a bb c", 3, &["a bb c"]);
        check("a bb c", 4, &[]);
        check("a  bb c", 2, &["a bb", "bb c"]);
    }
}
