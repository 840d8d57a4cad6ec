//! The repetition rules of Gopher: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
//! Gopher" (arXiv:2112.11446), table A1.

use std::cell::RefCell;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::gopher_quality::GopherVariant;
use super::ngrams::Ngrams;
use super::repeats::Repeats;
use super::rule::{Limit, Rule, check, judge, ratio, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::words::{Words, python};

/// `kind = "gopher-repetition"`. Every share is kept at: a document with exactly 30 % duplicate lines passes
/// `max_duplicate_line_fraction = 0.3`. A rule is off where its share cannot be reached.
///
/// In the variant `datatrove` a duplicate is every repetition after the first, and shares are shares of all characters
/// of the text; in the variant `dolma` the first counts too, there are no paragraphs, and shares are shares of the
/// characters of words (of all n-grams, for n-grams of 5 and more words).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GopherRepetitionConfig {
    /// Whose reading of the paper.
    pub variant: GopherVariant,
    /// What a word is: of `datatrove` spaCy's pieces, if nothing is said; `dolma` knows white space alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
    /// Share of paragraphs that are duplicates (0.3).
    pub max_duplicate_paragraph_fraction: f64,
    /// Share of characters in duplicate paragraphs (0.2).
    pub max_duplicate_paragraph_character_fraction: f64,
    /// Share of lines that are duplicates (0.3).
    pub max_duplicate_line_fraction: f64,
    /// Share of characters in duplicate lines (0.2; in the variant `dolma` 0.3, as in the recipes of Dolma 1.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duplicate_line_character_fraction: Option<f64>,
    /// Share of characters in the most frequent pair of words (0.2).
    pub max_top_2_gram_fraction: f64,
    /// In the most frequent three words (0.18).
    pub max_top_3_gram_fraction: f64,
    /// In the most frequent four words (0.16).
    pub max_top_4_gram_fraction: f64,
    /// Share of characters in any five words that occur elsewhere (0.15).
    pub max_duplicate_5_gram_fraction: f64,
    /// In any six words (0.14).
    pub max_duplicate_6_gram_fraction: f64,
    /// In any seven words (0.13).
    pub max_duplicate_7_gram_fraction: f64,
    /// In any eight words (0.12).
    pub max_duplicate_8_gram_fraction: f64,
    /// In any nine words (0.11).
    pub max_duplicate_9_gram_fraction: f64,
    /// In any ten words (0.1).
    pub max_duplicate_10_gram_fraction: f64,
}

impl Default for GopherRepetitionConfig {
    fn default() -> Self {
        Self {
            variant: GopherVariant::default(),
            words: None,
            max_duplicate_paragraph_fraction: 0.3,
            max_duplicate_paragraph_character_fraction: 0.2,
            max_duplicate_line_fraction: 0.3,
            max_duplicate_line_character_fraction: None,
            max_top_2_gram_fraction: 0.2,
            max_top_3_gram_fraction: 0.18,
            max_top_4_gram_fraction: 0.16,
            max_duplicate_5_gram_fraction: 0.15,
            max_duplicate_6_gram_fraction: 0.14,
            max_duplicate_7_gram_fraction: 0.13,
            max_duplicate_8_gram_fraction: 0.12,
            max_duplicate_9_gram_fraction: 0.11,
            max_duplicate_10_gram_fraction: 0.1,
        }
    }
}

const CHARACTERS: &str = "characters";
const PARAGRAPHS: &str = "duplicate_paragraph_fraction";
const PARAGRAPH_CHARACTERS: &str = "duplicate_paragraph_character_fraction";
const LINES: &str = "duplicate_line_fraction";
const LINE_CHARACTERS: &str = "duplicate_line_character_fraction";
const TOP: [&str; 3] = [
    "top_2_gram_fraction",
    "top_3_gram_fraction",
    "top_4_gram_fraction",
];
const DUPLICATE: [&str; 6] = [
    "duplicate_5_gram_fraction",
    "duplicate_6_gram_fraction",
    "duplicate_7_gram_fraction",
    "duplicate_8_gram_fraction",
    "duplicate_9_gram_fraction",
    "duplicate_10_gram_fraction",
];

impl GopherRepetitionConfig {
    #[rustfmt::skip]
    fn rules(&self) -> Vec<Rule> {
        let line_characters = self.max_duplicate_line_character_fraction.unwrap_or(match self.variant {
            GopherVariant::Datatrove => 0.2,
            GopherVariant::Dolma => 0.3,
        });
        let table = [
            ("dup_para_frac", PARAGRAPHS, "max_duplicate_paragraph_fraction", self.max_duplicate_paragraph_fraction),
            ("dup_para_char_frac", PARAGRAPH_CHARACTERS, "max_duplicate_paragraph_character_fraction", self.max_duplicate_paragraph_character_fraction),
            ("dup_line_frac", LINES, "max_duplicate_line_fraction", self.max_duplicate_line_fraction),
            ("dup_line_char_frac", LINE_CHARACTERS, "max_duplicate_line_character_fraction", line_characters),
            ("top_2_gram", TOP[0], "max_top_2_gram_fraction", self.max_top_2_gram_fraction),
            ("top_3_gram", TOP[1], "max_top_3_gram_fraction", self.max_top_3_gram_fraction),
            ("top_4_gram", TOP[2], "max_top_4_gram_fraction", self.max_top_4_gram_fraction),
            ("duplicated_5_n_grams", DUPLICATE[0], "max_duplicate_5_gram_fraction", self.max_duplicate_5_gram_fraction),
            ("duplicated_6_n_grams", DUPLICATE[1], "max_duplicate_6_gram_fraction", self.max_duplicate_6_gram_fraction),
            ("duplicated_7_n_grams", DUPLICATE[2], "max_duplicate_7_gram_fraction", self.max_duplicate_7_gram_fraction),
            ("duplicated_8_n_grams", DUPLICATE[3], "max_duplicate_8_gram_fraction", self.max_duplicate_8_gram_fraction),
            ("duplicated_9_n_grams", DUPLICATE[4], "max_duplicate_9_gram_fraction", self.max_duplicate_9_gram_fraction),
            ("duplicated_10_n_grams", DUPLICATE[5], "max_duplicate_10_gram_fraction", self.max_duplicate_10_gram_fraction),
        ];
        let rules = table.map(|(reason, measure, key, most)| Rule { reason, measure, key, limit: Limit::AtMost(most) });
        rules.into()
    }
}

impl Keys for GopherRepetitionConfig {
    fn check(&self) -> Result<(), String> {
        self.variant.check(self.words)?;
        check(&self.rules())
    }

    fn build(&self, _base: &Path) -> Result<Box<dyn Filter>, Error> {
        Ok(Box::new(GopherRepetition {
            variant: self.variant,
            words: self.variant.words(self.words),
            rules: self.rules(),
        }))
    }
}

struct GopherRepetition {
    variant: GopherVariant,
    words: Words,
    rules: Vec<Rule>,
}

thread_local! {
    /// Tables that each document of a thread uses again.
    static NGRAMS: RefCell<Ngrams> = RefCell::default();
}

impl Filter for GopherRepetition {
    fn kind(&self) -> &'static str {
        "gopher-repetition"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let words = analysis.words(self.words);
        let values = NGRAMS.with_borrow_mut(|ngrams| {
            ngrams.read(analysis.text(), words);
            match self.variant {
                GopherVariant::Datatrove => as_datatrove(analysis, ngrams),
                GopherVariant::Dolma => as_dolma(analysis, ngrams),
            }
        });
        Measured {
            values,
            rewritten: None,
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        if values.get_number(CHARACTERS) == 0.0 {
            return Verdict::Drop("empty");
        }
        judge(&self.rules, values)
    }

    fn thresholds(&self) -> Values {
        thresholds(&self.rules)
    }
}

fn as_datatrove(analysis: &Analysis<'_>, ngrams: &mut Ngrams) -> Values {
    let (text, length) = (analysis.text(), analysis.characters());
    let mut values = Values::new();
    values.number(CHARACTERS, length as f64);

    let paragraphs = Repeats::of(between_ends_of_lines(python::strip(text), 2));
    values.number(PARAGRAPHS, ratio(paragraphs.repeated, paragraphs.all));
    values.number(
        PARAGRAPH_CHARACTERS,
        ratio(paragraphs.repeated_characters, length),
    );
    let lines = Repeats::of(between_ends_of_lines(text, 1));
    values.number(LINES, ratio(lines.repeated, lines.all));
    values.number(LINE_CHARACTERS, ratio(lines.repeated_characters, length));

    for (order, name) in (2_usize..).zip(TOP) {
        ngrams.longer();
        let with_spaces = ngrams
            .top()
            .map_or(0, |top| top.count * (top.characters + order as u64 - 1));
        values.number(name, ratio(with_spaces as usize, length));
    }
    ngrams.find_repeats();
    for (order, name) in (5..).zip(DUPLICATE) {
        values.number(name, ratio(ngrams.struck_out(order) as usize, length));
    }
    values
}

fn as_dolma(analysis: &Analysis<'_>, ngrams: &mut Ngrams) -> Values {
    let (text, length) = (analysis.text(), analysis.characters());
    let word_characters = ngrams.characters() as usize;
    let mut values = Values::new();
    values.number(CHARACTERS, length as f64);
    let lines = Repeats::of(text.split('\n'));
    values.number(LINES, ratio(lines.in_groups, lines.all));
    // Where there are no words the tagger divides by one.
    values.number(
        LINE_CHARACTERS,
        ratio(lines.in_groups_characters, word_characters.max(1)),
    );
    for name in TOP {
        ngrams.longer();
        let top = ngrams.top().map_or(0, |top| top.count * top.characters);
        values.number(name, ratio(top as usize, word_characters));
    }
    for name in DUPLICATE {
        ngrams.longer();
        let (repeated, all) = ngrams.repeated_and_all();
        values.number(name, ratio(repeated as usize, all as usize));
    }
    values
}

/// A text cut at every run of so many or more line feeds, as `re.split(r"\n{2,}", text)` cuts it: a run at an end leaves
/// an empty piece there.
fn between_ends_of_lines(text: &str, least: usize) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut start = Some(0);
    std::iter::from_fn(move || {
        let from = start?;
        let mut at = from;
        while let Some(found) = memchr::memchr(b'\n', &bytes[at..]) {
            let end = at + found;
            let run = bytes[end..]
                .iter()
                .take_while(|&&byte| byte == b'\n')
                .count();
            at = end + run;
            if run >= least {
                start = Some(at);
                return Some(&text[from..end]);
            }
        }
        start = None;
        Some(&text[from..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_as_a_regular_expression_cuts_them() {
        let check = |text: &str, least: usize, expected: &[&str]| {
            let pieces: Vec<&str> = between_ends_of_lines(text, least).collect();
            assert_eq!(pieces, expected, "{text:?}");
        };
        check("", 1, &[""]);
        check("a", 1, &["a"]);
        check("a\n", 1, &["a", ""]);
        check("\n\na\n\n\nb", 1, &["", "a", "b"]);
        check("\n", 2, &["\n"]);
        check("a\nb\n\nc\n\n\n\nd\n", 2, &["a\nb", "c", "d\n"]);
        check("\n\n", 2, &["", ""]);
        check("a\r\n\r\nb", 2, &["a\r\n\r\nb"]);
    }
}
