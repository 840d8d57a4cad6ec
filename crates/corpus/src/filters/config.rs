//! `[[corpus.filters]]` of a recipe.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    C4Config, Filter, FinewebConfig, GopherQualityConfig, GopherRepetitionConfig, LanguageConfig,
    LengthConfig, UrlBlocklistConfig, WordBlocklistConfig,
};
use crate::{Error, pii};

/// One filter of a recipe; its `kind` says which, and all other keys have defaults.
///
/// ```
/// use kiln_corpus::filters::{Analysis, FilterConfig, Verdict};
/// use kiln_text::{Document, Provenance};
///
/// let filter: FilterConfig = toml::from_str("kind = \"fineweb\"\nwords = \"whitespace\"")?;
/// filter.check()?;
/// let filter = filter.build(std::path::Path::new("."))?;
///
/// let document = Document::new("menu", "Home\nAbout us\nContact\n", Provenance::default());
/// let measured = filter.measure(&Analysis::new(&document));
/// assert_eq!(measured.values.get_number("terminal_line_fraction"), 0.0);
/// assert_eq!(filter.decide(&measured.values), Verdict::Drop("line_punct_ratio"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FilterConfig {
    /// Length, word lengths, symbols, bullets, letters and stop words.
    GopherQuality(GopherQualityConfig),
    /// Repeated paragraphs, lines and n-grams.
    GopherRepetition(GopherRepetitionConfig),
    /// Lines and documents that are no running text. Takes out lines.
    C4(C4Config),
    /// Lists and menus.
    Fineweb(FinewebConfig),
    /// The language, and how sure that is.
    Language(LanguageConfig),
    /// Characters, words, lines, bytes.
    Length(LengthConfig),
    /// Personal data. Masks it.
    Pii(pii::Config),
    /// Addresses on lists.
    UrlBlocklist(UrlBlocklistConfig),
    /// Words on lists.
    WordBlocklist(WordBlocklistConfig),
}

/// The keys of one kind of filter.
pub(super) trait Keys {
    /// The first key whose value makes no sense.
    fn check(&self) -> Result<(), String>;

    /// The filter. Relative paths of the lists and models that it reads begin at `base`.
    fn build(&self, base: &Path) -> Result<Box<dyn Filter>, Error>;
}

impl FilterConfig {
    fn keys(&self) -> &dyn Keys {
        match self {
            Self::GopherQuality(keys) => keys,
            Self::GopherRepetition(keys) => keys,
            Self::C4(keys) => keys,
            Self::Fineweb(keys) => keys,
            Self::Language(keys) => keys,
            Self::Length(keys) => keys,
            Self::Pii(keys) => keys,
            Self::UrlBlocklist(keys) => keys,
            Self::WordBlocklist(keys) => keys,
        }
    }

    /// The first key whose value makes no sense, in one line.
    pub fn check(&self) -> Result<(), String> {
        self.keys().check()
    }

    /// The filter; [`FilterConfig::check`] comes before. Relative paths of the lists and models that it reads begin at
    /// `base`, the recipe's folder; it fails where one of these cannot be read.
    pub fn build(&self, base: &Path) -> Result<Box<dyn Filter>, Error> {
        self.keys().build(base)
    }
}
