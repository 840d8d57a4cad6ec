//! A text cut into words, as the rules of a filter count them.

mod classes;
pub mod punctuation;
pub mod python;

use serde::{Deserialize, Serialize};

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
