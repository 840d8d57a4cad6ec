//! The rules of C4: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
//! Transformer" (arXiv:1910.10683), section 2.2, as datatrove 0.10.1 has them (`c4_filters.py`, which follows
//! `c4_utils.py` of TensorFlow Datasets).
//!
//! Line rules take lines out of a document; document rules see what is left. A line that one rule takes out is seen by no
//! later rule, so each rule has its place in the order: the length of words, references, the end of the line, the number
//! of words, "lorem ipsum" (document), "javascript", curly brackets (document), phrases of policies, sentences (document).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::Keys;
use super::rule::{Limit, Rule, check, judge, thresholds};
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::words::{Words, python, sentence_count, sentence_count_of_words};

/// `kind = "c4"`.
///
/// What takes out lines belongs to measuring: with another `words`, `remove_citations`, `require_terminal_punctuation`,
/// `min_words_per_line`, `max_word_length`, `drop_javascript_lines` or `drop_policy_lines` other lines are left, and the
/// documents have to be read again. `drop_lorem_ipsum`, `drop_curly_brackets` and `min_sentences` judge what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct C4Config {
    /// How sentences are counted (`spacy`, as in datatrove). The words of a line stand between white space, always.
    pub words: Words,
    /// Take out references as Wikipedia has them, `[1]`, `[]`, `[edit]` and `[citation needed]` (true).
    pub remove_citations: bool,
    /// Take out lines that do not end in `.`, `?`, `!`, `"` or `'`, or that end in `...` (true; FineWeb: false).
    pub require_terminal_punctuation: bool,
    /// Take out lines with fewer words, references counted (3).
    pub min_words_per_line: usize,
    /// Take out lines with a word of more characters (1000).
    pub max_word_length: usize,
    /// Drop documents with "lorem ipsum" in a line (true). Upper and lower case are the same here and below.
    pub drop_lorem_ipsum: bool,
    /// Take out lines with "javascript" (true).
    pub drop_javascript_lines: bool,
    /// Drop documents with `{` in a line (true).
    pub drop_curly_brackets: bool,
    /// Take out lines with "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies" or "use
    /// cookies" (true).
    pub drop_policy_lines: bool,
    /// Sentences that the lines which are left have together, at least (5).
    pub min_sentences: u64,
}

impl Default for C4Config {
    fn default() -> Self {
        Self {
            words: Words::Spacy,
            remove_citations: true,
            require_terminal_punctuation: true,
            min_words_per_line: 3,
            max_word_length: 1000,
            drop_lorem_ipsum: true,
            drop_javascript_lines: true,
            drop_curly_brackets: true,
            drop_policy_lines: true,
            min_sentences: 5,
        }
    }
}

const LINES: &str = "lines";
const KEPT_LINES: &str = "kept_lines";
const LONG_WORD: &str = "lines_with_long_word";
const NO_TERMINAL: &str = "lines_without_terminal_punctuation";
const FEW_WORDS: &str = "lines_with_few_words";
const JAVASCRIPT: &str = "lines_with_javascript";
const POLICY: &str = "lines_with_policy";
const LOREM_IPSUM: &str = "first_lorem_ipsum_line";
const CURLY_BRACKET: &str = "first_curly_bracket_line";
const SENTENCES: &str = "sentences";

const POLICIES: [&str; 6] = [
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
];

/// One of these is in each of the policies.
const SUSPECTS: [&str; 3] = ["terms of use", "privacy policy", "cookie"];

impl C4Config {
    fn rules(&self) -> [Rule; 1] {
        [Rule {
            reason: "too_few_sentences",
            measure: SENTENCES,
            key: "min_sentences",
            limit: Limit::AtLeast(self.min_sentences as f64),
        }]
    }
}

impl Keys for C4Config {
    fn check(&self) -> Result<(), String> {
        check(&self.rules())
    }

    fn build(&self, _base: &Path) -> Result<Box<dyn Filter>, Error> {
        Ok(Box::new(C4 {
            config: self.clone(),
            rules: self.rules(),
            phrases: Phrases::new(),
        }))
    }
}

struct C4 {
    config: C4Config,
    rules: [Rule; 1],
    phrases: Phrases,
}

/// What became of the lines of a document.
#[derive(Default)]
struct Lines<'a> {
    all: usize,
    kept: usize,
    long_word: usize,
    no_terminal: usize,
    few_words: usize,
    javascript: usize,
    policy: usize,
    /// Number of the first line with it, counted from 1; 0 if there is none.
    lorem_ipsum: usize,
    curly_bracket: usize,
    sentences: usize,
    text: String,
    /// The words from somewhere before the next line on, where sentences are counted by them.
    words: &'a [&'a str],
}

impl Lines<'_> {
    /// The sentences of the next line of a text.
    fn sentence_count(&mut self, text: &str, line: &str) -> usize {
        let range = line.as_bytes().as_ptr_range();
        let before = |end| move |word: &&str| word.as_ptr() < end;
        let start = self.words.partition_point(before(range.start));
        let (inside, behind) =
            self.words[start..].split_at(self.words[start..].partition_point(before(range.end)));
        self.words = behind;
        sentence_count_of_words(text, inside)
    }
}

impl Filter for C4 {
    fn kind(&self) -> &'static str {
        "c4"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let text = analysis.text();
        let mut lines = Lines {
            text: String::with_capacity(text.len()),
            ..Lines::default()
        };
        let suspect = self.phrases.may_be_in(text);
        if self.config.words == Words::Spacy {
            lines.words = analysis.words(Words::Spacy);
        }
        for line in analysis.lines() {
            self.read_line(text, line, suspect, &mut lines);
        }
        let mut values = Values::new();
        for (name, number) in [
            (LINES, lines.all),
            (KEPT_LINES, lines.kept),
            (LONG_WORD, lines.long_word),
            (NO_TERMINAL, lines.no_terminal),
            (FEW_WORDS, lines.few_words),
            (JAVASCRIPT, lines.javascript),
            (POLICY, lines.policy),
            (LOREM_IPSUM, lines.lorem_ipsum),
            (CURLY_BRACKET, lines.curly_bracket),
            (SENTENCES, lines.sentences),
        ] {
            values.number(name, number as f64);
        }
        let rewritten = python::strip(&lines.text);
        Measured {
            values,
            rewritten: (rewritten != text).then(|| rewritten.to_owned()),
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        let first = |is_on: bool, name| {
            let line = values.get_number(name);
            if is_on && line > 0.0 {
                line
            } else {
                f64::INFINITY
            }
        };
        let lorem_ipsum = first(self.config.drop_lorem_ipsum, LOREM_IPSUM);
        let curly_bracket = first(self.config.drop_curly_brackets, CURLY_BRACKET);
        // In one line "lorem ipsum" is looked for first.
        if lorem_ipsum.is_finite() && lorem_ipsum <= curly_bracket {
            Verdict::Drop("lorem_ipsum")
        } else if curly_bracket.is_finite() {
            Verdict::Drop("curly_bracket")
        } else {
            judge(&self.rules, values)
        }
    }

    fn thresholds(&self) -> Values {
        thresholds(&self.rules)
    }
}

impl C4 {
    fn read_line(&self, text: &str, line: &str, suspect: bool, lines: &mut Lines<'_>) {
        lines.all += 1;
        let config = &self.config;
        let line = python::strip(line);
        let is_long = |word: &str| {
            word.len() > config.max_word_length && python::len(word) > config.max_word_length
        };
        if line.len() > config.max_word_length && python::split(line).any(is_long) {
            lines.long_word += 1;
            return;
        }
        let words = python::split(line).take(config.min_words_per_line).count();
        let cleaned = if config.remove_citations {
            without_citations(line)
        } else {
            None
        };
        let (line, suspect) = match &cleaned {
            // What stood on both sides of a reference may be a phrase now.
            Some(cleaned) => (cleaned.as_str(), true),
            None => (line, suspect),
        };
        if config.require_terminal_punctuation
            && (!line.ends_with(['.', '?', '!', '"', '\'']) || line.ends_with("..."))
        {
            lines.no_terminal += 1;
            return;
        }
        if words < config.min_words_per_line {
            lines.few_words += 1;
            return;
        }
        let has = if suspect {
            self.phrases.find(line)
        } else {
            Found::default()
        };
        if has.lorem_ipsum && lines.lorem_ipsum == 0 {
            lines.lorem_ipsum = lines.all;
        }
        if has.javascript && config.drop_javascript_lines {
            lines.javascript += 1;
            return;
        }
        if lines.curly_bracket == 0 && memchr::memchr(b'{', line.as_bytes()).is_some() {
            lines.curly_bracket = lines.all;
        }
        if has.policy && config.drop_policy_lines {
            lines.policy += 1;
            return;
        }
        let sentences = match (config.words, &cleaned) {
            (Words::Whitespace, _) => 1,
            (Words::Spacy, None) => lines.sentence_count(text, line),
            (Words::Spacy, Some(cleaned)) => sentence_count(Words::Spacy, cleaned),
        };
        // A line of which only its references were words has a sentence, too.
        lines.sentences += sentences.max(1);
        if lines.kept > 0 {
            lines.text.push('\n');
        }
        lines.text.push_str(line);
        lines.kept += 1;
    }
}

/// A line without `\[\d*]|\[edit]|\[citation needed]`, if it has any.
fn without_citations(line: &str) -> Option<String> {
    let mut cleaned = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'[', line.as_bytes().get(at..)?) {
        let start = at + found;
        let inside = &line[start + 1..];
        let length = ["edit]", "citation needed]"]
            .iter()
            .find(|words| inside.starts_with(**words))
            .map(|words| words.len())
            .or_else(|| {
                let rest = inside.trim_start_matches(python::is_digit);
                rest.starts_with(']').then(|| inside.len() - rest.len() + 1)
            });
        at = start + 1;
        if let Some(length) = length {
            cleaned.push_str(&line[copied..start]);
            at += length;
            copied = at;
        }
    }
    (copied > 0).then(|| cleaned + &line[copied..])
}

/// The phrases that are looked for in small letters.
struct Phrases {
    lorem_ipsum: memchr::memmem::Finder<'static>,
    javascript: memchr::memmem::Finder<'static>,
    policies: [memchr::memmem::Finder<'static>; POLICIES.len()],
    suspects: [memchr::memmem::Finder<'static>; SUSPECTS.len()],
}

/// Which phrases a line has.
#[derive(Clone, Copy, Default)]
struct Found {
    lorem_ipsum: bool,
    javascript: bool,
    policy: bool,
}

impl Phrases {
    fn new() -> Self {
        let finder = |phrase: &'static str| memchr::memmem::Finder::new(phrase);
        Self {
            lorem_ipsum: finder("lorem ipsum"),
            javascript: finder("javascript"),
            policies: POLICIES.map(finder),
            suspects: SUSPECTS.map(finder),
        }
    }

    fn find(&self, text: &str) -> Found {
        let lower = lowercase(text);
        let has = |finder: &memchr::memmem::Finder<'_>| finder.find(lower.as_bytes()).is_some();
        Found {
            lorem_ipsum: has(&self.lorem_ipsum),
            javascript: has(&self.javascript),
            policy: self.policies.iter().any(has),
        }
    }

    /// Whether any may be in a text: most policies are found by the word that they share.
    fn may_be_in(&self, text: &str) -> bool {
        let lower = lowercase(text);
        let has = |finder: &memchr::memmem::Finder<'_>| finder.find(lower.as_bytes()).is_some();
        has(&self.lorem_ipsum) || has(&self.javascript) || self.suspects.iter().any(has)
    }
}

/// A text whose letters of ASCII are small, and those that become such: of all others the Kelvin sign alone. (The capital
/// I with a dot becomes an i and a combining dot, which no phrase contains.)
fn lowercase(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if memchr::memmem::find(lower.as_bytes(), "\u{212a}".as_bytes()).is_some() {
        return lower.replace('\u{212a}', "k");
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_out() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(without_citations(line).as_deref(), expected, "{line:?}");
        };
        check("", None);
        check("[", None);
        check("No reference.", None);
        check("One.[1]", Some("One."));
        check("[] [12][edit] a[citation needed] b", Some("  a b"));
        check("[[1]] [1 [Edit] [edit", Some("[] [1 [Edit] [edit"));
        check("[१२] [²] [a1]", Some(" [²] [a1]"));
        check("[[edit]é[]", Some("[é"));
    }

    #[test]
    fn every_policy_is_suspected() {
        let phrases = Phrases::new();
        for policy in POLICIES {
            assert!(
                phrases.may_be_in(&format!("Our {policy}.").to_uppercase()),
                "{policy}"
            );
        }
        assert!(phrases.may_be_in("Lorem Ipsum") && phrases.may_be_in("JavaScript"));
        assert!(!phrases.may_be_in("The terms of the lorem."));
    }

    #[test]
    fn only_the_kelvin_sign_becomes_a_letter_of_ascii() {
        for character in (0x80..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let lower: String = character.to_lowercase().collect();
            let becomes = lower.chars().any(|c| c.is_ascii());
            assert_eq!(
                becomes,
                matches!(character, '\u{212a}' | '\u{130}'),
                "{character:?}"
            );
        }
        assert!(Phrases::new().find("This site uses COO\u{212a}IES.").policy);
    }
}
