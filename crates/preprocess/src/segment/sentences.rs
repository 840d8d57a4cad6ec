//! Ends of sentences: what a place between two tokens looks like to the perceptron.
//!
//! A sentence may end behind any token but one in small letters before another such, and but one that a full stop, a
//! comma or the like follows at once; the classifier is asked from left to right, and knows how long the sentence is by then and how it began.

use std::ops::Range;

use super::tokens::{Class, in_small_letters, lower_hash};
use super::trained::{SMALL, Words};
use crate::perceptron::{feature, hash};

/// A token, as far as it counts here.
#[derive(Clone, Copy, Default)]
struct Word {
    /// Hash in lower case.
    lower: u64,
    /// Hash of the shape.
    shape: u64,
    /// What is known of the word: its part of speech, and whether it is written in small letters too.
    known: u64,
    /// Hash of the last three bytes.
    ending: u64,
}

/// How many tokens a question looks at, and no less.
const RECENT: usize = 4;

/// What a text is like so far.
pub(super) struct Ends<'a> {
    text: &'a str,
    tokens: &'a [Range<usize>],
    words: &'a Words,
    features: Vec<u64>,
    /// Words that were asked for last, at their places modulo their number.
    recent: [(usize, Word); RECENT],
    /// How many full stops have a small, and how many another beginning of a word behind them: the writer's habit.
    habit: u64,
    capitals: u64,
}

impl<'a> Ends<'a> {
    /// Of the tokens of one paragraph.
    pub(super) fn new(text: &'a str, tokens: &'a [Range<usize>], words: &'a Words) -> Self {
        let (mut small, mut large) = (0, 0);
        for pair in tokens.windows(2) {
            if matches!(&text[pair[0].clone()], "." | "!" | "?") {
                match class_of_first(&text[pair[1].clone()]) {
                    Class::Lower => small += 1,
                    Class::Upper => large += 1,
                    Class::Digit | Class::Other => {}
                }
            }
        }
        let sample = tokens.iter().take(200);
        let letters = sample
            .clone()
            .filter(|token| text[(*token).clone()].starts_with(char::is_alphabetic));
        let upper = letters
            .clone()
            .filter(|token| class_of_first(&text[(*token).clone()]) == Class::Upper);
        let (letters, upper) = (letters.count(), upper.count());
        Self {
            text,
            tokens,
            words,
            features: Vec::new(),
            recent: [(usize::MAX, Word::default()); RECENT],
            habit: feature(u64::from(small > 0), u64::from(large > small)),
            capitals: (upper * 6 / letters.max(1)) as u64,
        }
    }

    fn form(&self, place: usize) -> &'a str {
        self.tokens
            .get(place)
            .map_or("", |token| &self.text[token.clone()])
    }

    fn word(&mut self, place: Option<usize>) -> Word {
        let Some((place, token)) = place.and_then(|place| Some((place, self.tokens.get(place)?)))
        else {
            return Word::default();
        };
        let (kept, word) = self.recent[place % RECENT];
        if kept == place {
            return word;
        }
        let form = &self.text[token.clone()];
        let lower = lower_hash(form);
        let word = Word {
            lower,
            shape: shape(form),
            known: self.words.get(lower).into(),
            ending: hash(&form.as_bytes()[form.len().saturating_sub(3)..]),
        };
        self.recent[place % RECENT] = (place, word);
        word
    }

    /// The sentences of the paragraph. `ends` is given the features of every place in question and the token behind
    /// it, and says whether a sentence begins with that token.
    pub(super) fn find(
        mut self,
        sentences: &mut Vec<Range<usize>>,
        mut ends: impl FnMut(&[u64], usize) -> bool,
    ) {
        let mut first = 0;
        let mut inside = Inside {
            beginning: self.word(Some(0)),
            ..Inside::default()
        };
        for next in 1..self.tokens.len() {
            let before = self.form(next - 1);
            inside.take(before);
            if !self.may_end(next) {
                continue;
            }
            let mut features = std::mem::take(&mut self.features);
            self.describe(first, next, &inside, &mut features);
            if ends(&features, next) {
                sentences.push(self.tokens[first].start..self.tokens[next - 1].end);
                inside = Inside {
                    beginning: self.word(Some(next)),
                    last: feature(bucket(next - first).min(5), self.word(Some(next - 1)).shape),
                    ..Inside::default()
                };
                first = next;
            }
            self.features = features;
        }
        if let (Some(one), Some(last)) = (self.tokens.get(first), self.tokens.last()) {
            sentences.push(one.start..last.end);
        }
    }

    /// Whether a sentence may end before the token `next`.
    fn may_end(&self, next: usize) -> bool {
        let (one, other) = (&self.tokens[next - 1], &self.tokens[next]);
        let joined = one.end == other.start;
        match self.text.as_bytes()[other.start] {
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'}' | b'%' if joined => false,
            _ => {
                class_of_first(&self.text[other.clone()]) != Class::Lower
                    || !in_small_letters(&self.text[one.clone()])
            }
        }
    }

    fn describe(&mut self, first: usize, next: usize, inside: &Inside, features: &mut Vec<u64>) {
        let one = self.word(Some(next - 1));
        let two = self.word(Some(next));
        let before = self.word((next - 1).checked_sub(1).filter(|place| *place >= first));
        let after = self.word(Some(next + 1));
        let beginning = inside.beginning;
        let joined = u64::from(self.tokens[next - 1].end == self.tokens[next].start);
        let joined_before =
            u64::from(next >= 2 && self.tokens[next - 2].end == self.tokens[next - 1].start);
        let joined_after = u64::from(
            self.tokens
                .get(next + 1)
                .is_some_and(|token| token.start == self.tokens[next].end),
        );
        let again = feature(
            u64::from(two.lower == beginning.lower),
            u64::from(two.shape == beginning.shape),
        );
        let length = bucket(next - first);
        let left = bucket(self.tokens.len() - next);
        let shapes = feature(one.shape, two.shape);
        let two_is = feature(two.shape, two.known & u64::from(SMALL));
        let kinds = feature(one.known, two.known);
        features.clear();
        let mut kind = 100;
        let mut push = |value: u64| {
            features.push(feature(kind, value));
            kind += 1;
        };
        push(one.lower);
        push(two.lower);
        push(feature(one.lower, two.lower));
        push(shapes);
        push(feature(shapes, joined));
        push(feature(one.lower, two_is));
        push(feature(one.lower, feature(two.shape, after.shape)));
        push(feature(one.shape, feature(two.lower, two.shape)));
        push(feature(before.lower, feature(one.lower, two_is)));
        push(feature(
            feature(before.shape, joined_before),
            feature(one.lower, two_is),
        ));
        push(feature(shapes, feature(after.shape, joined_after)));
        push(feature(
            one.shape,
            feature(two_is, after.known & u64::from(SMALL)),
        ));
        push(feature(two.lower, after.lower));
        push(feature(feature(one.lower, two_is), length));
        push(feature(shapes, length));
        push(feature(feature(one.lower, two_is), self.habit));
        push(feature(feature(one.shape, two_is), self.capitals));
        push(feature(feature(one.lower, two.shape), inside.open()));
        push(feature(shapes, inside.quotes()));
        push(feature(feature(beginning.shape, length), shapes));
        push(feature(beginning.lower, shapes));
        push(feature(feature(before.lower, one.shape), two_is));
        push(feature(
            feature(joined, joined_before),
            feature(one.lower, two.shape),
        ));
        push(feature(length, left));
        push(feature(inside.stopped.into(), shapes));
        push(feature(feature(inside.last, shapes), length));
        push(feature(inside.last, feature(one.lower, two.shape)));
        push(feature(again, shapes));
        push(feature(again, feature(one.shape, inside.last)));
        push(feature(one.ending, two.shape));
        push(feature(one.ending, two_is));
        push(feature(before.lower, shapes));
        push(feature(after.lower, shapes));
        push(feature(kinds, shapes));
        push(feature(kinds, feature(after.known, two.shape)));
        push(feature(
            feature(before.known, one.known),
            feature(two.known, two.shape),
        ));
        push(feature(
            feature(one.known, one.shape),
            feature(two.lower, two.shape),
        ));
        push(feature(one.lower, feature(two.known, two.shape)));
        push(feature(feature(two.known, two.shape), after.known));
    }
}

/// What the sentence so far holds.
#[derive(Default)]
struct Inside {
    brackets: i32,
    quotes: u32,
    stopped: bool,
    /// How the sentence before was: its length and its end.
    last: u64,
    /// Its first token.
    beginning: Word,
}

impl Inside {
    fn take(&mut self, token: &str) {
        match token {
            "(" | "[" | "{" | "-LRB-" => self.brackets += 1,
            ")" | "]" | "}" | "-RRB-" => self.brackets -= 1,
            "\"" | "''" | "``" | "“" | "”" => self.quotes += 1,
            "." | "?" | "!" | ";" => self.stopped = true,
            _ => {}
        }
    }

    fn open(&self) -> u64 {
        self.brackets.clamp(-1, 1) as u64
    }

    fn quotes(&self) -> u64 {
        u64::from(self.quotes.min(3))
    }
}

fn bucket(count: usize) -> u64 {
    match count {
        0..=4 => count as u64,
        5..=7 => 5,
        8..=12 => 6,
        13..=20 => 7,
        21..=40 => 8,
        _ => 9,
    }
}

fn class_of_first(form: &str) -> Class {
    form.chars().next().map_or(Class::Other, Class::of)
}

/// Marks stand for themselves, up to three of them; of words the classes count, rows of one class as one, and of short
/// ones the length.
fn shape(form: &str) -> u64 {
    let mut shape = 0;
    let mut row = 0;
    let mut written = 0;
    for character in form.chars() {
        let sign = match Class::of(character) {
            Class::Other => u64::from(character),
            class => class as u64,
        };
        if sign != row && written < 6 {
            shape = feature(shape, sign);
            written += 1;
        }
        row = sign;
    }
    feature(shape, form.len().min(3) as u64)
}
