//! The quality rules of Gopher: Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
//! Gopher" (arXiv:2112.11446), appendix A.1.1.
//!
//! The paper leaves open what a word, a bullet and a mean are; the variants are two published readings of it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::lengths::Lengths;
use super::rule::{Limit, Rule, check, judge, ratio, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::words::{Words, punctuation, python};

/// `kind = "gopher-quality"`. Every threshold is kept at: a document with exactly 50 words passes `min_words = 50`.
///
/// ```
/// use kiln_corpus::filters::FilterConfig;
///
/// let filter: FilterConfig =
///     toml::from_str("kind = \"gopher-quality\"\nmin_words = 20\nwords = \"whitespace\"")?;
/// filter.check()?;
/// assert!(toml::from_str::<FilterConfig>("kind = \"gopher-quality\"\nmin_word = 20").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GopherQualityConfig {
    /// Whose reading of the paper.
    pub variant: GopherVariant,
    /// What a word is: of `datatrove` spaCy's pieces, if nothing is said; `dolma` knows white space alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
    /// Words a document has at least (50). In the variant `datatrove` words of punctuation alone do not count.
    pub min_words: u64,
    /// Words a document has at most (100000).
    pub max_words: u64,
    /// Characters a word has at least on average (3).
    pub min_mean_word_length: f64,
    /// Characters a word has at most on average (10).
    pub max_mean_word_length: f64,
    /// Number signs a word, and ellipses a word, at most (0.1).
    pub max_symbol_to_word_ratio: f64,
    /// Share of lines that begin with a bullet, at most (0.9).
    pub max_bullet_line_fraction: f64,
    /// Share of lines that end with an ellipsis, at most (0.3).
    pub max_ellipsis_line_fraction: f64,
    /// Share of words with a letter, at least (0.8).
    pub min_alphabetic_word_fraction: f64,
    /// Stop words a document has at least (2): different ones in the variant `datatrove`, occurrences in `dolma`.
    pub min_stop_words: u64,
    /// The stop words, as they are spelled in the text (the be to of and that have with).
    pub stop_words: Vec<String>,
}

/// Whose reading of Gopher's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GopherVariant {
    /// datatrove 0.10.1, `gopher_quality_filter.py` and `gopher_repetition_filter.py`: the filters of FineWeb.
    #[default]
    Datatrove,
    /// The tagger `gopher_v1` of the dolma toolkit (`taggers/gopher.py`) with the thresholds of Dolma 1.6: words between
    /// white space; the median of their lengths in place of the mean; words with a `#` or `…` in place of these marks;
    /// `*` and `-` at the very beginning of a line as bullets and `…` at its very end; every occurrence of what is
    /// repeated, the first too, out of the characters of the words.
    Dolma,
}

impl Default for GopherQualityConfig {
    fn default() -> Self {
        Self {
            variant: GopherVariant::default(),
            words: None,
            min_words: 50,
            max_words: 100_000,
            min_mean_word_length: 3.0,
            max_mean_word_length: 10.0,
            max_symbol_to_word_ratio: 0.1,
            max_bullet_line_fraction: 0.9,
            max_ellipsis_line_fraction: 0.3,
            min_alphabetic_word_fraction: 0.8,
            min_stop_words: 2,
            stop_words: ["the", "be", "to", "of", "and", "that", "have", "with"]
                .map(String::from)
                .to_vec(),
        }
    }
}

impl GopherVariant {
    /// The words it counts, if these are not said.
    pub(super) fn words(self, said: Option<Words>) -> Words {
        match self {
            Self::Datatrove => said.unwrap_or(Words::Spacy),
            Self::Dolma => Words::Whitespace,
        }
    }

    pub(super) fn check(self, said: Option<Words>) -> Result<(), String> {
        match (self, said) {
            (Self::Dolma, Some(words)) if words != Words::Whitespace => Err(
                "variant = \"dolma\" counts the words between white space: leave out `words`"
                    .into(),
            ),
            _ => Ok(()),
        }
    }
}

impl GopherQualityConfig {
    fn rules(&self) -> Vec<Rule> {
        let rule = |reason, measure, key, limit| Rule {
            reason,
            measure,
            key,
            limit,
        };
        let least = Limit::AtLeast;
        let most = Limit::AtMost;
        let short = rule(
            "gopher_short_doc",
            WORDS,
            "min_words",
            least(self.min_words as f64),
        );
        let long = rule(
            "gopher_long_doc",
            WORDS,
            "max_words",
            most(self.max_words as f64),
        );
        let length = match self.variant {
            GopherVariant::Datatrove => MEAN_WORD_LENGTH,
            GopherVariant::Dolma => MEDIAN_WORD_LENGTH,
        };
        let below = rule(
            "gopher_below_avg_threshold",
            length,
            "min_mean_word_length",
            least(self.min_mean_word_length),
        );
        let above = rule(
            "gopher_above_avg_threshold",
            length,
            "max_mean_word_length",
            most(self.max_mean_word_length),
        );
        let symbols = |reason, measure| {
            rule(
                reason,
                measure,
                "max_symbol_to_word_ratio",
                most(self.max_symbol_to_word_ratio),
            )
        };
        let bullets = rule(
            "gopher_too_many_bullets",
            BULLET_LINES,
            "max_bullet_line_fraction",
            most(self.max_bullet_line_fraction),
        );
        let end_ellipses = rule(
            "gopher_too_many_end_ellipsis",
            ELLIPSIS_LINES,
            "max_ellipsis_line_fraction",
            most(self.max_ellipsis_line_fraction),
        );
        let alphabetic = rule(
            "gopher_below_alpha_threshold",
            ALPHABETIC_WORDS,
            "min_alphabetic_word_fraction",
            least(self.min_alphabetic_word_fraction),
        );
        let stop_words = rule(
            "gopher_enough_stop_words",
            STOP_WORDS,
            "min_stop_words",
            least(self.min_stop_words as f64),
        );
        let mut rules = vec![short, long, below, above];
        match self.variant {
            GopherVariant::Datatrove => rules.extend([
                symbols("gopher_too_many_hashes", HASHES),
                symbols("gopher_too_many_ellipsis", ELLIPSES),
            ]),
            GopherVariant::Dolma => rules.push(symbols("gopher_too_many_symbols", SYMBOLS)),
        }
        rules.extend([bullets, end_ellipses, alphabetic, stop_words]);
        rules
    }
}

impl Keys for GopherQualityConfig {
    fn check(&self) -> Result<(), String> {
        self.variant.check(self.words)?;
        check(&self.rules())?;
        if self.min_words > self.max_words {
            return Err(format!(
                "min_words = {} is above max_words = {}",
                self.min_words, self.max_words
            ));
        }
        if self.min_mean_word_length > self.max_mean_word_length {
            return Err(format!(
                "min_mean_word_length = {} is above max_mean_word_length = {}",
                self.min_mean_word_length, self.max_mean_word_length
            ));
        }
        if self.min_alphabetic_word_fraction > 1.0 {
            return Err(format!(
                "min_alphabetic_word_fraction = {}: expected a share from 0 to 1",
                self.min_alphabetic_word_fraction
            ));
        }
        if self.stop_words.iter().any(|word| word.is_empty()) {
            return Err("stop_words: one of them is empty".into());
        }
        Ok(())
    }

    fn build(&self, _base: &Path) -> Result<Box<dyn Filter>, Error> {
        Ok(Box::new(GopherQuality {
            variant: self.variant,
            words: self.variant.words(self.words),
            stop_words: StopWords::new(&self.stop_words),
            rules: self.rules(),
        }))
    }
}

const WORDS: &str = "words";
const MEAN_WORD_LENGTH: &str = "mean_word_length";
const MEDIAN_WORD_LENGTH: &str = "median_word_length";
const HASHES: &str = "hash_to_word_ratio";
const ELLIPSES: &str = "ellipsis_to_word_ratio";
const SYMBOLS: &str = "symbol_to_word_ratio";
const BULLET_LINES: &str = "bullet_line_fraction";
const ELLIPSIS_LINES: &str = "ellipsis_line_fraction";
const ALPHABETIC_WORDS: &str = "alphabetic_word_fraction";
const STOP_WORDS: &str = "stop_words";

struct GopherQuality {
    variant: GopherVariant,
    words: Words,
    stop_words: StopWords,
    rules: Vec<Rule>,
}

impl Filter for GopherQuality {
    fn kind(&self) -> &'static str {
        "gopher-quality"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let words = analysis.words(self.words);
        let values = match self.variant {
            GopherVariant::Datatrove => self.as_datatrove(analysis, words),
            GopherVariant::Dolma => self.as_dolma(analysis.text(), words),
        };
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

impl GopherQuality {
    fn as_datatrove(&self, analysis: &Analysis<'_>, words: &[&str]) -> Values {
        let text = analysis.text();
        let mut lengths = Lengths::of(text);
        let (mut counted, mut characters, mut alphabetic) = (0, 0, 0);
        let mut stop_words = self.stop_words.none_found();
        let mut missing = stop_words.len();
        for word in words {
            let (more_than_marks, letter) = composition(word);
            if more_than_marks {
                counted += 1;
                characters += lengths.next(word);
            }
            alphabetic += usize::from(letter);
            if missing > 0
                && let Some(found) = self.stop_words.find(word)
            {
                missing -= usize::from(!stop_words[found]);
                stop_words[found] = true;
            }
        }
        let ellipses = count(text, "...") + count(text, "…");
        let (mut lines, mut bullets, mut end_ellipses) = (0, 0, 0);
        for line in analysis.lines() {
            lines += 1;
            bullets += usize::from(python::lstrip(line).starts_with(['•', '-']));
            let end = python::rstrip(line);
            end_ellipses += usize::from(end.ends_with("...") || end.ends_with('…'));
        }
        let mut values = Values::new();
        values.number(WORDS, counted as f64);
        values.number(MEAN_WORD_LENGTH, ratio(characters, counted));
        values.number(HASHES, ratio(count(text, "#"), words.len()));
        values.number(ELLIPSES, ratio(ellipses, words.len()));
        values.number(BULLET_LINES, ratio(bullets, lines));
        values.number(ELLIPSIS_LINES, ratio(end_ellipses, lines));
        values.number(ALPHABETIC_WORDS, ratio(alphabetic, words.len()));
        values.number(STOP_WORDS, (stop_words.len() - missing) as f64);
        values
    }

    fn as_dolma(&self, text: &str, words: &[&str]) -> Values {
        let (mut symbols, mut alphabetic, mut stop_words) = (0, 0, 0_u64);
        let mut lengths = Vec::with_capacity(words.len());
        for word in words {
            symbols += usize::from(word.contains(['#', '…']));
            alphabetic += usize::from(composition(word).1);
            stop_words += u64::from(self.stop_words.find(word).is_some());
            lengths.push(python::len(word));
        }
        let (mut lines, mut bullets, mut end_ellipses) = (0, 0, 0);
        // The tagger measures nothing of an empty text.
        for line in text.split('\n').filter(|_| !text.is_empty()) {
            lines += 1;
            bullets += usize::from(line.starts_with(['*', '-']));
            end_ellipses += usize::from(line.ends_with('…'));
        }
        let mut values = Values::new();
        values.number(WORDS, words.len() as f64);
        values.number(MEDIAN_WORD_LENGTH, median(&mut lengths));
        values.number(SYMBOLS, ratio(symbols, words.len()));
        values.number(BULLET_LINES, ratio(bullets, lines));
        values.number(ELLIPSIS_LINES, ratio(end_ellipses, lines));
        values.number(ALPHABETIC_WORDS, ratio(alphabetic, words.len()));
        values.number(STOP_WORDS, stop_words as f64);
        values
    }
}

/// How often a mark occurs, without overlaps.
fn count(text: &str, mark: &str) -> usize {
    match mark.as_bytes() {
        [byte] => memchr::memchr_iter(*byte, text.as_bytes()).count(),
        bytes => memchr::memmem::find_iter(text.as_bytes(), bytes).count(),
    }
}

/// The middle of some numbers, of an even number of them the mean of both in the middle; 0 if there are none.
fn median(numbers: &mut [usize]) -> f64 {
    if numbers.is_empty() {
        return 0.0;
    }
    let middle = numbers.len() / 2;
    let even = numbers.len().is_multiple_of(2);
    let (below, &mut high, _) = numbers.select_nth_unstable(middle);
    match below.iter().max() {
        Some(&low) if even => (low + high) as f64 / 2.0,
        _ => high as f64,
    }
}

/// Whether a word has a character that is no punctuation, and whether it has a letter.
#[inline]
fn composition(word: &str) -> (bool, bool) {
    // Most words begin with a letter.
    match word.as_bytes() {
        [first, ..] if first.is_ascii_alphabetic() => (true, true),
        _ => composition_of_any(word),
    }
}

fn composition_of_any(word: &str) -> (bool, bool) {
    const MARK: u8 = 0;
    const OTHER: u8 = 1;
    const LETTER: u8 = 2;
    const WIDE: u8 = 3;
    const CLASSES: [u8; 256] = {
        let mut classes = [MARK; 256];
        let mut byte = 0;
        while byte < 256 {
            classes[byte] = match byte as u8 {
                b'a'..=b'z' | b'A'..=b'Z' => LETTER,
                // All else of ASCII is in the set of marks.
                b'0'..=b'9' | b'\t' | b'\n' | b' ' => OTHER,
                0x80.. => WIDE,
                _ => MARK,
            };
            byte += 1;
        }
        classes
    };
    let mut more_than_marks = false;
    for (at, byte) in word.bytes().enumerate() {
        match CLASSES[usize::from(byte)] {
            MARK => {}
            OTHER => more_than_marks = true,
            LETTER => return (true, true),
            _ => {
                for character in word[at..].chars() {
                    if python::is_alpha(character) {
                        return (true, true);
                    }
                    more_than_marks = more_than_marks || !punctuation::is_punctuation(character);
                }
                break;
            }
        }
    }
    (more_than_marks, false)
}

/// A list of words to be found.
struct StopWords {
    /// In the order of their bytes, each once.
    words: Vec<Box<[u8]>>,
    /// Where those that begin with a byte are among them.
    places: Box<[std::ops::Range<usize>; 256]>,
    /// How long those that begin with a byte are: bit 2 for two bytes, bit 63 for 63 and more.
    lengths: Box<[u64; 256]>,
}

impl StopWords {
    fn new(words: &[String]) -> Self {
        let mut words: Vec<Box<[u8]>> = words.iter().map(|word| word.as_bytes().into()).collect();
        words.sort_unstable();
        words.dedup();
        let begins = |word: &[u8]| word.first().map(|&first| usize::from(first));
        let places = std::array::from_fn(|byte| {
            let start = words.partition_point(|word| begins(word) < Some(byte));
            start..words.partition_point(|word| begins(word) <= Some(byte))
        });
        let mut lengths = Box::new([0; 256]);
        for word in &words {
            if let Some(&first) = word.first() {
                lengths[usize::from(first)] |= 1 << word.len().min(63);
            }
        }
        Self {
            words,
            places: Box::new(places),
            lengths,
        }
    }

    fn none_found(&self) -> Vec<bool> {
        vec![false; self.words.len()]
    }

    #[inline]
    fn find(&self, word: &str) -> Option<usize> {
        let word = word.as_bytes();
        let first = usize::from(*word.first()?);
        if self.lengths[first] >> word.len().min(63) & 1 == 0 {
            return None;
        }
        let places = self.places[first].clone();
        self.words[places.clone()]
            .iter()
            .position(|other| **other == *word)
            .map(|at| places.start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_letters_and_what_is_neither_are_told_apart() {
        let check = |word, expected| assert_eq!(composition(word), expected, "{word:?}");
        check("word", (true, true));
        check("--", (false, false));
        check("1", (true, false));
        check("(1)", (true, false));
        check("«é»", (true, true));
        check("…。", (false, false));
        check("…½", (true, false));
        check("१२a", (true, true));
        check("|", (false, false));
        check("", (false, false));
        for (code, mark) in (0..=0x7f_u8).map(|code| (code, char::from(code))) {
            let (other, letter) = composition(&mark.to_string());
            assert_eq!(other, !punctuation::is_punctuation(mark), "{code}");
            assert_eq!(letter, mark.is_ascii_alphabetic(), "{code}");
        }
        let letters = (0..=u32::from(char::MAX))
            .filter_map(char::from_u32)
            .filter(|&c| python::is_alpha(c));
        assert_eq!(
            letters.filter(|&c| punctuation::is_punctuation(c)).count(),
            0
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let check = |numbers: &[usize], expected| {
            assert_eq!(median(&mut numbers.to_vec()), expected, "{numbers:?}")
        };
        check(&[], 0.0);
        check(&[4], 4.0);
        check(&[9, 1], 5.0);
        check(&[3, 9, 1], 3.0);
        check(&[4, 9, 1, 3], 3.5);
        check(&[2, 2, 2, 2], 2.0);
    }

    #[test]
    fn stop_words_are_found_as_they_are_spelled() {
        let words = StopWords::new(&["the", "to", "über", "then", "to"].map(String::from));
        let check = |word, expected| assert_eq!(words.find(word).is_some(), expected, "{word:?}");
        check("the", true);
        check("to", true);
        check("über", true);
        check("The", false);
        check("th", false);
        check("", false);
        check("zebra", false);
        assert_eq!(words.none_found().len(), 4);
        assert_ne!(words.find("the"), words.find("then"));
    }
}
