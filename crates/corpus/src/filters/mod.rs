//! Which documents are good enough: each filter measures a document and judges it by what it measured, apart.
//!
//! Measuring knows no threshold and judging no text, so that other thresholds can be tried on measures that are stored.

mod analysis;
mod c4;
mod config;
mod fineweb;
mod gopher_quality;
mod gopher_repetition;
mod language;
mod length;
mod list;
mod ngrams;
mod pii;
mod punctuation;
pub(crate) mod python;
mod repeats;
mod rule;
mod seen;
mod url_blocklist;
mod values;
mod word_blocklist;

pub use analysis::Analysis;
pub use c4::C4Config;
pub use config::FilterConfig;
pub use fineweb::FinewebConfig;
pub use gopher_quality::{GopherQualityConfig, GopherVariant};
pub use gopher_repetition::GopherRepetitionConfig;
pub use language::LanguageConfig;
pub use length::LengthConfig;
pub use list::Paths;
pub use url_blocklist::UrlBlocklistConfig;
pub use values::{Measure, Values};
pub use word_blocklist::WordBlocklistConfig;

/// A rule, or a family of rules, for documents.
pub trait Filter: Send + Sync {
    /// Its `kind` in recipes and ledgers.
    fn kind(&self) -> &'static str;

    /// Measure a document. Everything that [`Filter::decide`] asks for is among the values, always.
    fn measure(&self, analysis: &Analysis<'_>) -> Measured;

    /// Judge by measured values, which may come out of a ledger. Where several rules fail, the first of them is the reason.
    fn decide(&self, values: &Values) -> Verdict;

    /// The thresholds that `decide` compares with, under the names of the recipe's keys.
    fn thresholds(&self) -> Values;
}

/// What a filter found out about one document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The numbers.
    pub values: Values,
    /// The text without what the filter takes out of documents that it keeps, if it takes out anything.
    pub rewritten: Option<String>,
}

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It goes, for this reason.
    Drop(&'static str),
}
