//! A text cut into words, as the rules of a filter count them.

use serde::{Deserialize, Serialize};

use crate::filters::python;

/// What a word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Words {
    /// What stands between white space, as Python's `str.split()` cuts it.
    #[default]
    Whitespace,
}

impl Words {
    /// The words of a text, in order; each is a part of it.
    pub fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Whitespace => python::split(text).collect(),
        }
    }
}

/// How many sentences a text has. Without rules for sentences each line that is not blank is one.
pub fn sentence_count(words: Words, text: &str) -> usize {
    match words {
        Words::Whitespace => text
            .split('\n')
            .filter(|line| line.chars().any(|character| !python::is_space(character)))
            .count(),
    }
}
