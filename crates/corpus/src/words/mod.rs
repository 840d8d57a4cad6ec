//! A text cut into words, as the rules of a filter count them.

mod classes;
pub mod punctuation;
pub mod python;
mod spacy;

use serde::{Deserialize, Serialize};

/// What a word is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Words {
    /// What stands between white space, as Python's `str.split()` cuts it.
    #[default]
    Whitespace,
    /// The pieces of spaCy's tokenizer for English: marks stand alone, `don't` is `do` and `n't`. datatrove counts these.
    Spacy,
}

impl Words {
    /// The words of a text, in order; each is a part of it and none is empty.
    ///
    /// ```
    /// use kiln_corpus::words::Words;
    ///
    /// let text = "Mr. Smith (36) can't reach www.example.com.";
    /// let pieces = ["Mr.", "Smith", "(", "36", ")", "ca", "n't", "reach", "www.example.com", "."];
    /// assert_eq!(Words::Spacy.split(text), pieces);
    /// assert_eq!(Words::Whitespace.split(text).len(), 6);
    /// ```
    pub fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Whitespace => python::words(text),
            Self::Spacy => spacy::split(text),
        }
    }
}

/// The sentences of a text that are not blank: by spaCy's rule, which ends one behind a piece such as `.`, where words are
/// spaCy's; else its lines between line feeds.
pub fn sentence_count(words: Words, text: &str) -> usize {
    match words {
        Words::Whitespace => {
            let lines = text.split('\n').map(python::strip);
            lines.filter(|line| !line.is_empty()).count()
        }
        Words::Spacy => spacy::sentence_count(text),
    }
}

/// [`sentence_count`] by spaCy's rule of a part of a text, given the words of the text that are in it, which need not be
/// cut again.
pub(crate) fn sentence_count_of_words(text: &str, words: &[&str]) -> usize {
    spacy::sentence_count_of_words(text, words)
}
