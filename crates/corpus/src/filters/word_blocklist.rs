//! Documents with words that stand on a list.
//!
//! The rule is that of C4 (Raffel et al. 2020, arXiv:1910.10683, section 2.2) as datatrove has it (`C4BadWordsFilter`): an entry
//! counts in the text in lower case where neither a letter nor a digit nor `_` stands beside it, in Chinese, Japanese and Thai
//! wherever it stands. The list of C4, one file a language, is `List of Dirty, Naughty, Obscene, and Otherwise Bad Words`.

use std::path::Path;

use aho_corasick::{AhoCorasick, MatchKind};
use kiln_text::Position;
use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::list::Paths;
use super::rule::{Limit, Rule, judge, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::words::python;

/// `kind = "word-blocklist"`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WordBlocklistConfig {
    /// A file, or several, with a word or phrase on each line.
    pub words: Paths,
    /// The language of the list: documents that are known to be in another are kept, and Chinese, Japanese and Thai words need no
    /// borders. Left out: all documents, with borders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How many times words of the list may stand in a document (0).
    pub max_words: u64,
    /// Entries of the list that are allowed, beside those that C4 allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// Entries that C4 allows because each would drop a tenth of the documents of its language.
const ALLOWED: [&str; 4] = ["sm", "グロ", "女の子", "性"];

/// Languages that set no spaces between words.
const WITHOUT_BORDERS: [&str; 3] = ["ja", "th", "zh"];

const COUNT: &str = "bad_words";
const FIRST: &str = "bad_word";

impl WordBlocklistConfig {
    fn rules(&self) -> Vec<Rule> {
        vec![Rule {
            reason: "document_removed_with_badwords",
            measure: COUNT,
            key: "max_words",
            limit: Limit::AtMost(self.max_words as f64),
        }]
    }
}

impl Keys for WordBlocklistConfig {
    fn check(&self) -> Result<(), String> {
        if self.words.is_empty() {
            return Err("words: name a file with a word on each line".into());
        }
        Ok(())
    }

    fn build(&self, base: &Path) -> Result<Box<dyn Filter>, Error> {
        let mut words = self.words.read(base)?;
        words.retain(|word| !ALLOWED.contains(&&**word) && !self.except.contains(word));
        words.sort_unstable();
        words.dedup();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&words);
        let finder = finder.map_err(|error| {
            let path = base.join(self.words.as_slice().join(", "));
            let problem = format!("cannot be searched for ({error}): the list is too long");
            kiln_text::Error::mistake(path, Position::Whole, problem)
        })?;
        let language = self.language.clone();
        Ok(Box::new(WordBlocklist {
            borders: !language
                .as_deref()
                .is_some_and(|tag| WITHOUT_BORDERS.contains(&primary(tag))),
            words,
            finder,
            language,
            rules: self.rules(),
        }))
    }
}

struct WordBlocklist {
    words: Vec<String>,
    finder: AhoCorasick,
    borders: bool,
    language: Option<String>,
    rules: Vec<Rule>,
}

/// The language of a tag without script and region.
fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

impl WordBlocklist {
    /// How many entries stand in a text, those within others too, and which is the first of them.
    fn count(&self, text: &str) -> (usize, Option<&str>) {
        let lower = text.to_lowercase();
        let stands_alone = |start: usize, end: usize| {
            let is_border =
                |character: Option<char>| character.is_none_or(|character| !is_word(character));
            is_border(lower[..start].chars().next_back()) && is_border(lower[end..].chars().next())
        };
        let mut count = 0;
        let mut first = None;
        for found in self.finder.find_overlapping_iter(&lower) {
            if !self.borders || stands_alone(found.start(), found.end()) {
                count += 1;
                first = first.or(Some(&*self.words[found.pattern().as_usize()]));
            }
        }
        (count, first)
    }

    fn is_concerned(&self, language: Option<&str>) -> bool {
        match (&self.language, language) {
            (Some(wanted), Some(known)) => primary(wanted) == primary(known),
            _ => true,
        }
    }
}

/// Whether `\w` of Python matches a character.
fn is_word(character: char) -> bool {
    character == '_' || python::is_alpha(character) || character.is_numeric()
}

impl Filter for WordBlocklist {
    fn kind(&self) -> &'static str {
        "word-blocklist"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let (count, first) = if self.is_concerned(analysis.document().language.as_deref()) {
            self.count(analysis.text())
        } else {
            (0, None)
        };
        let mut values = Values::new();
        values.number(COUNT, count as f64);
        if let Some(word) = first {
            values.text(FIRST, word);
        }
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

    const GOLDEN: &str = include_str!("../../tests/reference/bad_words.json");

    fn build(words: &[&str], language: Option<&str>) -> Box<dyn Filter> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("list"), words.join("\n")).unwrap();
        let config = WordBlocklistConfig {
            words: "list".into(),
            language: language.map(str::to_owned),
            ..WordBlocklistConfig::default()
        };
        config.check().unwrap();
        config.build(folder.path()).unwrap()
    }

    fn values(filter: &dyn Filter, text: &str, language: Option<&str>) -> Values {
        let mut document = Document::new("x", text, Provenance::default());
        document.language = language.map(str::to_owned);
        filter.measure(&Analysis::new(&document)).values
    }

    /// Every verdict of datatrove's filter with the same lists; made by scripts/reference/url_filter.py.
    #[test]
    fn agrees_with_datatrove() {
        let golden: serde_json::Value = serde_json::from_str(GOLDEN).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        assert!(cases.len() >= 30);
        for case in cases {
            let language = case[0].as_str().unwrap();
            let list = golden["lists"][language].as_array().unwrap();
            let words: Vec<&str> = list.iter().map(|word| word.as_str().unwrap()).collect();
            let filter = build(&words, Some(language));
            let text = case[1].as_str().unwrap();
            let dropped = filter.decide(&values(&*filter, text, None)) != Verdict::Keep;
            assert_eq!(dropped, case[2].as_bool().unwrap(), "{language} {text:?}");
        }
    }

    #[test]
    fn counts_and_names() {
        let filter = build(&["darn", "darn it", "heck"], Some("en"));
        for (text, language, count, first) in [
            ("Darn it, what the HECK.", None, 3.0, Some("darn")),
            ("darning hecks", None, 0.0, None),
            ("heck", Some("en-GB"), 1.0, Some("heck")),
            ("heck", Some("de"), 0.0, None),
        ] {
            let values = values(&*filter, text, language);
            assert_eq!(values.get_number(COUNT), count, "{text}");
            let expected = first.map(|word| super::super::Measure::Text(word.into()));
            assert_eq!(values.get(FIRST), expected.as_ref());
        }
        assert!(WordBlocklistConfig::default().check().is_err());
    }
}
