//! Stemming: words to stems, by the published algorithms.
//!
//! [`Algorithm::Snowball`] has 36 languages, by the crate `frostem`, which is Snowball's own generated code; `porter`
//! and `lovins` are older algorithms of the same project, `lancaster` is Paice and Husk's. A stem is a key, seldom a
//! word: `happily` and `happiness` share `happi`. It knows no part of speech and no sentence: whoever wants words takes
//! lemmas.
//!
//! Stems equal those of Snowball's published vocabularies, and in Finnish those of the release that followed the
//! vocabulary, whose rules were changed after it was made. Another release of the crate may give other stems.
//!
//! What the algorithms expect is lower case in Unicode's composed form (NFC), and [`Stemmer::stem`] sees to both: a word
//! in capitals or with separate accents has the stem of the plain one. Text that is not a word (a number, a mark) comes
//! back lowercased and else, with rare exceptions, as it was.
//!
//! ```
//! use kiln_preprocess::stem::{Algorithm, Stemmer};
//!
//! let english = Stemmer::new("english")?;
//! assert_eq!(english.stem("Fruitlessly"), "fruitless");
//! let german = Stemmer::new("de")?;
//! assert_eq!(german.stem("Häuser"), "haus");
//! let lancaster = Stemmer::with_algorithm("en", Algorithm::Lancaster)?;
//! assert_eq!(lancaster.stem("maximum"), "maxim");
//! # Ok::<(), kiln_preprocess::stem::Error>(())
//! ```

mod error;
mod lancaster;
mod languages;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use error::Error;
pub use languages::{LANGUAGES, Language};

/// Which rules make the stem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// The language's algorithm in Snowball (M. Porter, R. Boulton and others); of English the one known as Porter 2.
    #[default]
    Snowball,
    /// M. Porter, "An algorithm for suffix stripping", 1980: English, and its like for Dutch.
    Porter,
    /// C. Paice, "Another Stemmer", 1990, also called Paice/Husk: English, the most cutting of the four.
    Lancaster,
    /// J. Lovins, "Development of a Stemming Algorithm", 1968: English.
    Lovins,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Snowball, Self::Porter, Self::Lancaster, Self::Lovins];

    /// The name that [`str::parse`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Snowball => "snowball",
            Self::Porter => "porter",
            Self::Lancaster => "lancaster",
            Self::Lovins => "lovins",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let known = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == given.trim().to_lowercase());
        known.ok_or_else(|| Error::UnknownAlgorithm(given.to_owned()))
    }
}

/// A stemmer of one language.
#[derive(Clone, Copy)]
pub struct Stemmer {
    language: &'static Language,
    algorithm: Algorithm,
    rules: Rules,
}

#[derive(Clone, Copy)]
enum Rules {
    Snowball(frostem::Stemmer),
    Lancaster,
}

impl Stemmer {
    /// The Snowball stemmer of a language, named in English (`german`) or by its code in ISO 639-1 (`de`) or 639-3
    /// (`deu`, and `ger` too), in any case.
    ///
    /// # Errors
    /// A language that no stemmer here knows.
    pub fn new(language: &str) -> Result<Self, Error> {
        Self::with_algorithm(language, Algorithm::Snowball)
    }

    /// The stemmer of a language by an algorithm.
    ///
    /// # Errors
    /// A language that no stemmer here knows, or that the algorithm was not made for.
    pub fn with_algorithm(language: &str, algorithm: Algorithm) -> Result<Self, Error> {
        let language = languages::find(language)?;
        let english = language.name == "english";
        let rules = match algorithm {
            Algorithm::Snowball => Some(Rules::Snowball(frostem::Stemmer::new(language.snowball))),
            Algorithm::Porter if english => {
                Some(Rules::Snowball(frostem::Algorithm::Porter.into()))
            }
            Algorithm::Porter if language.name == "dutch" => {
                Some(Rules::Snowball(frostem::Algorithm::DutchPorter.into()))
            }
            Algorithm::Lovins if english => {
                Some(Rules::Snowball(frostem::Algorithm::Lovins.into()))
            }
            Algorithm::Lancaster if english => Some(Rules::Lancaster),
            Algorithm::Porter | Algorithm::Lovins | Algorithm::Lancaster => None,
        };
        match rules {
            Some(rules) => Ok(Self {
                language,
                algorithm,
                rules,
            }),
            None => Err(Error::NotOfLanguage {
                algorithm,
                language: language.name,
            }),
        }
    }

    /// The language's name in English.
    pub fn language(&self) -> &'static str {
        self.language.name
    }

    /// Which rules make the stem.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The stem of a word, which is first lowercased (in Turkish I gives ı, and İ gives i; in
    /// Irish only the letters of its alphabet have a small form) and composed (NFC). A word
    /// that is its own stem is borrowed.
    pub fn stem<'a>(&self, word: &'a str) -> Cow<'a, str> {
        match self.prepare(word) {
            Cow::Borrowed(word) => self.stem_prepared(word),
            Cow::Owned(word) => match self.stem_prepared(&word) {
                Cow::Borrowed(stem) if stem.len() == word.len() => Cow::Owned(word),
                stem => Cow::Owned(stem.into_owned()),
            },
        }
    }

    fn stem_prepared<'a>(&self, word: &'a str) -> Cow<'a, str> {
        match &self.rules {
            Rules::Snowball(stemmer) => stemmer.stem(word),
            Rules::Lancaster => lancaster::stem(word),
        }
    }

    /// Lower case and NFC; most words are so already and are not copied.
    fn prepare<'a>(&self, word: &'a str) -> Cow<'a, str> {
        if word.is_ascii() {
            if !word.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Cow::Borrowed(word);
            }
        } else if is_lower_case(word) && is_composed(word) {
            return Cow::Borrowed(word);
        }
        let lower = match self.language.name {
            "turkish" => word
                .nfc()
                .collect::<String>()
                .replace('I', "ı")
                .replace('İ', "i")
                .to_lowercase(),
            // The letters of its alphabet, as Snowball's own vocabulary of Irish was lowercased.
            "irish" => word
                .nfc()
                .map(|letter| match letter {
                    'Á' => 'á',
                    'É' => 'é',
                    'Í' => 'í',
                    'Ó' => 'ó',
                    'Ú' => 'ú',
                    _ => letter.to_ascii_lowercase(),
                })
                .collect(),
            _ => word.to_lowercase(),
        };
        match is_composed(&lower) {
            true => Cow::Owned(lower),
            false => Cow::Owned(lower.nfc().collect()),
        }
    }
}

/// Whether lowercasing changes nothing.
fn is_lower_case(word: &str) -> bool {
    word.chars().all(|character| {
        if is_plain(character) {
            return true;
        }
        let mut lower = character.to_lowercase();
        lower.next() == Some(character)
    })
}

/// Small letters of Latin, Greek and Cyrillic, in which nothing is to be composed: what needs no look into a table.
fn is_plain(character: char) -> bool {
    matches!(character, 'a'..='z' | 'α'..='ω' | 'а'..='џ')
}

fn is_composed(word: &str) -> bool {
    // Nothing below U+0300 is changed by composing, and those are what most words are made of.
    word.chars()
        .all(|character| character < '\u{300}' || is_plain(character))
        || is_nfc_quick(word.chars()) == IsNormalized::Yes
}

impl fmt::Debug for Stemmer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stemmer({}, {})", self.language.name, self.algorithm)
    }
}
