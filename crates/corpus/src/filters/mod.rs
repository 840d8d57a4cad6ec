//! Which documents are good enough: each filter measures a document and judges it by what it measured, apart.
//!
//! Measuring knows no threshold and judging no text, so that other thresholds can be tried on measures that are stored.

mod analysis;
mod c4;
mod config;
mod decontamination;
mod fineweb;
mod gopher_quality;
mod gopher_repetition;
mod language;
mod length;
mod lengths;
mod list;
mod ngrams;
mod pii;
mod repeats;
mod rule;
mod seen;
mod url_blocklist;
mod values;
mod word_blocklist;

pub use analysis::Analysis;
pub use c4::C4Config;
pub use config::FilterConfig;
pub use decontamination::Decontamination;
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

/// The names of filters in a ledger, from their kinds: a second one of a kind has `#2` behind it.
pub fn names<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen: Vec<&str> = Vec::new();
    let mut names = Vec::new();
    for kind in kinds {
        seen.push(kind);
        names.push(match seen.iter().filter(|other| **other == kind).count() {
            1 => kind.to_owned(),
            number => format!("{kind}#{number}"),
        });
    }
    names
}

#[cfg(test)]
mod tests {
    use kiln_text::{Document, Provenance};
    use serde_json::Value;

    use super::*;

    fn judge(config: &str, text: &str) -> (Verdict, Measured) {
        let config: FilterConfig = toml::from_str(config).unwrap();
        config.check().unwrap();
        let filter = config.build(std::path::Path::new(".")).unwrap();
        let document = Document::new("", text, Provenance::default());
        let measured = filter.measure(&Analysis::new(&document));
        // A ledger's values are enough to judge by.
        let stored = serde_json::to_string(&measured.values).unwrap();
        let verdict = filter.decide(&serde_json::from_str(&stored).unwrap());
        assert_eq!(verdict, filter.decide(&measured.values), "{stored}");
        (verdict, measured)
    }

    /// Verdicts of datatrove 0.10.1; scripts/reference/filters.py made them.
    #[test]
    fn verdicts_are_datatroves() {
        let cases = include_str!("../../tests/reference/filters.json");
        let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
        assert!(cases.len() >= 60);
        for case in &cases {
            let mut text = String::new();
            for piece in case["text"].as_array().unwrap() {
                let times = piece[1].as_u64().unwrap() as usize;
                text.push_str(&piece[0].as_str().unwrap().repeat(times));
            }
            let name = &case["name"];
            for (filter, config) in [
                ("gopher-quality", "kind = \"gopher-quality\""),
                ("gopher-repetition", "kind = \"gopher-repetition\""),
                ("fineweb", "kind = \"fineweb\""),
                ("c4", "kind = \"c4\""),
                (
                    "c4, any end of a line",
                    "kind = \"c4\"\nrequire_terminal_punctuation = false",
                ),
            ] {
                let (verdict, measured) =
                    judge(&format!("{config}\nwords = \"whitespace\""), &text);
                let reason = match verdict {
                    Verdict::Keep => "keep",
                    Verdict::Drop(reason) => reason,
                };
                assert_eq!(reason, case[filter], "{filter} of {name}: {measured:?}");
                if verdict == Verdict::Keep {
                    let rewritten = measured.rewritten.as_deref();
                    assert_eq!(
                        rewritten,
                        case[format!("{filter}: text")].as_str(),
                        "{filter} of {name}"
                    );
                }
            }
        }
    }

    #[test]
    fn thresholds_are_judged_by_without_the_text() {
        let text = "The mill stands.\nThis is { a line.\nThis is lorem ipsum.\n";
        let check = |keys: &str, expected| {
            let (verdict, _) = judge(
                &format!("kind = \"c4\"\nwords = \"whitespace\"\n{keys}"),
                text,
            );
            assert_eq!(verdict, expected, "{keys}");
        };
        check("", Verdict::Drop("curly_bracket"));
        check("drop_curly_brackets = false", Verdict::Drop("lorem_ipsum"));
        check("drop_lorem_ipsum = false", Verdict::Drop("curly_bracket"));
        check(
            "drop_curly_brackets = false\ndrop_lorem_ipsum = false",
            Verdict::Drop("too_few_sentences"),
        );
        check(
            "drop_curly_brackets = false\ndrop_lorem_ipsum = false\nmin_sentences = 3",
            Verdict::Keep,
        );
    }

    #[test]
    fn keys_that_make_no_sense_are_refused() {
        let check = |config: &str, expected: &str| {
            let message = match toml::from_str::<FilterConfig>(config) {
                Ok(config) => config.check().unwrap_err(),
                Err(error) => error.to_string(),
            };
            assert!(message.contains(expected), "{config}: {message}");
        };
        check("kind = \"gopher\"", "unknown variant");
        check(
            "kind = \"fineweb\"\nvariant = \"dolma\"",
            "unknown field `variant`",
        );
        check("kind = \"c4\"\nmin_words = 3", "unknown field `min_words`");
        check(
            "kind = \"gopher-quality\"\nvariant = \"paper\"",
            "unknown variant `paper`",
        );
        check(
            "kind = \"gopher-quality\"\nvariant = \"dolma\"\nwords = \"spacy\"",
            "leave out `words`",
        );
        check("kind = \"gopher-quality\"\nmin_words = -1", "invalid value");
        check(
            "kind = \"gopher-quality\"\nmin_words = 5\nmax_words = 4",
            "min_words = 5 is above max_words = 4",
        );
        check(
            "kind = \"gopher-quality\"\nmin_alphabetic_word_fraction = 80",
            "expected a share from 0 to 1",
        );
        check(
            "kind = \"gopher-quality\"\nmax_bullet_line_fraction = nan",
            "expected a number from 0 up",
        );
        check(
            "kind = \"gopher-quality\"\nstop_words = [\"\"]",
            "stop_words",
        );
        check(
            "kind = \"gopher-repetition\"\nmax_top_2_gram_fraction = -0.1",
            "max_top_2_gram_fraction = -0.1",
        );
        check(
            "kind = \"fineweb\"\nmin_terminal_line_fraction = 12",
            "expected a share from 0 to 1",
        );
    }

    #[test]
    fn recipes_are_written_as_they_are_read() {
        for kind in ["gopher-quality", "gopher-repetition", "c4", "fineweb"] {
            let config: FilterConfig = toml::from_str(&format!("kind = \"{kind}\"")).unwrap();
            let written = toml::to_string(&config).unwrap();
            assert_eq!(toml::from_str::<FilterConfig>(&written).unwrap(), config);
            assert!(
                written.starts_with(&format!("kind = \"{kind}\"")),
                "{written}"
            );
            let filter = config.build(std::path::Path::new(".")).unwrap();
            assert_eq!(filter.kind(), kind);
            assert!(
                filter
                    .thresholds()
                    .iter()
                    .all(|(key, _)| written.contains(key) || key.contains("duplicate_line"))
            );
        }
    }
}
