//! What can be wrong with a `tokenizer.json` and is better said before the library reads it: it names no place, passes over
//! ids that two tokens share, and panics at some merges.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use kiln_text::Position;
use kiln_tokens::TokenId;
use serde::Deserialize;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// More ids than any vocabulary has: a table of them would take all memory.
pub(crate) const IDS_LIMIT: TokenId = 1 << 24;

/// What the checks read of a file.
#[derive(Deserialize)]
struct File<'a> {
    // What the library would panic at, such as half of a surrogate pair, is an error of the parser here.
    #[serde(default, rename = "normalizer")]
    _normalizer: serde_json::Value,
    #[serde(default, rename = "pre_tokenizer")]
    _pre_tokenizer: serde_json::Value,
    #[serde(default, rename = "post_processor")]
    _post_processor: serde_json::Value,
    #[serde(default, rename = "decoder")]
    _decoder: serde_json::Value,
    #[serde(borrow)]
    model: Option<Model<'a>>,
    added_tokens: Option<Vec<Added>>,
}

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(default, borrow)]
    vocab: Vocabulary<'a>,
    #[serde(default)]
    merges: Option<Vec<Merge>>,
    continuing_subword_prefix: Option<String>,
}

/// A token beside the model's, with the id that the file gives it.
#[derive(Deserialize)]
pub(crate) struct Added {
    content: String,
    id: u64,
}

/// Two tokens, or both in one text with a space between.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

/// The ids of the tokens, if they are written down (Unigram's are their places).
#[derive(Default)]
struct Vocabulary<'a>(Option<HashMap<Cow<'a, str>, TokenId>>);

/// A token as it stands in the file, without a copy where that can be.
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Token<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Vocabulary<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens;
        impl<'de> Visitor<'de> for Tokens {
            type Value = Vocabulary<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the tokens with their ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut ids = HashMap::new();
                let mut tokens: HashMap<TokenId, Cow<'de, str>> = HashMap::new();
                while let Some((Token(token), id)) = map.next_entry::<Token<'de>, u64>()? {
                    let id = TokenId::try_from(id)
                        .ok()
                        .filter(|id| *id < IDS_LIMIT)
                        .ok_or_else(|| {
                            de::Error::custom(format_args!(
                                "token {token:?} has id {id}: expected ids below {IDS_LIMIT}"
                            ))
                        })?;
                    if let Some(other) = tokens.insert(id, token.clone()) {
                        return Err(de::Error::custom(format_args!(
                            "tokens {other:?} and {token:?} have the same id {id}"
                        )));
                    }
                    if let Some(other) = ids.insert(token.clone(), id) {
                        return Err(de::Error::custom(format_args!(
                            "token {token:?} has two ids, {other} and {id}"
                        )));
                    }
                }
                Ok(Vocabulary(Some(ids)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Vocabulary(None))
            }
        }
        deserializer.deserialize_any(Tokens)
    }
}

/// What is wrong with a file, and where.
pub(crate) type Problem = (Position, String);

/// Check a file by itself; gives its added tokens.
pub(crate) fn check(bytes: &[u8]) -> Result<Vec<Added>, Problem> {
    let no_model =
        "not a tokenizer.json: it has no `model`; expected what Hugging Face `tokenizers` saves";
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err((Position::Whole, no_model.to_owned()));
    }
    let file: File<'_> = serde_json::from_slice(bytes).map_err(|error| {
        let column = error.column();
        let problem = if error.is_eof() {
            format!(
                "the tokenizer file ends in the middle, at column {column}: it is truncated; fetch or train it again"
            )
        } else if error.is_data() {
            format!("not a usable tokenizer.json: {}", without_place(&error))
        } else {
            format!("not a tokenizer.json: not JSON at column {column} ({error})")
        };
        (Position::Line(error.line() as u64), problem)
    })?;
    let model = file.model.ok_or((Position::Whole, no_model.to_owned()))?;
    let added = file.added_tokens.unwrap_or_default();
    if let Some(token) = added.iter().find(|token| token.id >= IDS_LIMIT.into()) {
        let Added { content, id } = token;
        let problem = format!(
            "not a usable tokenizer.json: the added token {content:?} has id {id}: expected ids below {IDS_LIMIT}"
        );
        return Err((Position::Whole, problem));
    }
    check_merges(&model)?;
    Ok(added)
}

/// The words of an error without the line and column at its end, which are said apart.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.rsplit_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

/// Every merge must be of two tokens, and make one.
fn check_merges(model: &Model<'_>) -> Result<(), Problem> {
    let (Vocabulary(Some(ids)), Some(merges)) = (&model.vocab, &model.merges) else {
        return Ok(());
    };
    let prefix = model.continuing_subword_prefix.as_deref().unwrap_or("");
    for (number, merge) in (1..).zip(merges) {
        let wrong = |problem: String| {
            let problem = format!("not a usable tokenizer.json: merge {number} {problem}");
            Err((Position::Whole, problem))
        };
        let (first, second) = match merge {
            Merge::Pair(first, second) => (first.as_str(), second.as_str()),
            Merge::Line(line) if line.starts_with("#version") => continue,
            Merge::Line(line) => match line.split_once(' ') {
                Some((first, second)) if !second.contains(' ') => (first, second),
                _ => {
                    return wrong(format!(
                        "is {line:?}: expected two tokens with a space between"
                    ));
                }
            },
        };
        let known = |token: &str| ids.contains_key(token);
        for token in [first, second] {
            if !known(token) {
                return wrong(format!(
                    "is of {first:?} and {second:?}, but there is no token {token:?}"
                ));
            }
        }
        let made = second
            .strip_prefix(prefix)
            .map(|rest| format!("{first}{rest}"));
        match made {
            Some(made) if known(&made) => {}
            Some(made) => {
                return wrong(format!(
                    "of {first:?} and {second:?} makes {made:?}, which is no token"
                ));
            }
            None => {
                return wrong(format!(
                    "has {second:?} on its right, which does not begin with the prefix {prefix:?}"
                ));
            }
        }
    }
    Ok(())
}

/// Check that every id has a token in what the library made of the file, and that added tokens have the ids that the file
/// gives them.
pub(crate) fn check_ids(
    added: &[Added],
    definition: &tokenizers::Tokenizer,
) -> Result<(), Problem> {
    let wrong = |problem: String| {
        let problem = format!("not a usable tokenizer.json: {problem}");
        Err((Position::Whole, problem))
    };
    for Added { content, id } in added {
        let found = definition.token_to_id(content);
        if found.map(u64::from) != Some(*id) {
            let found = found.map_or("none".to_owned(), |id| id.to_string());
            return wrong(format!(
                "the added token {content:?} has id {id}, but the library gives it {found}: expected added tokens in the order of their ids, after those of the model"
            ));
        }
    }
    let mut ids: Vec<TokenId> = definition.get_vocab(true).into_values().collect();
    ids.sort_unstable();
    ids.dedup();
    let Some(last) = ids.last().filter(|last| **last < IDS_LIMIT) else {
        let found = ids
            .last()
            .map_or("no ids".into(), |last| format!("id {last}"));
        return wrong(format!(
            "it has {found}; expected 1 to {IDS_LIMIT} ids counted from 0"
        ));
    };
    let missing = *last as usize + 1 - ids.len();
    if missing > 0 {
        let first = (0..).zip(&ids).find(|(place, id)| place != *id);
        let first = first.map_or(0, |(place, _): (TokenId, _)| place);
        return wrong(format!(
            "no token has id {first}, and {missing} of the ids up to {last} have none: expected ids counted from 0 without a gap"
        ));
    }
    Ok(())
}
