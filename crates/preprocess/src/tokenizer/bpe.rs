//! `kind = "bpe"`: training byte-level byte-pair encoding with the `tokenizers` crate.
//!
//! The crate learns the merges from counted words; counting them is ours, in batches, so that memory holds the distinct
//! words and never the texts. Counts are sums, so the merges do not depend on the number of threads.

use std::collections::HashMap;

use rayon::prelude::*;
use tokenizers::AddedToken;
use tokenizers::models::bpe::{BPE, BpeTrainer, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::tokenizer::byte_alphabet;
use crate::tokenizer::train::{Texts, Used};
use crate::tokenizer::words::words;
use crate::{BpeConfig, Error};

/// The trainer counts pairs in 32 bits with a sign; there are never more pairs than bytes.
const TRAINING_BYTES_LIMIT: u64 = i32::MAX as u64;

/// A pair must be seen this often to become a token: the default of Hugging Face's `ByteLevelBPETokenizer.train`.
const LEAST_FREQUENCY: u64 = 2;

/// Texts are counted in parallel once this many bytes have been read.
const BATCH_BYTES: usize = 8 << 20;

const DOING: &str = "cannot train the bpe tokenizer";

/// Learn the merges.
pub(crate) fn train(
    config: &BpeConfig,
    texts: &mut Texts<'_>,
) -> Result<(tokenizers::Tokenizer, Used), Error> {
    check(config)?;
    let (counts, used) = count_words(config.training_bytes, texts)?;
    if counts.is_empty() {
        return Err(Error::EmptyCorpus { kind: "bpe" });
    }
    let model = learn_merges(config, counts)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(ByteLevel::new(false, false, true)))
        .with_decoder(Some(ByteLevel::new(false, false, true)));
    tokenizer
        .add_special_tokens(special_tokens(config))
        .map_err(Error::library(DOING))?;
    Ok((tokenizer, used))
}

/// What can be known to be wrong before any text is read.
fn check(config: &BpeConfig) -> Result<(), Error> {
    for (place, token) in config.special_tokens.iter().enumerate() {
        let problem = if config.special_tokens[..place].contains(token) {
            "is named twice: leave one out"
        } else if words(token).count() < 2 {
            // A merge could otherwise make a word that is written the same and would share its id.
            "could also be a word of a text: choose a name with marks in it, like <|name|>"
        } else {
            continue;
        };
        return Err(Error::SpecialToken {
            token: token.clone(),
            problem,
        });
    }
    let special_tokens = config.special_tokens.len();
    let minimum = 256 + special_tokens;
    if config.vocabulary_size < minimum {
        return Err(Error::VocabularyTooSmall {
            vocabulary_size: config.vocabulary_size,
            special_tokens,
            minimum,
        });
    }
    if !(1..=TRAINING_BYTES_LIMIT).contains(&config.training_bytes) {
        return Err(Error::TrainingBytes {
            training_bytes: config.training_bytes,
            limit: TRAINING_BYTES_LIMIT,
        });
    }
    Ok(())
}

/// How often each word occurs in the first `training_bytes` of the texts.
fn count_words(
    training_bytes: u64,
    texts: &mut Texts<'_>,
) -> Result<(HashMap<String, u64>, Used), Error> {
    let mut counts = HashMap::new();
    let mut used = Used::default();
    let mut batch: Vec<String> = Vec::new();
    let mut batch_bytes = 0;
    for text in texts {
        let mut text = text?;
        let left = training_bytes - used.bytes;
        if text.len() as u64 >= left {
            text.truncate(text.floor_char_boundary(left as usize));
            used.stopped = true;
        }
        used.add(&text);
        batch_bytes += text.len();
        batch.push(text);
        if batch_bytes >= BATCH_BYTES {
            add_counts(&mut counts, &batch);
            batch.clear();
            batch_bytes = 0;
        }
        if used.stopped {
            break;
        }
    }
    add_counts(&mut counts, &batch);
    Ok((counts, used))
}

fn add_counts(counts: &mut HashMap<String, u64>, texts: &[String]) {
    let parts: Vec<HashMap<&str, u64>> = texts
        .par_iter()
        .map(|text| {
            let mut part = HashMap::new();
            for word in words(text) {
                *part.entry(word).or_default() += 1;
            }
            part
        })
        .collect();
    #[allow(clippy::iter_over_hash_type)] // Sums do not depend on the order.
    for (word, count) in parts.into_iter().flatten() {
        match counts.get_mut(word) {
            Some(total) => *total += count,
            None => {
                counts.insert(word.to_owned(), count);
            }
        }
    }
}

fn learn_merges(config: &BpeConfig, counts: HashMap<String, u64>) -> Result<BPE, Error> {
    let trainer: BpeTrainer = BpeTrainerBuilder::new()
        .vocab_size(config.vocabulary_size)
        .min_frequency(LEAST_FREQUENCY)
        .special_tokens(special_tokens(config))
        .initial_alphabet((0..=u8::MAX).map(byte_alphabet::character).collect())
        .show_progress(false)
        .build();
    let counts = counts
        .into_iter()
        .map(|(word, count)| {
            let mut written = String::new();
            byte_alphabet::write(word.as_bytes(), &mut written);
            (written.into(), count)
        })
        .collect();
    let mut model = BPE::default();
    trainer
        .do_train(&counts, &mut model)
        .map_err(Error::library(DOING))?;
    Ok(model)
}

fn special_tokens(config: &BpeConfig) -> Vec<AddedToken> {
    config
        .special_tokens
        .iter()
        .map(|name| AddedToken::from(name.as_str(), true))
        .collect()
}

#[cfg(test)]
mod tests {
    use kiln_text::Position;

    use super::*;
    use crate::{TokenizerConfig, TrainedTokenizer};

    fn config() -> BpeConfig {
        BpeConfig {
            vocabulary_size: 600,
            special_tokens: vec!["<|endoftext|>".into()],
            training_bytes: 1 << 30,
        }
    }

    fn trained(config: BpeConfig, texts: &[String]) -> Result<TrainedTokenizer, Error> {
        let mut texts = texts.iter().cloned().map(Ok);
        crate::train(&TokenizerConfig::Bpe(config), &mut texts)
    }

    /// Texts of made-up words, enough for many merges of equal count.
    fn texts() -> Vec<String> {
        let syllables = ["ka", "lo", "mi", "ne", "tu", "ra", "só", "vi"];
        let mut state = 1u64;
        let mut draw = |below: usize| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        (0..200)
            .map(|_| {
                let word = |draw: &mut dyn FnMut(usize) -> usize| -> String {
                    (0..1 + draw(4)).map(|_| syllables[draw(8)]).collect()
                };
                let words: Vec<String> = (0..40).map(|_| word(&mut draw)).collect();
                words.join(" ")
            })
            .collect()
    }

    #[test]
    fn the_file_does_not_depend_on_run_or_threads() {
        let texts = texts();
        let with_threads = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap()
                .install(|| trained(config(), &texts).unwrap().json().to_owned())
        };
        let first = with_threads(1);
        for threads in [1, 2, 4] {
            assert_eq!(with_threads(threads), first, "{threads} threads");
        }
    }

    #[test]
    fn ids_do_not_depend_on_threads() {
        let texts = texts();
        let tokenizer = trained(config(), &texts).unwrap().tokenizer();
        let encode = |text: &String| {
            let mut ids = Vec::new();
            tokenizer.encode(text, &mut ids).unwrap();
            ids
        };
        let one_by_one: Vec<_> = texts.iter().map(encode).collect();
        let together: Vec<_> = texts.par_iter().map(encode).collect();
        assert_eq!(one_by_one, together);
    }

    #[test]
    fn merges_come_in_the_order_of_their_counts() {
        // Sennrich et al. 2016: the most frequent pair first. "aab" x 8: (a, b) 8 and (a, a) 8, the lesser pair first.
        let config = BpeConfig {
            vocabulary_size: 259,
            ..config()
        };
        let trained = trained(config, &["aab ".repeat(8)]).unwrap();
        let tokenizer = trained.tokenizer();
        assert_eq!(tokenizer.end_of_text(), Some(0));
        assert_eq!(tokenizer.token(0).as_deref(), Some("<|endoftext|>"));
        assert_eq!(tokenizer.token(1).as_deref(), Some("!"));
        assert_eq!(tokenizer.token(257).as_deref(), Some("aa"));
        assert_eq!(tokenizer.token(258).as_deref(), Some("aab"));
        assert_eq!(tokenizer.decode(&[258, 0, 257]).unwrap(), b"aabaa");
    }

    #[test]
    fn half_characters_are_decoded_as_bytes() {
        let config = BpeConfig {
            vocabulary_size: 257,
            ..config()
        };
        let tokenizer = trained(config, &["a".into()]).unwrap().tokenizer();
        let mut ids = Vec::new();
        tokenizer.encode("é", &mut ids).unwrap();
        assert_eq!(ids.len(), 2);
        assert_eq!(tokenizer.decode(&ids[..1]).unwrap(), [0xC3]);
        assert_eq!(tokenizer.decode(&ids[1..]).unwrap(), [0xA9]);
        assert!(tokenizer.decode(&[257]).is_err());
    }

    #[test]
    fn special_tokens_in_a_text_are_text() {
        let tokenizer = trained(config(), &texts()).unwrap().tokenizer();
        let mut ids = Vec::new();
        tokenizer.encode("a<|endoftext|>", &mut ids).unwrap();
        assert!(!ids.contains(&0));
        assert_eq!(tokenizer.decode(&ids).unwrap(), b"a<|endoftext|>");
    }

    #[test]
    fn reading_stops_after_the_training_bytes() {
        let mut read = 0;
        let mut texts = (0..10).map(|_| {
            read += 1;
            Ok("né ".repeat(10))
        });
        let config = BpeConfig {
            training_bytes: 58,
            ..config()
        };
        let config = TokenizerConfig::Bpe(config);
        let used = crate::train(&config, &mut texts).unwrap().used();
        // 58 is within a character: 40 bytes of one text, 17 of the next.
        assert_eq!(
            used,
            Used {
                texts: 2,
                bytes: 57,
                stopped: true
            }
        );
        assert_eq!(read, 2);
    }

    #[test]
    fn mistakes_are_named() {
        let special = |names: &[&str]| BpeConfig {
            special_tokens: names.iter().map(|name| name.to_string()).collect(),
            ..config()
        };
        for (config, expected) in [
            (
                BpeConfig {
                    vocabulary_size: 256,
                    ..config()
                },
                "below the 257 ids",
            ),
            (
                BpeConfig {
                    training_bytes: 0,
                    ..config()
                },
                "expected 1 to 2147483647",
            ),
            (
                BpeConfig {
                    training_bytes: 1 << 31,
                    ..config()
                },
                "expected 1 to 2147483647",
            ),
            (special(&["<|a|>", "<|a|>"]), "named twice"),
            (special(&["the"]), "could also be a word"),
            (special(&[""]), "could also be a word"),
            (config(), "no text to make a bpe tokenizer"),
        ] {
            let error = trained(config, &[]).err().unwrap();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.is_mistake());
        }
    }

    #[test]
    fn an_error_of_the_texts_ends_training() {
        let failed = kiln_text::Error::failure("a.txt", Position::Byte(3), "disk on fire");
        let mut texts = [Ok("fine".to_owned()), Err(failed)].into_iter();
        let error = crate::train(&TokenizerConfig::Bpe(config()), &mut texts)
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "a.txt: byte 3: disk on fire");
        assert!(!error.is_mistake());
    }
}
