//! How much of a sample stands word for word in the training text.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Words of a run that counts as copied.
const RUN: usize = 8;

/// The training text's runs of words, by their hashes: a wrong match needs two runs with one 64-bit hash.
#[derive(Debug, Default)]
pub struct TrainingText {
    runs: HashSet<u64>,
}

/// How much of a sample was copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Copied {
    /// Share of the sample's words that lie in a run of eight words which stands in the training text, 0 to 1.
    pub share: f64,
    /// Most words in a row that are covered by such runs.
    pub longest: usize,
}

impl TrainingText {
    /// Remember a document.
    pub fn add(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        self.runs.extend(words.windows(RUN).map(hash));
    }

    /// Compare a sample.
    pub fn compare(&self, sample: &str) -> Copied {
        let words: Vec<&str> = sample.split_whitespace().collect();
        let mut covered = vec![false; words.len()];
        for (start, run) in words.windows(RUN).enumerate() {
            if self.runs.contains(&hash(run)) {
                covered[start..start + RUN].fill(true);
            }
        }
        let longest = covered.split(|covered| !covered).map(<[bool]>::len).max();
        let count = covered.iter().filter(|covered| **covered).count();
        #[allow(clippy::cast_precision_loss)]
        let share = count as f64 / words.len().max(1) as f64;
        Copied {
            share,
            longest: longest.unwrap_or(0),
        }
    }
}

fn hash(run: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_eight_words_count_and_shorter_ones_do_not() {
        let mut training = TrainingText::default();
        training.add("one two three four five six seven eight nine ten");
        let check = |sample, share: f64, longest| {
            let copied = training.compare(sample);
            assert!((copied.share - share).abs() < 1e-12, "{copied:?}");
            assert_eq!(copied.longest, longest);
        };
        check("two three four five six seven eight nine", 1.0, 8);
        check("two three four five six seven eight", 0.0, 0);
        check(
            "zero one two three four five six seven eight nine zero zero",
            0.75,
            9,
        );
        check("", 0.0, 0);
    }
}
