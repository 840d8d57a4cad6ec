//! `kind = "bpe"`: training byte-pair encoding, over bytes or, with `byte_fallback`, over characters.

use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence;
use tokenizers::models::bpe::{BPE, BpeBuilder};
use tokenizers::normalizers::replace::Replace;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use crate::tokenizer::config::DEFAULT_ALPHABET;
use crate::tokenizer::split::{SPACE, byte_level, count_words, metaspace, number_of_words};
use crate::tokenizer::train::alphabet::Alphabet;
use crate::tokenizer::train::count::{Budget, Cost, Counts, Selection, count};
use crate::tokenizer::train::merges::{BYTES_A_SYMBOL, Goal, Merges, Symbol, Words, learn};
use crate::tokenizer::train::progress::Progress;
use crate::tokenizer::train::{Texts, Used};
use crate::tokenizer::{byte_alphabet, special};
use crate::{BpeConfig, Error};

const DOING: &str = "cannot train the bpe tokenizer";

/// Learn the merges.
pub(crate) fn train(
    config: &BpeConfig,
    texts: &mut Texts<'_>,
) -> Result<(tokenizers::Tokenizer, Used), Error> {
    check(config)?;
    let mut progress = Progress::new("bpe");
    let budget = Budget {
        training_bytes: config.training_bytes,
        max_memory: config.max_memory,
    };
    let split = config.split.split();
    let cut = |text: &str, counts: &mut _| {
        count_words(split, text, counts);
        Ok(())
    };
    let (counts, used) = count(&budget, texts, cut, &mut progress)?;
    let mut tokenizer = if config.byte_fallback {
        over_characters(config, counts, &mut progress)?
    } else {
        over_bytes(config, counts, &mut progress)?
    };
    special::add(&mut tokenizer, &config.special_tokens)?;
    Ok((tokenizer, used))
}

/// What can be known to be wrong before any text is read.
fn check(config: &BpeConfig) -> Result<(), Error> {
    // A merge could otherwise make a word that is written the same and would share its id.
    let split = config.split.split();
    special::check(&config.special_tokens, |token| {
        number_of_words(split, token) < 2
    })?;
    let special_tokens = config.special_tokens.len();
    special::check_room(config.vocabulary_size, 256, "256 bytes", special_tokens)?;
    special::check_range("training_bytes", config.training_bytes, 1)?;
    special::check_range("minimum_frequency", config.minimum_frequency, 1)?;
    if let Some(length) = config.maximum_token_length {
        special::check_range("maximum_token_length", length as u64, 2)?;
    }
    if let Some(limit) = config.alphabet_limit {
        special::check_range("alphabet_limit", limit as u64, 1)?;
    }
    Ok(())
}

fn goal(config: &BpeConfig, alphabet: usize, fixed: usize) -> Goal {
    Goal {
        alphabet,
        tokens: config.vocabulary_size - fixed,
        minimum_frequency: config.minimum_frequency,
        maximum_length: config.maximum_token_length.map(|length| length + 1),
    }
}

fn select(
    counts: &mut Counts,
    config: &BpeConfig,
    symbols: fn(&str) -> usize,
) -> Result<Selection, Error> {
    let symbol = BYTES_A_SYMBOL;
    let cost = Cost {
        symbol,
        symbols: &symbols,
    };
    let selected = counts.select("bpe", config.max_memory, cost)?;
    if selected.words == 0 {
        return Err(Error::EmptyCorpus { kind: "bpe" });
    }
    Ok(selected)
}

fn over_bytes(
    config: &BpeConfig,
    mut counts: Counts,
    progress: &mut Progress,
) -> Result<tokenizers::Tokenizer, Error> {
    let selected = select(&mut counts, config, str::len)?;
    let mut alphabet: Vec<char> = (0..=u8::MAX).map(byte_alphabet::character).collect();
    alphabet.sort_unstable();
    let mut symbols = [0; 256];
    for (symbol, character) in (0..).zip(&alphabet) {
        if let Some(byte) = byte_alphabet::byte(*character) {
            symbols[byte as usize] = symbol;
        }
    }
    let mut words = Words::with_capacity(selected.words as usize, selected.symbols as usize);
    counts.each(|word, count| {
        if count >= selected.least {
            words.push(word.bytes().map(|byte| symbols[byte as usize]), count);
        }
    })?;
    drop(counts);
    let goal = goal(config, alphabet.len(), config.special_tokens.len());
    let merges = learn(&goal, words, progress);
    let model = model(&config.special_tokens, &alphabet, &merges)
        .build()
        .map_err(Error::library(DOING))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(byte_level(config.split.split())?))
        .with_decoder(Some(ByteLevel::new(false, false, true)));
    Ok(tokenizer)
}

/// As sentencepiece writes characters.
pub(crate) fn write_space(character: char) -> char {
    if character == ' ' { SPACE } else { character }
}

/// The names of the bytes in vocabularies that fall back on them.
pub(crate) fn byte_tokens() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|byte| format!("<0x{byte:02X}>"))
}

/// Characters from pieces: [`SPACE`] is a space, and bytes are put together.
pub(crate) fn decoder() -> Result<DecoderWrapper, Error> {
    let spaces = Replace::new(SPACE.to_string(), " ").map_err(Error::library(DOING))?;
    let steps = vec![
        spaces.into(),
        ByteFallback::default().into(),
        Fuse::new().into(),
    ];
    Ok(Sequence::new(steps).into())
}

fn over_characters(
    config: &BpeConfig,
    mut counts: Counts,
    progress: &mut Progress,
) -> Result<tokenizers::Tokenizer, Error> {
    let selected = select(&mut counts, config, |word| word.chars().count())?;
    let fixed = config.special_tokens.len() + 256;
    let limit = config.alphabet_limit.unwrap_or(DEFAULT_ALPHABET);
    let limit = limit.min(config.vocabulary_size - fixed);
    let alphabet = Alphabet::most_frequent(&mut counts, write_space, limit)?;
    let mut words = Words::with_capacity(selected.words as usize, selected.symbols as usize);
    counts.each(|word, count| {
        if count >= selected.least {
            // A character that is no token will be bytes, and nothing merges with those.
            let symbols: Vec<Option<Symbol>> = word
                .chars()
                .map(|character| alphabet.symbol(write_space(character)))
                .collect();
            for part in symbols.split(Option::is_none) {
                words.push(part.iter().copied().flatten(), count);
            }
        }
    })?;
    drop(counts);
    let merges = learn(&goal(config, alphabet.len(), fixed), words, progress);
    let first: Vec<String> = config
        .special_tokens
        .iter()
        .cloned()
        .chain(byte_tokens())
        .collect();
    let model = model(&first, alphabet.characters(), &merges)
        .byte_fallback(true)
        .build()
        .map_err(Error::library(DOING))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(metaspace(config.split.split())?))
        .with_decoder(Some(decoder()?));
    Ok(tokenizer)
}

/// The library's model: tokens that are never made, the alphabet, and what the merges make.
fn model(first: &[String], alphabet: &[char], merges: &Merges) -> BpeBuilder {
    let spelt = |symbols: &[Symbol]| -> String {
        let characters = symbols.iter().map(|symbol| alphabet[*symbol as usize]);
        characters.collect()
    };
    let made: Vec<String> = alphabet
        .iter()
        .map(char::to_string)
        .chain(merges.tokens.iter().map(|token| spelt(token)))
        .collect();
    let pairs = merges
        .merges
        .iter()
        .map(|(left, right, _)| (made[*left as usize].clone(), made[*right as usize].clone()))
        .collect();
    let vocabulary: tokenizers::models::bpe::Vocab =
        first.iter().chain(&made).cloned().zip(0..).collect();
    BPE::builder().vocab_and_merges(vocabulary, pairs)
}

#[cfg(test)]
mod tests {
    use kiln_text::{MemorySize, Position};
    use rayon::prelude::*;

    use super::*;
    use crate::{TokenizerConfig, TrainedTokenizer};

    fn config() -> BpeConfig {
        BpeConfig {
            training_bytes: 1 << 40,
            ..BpeConfig::new(600)
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
    fn merges_do_not_depend_on_where_words_are_counted() {
        let texts = texts();
        for byte_fallback in [false, true] {
            let with_memory = |bytes| {
                let config = BpeConfig {
                    max_memory: MemorySize(bytes),
                    byte_fallback,
                    ..config()
                };
                trained(config, &texts).map(|trained| trained.json().to_owned())
            };
            let in_memory = with_memory(1 << 30).unwrap();
            let symbols: u64 = 600_000; // Above what the words take, below what the tables do with it.
            assert_eq!(with_memory(symbols).unwrap(), in_memory);
            let pruned = with_memory(40_000).unwrap();
            assert_ne!(pruned, in_memory);
            let error = with_memory(10).err().unwrap().to_string();
            assert!(
                error.contains("max_memory = \"10\" is too small"),
                "{error}"
            );
        }
    }

    /// Byte-pair encoding of characters, ids from the library that read nothing but our file.
    #[test]
    fn rare_characters_fall_back_on_bytes() {
        let config = BpeConfig {
            byte_fallback: true,
            alphabet_limit: Some(9),
            vocabulary_size: 256 + 3 + 9 + 4,
            special_tokens: ["<unk>", "<s>", "</s>"].map(String::from).into(),
            ..config()
        };
        let text = "so low, so slow\nlow low. ñ 日本";
        let ours = trained(config, &[text.repeat(3)]).unwrap();
        let tokenizer = ours.tokenizer();
        assert_eq!(tokenizer.end_of_text(), Some(2));
        assert_eq!(tokenizer.token(3).as_deref(), Some("<0x00>"));
        let library = tokenizers::Tokenizer::from_bytes(ours.json()).unwrap();
        for text in [text, "", " ", "  slow  lows", "日本語 <s> ñandú\r\n\t▁"] {
            let mut ids = Vec::new();
            tokenizer.encode(text, &mut ids).unwrap();
            let mut library = library.clone();
            library.set_encode_special_tokens(true);
            assert_eq!(
                ids,
                library.encode(text, false).unwrap().get_ids(),
                "{text}"
            );
            let decoded = tokenizer.decode(&ids).unwrap();
            assert_eq!(decoded, text.replace('▁', " ").as_bytes(), "{text}");
        }
        let mut ids = Vec::new();
        tokenizer.encode(" low 日", &mut ids).unwrap();
        let named: Vec<String> = ids.iter().map(|id| tokenizer.token(*id).unwrap()).collect();
        assert_eq!(named, ["▁low", "▁", "<0xE6>", "<0x97>", "<0xA5>"]);
    }

    #[test]
    fn tokens_are_no_longer_than_asked() {
        let config = BpeConfig {
            maximum_token_length: Some(4),
            ..config()
        };
        let tokenizer = trained(config, &texts()).unwrap().tokenizer();
        let lengths = (1..tokenizer.vocabulary_size() as u32)
            .map(|id| tokenizer.decode(&[id]).unwrap().len());
        assert_eq!(lengths.max(), Some(4));
    }

    #[test]
    fn every_split_gives_the_librarys_ids() {
        use crate::SplitName;
        for split in [
            SplitName::Gpt2,
            SplitName::Cl100k,
            SplitName::Qwen2,
            SplitName::O200k,
        ] {
            for byte_fallback in [false, true] {
                let config = BpeConfig {
                    split,
                    byte_fallback,
                    ..config()
                };
                let ours = trained(config, &texts()).unwrap();
                let mut library = tokenizers::Tokenizer::from_bytes(ours.json()).unwrap();
                library.set_encode_special_tokens(true);
                for text in [
                    "kalo mine! I'LL 123456  HelloWorld\n\n  só",
                    "<|endoftext|>\u{0}",
                ] {
                    let mut ids = Vec::new();
                    ours.tokenizer().encode(text, &mut ids).unwrap();
                    let expected = library.encode(text, false).unwrap();
                    assert_eq!(ids, expected.get_ids(), "{split:?} {text}");
                }
            }
        }
    }

    #[test]
    #[ignore = "needs data sets: set KILN_DATA"]
    fn merges_of_wikipedia_are_the_librarys() {
        use tokenizers::models::bpe::BpeTrainer;
        use tokenizers::{Model, Trainer};
        let data = std::env::var("KILN_DATA").unwrap();
        let text = std::fs::read_to_string(format!("{data}/wikitext2/valid.txt")).unwrap();
        let config = BpeConfig {
            vocabulary_size: 12_000,
            special_tokens: Vec::new(),
            ..config()
        };
        let ours = trained(config, std::slice::from_ref(&text)).unwrap();
        let mut trainer: BpeTrainer = BpeTrainer::builder()
            .vocab_size(12_000)
            .min_frequency(2)
            .initial_alphabet((0..=u8::MAX).map(byte_alphabet::character).collect())
            .show_progress(false)
            .build();
        let words = crate::tokenizer::words::words(&text).map(|word| {
            let mut written = String::new();
            byte_alphabet::write(word.as_bytes(), &mut written);
            written
        });
        trainer
            .feed(words, |word| Ok(vec![word.to_owned()]))
            .unwrap();
        let mut model = BPE::default();
        trainer.train(&mut model).unwrap();
        assert_eq!(model.get_vocab_size(), 12_000);
        let theirs = serde_json::to_value(&model).unwrap();
        let ours: serde_json::Value = serde_json::from_str(ours.json()).unwrap();
        for part in ["vocab", "merges"] {
            assert!(ours["model"][part] == theirs[part], "{part}");
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
                "training_bytes = 0: expected 1 or more",
            ),
            (
                BpeConfig {
                    minimum_frequency: 0,
                    ..config()
                },
                "minimum_frequency = 0: expected 1 or more",
            ),
            (
                BpeConfig {
                    maximum_token_length: Some(1),
                    ..config()
                },
                "maximum_token_length = 1: expected 2 or more",
            ),
            (
                BpeConfig {
                    alphabet_limit: Some(0),
                    ..config()
                },
                "alphabet_limit = 0: expected 1 or more",
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
