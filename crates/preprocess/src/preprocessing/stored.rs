//! The steps as they are kept with a model: all that was learnt or looked up is in them.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::phrases::Pairs;
use super::rule::Rule;
use super::{Masked, NormalForm};

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
    /// The step, ready to work.
    pub(crate) fn rule(&self) -> Rule {
        match self {
            Self::Unicode { form } => Rule::Unicode(*form),
            Self::Lowercase {} => Rule::Lowercase,
            Self::Accents {} => Rule::Accents,
            Self::Spaces {} => Rule::Spaces,
            Self::Mask { what } => Rule::Mask(what.clone()),
            Self::Digits { digit } => Rule::Digits(*digit),
            Self::StopWords { words } => Rule::Without(words.iter().cloned().collect()),
            Self::RareWords { keep, replacement } => {
                Rule::Only(keep.iter().cloned().collect(), replacement.clone())
            }
            Self::Phrases { pairs } => {
                Rule::Join(pairs.clone().into_iter().collect::<HashMap<_, _>>())
            }
        }
    }
}
