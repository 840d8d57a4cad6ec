//! Which documents hold text of an evaluation set.
//!
//! A document is contaminated if any n words in a row of its simplified text are n words in a row of an evaluation text
//! simplified in the same way (Brown et al. 2020, arXiv:2005.14165, appendix C; the normalisation is datatrove's).
//! Evaluation texts with fewer words are looked for as a whole.

use std::collections::{BTreeSet, HashMap};

use twox_hash::XxHash3_128;

use super::config::DecontaminationConfig;
use super::n_grams::NGrams;
use super::simplify::simplify_text;

/// The word runs of evaluation sets. It is in memory: about 40 bytes for each different run.
///
/// ```
/// use kiln_corpus::duplicates::{DecontaminationConfig, EvaluationIndex};
///
/// let mut index = EvaluationIndex::new(&DecontaminationConfig::default());
/// index.add("riddles", "What has an eye, but cannot see?");
/// let found = index.find("Q: what has an eye but cannot see? A: a needle").expect("it is there");
/// assert_eq!((found.set, found.words.as_str()), ("riddles", "what has an eye but cannot see"));
/// assert_eq!(index.find("What has a needle?"), None);
/// ```
#[derive(Clone, Debug)]
pub struct EvaluationIndex {
    config: DecontaminationConfig,
    /// In the order in which they were first named.
    sets: Vec<String>,
    /// The hash of each run, and the first set that has it.
    runs: HashMap<u128, usize>,
    /// How many words a run may have: n, and those of the short texts.
    lengths: BTreeSet<usize>,
    too_short: u64,
}

/// What was found in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contamination<'a> {
    /// The evaluation set: of several, the one that was added first.
    pub set: &'a str,
    /// The words that are in both, simplified.
    pub words: String,
}

impl EvaluationIndex {
    /// Nothing is looked for.
    pub fn new(config: &DecontaminationConfig) -> Self {
        Self {
            config: config.clone(),
            sets: Vec::new(),
            runs: HashMap::new(),
            lengths: BTreeSet::new(),
            too_short: 0,
        }
    }

    /// Look for this text of an evaluation set: a question, an answer, or both in a row.
    pub fn add(&mut self, set: &str, text: &str) {
        let simple = simplify_text(text);
        let grams = NGrams::new(&simple, self.config.words);
        let n = usize::from(self.config.n_grams.get());
        let count = grams.word_count();
        let length = count.min(n);
        if count < usize::from(self.config.min_words.get()).min(n) {
            self.too_short += 1;
            return;
        }
        let known = self.sets.iter().position(|known| known == set);
        let set = known.unwrap_or_else(|| {
            self.sets.push(set.to_owned());
            self.sets.len() - 1
        });
        self.lengths.insert(length);
        for gram in grams.iter(length) {
            self.runs.entry(run_hash(gram)).or_insert(set);
        }
    }

    /// How many evaluation texts were left out because they have fewer words than `min_words`.
    pub fn too_short(&self) -> u64 {
        self.too_short
    }

    /// How many different runs are looked for.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The first run of a document that is in an evaluation set; long runs are looked for before short ones.
    pub fn find(&self, text: &str) -> Option<Contamination<'_>> {
        let simple = simplify_text(text);
        let grams = NGrams::new(&simple, self.config.words);
        self.lengths.iter().rev().find_map(|&length| {
            grams.iter(length).find_map(|gram| {
                let &set = self.runs.get(&run_hash(gram))?;
                Some(Contamination {
                    set: &self.sets[set],
                    words: gram.to_owned(),
                })
            })
        })
    }
}

/// 128 bits, so that no document goes because two hashes happen to agree.
fn run_hash(run: &str) -> u128 {
    XxHash3_128::oneshot(run.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found() {
        let config = DecontaminationConfig {
            n_grams: 4.try_into().unwrap(),
            min_words: 2.try_into().unwrap(),
            ..DecontaminationConfig::default()
        };
        let mut index = EvaluationIndex::new(&config);
        index.add("long", "A b c d e.");
        index.add("short", "x, y!");
        index.add("later", "b C d E f");
        index.add("later", "z");
        index.add("later", "...");
        assert_eq!((index.too_short(), index.runs()), (2, 4));
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = index.find(text);
            let found = found
                .as_ref()
                .map(|found| (found.set, found.words.as_str()));
            assert_eq!(found, expected, "{text}");
        };
        check("", None);
        check("a b c", None);
        check("0 a, B: c; d", Some(("long", "a b c d")));
        // In both sets.
        check("b c d e f", Some(("long", "b c d e")));
        check("c d e f", Some(("later", "c d e f")));
        check("a b c x d", None);
        check("x y", Some(("short", "x y")));
        check("xx y x yy", None);
        check("x y c d e f", Some(("later", "c d e f")));
        check("z", None);
    }

    #[test]
    fn thirteen_words() {
        let mut index = EvaluationIndex::new(&DecontaminationConfig::default());
        let words: Vec<String> = (0..20).map(|n| "w".repeat(n + 1)).collect();
        index.add("set", &words.join(" "));
        assert_eq!(index.runs(), 8);
        assert_eq!(index.find(&words[3..15].join(" ")), None);
        assert!(index.find(&words[3..16].join(" ")).is_some());
    }
}
