//! `kind = "unigram"`: training the unigram model of subwords (Kudo 2018).
//!
//! As in sentencepiece: frequent substrings of words are the first pieces; expectation-maximisation gives them
//! probabilities; those that the likelihood of the words needs least are taken out, a quarter at a time, until as many are
//! left as were asked for. The trainer of the `tokenizers` crate goes over hash maps and sums in an order that depends on
//! the threads, so that no two of its vocabularies are equal; here words and pieces are in a stated order and sums are over
//! the same parts however many threads there are.

mod corpus;
mod expectation;
mod prune;
mod seeds;

use tokenizers::models::unigram::Unigram;

use crate::tokenizer::bpe::{byte_tokens, decoder, write_space};
use crate::tokenizer::special;
use crate::tokenizer::split::{count_words, metaspace, number_of_words};
use crate::tokenizer::train::alphabet::Alphabet;
use crate::tokenizer::train::count::{Budget, Cost, count};
use crate::tokenizer::train::merges::Symbol;
use crate::tokenizer::train::progress::Progress;
use crate::tokenizer::train::{Texts, Used};
use crate::{Error, UnigramConfig};

use corpus::{Corpus, Piece};

/// Bytes that training takes at most for a substring of a word: its node in the tree of substrings, were it nowhere else, and
/// the edge to it. Random words of 3 to 12 letters took 44.
const BYTES_A_SUBSTRING: u64 = 64;

/// Rounds of expectation-maximisation before pieces are taken out: sentencepiece's `num_sub_iterations`.
const ROUNDS: usize = 2;

/// The part of the pieces that is kept each time: sentencepiece's `shrinking_factor`.
const SHRINK: f64 = 0.75;

/// As many times the pieces asked for are left when the last are chosen by probability: sentencepiece's 1.1.
const SPARE: f64 = 1.1;

/// Between the scores of characters that no word needs as tokens.
const SCORE_STEP: f64 = 0.0001;

const DOING: &str = "cannot train the unigram tokenizer";

/// Learn the pieces.
pub(crate) fn train(
    config: &UnigramConfig,
    texts: &mut Texts<'_>,
) -> Result<(tokenizers::Tokenizer, Used), Error> {
    check(config)?;
    let mut progress = Progress::new("unigram");
    let budget = Budget {
        training_bytes: config.training_bytes,
        max_memory: config.max_memory,
    };
    let split = config.split.split();
    let cut = |text: &str, counts: &mut _| {
        count_words(split, text, counts);
        Ok(())
    };
    let (mut counts, used) = count(&budget, texts, cut, &mut progress)?;
    let cost = Cost {
        symbol: BYTES_A_SUBSTRING,
        symbols: &|word| substrings(word.chars().count(), config.maximum_token_length),
    };
    let selected = counts.select("unigram", config.max_memory, cost)?;
    if selected.words == 0 {
        return Err(Error::EmptyCorpus { kind: "unigram" });
    }
    let mut tokens: Vec<(String, f64)> = config
        .special_tokens
        .iter()
        .map(|token| (token.clone(), 0.0))
        .collect();
    if config.byte_fallback {
        tokens.extend(byte_tokens().map(|token| (token, 0.0)));
    }
    let room = config.vocabulary_size - tokens.len();
    let limit = config.alphabet_limit.min(room);
    let alphabet = Alphabet::most_frequent(&mut counts, write_space, limit)?;
    let mut words: Vec<(Vec<Symbol>, u64)> = Vec::with_capacity(selected.words as usize);
    counts.each(|word, count| {
        if count >= selected.least {
            let symbols: Vec<Option<Symbol>> = word
                .chars()
                .map(|character| alphabet.symbol(write_space(character)))
                .collect();
            let parts = symbols.split(Option::is_none).filter(|p| !p.is_empty());
            words.extend(parts.map(|part| (part.iter().copied().flatten().collect(), count)));
        }
    })?;
    drop(counts);
    let pieces = learn(words, alphabet.len(), room, config, &mut progress);
    let spelt = |piece: &[Symbol]| -> String {
        let characters = piece
            .iter()
            .map(|symbol| alphabet.characters()[*symbol as usize]);
        characters.collect()
    };
    tokens.extend(pieces.iter().map(|(piece, score)| (spelt(piece), *score)));
    let unknown = config
        .special_tokens
        .iter()
        .position(|token| *token == config.unknown_token);
    let model =
        Unigram::from(tokens, unknown, config.byte_fallback).map_err(Error::library(DOING))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .with_pre_tokenizer(Some(metaspace(split)?))
        .with_decoder(Some(decoder()?));
    special::add(&mut tokenizer, &config.special_tokens)?;
    Ok((tokenizer, used))
}

/// Number of substrings of a word that are no longer than a piece may be.
fn substrings(characters: usize, longest: usize) -> usize {
    let longest = longest.min(characters);
    longest * characters - longest * longest.saturating_sub(1) / 2
}

fn check(config: &UnigramConfig) -> Result<(), Error> {
    let split = config.split.split();
    special::check(&config.special_tokens, |token| {
        number_of_words(split, token) < 2
    })?;
    special::check_unknown(&config.special_tokens, &config.unknown_token)?;
    let special_tokens = config.special_tokens.len();
    let (needed, first) = if config.byte_fallback {
        (257, "256 bytes, a character")
    } else {
        (1, "a character")
    };
    special::check_room(config.vocabulary_size, needed, first, special_tokens)?;
    special::check_range("alphabet_limit", config.alphabet_limit as u64, 1)?;
    special::check_range("training_bytes", config.training_bytes, 1)?;
    let length = config.maximum_token_length as u64;
    if !(1..=corpus::PART as u64).contains(&length) {
        return Err(Error::OutOfRange {
            key: "maximum_token_length",
            value: length,
            expected: "1 to 32",
        });
    }
    Ok(())
}

/// The pieces with the logarithms of their probabilities, the most probable first: every symbol, and others up to `room`.
fn learn(
    words: Vec<(Vec<Symbol>, u64)>,
    alphabet: usize,
    room: usize,
    config: &UnigramConfig,
    progress: &mut Progress,
) -> Vec<(Vec<Symbol>, f64)> {
    let mut corpus = Corpus::new(words);
    let mut pieces = seeds::seeds(&mut corpus, alphabet, config.maximum_token_length);
    let enough = ((room as f64) * SPARE) as usize;
    loop {
        for _ in 0..ROUNDS {
            let expected = expectation::expected(&corpus, &pieces);
            expectation::maximise(&mut corpus, &mut pieces, &expected);
            progress.pieces(pieces.len(), room);
        }
        if pieces.len() <= enough {
            break;
        }
        let keep = enough.max((pieces.len() as f64 * SHRINK) as usize);
        prune::prune(&mut corpus, &mut pieces, keep);
    }
    chosen(&corpus, &pieces, alphabet, room)
}

fn chosen(
    corpus: &Corpus,
    pieces: &[Piece],
    alphabet: usize,
    room: usize,
) -> Vec<(Vec<Symbol>, f64)> {
    let least = pieces.iter().map(|piece| piece.score).fold(0.0, f64::min);
    let mut scores: Vec<Option<f64>> = vec![None; alphabet];
    let mut others: Vec<(&[Symbol], f64)> = Vec::new();
    for piece in pieces {
        match corpus.spelling(piece) {
            [symbol] => scores[*symbol as usize] = Some(piece.score),
            spelling => others.push((spelling, piece.score)),
        }
    }
    let by_score = |one: &f64, other: &f64| other.total_cmp(one);
    others.sort_by(|one, other| by_score(&one.1, &other.1).then_with(|| one.0.cmp(other.0)));
    let mut unneeded = 0;
    let mut chosen: Vec<(Vec<Symbol>, f64)> = Vec::with_capacity(room);
    for (symbol, score) in (0..).zip(scores) {
        let score = score.unwrap_or_else(|| {
            unneeded += 1;
            least - f64::from(unneeded) * SCORE_STEP
        });
        chosen.push((vec![symbol], score));
    }
    let rest = others.into_iter().take(room - alphabet);
    chosen.extend(rest.map(|(spelling, score)| (spelling.to_vec(), score)));
    chosen.sort_by(|one, other| by_score(&one.1, &other.1).then_with(|| one.0.cmp(&other.0)));
    chosen
}
