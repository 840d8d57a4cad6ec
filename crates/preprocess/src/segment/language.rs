//! Which segmenter a language has.

use super::unicode::Words;
use super::{Method, Segmenter};
use crate::stem::LANGUAGES;

/// A name that is neither a code of ISO 639 nor a language known here. A user's mistake (exit code 2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no language is known as {given:?}{}: name it by its code in ISO 639-1 or 639-3, such as `en` or `tha`",
    near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
)]
pub struct UnknownLanguage {
    /// As asked for.
    pub given: String,
    /// The name most like it.
    pub near: Option<&'static str>,
}

/// Languages that are written without spaces, and their codes in ISO 639-1 and 639-3.
const WITHOUT_SPACES: [(&str, &[&str]); 6] = [
    ("burmese", &["my", "mya", "bur"]),
    ("chinese", &["zh", "zho", "chi", "cmn", "yue", "wuu", "lzh"]),
    ("japanese", &["ja", "jpn"]),
    ("khmer", &["km", "khm"]),
    ("lao", &["lo", "lao"]),
    ("thai", &["th", "tha"]),
];

/// How alike two names must be (Jaro-Winkler) for one to be offered for the other: a slip of a letter or two lies above.
const ALIKE: f64 = 0.8;

pub(super) fn segmenter(given: &str) -> Result<Segmenter, UnknownLanguage> {
    let wanted = given.trim().to_lowercase().replace(['-', ' '], "_");
    #[cfg(feature = "english")]
    if ["english", "en", "eng"].contains(&wanted.as_str()) {
        return Ok(Segmenter::english());
    }
    #[cfg(feature = "dictionaries")]
    if WITHOUT_SPACES
        .iter()
        .any(|(name, codes)| *name == wanted || codes.contains(&wanted.as_str()))
    {
        return Ok(Segmenter {
            method: Method::Unicode(Words::Dictionary),
        });
    }
    let names = || {
        let stemmed = LANGUAGES.iter().map(|language| language.name);
        stemmed.chain(WITHOUT_SPACES.iter().map(|(name, _)| *name))
    };
    let code =
        matches!(wanted.len(), 2 | 3) && wanted.bytes().all(|byte| byte.is_ascii_lowercase());
    if code || names().any(|name| name == wanted) {
        return Ok(Segmenter {
            method: Method::Unicode(Words::Rules),
        });
    }
    let near = names()
        .map(|name| (strsim::jaro_winkler(&wanted, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    Err(UnknownLanguage {
        given: given.to_owned(),
        near: near.map(|(_, name)| name),
    })
}
