//! Documents in wanted languages.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::{Analysis, Filter, Measure, Measured, Values, Verdict};
use crate::Error;
use crate::language::Identifier;

/// `kind = "language"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LanguageConfig {
    /// BCP 47 tags of the languages that are kept; none: all.
    pub keep: Vec<String>,
    /// How sure the language has to be, at least. FineWeb's figure for `lid.176` (0.65).
    pub min_score: f64,
    /// A fastText model (`lid.176.ftz`, `lid.176.bin`); relative paths begin at the recipe's folder. Left out: the built-in
    /// identifier, whose scores are no probabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Default for LanguageConfig {
    fn default() -> Self {
        Self {
            keep: Vec::new(),
            min_score: 0.65,
            model: None,
        }
    }
}

const LANGUAGE: &str = "language";
const SCORE: &str = "language_score";

impl Keys for LanguageConfig {
    fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.min_score) {
            return Err(format!(
                "min_score = {}: expected a number from 0 to 1",
                self.min_score
            ));
        }
        match self.keep.iter().find(|tag| !is_tag(tag)) {
            Some(tag) => Err(format!(
                "keep: {tag:?} is no language tag: expected one such as \"en\" or \"zh\""
            )),
            None => Ok(()),
        }
    }

    fn build(&self, base: &Path) -> Result<Box<dyn Filter>, Error> {
        let identifier = match &self.model {
            Some(model) => Identifier::open(&base.join(model))?,
            None => Identifier::built_in(),
        };
        Ok(Box::new(Language {
            keep: self.keep.clone(),
            min_score: self.min_score,
            identifier,
        }))
    }
}

fn is_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

struct Language {
    keep: Vec<String>,
    min_score: f64,
    identifier: Identifier,
}

impl Filter for Language {
    fn kind(&self) -> &'static str {
        "language"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let guess = self.identifier.identify(analysis.text());
        let mut values = Values::new();
        values.text(LANGUAGE, guess.language);
        values.number(SCORE, guess.score);
        Measured {
            values,
            rewritten: None,
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        let wanted = match values.get(LANGUAGE) {
            Some(Measure::Text(language)) => self.keep.is_empty() || self.keep.contains(language),
            _ => true,
        };
        if !wanted {
            Verdict::Drop(LANGUAGE)
        } else if values.get_number(SCORE) < self.min_score {
            Verdict::Drop(SCORE)
        } else {
            Verdict::Keep
        }
    }

    fn thresholds(&self) -> Values {
        let mut values = Values::new();
        values.text("keep", self.keep.join(" "));
        values.number("min_score", self.min_score);
        values
    }
}

#[cfg(test)]
mod tests {
    use kiln_text::{Document, Provenance};

    use super::*;

    fn check(config: &str, text: &str, language: &str, expected: Verdict) {
        let config: LanguageConfig = toml::from_str(config).unwrap();
        config.check().unwrap();
        let filter = config.build(Path::new(".")).unwrap();
        let document = Document::new("x", text, Provenance::default());
        let values = filter.measure(&Analysis::new(&document)).values;
        assert_eq!(values.get(LANGUAGE), Some(&Measure::Text(language.into())));
        assert_eq!(filter.decide(&values), expected, "{values:?}");
    }

    #[test]
    fn keeps_what_is_in_a_wanted_language_for_sure() {
        const GERMAN: &str = "Der Regen fiel den ganzen Tag auf die Dächer der kleinen Stadt, und niemand ging hinaus.";
        const JAPANESE: &str = "私は昨日、友達と一緒に映画を見に行きました。";
        check("keep = [\"de\"]", GERMAN, "de", Verdict::Keep);
        check("", GERMAN, "de", Verdict::Keep);
        check(
            "keep = [\"en\", \"fr\"]",
            GERMAN,
            "de",
            Verdict::Drop("language"),
        );
        check("keep = [\"ja\"]", JAPANESE, "ja", Verdict::Keep);
        check("keep = [\"de\"]", "", "und", Verdict::Drop("language"));
        check("", "42", "und", Verdict::Drop("language_score"));
        check("min_score = 0", "42", "und", Verdict::Keep);
    }

    #[test]
    fn mistakes_are_named() {
        for (config, problem) in [
            (
                "min_score = 1.5",
                "min_score = 1.5: expected a number from 0 to 1",
            ),
            (
                "keep = [\"English\"]",
                "keep: \"English\" is no language tag: expected one such as \"en\" or \"zh\"",
            ),
        ] {
            let config: LanguageConfig = toml::from_str(config).unwrap();
            assert_eq!(config.check(), Err(problem.to_owned()));
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("no.ftz"), "not a model").unwrap();
        for model in ["no.ftz", "missing.ftz"] {
            let config = LanguageConfig {
                model: Some(model.into()),
                ..LanguageConfig::default()
            };
            let error = config.build(folder.path()).err().unwrap();
            assert!(
                error.is_mistake() && error.to_string().contains(model),
                "{error}"
            );
        }
    }
}
