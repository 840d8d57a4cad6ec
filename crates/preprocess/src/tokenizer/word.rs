//! `kind = "word"`: an id for each frequent word.

use tokenizers::models::wordlevel::WordLevel;
use tokenizers::normalizers::Lowercase;
use tokenizers::pre_tokenizers::whitespace::{Whitespace, WhitespaceSplit};
use tokenizers::{NormalizedString, PreTokenizedString, PreTokenizerWrapper};

use crate::tokenizer::special;
use crate::tokenizer::split::{Ascii, count_ascii_words, count_words_of_library};
use crate::tokenizer::train::count::{Budget, Cost, WordCounts, count};
use crate::tokenizer::train::progress::Progress;
use crate::tokenizer::train::{Texts, Used};
use crate::{Error, WordConfig, WordSplit};

/// Bytes that a word takes in the list that is sorted, beside its own.
const BYTES_A_WORD: usize = 48;

const DOING: &str = "cannot make the word tokenizer";

/// Choose the words.
pub(crate) fn train(
    config: &WordConfig,
    texts: &mut Texts<'_>,
) -> Result<(tokenizers::Tokenizer, Used), Error> {
    check(config)?;
    let mut progress = Progress::new("word");
    let budget = Budget {
        training_bytes: config.training_bytes,
        max_memory: config.max_memory,
    };
    let pre_tokenizer = pre_tokenizer(config.split);
    let cut = |text: &str, counts: &mut WordCounts| count_words(text, config, counts);
    let (mut counts, used) = count(&budget, texts, cut, &mut progress)?;
    let cost = Cost {
        symbol: 1,
        symbols: &|word| word.len() + BYTES_A_WORD,
    };
    let selected = counts.select("word", config.max_memory, cost)?;
    if selected.words == 0 {
        return Err(Error::EmptyCorpus { kind: "word" });
    }
    let least = selected.least.max(config.minimum_frequency);
    let mut words: Vec<(u64, String)> = Vec::new();
    counts.each(|word, count| {
        if count >= least && !config.special_tokens.iter().any(|token| token == word) {
            words.push((count, word.to_owned()));
        }
    })?;
    drop(counts);
    words.sort_unstable_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    let vocabulary: tokenizers::models::bpe::Vocab = config
        .special_tokens
        .iter()
        .cloned()
        .chain(words.into_iter().map(|(_, word)| word))
        .take(config.vocabulary_size)
        .zip(0..)
        .collect();
    let model = WordLevel::builder()
        .vocab(vocabulary)
        .unk_token(config.unknown_token.clone())
        .build()
        .map_err(Error::library(DOING))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    if config.lowercase {
        tokenizer
            .with_normalizer(Some(Lowercase))
            .map_err(Error::library(DOING))?;
    }
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer));
    special::add(&mut tokenizer, &config.special_tokens)?;
    Ok((tokenizer, used))
}

fn count_words(text: &str, config: &WordConfig, counts: &mut WordCounts) -> Result<(), Error> {
    let pre_tokenizer = pre_tokenizer(config.split);
    let ascii = |byte: u8| match config.split {
        WordSplit::Marks if !byte.is_ascii_alphanumeric() && byte != b'_' => Ascii::Mark,
        _ => Ascii::Letter,
    };
    let mut word = String::new();
    let space = |character: char| character.is_ascii() && character.is_whitespace();
    for stretch in text.split(space) {
        if stretch.is_ascii() {
            count_ascii_words(stretch, ascii, config.lowercase, &mut word, counts);
            continue;
        }
        let mut written = NormalizedString::from(stretch);
        if config.lowercase {
            written.lowercase();
        }
        count_words_of_library(&pre_tokenizer, PreTokenizedString::from(written), counts)?;
    }
    Ok(())
}

fn check(config: &WordConfig) -> Result<(), Error> {
    special::check(&config.special_tokens, |token| match config.split {
        // Texts that were cut before may hold the special tokens, which are meant then.
        WordSplit::Spaces => false,
        WordSplit::Marks => {
            let mut counts = WordCounts::default();
            let cut = PreTokenizedString::from(token);
            let cut = count_words_of_library(&Whitespace, cut, &mut counts);
            cut.is_err() || counts.total() < 2
        }
    })?;
    special::check_unknown(&config.special_tokens, &config.unknown_token)?;
    let special_tokens = config.special_tokens.len();
    special::check_room(config.vocabulary_size, 1, "a word", special_tokens)?;
    special::check_range("minimum_frequency", config.minimum_frequency, 1)?;
    special::check_range("training_bytes", config.training_bytes, 1)
}

fn pre_tokenizer(split: WordSplit) -> PreTokenizerWrapper {
    match split {
        WordSplit::Marks => Whitespace.into(),
        WordSplit::Spaces => WhitespaceSplit.into(),
    }
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
        fn words_are_the_librarys(
            text in r"([ -~]|[\x00-\x7f]|\PC|[éÉß日 \u{301}\u{a0}\u{2028}]){0,40}",
            lowercase: bool,
            spaces: bool,
        ) {
            let split = if spaces { "spaces" } else { "marks" };
            let section = format!("vocabulary_size = 9\nlowercase = {lowercase}\nsplit = '{split}'");
            let config: WordConfig = toml::from_str(&section).unwrap();
            let mut ours = WordCounts::default();
            count_words(&text, &config, &mut ours).unwrap();
            let mut theirs = WordCounts::default();
            let mut written = NormalizedString::from(text.as_str());
            if lowercase {
                written.lowercase();
            }
            let library = pre_tokenizer(config.split);
            count_words_of_library(&library, written.into(), &mut theirs).unwrap();
            prop_assert_eq!(sorted(ours), sorted(theirs));
        }
    }
}
