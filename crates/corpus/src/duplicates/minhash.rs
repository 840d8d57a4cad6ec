//! Signatures by which near copies are found.
//!
//! A document becomes the set of its shingles, the hashes of every n words in a row of its simplified text; each of
//! many hash functions keeps the least value that it gives over the set. Two documents agree in a place of their
//! signatures with the probability that is the Jaccard similarity of their sets (Broder 1997).

use sha1::{Digest, Sha1};
use twox_hash::XxHash64;

use super::config::{MinHashConfig, ShingleHash};
use super::n_grams::NGrams;
use super::permutations::Permutations;
use super::simplify::simplify_text;
use crate::error::Error;

/// The most values a signature may have: far above what any tool takes, and 1 MiB of parameters.
const MOST_VALUES: usize = 1 << 16;

/// Makes signatures; equal to those of datatrove 0.10.1 with the same configuration.
#[derive(Clone, Debug)]
pub struct MinHash {
    config: MinHashConfig,
    permutations: Permutations,
}

impl MinHash {
    /// Draw the hash functions.
    ///
    /// # Errors
    /// `buckets` times `rows` is above 65536.
    pub fn new(config: &MinHashConfig) -> Result<Self, Error> {
        let count = usize::from(config.buckets.get()) * usize::from(config.rows.get());
        if count > MOST_VALUES {
            return Err(Error::config(
                "duplicates.buckets",
                format!(
                    "{} buckets of {} rows are {count} hash functions; at most {MOST_VALUES} can be",
                    config.buckets, config.rows
                ),
            ));
        }
        Ok(Self {
            permutations: Permutations::new(config.seed, count),
            config: config.clone(),
        })
    }

    /// What it was built from.
    pub fn config(&self) -> &MinHashConfig {
        &self.config
    }

    /// The hashes of all shingles of a text in order, equal ones as often as they come. None if it has too few words.
    pub fn shingles(&self, text: &str) -> Vec<u64> {
        let simple = simplify_text(text);
        let grams = NGrams::new(&simple, self.config.words);
        let n = usize::from(self.config.n_grams.get());
        let mut shingles = Vec::with_capacity(grams.word_count());
        match self.config.hash {
            ShingleHash::Xxh64 => {
                shingles.extend(grams.iter(n).map(|gram| xxh64(gram.as_bytes())));
            }
            ShingleHash::Sha1 => shingles.extend(grams.iter(n).map(|gram| sha1(gram.as_bytes()))),
        }
        shingles
    }

    /// The signature of a set of shingles; `None` of the empty set.
    pub fn signature_of(&self, shingles: &[u64]) -> Option<Signature> {
        if shingles.is_empty() {
            return None;
        }
        Some(Signature {
            values: self.permutations.minima(shingles),
            rows: usize::from(self.config.rows.get()),
        })
    }

    /// The signature of a text; `None` if it has too few words for a shingle, and therefore no near copies.
    pub fn signature(&self, text: &str) -> Option<Signature> {
        self.signature_of(&self.shingles(text))
    }
}

pub(crate) fn xxh64(bytes: &[u8]) -> u64 {
    XxHash64::oneshot(0, bytes)
}

fn sha1(bytes: &[u8]) -> u64 {
    let mut low = [0; 8];
    low.copy_from_slice(&Sha1::digest(bytes)[..8]);
    u64::from_le_bytes(low)
}

/// The least value of each hash function over the shingles of one document: `buckets` bands of `rows` values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    values: Vec<u64>,
    rows: usize,
}

impl Signature {
    /// All values, band after band.
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// The bands, `rows` values each.
    pub fn bands(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.values.chunks_exact(self.rows)
    }

    /// The values as bytes, eight each and the lowest first: a record of fixed length.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    /// Back from [`Signature::to_bytes`] of the same configuration; `None` if the length is another.
    pub fn from_bytes(bytes: &[u8], config: &MinHashConfig) -> Option<Self> {
        let rows = usize::from(config.rows.get());
        let (values, rest) = bytes.as_chunks::<8>();
        let fits = values.len() == rows * usize::from(config.buckets.get()) && rest.is_empty();
        fits.then(|| Self {
            values: values.iter().map(|&v| u64::from_le_bytes(v)).collect(),
            rows,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOX: &str = "The quick brown fox jumps over the lazy dog, 42 times in 3.14 days!";

    #[test]
    fn as_datatrove() {
        // datatrove 0.10.1, MinhashDedupSignature with whitespace words: get_shingles, get_signature.
        let minhash = MinHash::new(&MinHashConfig::default()).unwrap();
        let shingles = minhash.shingles(FOX);
        assert_eq!(shingles.len(), 10);
        assert_eq!(
            shingles[..2],
            [7_797_000_677_988_824_208, 4_793_414_983_259_776_074]
        );
        let signature = minhash.signature(FOX).unwrap();
        assert_eq!(signature.values().len(), 112);
        assert_eq!(
            signature.values()[..3],
            [
                85_330_943_174_081_874,
                184_339_147_761_722_157,
                302_227_827_184_868_053
            ]
        );
        assert_eq!(signature.values()[111], 3_963_570_588_256_049);
        assert_eq!(signature.bands().len(), 14);
    }

    #[test]
    fn too_few_words() {
        let minhash = MinHash::new(&MinHashConfig::default()).unwrap();
        assert_eq!(minhash.signature(""), None);
        assert_eq!(minhash.signature("one two three four . !"), None);
        assert!(minhash.signature("one two three four five").is_some());
    }

    #[test]
    fn stored_and_read() {
        let config = MinHashConfig::default();
        let signature = MinHash::new(&config).unwrap().signature(FOX).unwrap();
        let bytes = signature.to_bytes();
        assert_eq!(bytes.len(), 112 * 8);
        assert_eq!(Signature::from_bytes(&bytes, &config), Some(signature));
        assert_eq!(Signature::from_bytes(&bytes[1..], &config), None);
        assert_eq!(Signature::from_bytes(&bytes[8..], &config), None);
    }

    #[test]
    fn too_many_values() {
        let config = MinHashConfig {
            rows: std::num::NonZeroU16::MAX,
            ..MinHashConfig::default()
        };
        let message = MinHash::new(&config).unwrap_err().to_string();
        assert!(message.contains("917490 hash functions"), "{message}");
    }
}
