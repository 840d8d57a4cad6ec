//! How much of a sample stands word for word in the training text.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Words of a run that counts as copied.
const RUN: usize = 8;

/// Samples, compared with the training text as it streams by: memory depends on the samples alone. Runs are compared by
/// 64-bit hashes.
#[derive(Debug)]
pub struct Copies {
    /// Each sample's words.
    lengths: Vec<usize>,
    /// Where each run of words begins: sample and word.
    runs: HashMap<u64, Vec<(usize, usize)>>,
    /// Words of each sample that lie in a run that was seen.
    covered: Vec<Vec<bool>>,
}

/// How much of a sample was copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Copied {
    /// Share of the sample's words that lie in a run of eight words which stands in the training text, 0 to 1.
    pub share: f64,
    /// Most words in a row that are covered by such runs.
    pub longest: usize,
}

impl Copies {
    /// The samples to look for.
    pub fn new<'a>(samples: impl IntoIterator<Item = &'a str>) -> Self {
        let mut copies = Self {
            lengths: Vec::new(),
            runs: HashMap::new(),
            covered: Vec::new(),
        };
        for (sample, text) in samples.into_iter().enumerate() {
            let words: Vec<&str> = text.split_whitespace().collect();
            for (start, run) in words.windows(RUN).enumerate() {
                copies
                    .runs
                    .entry(hash(run))
                    .or_default()
                    .push((sample, start));
            }
            copies.covered.push(vec![false; words.len()]);
            copies.lengths.push(words.len());
        }
        copies
    }

    /// See a training document.
    pub fn see(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        for run in words.windows(RUN) {
            for &(sample, start) in self.runs.get(&hash(run)).into_iter().flatten() {
                self.covered[sample][start..start + RUN].fill(true);
            }
        }
    }

    /// What was found of each sample.
    pub fn found(&self) -> Vec<Copied> {
        let samples = self.lengths.iter().zip(&self.covered);
        samples
            .map(|(&words, covered)| {
                let longest = covered.split(|covered| !covered).map(<[bool]>::len).max();
                let count = covered.iter().filter(|covered| **covered).count();
                let share = count as f64 / words.max(1) as f64;
                Copied {
                    share,
                    longest: longest.unwrap_or(0),
                }
            })
            .collect()
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
        let samples = [
            ("two three four five six seven eight nine", 1.0, 8),
            ("two three four five six seven eight", 0.0, 0),
            (
                "zero one two three four five six seven eight nine zero zero",
                0.75,
                9,
            ),
            ("", 0.0, 0),
        ];
        let mut copies = Copies::new(samples.map(|(text, _, _)| text));
        copies.see("something else that is longer than a run of words");
        copies.see("one two three four five six seven eight nine ten");
        for (found, (text, share, longest)) in copies.found().iter().zip(samples) {
            assert!((found.share - share).abs() < 1e-12, "{text}: {found:?}");
            assert_eq!(found.longest, longest, "{text}");
        }
    }
}
