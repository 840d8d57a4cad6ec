//! Short English stories, made up on the spot: text to learn from where there is no corpus at hand.
//!
//! A story is told from a grammar of its own (`stages/`, `themes/` and `lexicon/`, in the notation of `notation.rs`):
//! somebody wants something, sets out with something in the bag, meets a friend, comes to an obstacle that what is in
//! the bag can overcome, and comes home with or without what was wanted. Who they are, what they carry, where they go
//! and how long it takes stay the same throughout, so that a model has something to keep track of.
//!
//! Each story is a function of a seed and an index. Its probability is known exactly, because every choice shows at
//! once in the text ([`log_probability`] reads it back from the text alone): the mean of `-log_probability` over
//! stories is the entropy of the source, the loss that no model can beat.
//!
//! ```
//! use kiln_corpus::stories::{self, Stories};
//!
//! let story = Stories::new(1).story(0);
//! assert!(stories::THEMES.contains(&story.theme));
//! let read = stories::log_probability(&story.text).unwrap();
//! assert!((read - story.log_probability).abs() < 1e-9);
//! assert!(stories::log_probability("Call me Ishmael.").is_err());
//! ```

use std::fmt;
use std::sync::LazyLock;

mod draws;
mod grammar;
mod notation;
mod pen;
mod teller;

use draws::Draws;
use grammar::Grammar;
use pen::{Parting, Reader, Writer};
use teller::{Landmarks, tell};

/// What the hero of a story wants: the labels of a classifier.
pub const THEMES: [&str; 10] = [
    "search",
    "gift",
    "healing",
    "learning",
    "courage",
    "message",
    "rescue",
    "wonder",
    "contest",
    "friendship",
];

/// How it goes: as hoped; otherwise than thought, but well; given up for somebody else's sake; not this time.
pub const OUTCOMES: [&str; 4] = ["success", "surprise", "sacrifice", "setback"];

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!($name))),*]
    };
}

const FILES: [(&str, &str); 23] = files![
    "stages/opening.txt",
    "stages/departure.txt",
    "stages/road.txt",
    "stages/obstacles.txt",
    "stages/ending.txt",
    "themes/search.txt",
    "themes/gift.txt",
    "themes/healing.txt",
    "themes/learning.txt",
    "themes/courage.txt",
    "themes/message.txt",
    "themes/rescue.txt",
    "themes/wonder.txt",
    "themes/contest.txt",
    "themes/friendship.txt",
    "lexicon/characters.txt",
    "lexicon/neighbours.txt",
    "lexicon/homes.txt",
    "lexicon/places.txt",
    "lexicon/seasons.txt",
    "lexicon/things.txt",
    "lexicon/doings.txt",
    "lexicon/days.txt",
];

/// The grammar is part of the program, so a test, not its user, sees what is wrong with it.
static GRAMMAR: LazyLock<(Grammar, Landmarks)> = LazyLock::new(|| {
    let compiled = Grammar::compile(&FILES).and_then(|grammar| {
        let landmarks = Landmarks::find(&grammar)?;
        Ok((grammar, landmarks))
    });
    compiled.unwrap_or_else(|problem| panic!("stories: {problem}"))
});

/// All the stories of one seed.
#[derive(Clone, Copy, Debug)]
pub struct Stories {
    seed: u64,
}

/// One story and what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Paragraphs with an empty line between them; ASCII, no line end after the last.
    pub text: String,
    /// What the hero wants, one of [`THEMES`].
    pub theme: &'static str,
    /// How it goes, one of [`OUTCOMES`].
    pub outcome: &'static str,
    /// Days from setting out to coming home, at least 2. The text tells them, together or in parts.
    pub journey_days: u32,
    /// The natural logarithm of the probability of `text`, at most 0.
    pub log_probability: f64,
}

impl Stories {
    /// The stories of a seed; equal seeds give equal stories.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The story at an index; each costs the same, whatever the index.
    pub fn story(&self, index: u64) -> Story {
        let (grammar, landmarks) = &*GRAMMAR;
        let mut pen = Writer::new(Draws::new(self.seed, index));
        let facts = tell(grammar, landmarks, &mut pen).unwrap_or_else(|never| match never {});
        Story {
            text: pen.text,
            theme: facts.theme,
            outcome: facts.outcome,
            journey_days: facts.journey_days,
            log_probability: pen.log_probability,
        }
    }
}

/// The natural logarithm of the probability that a story is this text.
///
/// # Errors
/// [`NotAStory`] for a text that no seed and index give; it names the byte at which the text stops being a story.
pub fn log_probability(text: &str) -> Result<f64, NotAStory> {
    read(text).map(|story| story.log_probability)
}

/// Reads a text as a story: its theme, outcome and days are found by following it through the grammar.
///
/// # Errors
/// As [`log_probability`].
pub fn read(text: &str) -> Result<Story, NotAStory> {
    let (grammar, landmarks) = &*GRAMMAR;
    let mut pen = Reader::new(text);
    let told = tell(grammar, landmarks, &mut pen);
    let log_probability = pen.log_probability;
    let stop = |Parting { byte, expected }| NotAStory {
        byte,
        length: text.len(),
        expected,
        log_probability,
    };
    let facts = told.map_err(stop)?;
    if pen.cursor() < text.len() {
        return Err(stop(Parting {
            byte: pen.cursor(),
            expected: String::new(),
        }));
    }
    Ok(Story {
        text: text.to_owned(),
        theme: facts.theme,
        outcome: facts.outcome,
        journey_days: facts.journey_days,
        log_probability,
    })
}

/// A text that is not a story, and how far it is one.
#[derive(Clone, Debug, PartialEq)]
pub struct NotAStory {
    /// The first byte that no story has after the bytes before it.
    pub byte: usize,
    /// Bytes of the whole text; `byte` is as many where the text breaks off before its story ends.
    pub length: usize,
    /// One of the ways a story could go on at `byte`; empty where the story has ended and the text has not.
    pub expected: String,
    /// The natural logarithm of the probability of the choices that the text shows up to `byte`.
    pub log_probability: f64,
}

impl NotAStory {
    /// The text is a story up to its end, but its story does not end there.
    pub fn breaks_off(&self) -> bool {
        self.byte == self.length && !self.expected.is_empty()
    }
}

impl fmt::Display for NotAStory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (byte, length, expected) = (self.byte, self.length, &self.expected);
        if expected.is_empty() {
            write!(
                formatter,
                "not a story: it has ended at byte {byte}, but the text has {length} bytes"
            )
        } else if self.breaks_off() {
            write!(
                formatter,
                "not a whole story: it breaks off at byte {byte}, before {expected:?}"
            )
        } else {
            write!(
                formatter,
                "not a story from byte {byte} of {length} on: expected, for example, {expected:?}"
            )
        }
    }
}

impl std::error::Error for NotAStory {}

#[cfg(test)]
mod tests;
