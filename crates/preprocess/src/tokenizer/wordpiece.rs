//! `kind = "wordpiece"`: training BERT's pieces of words.
//!
//! The Hugging Face library learns them by byte-pair encoding over characters, those within a word told from those that
//! begin one, and gives ids in the order of a hash map: other pieces at each run where counts are equal. Here the
//! characters are numbered by code point, first those that begin words, then the others.

use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{NormalizedString, Normalizer, PreTokenizedString};

use crate::tokenizer::special;
use crate::tokenizer::split::{Ascii, count_ascii_words, count_words_of_library};
use crate::tokenizer::train::alphabet::Alphabet;
use crate::tokenizer::train::count::{Budget, Cost, WordCounts, count};
use crate::tokenizer::train::merges::{BYTES_A_SYMBOL, Goal, Symbol, Words, learn};
use crate::tokenizer::train::progress::Progress;
use crate::tokenizer::train::{Texts, Used};
use crate::{Error, WordpieceConfig};

/// What pieces within a word begin with.
const PREFIX: &str = "##";

/// Longer words are the unknown token: BERT's `max_input_chars_per_word`.
const CHARACTERS_LIMIT: usize = 100;

const DOING: &str = "cannot train the wordpiece tokenizer";

/// Learn the pieces.
pub(crate) fn train(
    config: &WordpieceConfig,
    texts: &mut Texts<'_>,
) -> Result<(tokenizers::Tokenizer, Used), Error> {
    check(config)?;
    let mut progress = Progress::new("wordpiece");
    let budget = Budget {
        training_bytes: config.training_bytes,
        max_memory: config.max_memory,
    };
    let normalizer = BertNormalizer::new(true, true, None, config.lowercase);
    let cut = |text: &str, counts: &mut WordCounts| count_words(text, &normalizer, counts);
    let (mut counts, used) = count(&budget, texts, cut, &mut progress)?;
    let cost = Cost {
        symbol: BYTES_A_SYMBOL,
        symbols: &|word| word.chars().count(),
    };
    let selected = counts.select("wordpiece", config.max_memory, cost)?;
    if selected.words == 0 {
        return Err(Error::EmptyCorpus { kind: "wordpiece" });
    }
    let room = config.vocabulary_size - config.special_tokens.len();
    let limit = config.alphabet_limit.min(room / 2);
    let alphabet = Alphabet::most_frequent(&mut counts, |character| character, limit)?;
    let mut words = Words::with_capacity(selected.words as usize, selected.symbols as usize);
    counts.each(|word, count| {
        if count >= selected.least
            && let Some(symbols) = symbols(&alphabet, word)
        {
            words.push(symbols, count);
        }
    })?;
    drop(counts);
    let goal = Goal {
        alphabet: 2 * alphabet.len(),
        tokens: room,
        minimum_frequency: config.minimum_frequency,
        maximum_length: None,
    };
    let merges = learn(&goal, words, &mut progress);
    let first = (0..2 * alphabet.len() as Symbol).map(|symbol| spelt(&alphabet, &[symbol]));
    let vocabulary: tokenizers::models::bpe::Vocab = config
        .special_tokens
        .iter()
        .cloned()
        .chain(first)
        .chain(merges.tokens.iter().map(|token| spelt(&alphabet, token)))
        .zip(0..)
        .collect();
    let model = WordPiece::builder()
        .vocab(vocabulary)
        .unk_token(config.unknown_token.clone())
        .continuing_subword_prefix(PREFIX.into())
        .max_input_chars_per_word(CHARACTERS_LIMIT)
        .build()
        .map_err(Error::library(DOING))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_normalizer(Some(normalizer))
        .map_err(Error::library(DOING))?
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_decoder(Some(WordPieceDecoder::new(PREFIX.into(), true)));
    special::add(&mut tokenizer, &config.special_tokens)?;
    Ok((tokenizer, used))
}

fn count_words(
    text: &str,
    normalizer: &BertNormalizer,
    counts: &mut WordCounts,
) -> Result<(), Error> {
    let mut word = String::new();
    // The spaces among the characters of ASCII that BERT does not take for control characters.
    for stretch in text.split([' ', '\t', '\n', '\r']) {
        if stretch.is_ascii() {
            count_ascii_words(stretch, ascii, normalizer.lowercase, &mut word, counts);
            continue;
        }
        let mut written = NormalizedString::from(stretch);
        normalizer
            .normalize(&mut written)
            .map_err(Error::library(DOING))?;
        count_words_of_library(&BertPreTokenizer, PreTokenizedString::from(written), counts)?;
    }
    Ok(())
}

fn ascii(byte: u8) -> Ascii {
    match byte {
        _ if byte.is_ascii_punctuation() => Ascii::MarkAlone,
        _ if byte.is_ascii_control() => Ascii::Nothing,
        _ => Ascii::Letter,
    }
}

fn check(config: &WordpieceConfig) -> Result<(), Error> {
    special::check(&config.special_tokens, |token| {
        let mut counts = WordCounts::default();
        let cut = PreTokenizedString::from(token);
        let cut = count_words_of_library(&BertPreTokenizer, cut, &mut counts);
        token.starts_with(PREFIX) || cut.is_err() || counts.total() < 2
    })?;
    special::check_unknown(&config.special_tokens, &config.unknown_token)?;
    let special_tokens = config.special_tokens.len();
    let first = "a character alone and within a word";
    special::check_room(config.vocabulary_size, 2, first, special_tokens)?;
    special::check_range("alphabet_limit", config.alphabet_limit as u64, 1)?;
    special::check_range("minimum_frequency", config.minimum_frequency, 1)?;
    special::check_range("training_bytes", config.training_bytes, 1)
}

/// A word's characters by number, or `None` if it will be the unknown token.
fn symbols(alphabet: &Alphabet, word: &str) -> Option<Vec<Symbol>> {
    if word.chars().count() > CHARACTERS_LIMIT {
        return None;
    }
    let within = alphabet.len() as Symbol;
    let number = |(place, character)| {
        let symbol = alphabet.symbol(character)?;
        Some(if place == 0 { symbol } else { within + symbol })
    };
    word.chars().enumerate().map(number).collect()
}

/// A token as it is written in the vocabulary.
fn spelt(alphabet: &Alphabet, token: &[Symbol]) -> String {
    let within = token
        .first()
        .is_some_and(|first| *first as usize >= alphabet.len());
    let characters = token
        .iter()
        .map(|symbol| alphabet.characters()[*symbol as usize % alphabet.len()]);
    let prefix = if within { PREFIX } else { "" };
    prefix.chars().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(counts: WordCounts) -> Vec<(String, u64)> {
        let mut words: Vec<_> = counts
            .iter()
            .map(|(word, count)| (word.to_owned(), count))
            .collect();
        words.sort_unstable();
        words
    }

    proptest! {
        #[test]
        fn words_are_the_librarys(text in r"([ -~]|[\x00-\x7f]|\PC|[éÉß日 \u{301}\u{a0}\u{2028}]){0,40}", lowercase: bool) {
            let normalizer = BertNormalizer::new(true, true, None, lowercase);
            let mut ours = WordCounts::default();
            count_words(&text, &normalizer, &mut ours).unwrap();
            let mut theirs = WordCounts::default();
            let mut written = NormalizedString::from(text.as_str());
            normalizer.normalize(&mut written).unwrap();
            count_words_of_library(&BertPreTokenizer, written.into(), &mut theirs).unwrap();
            prop_assert_eq!(sorted(ours), sorted(theirs));
        }
    }
}
