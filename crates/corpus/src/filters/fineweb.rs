//! The rules that FineWeb added: Penedo et al. 2024, "The FineWeb Datasets" (arXiv:2406.17557), section 3.6, as
//! datatrove 0.10.1 has them (`fineweb_quality_filter.py`).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::repeats::Repeats;
use super::rule::{Limit, Rule, check, judge, ratio, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::words::{Words, punctuation, python};

/// `kind = "fineweb"`. Lines are what stands between line feeds, blank ones left out. Every threshold is kept at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinewebConfig {
    /// What a word is (`spacy`, as in datatrove).
    pub words: Words,
    /// Share of lines whose last character ends a sentence, at least (0.12).
    pub min_terminal_line_fraction: f64,
    /// Whether a document without any such line passes that rule all the same (false).
    pub allow_no_terminal_line: bool,
    /// The characters that end a sentence, if they are not the 159 marks of datatrove. Another list is another measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_characters: Option<String>,
    /// Share of short lines, at most (0.67).
    pub max_short_line_fraction: f64,
    /// Characters of the longest line that is short (30). Another length is another measure.
    pub short_line_length: usize,
    /// Characters of lines that were there before, as a share of all but line feeds, at most (0.01).
    pub max_duplicate_line_character_fraction: f64,
    /// Line feeds a word, at most (0.3).
    pub max_line_to_word_ratio: f64,
}

impl Default for FinewebConfig {
    fn default() -> Self {
        Self {
            words: Words::Spacy,
            min_terminal_line_fraction: 0.12,
            allow_no_terminal_line: false,
            terminal_characters: None,
            max_short_line_fraction: 0.67,
            short_line_length: 30,
            max_duplicate_line_character_fraction: 0.01,
            max_line_to_word_ratio: 0.3,
        }
    }
}

const LINES: &str = "lines";
const TERMINAL_LINES: &str = "terminal_line_fraction";
const SHORT_LINES: &str = "short_line_fraction";
const DUPLICATE_CHARACTERS: &str = "duplicate_line_character_fraction";
const LINES_TO_WORDS: &str = "line_to_word_ratio";

impl FinewebConfig {
    #[rustfmt::skip]
    fn rules(&self) -> Vec<Rule> {
        use Limit::{AtLeast, AtMost};
        let table = [
            ("line_punct_ratio", TERMINAL_LINES, "min_terminal_line_fraction", AtLeast(self.min_terminal_line_fraction)),
            ("short_line_ratio", SHORT_LINES, "max_short_line_fraction", AtMost(self.max_short_line_fraction)),
            ("char_dup_ratio", DUPLICATE_CHARACTERS, "max_duplicate_line_character_fraction", AtMost(self.max_duplicate_line_character_fraction)),
            ("list_ratio", LINES_TO_WORDS, "max_line_to_word_ratio", AtMost(self.max_line_to_word_ratio)),
        ];
        let rules = table.map(|(reason, measure, key, limit)| Rule { reason, measure, key, limit });
        rules.into()
    }
}

impl Keys for FinewebConfig {
    fn check(&self) -> Result<(), String> {
        check(&self.rules())?;
        if self.min_terminal_line_fraction > 1.0 {
            return Err(format!(
                "min_terminal_line_fraction = {}: expected a share from 0 to 1",
                self.min_terminal_line_fraction
            ));
        }
        Ok(())
    }

    fn build(&self, _base: &Path) -> Result<Box<dyn Filter>, Error> {
        Ok(Box::new(Fineweb {
            config: self.clone(),
            rules: self.rules(),
        }))
    }
}

struct Fineweb {
    config: FinewebConfig,
    rules: Vec<Rule>,
}

impl Fineweb {
    fn is_terminal(&self, character: char) -> bool {
        match &self.config.terminal_characters {
            Some(characters) => characters.contains(character),
            None => punctuation::is_terminal_punctuation(character),
        }
    }
}

impl Filter for Fineweb {
    fn kind(&self) -> &'static str {
        "fineweb"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let text = analysis.text();
        let (mut terminal, mut short) = (0, 0);
        let lines = text
            .split('\n')
            .filter(|line| line.chars().any(|character| !python::is_space(character)));
        let lines = Repeats::of(lines.inspect(|line| {
            terminal += usize::from(
                line.chars()
                    .next_back()
                    .is_some_and(|last| self.is_terminal(last)),
            );
            short += usize::from(is_short(line, self.config.short_line_length));
        }));
        let line_feeds = memchr::memchr_iter(b'\n', text.as_bytes()).count();
        let characters = analysis.characters() - line_feeds;
        let words = analysis.words(self.config.words).len();
        let mut values = Values::new();
        values.number(LINES, lines.all as f64);
        values.number(TERMINAL_LINES, ratio(terminal, lines.all));
        values.number(SHORT_LINES, ratio(short, lines.all));
        values.number(
            DUPLICATE_CHARACTERS,
            ratio(lines.repeated_characters, characters),
        );
        values.number(LINES_TO_WORDS, ratio(line_feeds, words));
        Measured {
            values,
            rewritten: None,
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        if values.get_number(LINES) == 0.0 {
            return Verdict::Drop("empty");
        }
        let passes = self.config.allow_no_terminal_line && values.get_number(TERMINAL_LINES) == 0.0;
        judge(&self.rules[usize::from(passes)..], values)
    }

    fn thresholds(&self) -> Values {
        thresholds(&self.rules)
    }
}

/// Whether a line has at most so many characters.
fn is_short(line: &str, most: usize) -> bool {
    // A character has at most four bytes.
    line.len() <= most || (line.len() <= most.saturating_mul(4) && python::len(line) <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_is_a_number_of_characters() {
        let check = |line: &str, expected| assert_eq!(is_short(line, 4), expected, "{line:?}");
        check("", true);
        check("abcd", true);
        check("abcde", false);
        check("éééé", true);
        check("ééééé", false);
        check("𐍈𐍈𐍈𐍈", true);
        check("aaaaaaaaaaaaaaaaaaaa", false);
    }
}
