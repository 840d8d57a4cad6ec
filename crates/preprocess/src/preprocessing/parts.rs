//! A text as words and what lies between them.

use unicode_segmentation::UnicodeSegmentation;

/// A piece of a text; all pieces in order are the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A word by the rules of Unicode Standard Annex 29: it holds a letter or digit.
    Word(&'a str),
    /// A name in angle brackets, `<url>`: what a step has put in place of something, and no step changes.
    Name(&'a str),
    /// White space, punctuation, symbols.
    Between(&'a str),
}

/// Letters that a name has at most.
const NAME_LETTERS: usize = 16;

/// The pieces of a text.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    names_apart(text).flat_map(|(part, is_name)| {
        let (name, rest) = if is_name { (part, "") } else { ("", part) };
        let name = (!name.is_empty()).then_some(Part::Name(name));
        name.into_iter()
            .chain(rest.split_word_bounds().map(|piece| {
                if piece.chars().any(char::is_alphanumeric) {
                    Part::Word(piece)
                } else {
                    Part::Between(piece)
                }
            }))
    })
}

/// The words of a text.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| match part {
        Part::Word(word) => Some(word),
        Part::Name(_) | Part::Between(_) => None,
    })
}

/// The text cut before and after each name.
fn names_apart(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    let mut name = None;
    std::iter::from_fn(move || {
        if let Some(name) = name.take() {
            return Some((name, true));
        }
        let mut from = 0;
        loop {
            if rest.is_empty() {
                return None;
            }
            let Some(open) = rest[from..].find('<').map(|open| open + from) else {
                return Some((std::mem::take(&mut rest), false));
            };
            let Some(length) = name_length(&rest[open..]) else {
                from = open + 1;
                continue;
            };
            let before = &rest[..open];
            let found = &rest[open..open + length];
            rest = &rest[open + length..];
            if before.is_empty() {
                return Some((found, true));
            }
            name = Some(found);
            return Some((before, false));
        }
    })
}

/// The length of the name that a text begins with.
fn name_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('<')?;
    let letters = inner.bytes().take_while(u8::is_ascii_lowercase).count();
    let closed = inner.as_bytes().get(letters) == Some(&b'>');
    (closed && (1..=NAME_LETTERS).contains(&letters)).then_some(letters + 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_names_and_the_rest_are_told_apart() {
        let found: Vec<_> = parts("Don't <url> <B> new_york, 3.5<x>").collect();
        assert_eq!(
            found,
            [
                Part::Word("Don't"),
                Part::Between(" "),
                Part::Name("<url>"),
                Part::Between(" "),
                Part::Between("<"),
                Part::Word("B"),
                Part::Between(">"),
                Part::Between(" "),
                Part::Word("new_york"),
                Part::Between(","),
                Part::Between(" "),
                Part::Word("3.5"),
                Part::Name("<x>"),
            ]
        );
        let words: Vec<_> = words("<url>a<<b>").collect();
        assert_eq!(words, ["a"]);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_text(text in r"(\PC|[ <>a-z\n]){0,40}") {
            let joined: String = parts(&text)
                .map(|part| match part {
                    Part::Word(text) | Part::Name(text) | Part::Between(text) => text,
                })
                .collect();
            prop_assert_eq!(joined, text);
        }
    }
}
