//! Segmentation: where sentences and words begin and end.
//!
//! A text is cut at blank lines into paragraphs, always: no sentence goes on behind one. Within a paragraph a trained
//! segmenter decides with two averaged perceptrons, one on the borders of words, between characters of different
//! classes, and one on the ends of sentences, between words. [`train`] makes one from any treebank in CoNLL-U;
//! English is built in (feature `english`). A language without a model falls back on the rules of Unicode (UAX #29),
//! and Chinese, Japanese, Thai, Lao, Khmer and Burmese, which are written without spaces, on the dictionaries of ICU
//! (feature `dictionaries`).
//!
//! Words are surface tokens, as the treebanks have them: `can't` is one, the full stop behind a word another. White
//! space parts words and belongs to none. What a word means, or which part of speech it is, is not known here.
//!
//! ```
//! use kiln_preprocess::segment::Segmenter;
//!
//! let text = "Mr. Smith didn't come. Why?";
//! let segments = Segmenter::for_language("eo")?.segment(text);
//! let words: Vec<&str> = segments.tokens.iter().map(|range| &text[range.clone()]).collect();
//! assert_eq!(words, ["Mr", ".", "Smith", "didn't", "come", ".", "Why", "?"]);
//! # Ok::<(), kiln_preprocess::segment::UnknownLanguage>(())
//! ```

mod characters;
mod decision;
mod file;
mod gold;
mod language;
mod paragraphs;
mod score;
mod sentences;
mod stream;
#[cfg(test)]
mod tests;
mod tokens;
mod trained;
mod training;
mod unicode;

use std::ops::Range;

pub use gold::{Gold, read_gold};
pub use language::UnknownLanguage;
pub use paragraphs::paragraphs;
pub use score::{Counts, Score};
pub use stream::{Form, stream};
pub use training::{Settings, train};

/// Where the sentences and the tokens of a text are, both in order and without overlap. Every character but white
/// space is in one of each; white space begins and ends none; a token lies within one sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// From the first byte of a sentence to behind its last.
    pub sentences: Vec<Range<usize>>,
    /// From the first byte of a token to behind its last.
    pub tokens: Vec<Range<usize>>,
}

impl Segments {
    /// The same in characters (Unicode scalar values) instead of bytes. `text` is what was segmented.
    #[must_use]
    pub fn in_characters(&self, text: &str) -> Self {
        if text.is_ascii() {
            return self.clone();
        }
        Self {
            sentences: characters::of_bytes(text, &self.sentences),
            tokens: characters::of_bytes(text, &self.tokens),
        }
    }

    /// The tokens of each sentence, as ranges of places in [`tokens`](Self::tokens).
    pub fn tokens_of_sentences(&self) -> impl Iterator<Item = Range<usize>> {
        let mut first = 0;
        self.sentences.iter().map(move |sentence| {
            let count = self.tokens[first..].partition_point(|token| token.end <= sentence.end);
            first += count;
            first - count..first
        })
    }
}

/// Finds sentences and words.
#[derive(Clone, Debug)]
pub struct Segmenter {
    method: Method,
}

#[derive(Clone, Debug)]
enum Method {
    Trained(std::sync::Arc<trained::Trained>),
    Unicode(unicode::Words),
}

impl Segmenter {
    /// The best that is built in for a language, named in English or by its code in ISO 639-1 or 639-3: the English
    /// model, a dictionary, or the rules of Unicode, which serve for any code of two or three letters.
    ///
    /// # Errors
    /// A name that is neither a code nor a language known here.
    pub fn for_language(language: &str) -> Result<Self, UnknownLanguage> {
        language::segmenter(language)
    }

    /// The English model that is built in, trained on UD English-EWT.
    #[cfg(feature = "english")]
    pub fn english() -> Self {
        Self::trained(trained::Trained::english())
    }

    /// The rules of Unicode alone (UAX #29), whatever the language.
    pub fn unicode() -> Self {
        Self {
            method: Method::Unicode(unicode::Words::Rules),
        }
    }

    fn trained(trained: std::sync::Arc<trained::Trained>) -> Self {
        Self {
            method: Method::Trained(trained),
        }
    }

    /// The language that it was trained on, or `None` if it follows rules.
    pub fn language(&self) -> Option<&str> {
        match &self.method {
            Method::Trained(trained) => Some(&trained.language),
            Method::Unicode(_) => None,
        }
    }

    /// Sentences and tokens of a text, in bytes.
    pub fn segment(&self, text: &str) -> Segments {
        let mut segments = Segments::default();
        for paragraph in paragraphs(text) {
            match &self.method {
                Method::Trained(trained) => trained.segment(text, paragraph, &mut segments),
                Method::Unicode(words) => unicode::segment(text, paragraph, *words, &mut segments),
            }
        }
        segments
    }

    /// How well it agrees with a treebank, of which it is given one paragraph at a time.
    pub fn score(&self, gold: &[Gold]) -> Score {
        score::score(self, gold)
    }
}
