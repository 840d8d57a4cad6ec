//! Documents that are long enough and not too long.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::rule::{Limit, Rule, judge, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::words::{Words, python};

/// `kind = "length"`. A length that is not named is not limited; at the limit a document is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LengthConfig {
    /// What a word is.
    pub words: Words,
    /// Code points, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_characters: Option<u64>,
    /// Code points, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_characters: Option<u64>,
    /// Words, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_words: Option<u64>,
    /// Words, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_words: Option<u64>,
    /// Lines that are not blank, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lines: Option<u64>,
    /// Lines that are not blank, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lines: Option<u64>,
    /// Bytes of UTF-8, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_bytes: Option<u64>,
    /// Bytes of UTF-8, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

const CHARACTERS: &str = "characters";
const WORDS: &str = "words";
const LINES: &str = "lines";
const BYTES: &str = "bytes";

impl LengthConfig {
    #[rustfmt::skip]
    fn rules(&self) -> Vec<Rule> {
        let table = [
            (CHARACTERS, "too_few_characters", "min_characters", self.min_characters, "too_many_characters", "max_characters", self.max_characters),
            (WORDS, "too_few_words", "min_words", self.min_words, "too_many_words", "max_words", self.max_words),
            (LINES, "too_few_lines", "min_lines", self.min_lines, "too_many_lines", "max_lines", self.max_lines),
            (BYTES, "too_few_bytes", "min_bytes", self.min_bytes, "too_many_bytes", "max_bytes", self.max_bytes),
        ];
        let mut rules = Vec::new();
        for (measure, few, min, least, many, max, most) in table {
            rules.extend(least.map(|least| Rule { reason: few, measure, key: min, limit: Limit::AtLeast(least as f64) }));
            rules.extend(most.map(|most| Rule { reason: many, measure, key: max, limit: Limit::AtMost(most as f64) }));
        }
        rules
    }

    fn pairs(&self) -> [(&'static str, Option<u64>, Option<u64>); 4] {
        [
            (CHARACTERS, self.min_characters, self.max_characters),
            (WORDS, self.min_words, self.max_words),
            (LINES, self.min_lines, self.max_lines),
            (BYTES, self.min_bytes, self.max_bytes),
        ]
    }
}

impl Keys for LengthConfig {
    fn check(&self) -> Result<(), String> {
        for (measure, least, most) in self.pairs() {
            if let (Some(least), Some(most)) = (least, most)
                && least > most
            {
                return Err(format!(
                    "min_{measure} = {least} is above max_{measure} = {most}: no document would be kept"
                ));
            }
        }
        if self.rules().is_empty() {
            return Err("no length is limited: name one, such as min_characters".into());
        }
        Ok(())
    }

    fn build(&self, _base: &Path) -> Result<Box<dyn Filter>, Error> {
        Ok(Box::new(Length {
            words: self.words,
            rules: self.rules(),
        }))
    }
}

struct Length {
    words: Words,
    rules: Vec<Rule>,
}

impl Filter for Length {
    fn kind(&self) -> &'static str {
        "length"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let text = analysis.text();
        let is_full = |line: &&str| line.chars().any(|character| !python::is_space(character));
        let mut values = Values::new();
        values.number(CHARACTERS, python::len(text) as f64);
        values.number(WORDS, analysis.words(self.words).len() as f64);
        values.number(LINES, text.split('\n').filter(is_full).count() as f64);
        values.number(BYTES, text.len() as f64);
        Measured {
            values,
            rewritten: None,
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        judge(&self.rules, values)
    }

    fn thresholds(&self) -> Values {
        thresholds(&self.rules)
    }
}

#[cfg(test)]
mod tests {
    use kiln_text::{Document, Provenance};

    use super::*;

    #[test]
    fn each_length_has_its_limits() {
        let document = Document::new("x", "Größe zählt\n\n \nja", Provenance::default());
        for (config, reason) in [
            ("min_characters = 17\nmax_characters = 17", None),
            ("min_characters = 18", Some("too_few_characters")),
            ("max_characters = 16", Some("too_many_characters")),
            ("min_words = 3\nmax_words = 3", None),
            ("min_words = 4", Some("too_few_words")),
            ("max_words = 2", Some("too_many_words")),
            ("min_lines = 2\nmax_lines = 2", None),
            ("min_lines = 3", Some("too_few_lines")),
            ("max_lines = 1", Some("too_many_lines")),
            ("min_bytes = 20\nmax_bytes = 20", None),
            ("min_bytes = 21", Some("too_few_bytes")),
            ("max_bytes = 19", Some("too_many_bytes")),
            ("max_bytes = 1\nmin_words = 9", Some("too_few_words")),
        ] {
            let config: LengthConfig =
                toml::from_str(&format!("words = \"whitespace\"\n{config}")).unwrap();
            config.check().unwrap();
            let filter = config.build(Path::new(".")).unwrap();
            let values = filter.measure(&Analysis::new(&document)).values;
            let expected = reason.map_or(Verdict::Keep, Verdict::Drop);
            assert_eq!(filter.decide(&values), expected, "{config:?} {values:?}");
        }
    }

    #[test]
    fn limits_have_to_leave_something() {
        for config in ["", "min_words = 2\nmax_words = 1"] {
            assert!(
                toml::from_str::<LengthConfig>(config)
                    .unwrap()
                    .check()
                    .is_err()
            );
        }
    }
}
