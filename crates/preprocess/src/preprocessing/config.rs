//! The `[preprocessing]` section of a recipe.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// `[preprocessing]`: what is done to a text before it is tokenized.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessingConfig {
    /// The steps, in the order in which they are taken; none leaves every text as it is.
    #[serde(default)]
    pub steps: Vec<StepConfig>,
}

impl PreprocessingConfig {
    /// The same with relative paths taken from `folder`, the recipe's.
    pub fn relative_to(mut self, folder: &Path) -> Self {
        for step in &mut self.steps {
            if let StepConfig::Lemmatize(LemmatizeConfig {
                model: Some(path), ..
            }) = step
            {
                *path = folder.join(&*path).to_string_lossy().into_owned();
            }
        }
        self
    }
}

/// One step. As a document: its keys and `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepConfig {
    /// One of Unicode's normalisation forms.
    Unicode(UnicodeConfig),
    /// Lower case.
    Lowercase(LowercaseConfig),
    /// Letters without their marks.
    Accents(AccentsConfig),
    /// Runs of white space to one character.
    Spaces(SpacesConfig),
    /// Names in angle brackets for what is never twice the same: addresses, users, numbers.
    Mask(MaskConfig),
    /// One digit for all.
    Digits(DigitsConfig),
    /// Words left out.
    StopWords(StopWordsConfig),
    /// Words cut to their stems.
    Stem(StemConfig),
    /// Words in their dictionary form.
    Lemmatize(LemmatizeConfig),
    /// One name for all rare words.
    RareWords(RareWordsConfig),
    /// Words that belong together as one.
    Phrases(PhrasesConfig),
}

impl StepConfig {
    /// The value of `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unicode(_) => "unicode",
            Self::Lowercase(_) => "lowercase",
            Self::Accents(_) => "accents",
            Self::Spaces(_) => "spaces",
            Self::Mask(_) => "mask",
            Self::Digits(_) => "digits",
            Self::StopWords(_) => "stop-words",
            Self::Stem(_) => "stem",
            Self::Lemmatize(_) => "lemmatize",
            Self::RareWords(_) => "rare-words",
            Self::Phrases(_) => "phrases",
        }
    }

    /// Whether it learns from the texts that are trained on.
    pub fn learns(&self) -> bool {
        matches!(self, Self::RareWords(_) | Self::Phrases(_))
    }
}

/// `kind = "unicode"` (Unicode Standard Annex 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnicodeConfig {
    /// `nfc`, `nfd`, `nfkc` or `nfkd`.
    pub form: NormalForm,
}

/// A normalisation form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormalForm {
    /// Composed.
    Nfc,
    /// Decomposed.
    Nfd,
    /// Composed, compatibility characters (ligatures, full-width letters) replaced.
    Nfkc,
    /// Decomposed, compatibility characters replaced.
    Nfkd,
}

/// `kind = "lowercase"`: Unicode's lower case, of no language in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowercaseConfig {}

/// `kind = "accents"`: nonspacing marks are taken off (é to e, й to и); what remains is composed (NFC).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccentsConfig {}

/// `kind = "spaces"`: a run of white space becomes one line feed if it holds one, else one space; none at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpacesConfig {}

/// `kind = "mask"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskConfig {
    /// What becomes `<url>`, `<email>`, `<user>`, `<number>`; looked for in this order, whatever the order in the recipe.
    pub what: Vec<Masked>,
}

/// What can be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Masked {
    /// From `http://`, `https://`, `ftp://` or `www.` to white space, quotes or brackets; final punctuation is not part of it.
    Url,
    /// `name@host.domain`.
    Email,
    /// `@name`, as in messages.
    User,
    /// Digits, with `.`, `,`, `:` and the like between them; no sign. Digits within a word are not one.
    Number,
}

/// `kind = "digits"`: every decimal digit of any script becomes the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigitsConfig {
    /// One character; 0 if left out.
    #[serde(default = "default_digit")]
    pub digit: char,
}

/// `kind = "stop-words"`: words that are left out, whatever their case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopWordsConfig {
    /// The Stopwords-ISO list of this language: its English name or ISO 639-1 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Words besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Words that stay although they are on the list: `["not", "no"]` where the sentiment counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}

/// `kind = "stem"`: see [`stem`](crate::stem).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemConfig {
    /// English name or code in ISO 639-1 or 639-3.
    pub language: String,
    /// `snowball`, `porter`, `lancaster` or `lovins`; `snowball` if left out.
    #[serde(default = "default_algorithm")]
    pub algorithm: String,
}

/// `kind = "lemmatize"`: see [`lemma`](crate::lemma). One of the two keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LemmatizeConfig {
    /// A language whose model comes along: `"english"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// A file that `kiln lemmatizer train` wrote; a relative path starts at the recipe's folder. A copy is kept with the
    /// tokenizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// `kind = "rare-words"`: words that the training documents have fewer than `minimum_count` times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RareWordsConfig {
    /// Occurrences that a word needs; 1 or more.
    pub minimum_count: u64,
    /// Only so many of the most frequent words stay; of equally frequent ones the first by code points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_words: Option<usize>,
    /// What stands for a rare word; an empty text takes it out. `<rare>` if left out.
    #[serde(default = "default_replacement")]
    pub replacement: String,
}

/// `kind = "phrases"`: neighbouring words that occur together far more often than by chance become one, joined by `_`
/// (Mikolov et al. 2013, "Distributed Representations of Words and Phrases", eq. 6; scaled by the number of words as in
/// their word2phrase).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhrasesConfig {
    /// Occurrences that a pair needs, and the discount of the score; 1 or more.
    #[serde(default = "default_phrase_count")]
    pub minimum_count: u64,
    /// `(count(a b) - minimum_count) * words / (count(a) * count(b))` must be above this.
    #[serde(default = "default_phrase_threshold")]
    pub threshold: f64,
    /// Passes over the training documents: each joins pairs, of which the next may join longer phrases. 1 or more.
    #[serde(default = "default_passes")]
    pub passes: usize,
}

fn default_algorithm() -> String {
    crate::stem::Algorithm::default().name().to_owned()
}

fn default_digit() -> char {
    '0'
}

fn default_replacement() -> String {
    "<rare>".to_owned()
}

/// As in word2phrase.
fn default_phrase_count() -> u64 {
    5
}

/// As in word2phrase.
fn default_phrase_threshold() -> f64 {
    100.0
}

fn default_passes() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_read_with_their_defaults_and_are_written_back() {
        let text = r#"
            [[steps]]
            kind = "unicode"
            form = "nfkc"
            [[steps]]
            kind = "digits"
            [[steps]]
            kind = "stop-words"
            language = "en"
            [[steps]]
            kind = "rare-words"
            minimum_count = 3
            [[steps]]
            kind = "phrases"
        "#;
        let config: PreprocessingConfig = toml::from_str(text).unwrap();
        let kinds: Vec<_> = config.steps.iter().map(StepConfig::kind).collect();
        assert_eq!(
            kinds,
            ["unicode", "digits", "stop-words", "rare-words", "phrases"]
        );
        assert_eq!(
            config.steps[4],
            StepConfig::Phrases(PhrasesConfig {
                minimum_count: 5,
                threshold: 100.0,
                passes: 1
            })
        );
        let written = toml::to_string(&config).unwrap();
        assert_eq!(
            toml::from_str::<PreprocessingConfig>(&written).unwrap(),
            config
        );
    }

    #[test]
    fn unknown_keys_and_kinds_are_refused() {
        for (text, expected) in [
            ("[[steps]]\nkind = \"lowercase\"\nsize = 1", "size"),
            ("[[steps]]\nkind = \"mask\"\nwhat = [\"phone\"]", "phone"),
            ("[[steps]]\nkind = \"uppercase\"", "uppercase"),
            ("[[steps]]\nkind = \"unicode\"", "form"),
            ("step = []", "step"),
        ] {
            let error = toml::from_str::<PreprocessingConfig>(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
        }
    }
}
