//! Whether a tokenizer's texts can go the short way: byte-level byte-pair encoding of words that a known pattern cuts, and
//! nothing else that changes the text.

use serde::Deserialize;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::split::{Split as LibrarySplit, SplitPattern};
use tokenizers::{ModelWrapper, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

use kiln_tokens::TokenId;

use crate::Error;
use crate::tokenizer::byte_alphabet;
use crate::tokenizer::encoder::merge::Merges;
use crate::tokenizer::words::Split;

/// Ids are packed in 24 bits.
const IDS_LIMIT: TokenId = 1 << 24;

/// What decides the ids.
pub(crate) struct Recognised {
    pub(crate) split: Split,
    pub(crate) merges: Merges,
    /// The bytes of each token and its id.
    pub(crate) tokens: Vec<(Vec<u8>, TokenId)>,
    /// Whether a word that is a token is that token, whatever the merges would make of it.
    pub(crate) ignore_merges: bool,
}

/// What decides the ids of a tokenizer, or `None` if the library has to encode.
pub(crate) fn recognise(tokenizer: &Tokenizer) -> Result<Option<Recognised>, Error> {
    let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
    let plain = tokenizer.get_normalizer().is_none() && added.values().all(|token| token.special);
    let (true, Some(split), ModelWrapper::BPE(model)) = (
        plain,
        tokenizer.get_pre_tokenizer().and_then(split),
        tokenizer.get_model(),
    ) else {
        return Ok(None);
    };
    let nothing = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
    if model.dropout.is_some()
        || !nothing(&model.continuing_subword_prefix)
        || !nothing(&model.end_of_word_suffix)
    {
        return Ok(None);
    }
    let vocabulary = model.get_vocab();
    let Some(bytes) = byte_ids(&vocabulary) else {
        // What becomes of a byte without a token, the library knows.
        return Ok(None);
    };
    if vocabulary.values().any(|id| *id >= IDS_LIMIT) {
        return Ok(None);
    }
    let id = |token: &str| vocabulary.get(token).copied();
    let merges: Option<Vec<_>> = written_merges(model)?
        .into_iter()
        .map(|(first, second)| {
            let made = id(&format!("{first}{second}"))?;
            Some((id(&first)?, id(&second)?, made))
        })
        .collect();
    let mut tokens: Vec<(Vec<u8>, TokenId)> = vocabulary
        .iter()
        .filter_map(|(token, id)| Some((byte_alphabet::read(token)?, *id)))
        .collect();
    tokens.sort_unstable_by_key(|(_, id)| *id);
    Ok(merges.map(|merges| Recognised {
        split,
        merges: Merges::new(bytes, &merges),
        tokens,
        ignore_merges: model.ignore_merges,
    }))
}

/// The split into words, if what comes before the model is one of ours and byte-level encoding.
fn split(pre_tokenizer: &PreTokenizerWrapper) -> Option<Split> {
    match pre_tokenizer {
        PreTokenizerWrapper::ByteLevel(bytes) => {
            (bytes.use_regex && !bytes.add_prefix_space).then_some(Split::Gpt2)
        }
        PreTokenizerWrapper::Sequence(steps) => match steps.as_ref() {
            [
                PreTokenizerWrapper::Split(split),
                PreTokenizerWrapper::ByteLevel(bytes),
            ] if !bytes.use_regex && !bytes.add_prefix_space => split_of(split),
            _ => None,
        },
        _ => None,
    }
}

fn split_of(split: &LibrarySplit) -> Option<Split> {
    let SplitPattern::Regex(pattern) = &split.pattern else {
        return None;
    };
    // The patterns match at every character, so that nothing lies between the matches: to keep what is between is to keep
    // the matches, whether they are called delimiters or not.
    let keeps_matches = split.behavior == SplitDelimiterBehavior::Isolated
        || (split.behavior == SplitDelimiterBehavior::Removed && split.invert);
    Split::of_pattern(pattern).filter(|_| keeps_matches)
}

/// The id of each byte, if they all have one.
fn byte_ids(vocabulary: &std::collections::HashMap<String, TokenId>) -> Option<[TokenId; 256]> {
    let mut ids = [0; 256];
    for (byte, id) in (0..=u8::MAX).zip(&mut ids) {
        let token = byte_alphabet::character(byte).to_string();
        *id = *vocabulary.get(&token)?;
    }
    Some(ids)
}

/// The merges of a model, which the library shows only as it writes them.
fn written_merges(model: &BPE) -> Result<Vec<(String, String)>, Error> {
    #[derive(Deserialize)]
    struct Written {
        merges: Vec<(String, String)>,
    }
    let doing = "cannot read the merges of the tokenizer";
    let json = serde_json::to_vec(model).map_err(|error| Error::library(doing)(error.into()))?;
    let written: Written =
        serde_json::from_slice(&json).map_err(|error| Error::library(doing)(error.into()))?;
    Ok(written.merges)
}
