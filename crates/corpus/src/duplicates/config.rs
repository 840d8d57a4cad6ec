//! The sections `[corpus.duplicates]`, `[corpus.repeats]` and `[corpus.decontamination]` of a recipe.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::words::Words;

/// `[corpus.duplicates]`: which documents are copies of others and go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum DuplicatesConfig {
    /// `kind = "minhash"`: near copies of documents.
    Minhash(MinHashConfig),
    /// `kind = "exact"`: documents whose texts are equal, byte for byte.
    Exact(ExactConfig),
}

/// `[corpus.repeats]`: which parts of documents stand elsewhere too and are struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RepeatsConfig {
    /// `kind = "lines"`: the second and every later copy of a line, anywhere in the corpus.
    Lines(PartsConfig),
    /// `kind = "paragraphs"`: the second and every later copy of a paragraph, anywhere in the corpus.
    Paragraphs(PartsConfig),
    /// `kind = "substrings"`: passages that stand in more than one place, wherever they begin and end.
    Substrings(SubstringsConfig),
}

impl DuplicatesConfig {
    /// The runs or corpora that are there already, as the recipe names them.
    pub fn against(&self) -> &[String] {
        match self {
            Self::Minhash(config) => &config.against,
            Self::Exact(config) => &config.against,
        }
    }
}

/// Near copies by MinHash signatures (Broder 1997), compared by bands of rows (Lee et al. 2022, arXiv:2107.06499,
/// section 4.2). The defaults are those of datatrove 0.10.1: of two documents whose sets of shingles have the Jaccard
/// similarity s, 1 - (1 - s^8)^14 are found, which is 0.92 at s = 0.8 and one half at 0.71.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinHashConfig {
    /// Words in a shingle. A document with fewer words has no near copies.
    pub n_grams: NonZeroU16,
    /// Bands that are compared; two documents that agree in all rows of one are near copies. More find more.
    pub buckets: NonZeroU16,
    /// Hash values in a band. More find less.
    pub rows: NonZeroU16,
    /// What a word is: `whitespace` or `spacy`, as datatrove cuts English.
    pub words: Words,
    /// The hash of a shingle: `xxh64`, or `sha1` as in FineWeb.
    pub hash: ShingleHash,
    /// Which hash functions are drawn.
    pub seed: u32,
    /// Which copy stays: `longest` or `first`.
    pub keep: Keep,
    /// The runs or corpora that are there already: documents with a near copy in one of them go. Relative paths begin
    /// at the recipe's folder. No part of what makes a signature.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
}

impl Default for MinHashConfig {
    fn default() -> Self {
        const fn number(value: u16) -> NonZeroU16 {
            match NonZeroU16::new(value) {
                Some(number) => number,
                None => NonZeroU16::MIN,
            }
        }
        Self {
            n_grams: const { number(5) },
            buckets: const { number(14) },
            rows: const { number(8) },
            words: Words::default(),
            hash: ShingleHash::default(),
            seed: 1,
            keep: Keep::default(),
            against: Vec::new(),
        }
    }
}

/// Equal documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExactConfig {
    /// Which copy stays: `longest` (they are equally long, so the id decides) or `first`.
    pub keep: Keep,
    /// The runs or corpora that are there already: documents whose text one of them has go. Relative paths begin at the
    /// recipe's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
}

/// Equal parts of documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartsConfig {
    /// Parts with fewer bytes of UTF-8, without the white space around them, stay however often they come: closing
    /// brackets, "Yes.", the names of speakers.
    pub min_bytes: usize,
}

impl Default for PartsConfig {
    fn default() -> Self {
        Self { min_bytes: 32 }
    }
}

/// Passages that stand in more than one place (Lee et al. 2022, arXiv:2107.06499, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubstringsConfig {
    /// The shortest passage that counts, in bytes of UTF-8; at least 16. The paper has 50 tokens, which are 100 bytes in
    /// its program.
    pub min_bytes: usize,
    /// Whether the first copy stays. The paper strikes all.
    pub keep_first: bool,
}

impl Default for SubstringsConfig {
    fn default() -> Self {
        Self {
            min_bytes: 100,
            keep_first: true,
        }
    }
}

/// `[corpus.decontamination]`: documents that share a run of words with an evaluation set go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecontaminationConfig {
    /// Words in a run: 13 as for GPT-3 (Brown et al. 2020, arXiv:2005.14165, appendix C); datatrove has 12.
    pub n_grams: NonZeroU16,
    /// What a word is: `whitespace` or `spacy`.
    pub words: Words,
    /// Evaluation texts of fewer words than `n_grams` are looked for as a whole if they have at least so many.
    pub min_words: NonZeroU16,
}

impl Default for DecontaminationConfig {
    fn default() -> Self {
        const N_GRAMS: NonZeroU16 = NonZeroU16::MIN.saturating_add(12);
        const MIN_WORDS: NonZeroU16 = NonZeroU16::MIN.saturating_add(4);
        Self {
            n_grams: N_GRAMS,
            words: Words::default(),
            min_words: MIN_WORDS,
        }
    }
}

/// How a shingle becomes a number of 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShingleHash {
    /// XXH64 with seed 0.
    #[default]
    Xxh64,
    /// The first eight bytes of SHA-1, the lowest first.
    Sha1,
}

/// Which of several copies stays. Neither answer depends on the order in which documents came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The one with the most bytes of UTF-8; of those, the first.
    #[default]
    Longest,
    /// The one whose id is the least where numbers in it count as numbers: `a.txt#9` is before `a.txt#10`.
    First,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_from_a_recipe() {
        let check = |text: &str, expected: Result<DuplicatesConfig, &str>| {
            let read = toml::from_str::<DuplicatesConfig>(text);
            match expected {
                Ok(expected) => assert_eq!(read.unwrap(), expected),
                Err(part) => {
                    let message = read.unwrap_err().to_string();
                    assert!(message.contains(part), "{message}");
                }
            }
        };
        let minhash = MinHashConfig::default();
        check(
            "kind = \"minhash\"",
            Ok(DuplicatesConfig::Minhash(minhash.clone())),
        );
        check(
            "kind = \"minhash\"\nhash = \"sha1\"\nkeep = \"first\"\nrows = 13",
            Ok(DuplicatesConfig::Minhash(MinHashConfig {
                hash: ShingleHash::Sha1,
                keep: Keep::First,
                rows: NonZeroU16::new(13).unwrap(),
                ..minhash
            })),
        );
        check(
            "kind = \"exact\"",
            Ok(DuplicatesConfig::Exact(ExactConfig::default())),
        );
        check(
            "kind = \"exact\"\nagainst = [\"../runs/january\"]",
            Ok(DuplicatesConfig::Exact(ExactConfig {
                against: vec!["../runs/january".to_owned()],
                ..ExactConfig::default()
            })),
        );
        check("kind = \"minhash\"\nrow = 1", Err("unknown field `row`"));
        check("kind = \"exact\"\nrows = 1", Err("unknown field `rows`"));
        check("kind = \"minhash\"\nrows = 0", Err("nonzero"));
        check("kind = \"fuzzy\"", Err("unknown variant `fuzzy`"));
        check("kind = \"lines\"", Err("unknown variant `lines`"));
    }

    #[test]
    fn repeats_read_from_a_recipe() {
        let check = |text: &str, expected: Result<RepeatsConfig, &str>| {
            let read = toml::from_str::<RepeatsConfig>(text);
            match expected {
                Ok(expected) => assert_eq!(read.unwrap(), expected),
                Err(part) => {
                    let message = read.unwrap_err().to_string();
                    assert!(message.contains(part), "{message}");
                }
            }
        };
        check(
            "kind = \"lines\"",
            Ok(RepeatsConfig::Lines(PartsConfig { min_bytes: 32 })),
        );
        check(
            "kind = \"paragraphs\"\nmin_bytes = 0",
            Ok(RepeatsConfig::Paragraphs(PartsConfig { min_bytes: 0 })),
        );
        check(
            "kind = \"substrings\"\nkeep_first = false",
            Ok(RepeatsConfig::Substrings(SubstringsConfig {
                min_bytes: 100,
                keep_first: false,
            })),
        );
        check("kind = \"lines\"\nkeep_first = true", Err("unknown field"));
        check("kind = \"words\"", Err("unknown variant `words`"));
        check("min_bytes = 1", Err("missing field `kind`"));
    }
}
