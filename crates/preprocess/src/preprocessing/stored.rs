//! The steps as they are kept with a model: all that was learnt or looked up is in them.

use std::collections::{BTreeSet, HashMap};

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::{Lemmatizer, Stemmer};

use super::phrases::Pairs;
use super::rule::Rule;
use super::{Masked, NormalForm};

/// Release of the library that makes the stems, which any release may change.
pub(crate) const STEMMER_VERSION: &str = "frostem 2.20261016.1";

/// A step in `preprocessing.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Stored {
    Unicode {
        form: NormalForm,
    },
    Lowercase {},
    Accents {},
    Spaces {},
    Mask {
        what: Vec<Masked>,
    },
    Digits {
        digit: char,
    },
    /// In lower case.
    StopWords {
        words: BTreeSet<String>,
    },
    Stem {
        language: String,
        algorithm: String,
        /// Of the stemming library: another may give other stems.
        version: String,
    },
    Lemmatize {
        /// Whose model comes along; or
        language: Option<String>,
        /// the model itself, in base 64.
        model: Option<String>,
        /// BLAKE3 hash of the model.
        identity: String,
    },
    RareWords {
        keep: BTreeSet<String>,
        replacement: String,
    },
    /// The pairs of one pass.
    Phrases {
        pairs: Pairs,
    },
}

impl Stored {
    /// The step, ready to work; or why this program cannot do it.
    pub(crate) fn rule(&self) -> Result<Rule, String> {
        Ok(match self {
            Self::Unicode { form } => Rule::Unicode(*form),
            Self::Lowercase {} => Rule::Lowercase,
            Self::Accents {} => Rule::Accents,
            Self::Spaces {} => Rule::Spaces,
            Self::Mask { what } => Rule::Mask(what.clone()),
            Self::Digits { digit } => Rule::Digits(*digit),
            Self::StopWords { words } => Rule::Without(words.iter().cloned().collect()),
            Self::Stem {
                language,
                algorithm,
                version,
            } => {
                if version != STEMMER_VERSION {
                    return Err(format!(
                        "its stems are those of stemmer {version}, this program has {STEMMER_VERSION}: prepare and train again, or \
                         use the program that made it"
                    ));
                }
                let stemmer = algorithm
                    .parse()
                    .and_then(|algorithm| Stemmer::with_algorithm(language, algorithm));
                Rule::Stem(stemmer.map_err(|error| error.to_string())?)
            }
            Self::Lemmatize {
                language,
                model,
                identity,
            } => Rule::Lemmatize(lemmatizer(language.as_deref(), model.as_deref(), identity)?),
            Self::RareWords { keep, replacement } => {
                Rule::Only(keep.iter().cloned().collect(), replacement.clone())
            }
            Self::Phrases { pairs } => {
                Rule::Join(pairs.clone().into_iter().collect::<HashMap<_, _>>())
            }
        })
    }
}

fn lemmatizer(
    language: Option<&str>,
    model: Option<&str>,
    identity: &str,
) -> Result<Arc<Lemmatizer>, String> {
    let lemmatizer = match (model, language) {
        (Some(model), _) => {
            let bytes = BASE64
                .decode(model)
                .map_err(|error| format!("the lemmatizer in it is damaged: {error}"))?;
            Lemmatizer::from_bytes(&bytes, "lemmatizer").map_err(|error| error.to_string())?
        }
        (None, Some(language)) => Lemmatizer::for_language(language)
            .ok_or_else(|| format!("no lemmatizer for {language:?} comes along"))?
            .clone(),
        (None, None) => return Err("its lemmatizer has neither language nor model".to_owned()),
    };
    let found = blake3::hash(&lemmatizer.to_bytes()).to_hex();
    if found.as_str() != identity {
        return Err(
            "the lemmatizer of this program is another than it was made with: prepare and train again, or use the program \
             that made it"
                .to_owned(),
        );
    }
    Ok(Arc::new(lemmatizer))
}
