//! The steps at work.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

use unicode_segmentation::UnicodeSegmentation;

use super::parts::{Part, parts};
use super::{Masked, NormalForm, mask};
use crate::{Lemmatizer, Stemmer};

/// A step that knows all that it needs to know.
pub(crate) enum Rule {
    Unicode(NormalForm),
    Lowercase,
    Accents,
    Spaces,
    Mask(Vec<Masked>),
    Digits(char),
    /// Words left out, in lower case.
    Without(HashSet<String>),
    Stem(Stemmer),
    Lemmatize(Arc<Lemmatizer>),
    /// Words that stay, and what stands for all others.
    Only(HashSet<String>, String),
    /// First words, each with the second words that it is joined to.
    Join(HashMap<String, BTreeSet<String>>),
}

/// What the rules, one after the other, make of a text.
pub(crate) fn apply_all<'a>(rules: &[Rule], text: &'a str) -> Cow<'a, str> {
    let mut changed = Cow::Borrowed(text);
    for rule in rules {
        if let Cow::Owned(next) = rule.apply(&changed) {
            changed = Cow::Owned(next);
        }
    }
    changed
}

impl Rule {
    /// What it makes of a text; borrowed if it leaves the text as it is.
    pub(crate) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Unicode(form) => normalized(*form, text),
            Self::Lowercase => lowercase(text),
            Self::Accents => without_marks(text),
            Self::Spaces => spaces(text),
            Self::Mask(what) => mask::mask(what, text),
            Self::Digits(digit) => digits(*digit, text),
            Self::Without(words) => each_word(text, |word| {
                if words.contains(lowercase(word).as_ref()) {
                    Cow::Borrowed("")
                } else {
                    Cow::Borrowed(word)
                }
            }),
            Self::Stem(stemmer) => each_word(text, |word| stemmer.stem(word)),
            Self::Lemmatize(lemmatizer) => lemmatized(lemmatizer, text),
            Self::Only(words, replacement) => each_word(text, |word| {
                if words.contains(word) {
                    Cow::Borrowed(word)
                } else {
                    Cow::Owned(replacement.clone())
                }
            }),
            Self::Join(pairs) => join(pairs, text),
        }
    }
}

fn normalized(form: NormalForm, text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    match form {
        NormalForm::Nfc if is_nfc_quick(text.chars()) == IsNormalized::Yes => Cow::Borrowed(text),
        NormalForm::Nfkc if is_nfkc_quick(text.chars()) == IsNormalized::Yes => Cow::Borrowed(text),
        NormalForm::Nfc => Cow::Owned(text.nfc().collect()),
        NormalForm::Nfd => Cow::Owned(text.nfd().collect()),
        NormalForm::Nfkc => Cow::Owned(text.nfkc().collect()),
        NormalForm::Nfkd => Cow::Owned(text.nfkd().collect()),
    }
}

fn lowercase(text: &str) -> Cow<'_, str> {
    let lower = |character: char| {
        let mut lower = character.to_lowercase();
        lower.next() == Some(character) && lower.next().is_none()
    };
    if text.chars().all(lower) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

fn without_marks(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let bare = text
        .nfd()
        .filter(|character| !is_nonspacing_mark(*character));
    let bare: String = bare.nfc().collect();
    if bare == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(bare)
    }
}

fn is_nonspacing_mark(character: char) -> bool {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
    character.general_category() == GeneralCategory::NonspacingMark
}

fn spaces(text: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    for run in text.split_inclusive(char::is_whitespace) {
        // Every piece ends in one white space, but for the last; an empty word continues a run.
        let word = run.trim_end();
        if !word.is_empty() {
            out.push_str(word);
        }
        let line = run.ends_with(['\n', '\r', '\u{2028}', '\u{2029}']);
        let space = run.len() > word.len();
        match out.pop() {
            Some('\n') => out.push('\n'),
            Some(' ') => out.push(if line { '\n' } else { ' ' }),
            Some(last) => {
                out.push(last);
                if space {
                    out.push(if line { '\n' } else { ' ' });
                }
            }
            None => {}
        }
    }
    out.truncate(out.trim_end().len());
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

fn digits(digit: char, text: &str) -> Cow<'_, str> {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
    let decimal = |character: char| {
        character.is_ascii_digit()
            || (!character.is_ascii()
                && character.general_category() == GeneralCategory::DecimalNumber)
    };
    if !text
        .chars()
        .any(|character| decimal(character) && character != digit)
    {
        return Cow::Borrowed(text);
    }
    let replaced = text
        .chars()
        .map(|character| if decimal(character) { digit } else { character });
    Cow::Owned(replaced.collect())
}

/// The text with each word changed. A word that becomes nothing takes the white space after it along, where there is
/// white space before it, or nothing.
pub(crate) fn each_word<'a>(
    text: &'a str,
    change: impl Fn(&'a str) -> Cow<'a, str>,
) -> Cow<'a, str> {
    let mut out = String::with_capacity(text.len());
    let mut removed = false;
    for part in parts(text) {
        match part {
            Part::Word(word) => {
                let changed = change(word);
                removed |= changed.is_empty();
                if !changed.is_empty() {
                    removed = false;
                }
                out.push_str(&changed);
            }
            Part::Name(name) => {
                removed = false;
                out.push_str(name);
            }
            Part::Between(between) => {
                let space = between.chars().all(char::is_whitespace);
                let after_space = out.is_empty() || out.ends_with(char::is_whitespace);
                // A line feed is worth more than the space before it.
                if removed && space && after_space && !between.contains('\n') {
                    continue;
                }
                removed &= space;
                out.push_str(between);
            }
        }
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

/// The text with each word in its dictionary form. A sentence, by the rules of Unicode, is looked at as a whole, its
/// punctuation too.
fn lemmatized<'a>(lemmatizer: &Lemmatizer, text: &'a str) -> Cow<'a, str> {
    let mut out = String::with_capacity(text.len());
    for sentence in text.split_sentence_bounds() {
        let parts: Vec<Part<'_>> = parts(sentence).collect();
        let forms: Vec<&str> = parts.iter().filter_map(|part| form(*part)).collect();
        let mut found = lemmatizer.lemmatize(&forms).into_iter();
        for part in parts {
            let lemma = form(part).and_then(|_| found.next());
            match (part, lemma) {
                (Part::Word(text), Some(word)) => out.push_str(word.word(text)),
                (Part::Word(text) | Part::Name(text) | Part::Between(text), _) => {
                    out.push_str(text)
                }
            }
        }
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

/// What a part is to a lemmatizer, if it is not white space.
fn form(part: Part<'_>) -> Option<&str> {
    let (Part::Word(text) | Part::Name(text) | Part::Between(text)) = part;
    (!text.trim().is_empty()).then_some(text)
}

/// The text with pairs of words joined, from the left, each word once.
fn join<'a>(pairs: &HashMap<String, BTreeSet<String>>, text: &'a str) -> Cow<'a, str> {
    let mut out = String::with_capacity(text.len());
    // The last word, if it can still be joined, and whether one space alone came after it.
    let mut first: Option<(&str, bool)> = None;
    for part in parts(text) {
        match (part, first) {
            (Part::Word(word), Some((before, true)))
                if pairs
                    .get(before)
                    .is_some_and(|seconds| seconds.contains(word)) =>
            {
                out.pop();
                out.push('_');
                out.push_str(word);
                first = None;
            }
            (Part::Word(word), _) => {
                out.push_str(word);
                first = Some((word, false));
            }
            (Part::Between(" "), Some((word, false))) => {
                out.push(' ');
                first = Some((word, true));
            }
            (Part::Between(other) | Part::Name(other), _) => {
                out.push_str(other);
                first = None;
            }
        }
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(rule: &Rule, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(rule.apply(text), *expected, "{text:?}");
            let again = rule.apply(expected);
            assert!(
                matches!(again, Cow::Borrowed(_)),
                "{expected:?} is changed again"
            );
        }
    }

    #[test]
    fn characters_are_changed() {
        check(
            &Rule::Unicode(NormalForm::Nfkc),
            &[("ﬁ e\u{301} Ａ", "fi é A"), ("plain", "plain")],
        );
        check(
            &Rule::Lowercase,
            &[("ÀB c", "àb c"), ("ΟΔΟΣ", "οδος"), ("İ", "i\u{307}")],
        );
        check(
            &Rule::Accents,
            &[("Café naïve й", "Cafe naive и"), ("한국 ñ", "한국 n")],
        );
        check(&Rule::Digits('0'), &[("10 and ٣٤ ½", "00 and 00 ½")]);
        check(
            &Rule::Spaces,
            &[
                ("  a \t b\n\n c \r\nd  ", "a b\nc\nd"),
                ("\n \n", ""),
                ("a", "a"),
                ("a \u{3000}", "a"),
            ],
        );
    }

    #[test]
    fn words_leave_no_hole() {
        let without = Rule::Without(["the", "of", "don't"].map(String::from).into());
        check(
            &without,
            &[
                ("The cat of the house.", "cat house."),
                ("cat of. the\nThe dog", "cat . \ndog"),
                ("the", ""),
                ("I don't <of> of", "I <of> "),
            ],
        );
    }

    #[test]
    fn rare_words_get_their_name() {
        let words: HashSet<String> = ["the", "cat"].map(String::from).into();
        check(
            &Rule::Only(words.clone(), "<rare>".into()),
            &[("the big cat, Cat <url>", "the <rare> cat, <rare> <url>")],
        );
        check(
            &Rule::Only(words, String::new()),
            &[("the big cat", "the cat")],
        );
    }

    #[test]
    fn pairs_are_joined_from_the_left_across_one_space() {
        let pairs = HashMap::from([
            ("new".to_owned(), BTreeSet::from(["york".to_owned()])),
            ("york".to_owned(), BTreeSet::from(["city".to_owned()])),
        ]);
        check(
            &Rule::Join(pairs),
            &[
                ("new york city", "new_york city"),
                (
                    "new  york, new\nyork new-york york city",
                    "new  york, new\nyork new-york york_city",
                ),
                ("new new york", "new new_york"),
                ("new <url> york", "new <url> york"),
            ],
        );
    }

    proptest! {
        #[test]
        fn no_word_changed_is_no_text_changed(text in r"(\PC|[ <>a-z\n\t]){0,40}") {
            let same = each_word(&text, Cow::Borrowed);
            prop_assert!(matches!(same, Cow::Borrowed(_)));
        }

        #[test]
        fn spaces_are_taken_in_one_go(text in r"([ a\t\n\r\u{a0}\u{2028}]){0,30}") {
            let words: Vec<_> = text.split_whitespace().collect();
            let once = Rule::Spaces.apply(&text).into_owned();
            prop_assert_eq!(once.split_whitespace().collect::<Vec<_>>(), words);
            prop_assert!(!once.contains("  ") && !once.contains("\n\n") && !once.contains(" \n"));
            prop_assert_eq!(once.trim(), &once);
        }
    }
}
