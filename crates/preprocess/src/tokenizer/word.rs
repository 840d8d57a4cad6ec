//! `kind = "word"`: an id for each frequent word.

use tokenizers::models::wordlevel::WordLevel;
use tokenizers::normalizers::Lowercase;
use tokenizers::pre_tokenizers::whitespace::{Whitespace, WhitespaceSplit};
use tokenizers::{NormalizedString, PreTokenizedString, PreTokenizerWrapper};

use crate::tokenizer::special;
use crate::tokenizer::split::count_words_of_library;
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
    let cut = |text: &str, counts: &mut WordCounts| {
        let mut written = NormalizedString::from(text);
        if config.lowercase {
            written.lowercase();
        }
        count_words_of_library(&pre_tokenizer, PreTokenizedString::from(written), counts)
    };
    let (mut counts, used) = count(&budget, texts, cut, &mut progress)?;
    let cost = Cost {
        symbol: 1,
        symbols: |word| word.len() + BYTES_A_WORD,
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
