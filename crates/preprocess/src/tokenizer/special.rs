//! Special tokens, and what can be known to be wrong in a section before any text is read.

use tokenizers::AddedToken;

use crate::Error;

/// That special tokens differ, and from everything that a text may be made of.
pub(crate) fn check(tokens: &[String], may_be_text: impl Fn(&str) -> bool) -> Result<(), Error> {
    for (place, token) in tokens.iter().enumerate() {
        let problem = if tokens[..place].contains(token) {
            "is named twice: leave one out"
        } else if token.is_empty() || may_be_text(token) {
            "could also be a word of a text: choose a name with marks in it, like <|name|>"
        } else {
            continue;
        };
        return Err(Error::SpecialToken {
            token: token.clone(),
            problem,
        });
    }
    Ok(())
}

/// That the unknown token is one of them.
pub(crate) fn check_unknown(tokens: &[String], unknown: &str) -> Result<(), Error> {
    if tokens.iter().any(|token| token == unknown) {
        return Ok(());
    }
    Err(Error::UnknownToken {
        token: unknown.to_owned(),
    })
}

/// That a vocabulary has room for its special tokens and for what every one of its kind holds.
pub(crate) fn check_room(
    vocabulary_size: usize,
    needed: usize,
    first: &'static str,
    special_tokens: usize,
) -> Result<(), Error> {
    let minimum = needed + special_tokens;
    if vocabulary_size >= minimum {
        return Ok(());
    }
    Err(Error::VocabularyTooSmall {
        vocabulary_size,
        first,
        special_tokens,
        minimum,
    })
}

/// That the value of a key is 1 or more, or 2 or more.
pub(crate) fn check_range(key: &'static str, value: u64, least: u64) -> Result<(), Error> {
    if value >= least {
        return Ok(());
    }
    Err(Error::OutOfRange {
        key,
        value,
        expected: if least == 1 { "1 or more" } else { "2 or more" },
    })
}

/// Tell the library which tokens of the vocabulary are special.
pub(crate) fn add(tokenizer: &mut tokenizers::Tokenizer, tokens: &[String]) -> Result<(), Error> {
    let tokens = tokens
        .iter()
        .map(|name| AddedToken::from(name.as_str(), true));
    tokenizer
        .add_special_tokens(tokens.collect::<Vec<_>>())
        .map_err(Error::library("cannot name the special tokens"))?;
    Ok(())
}
