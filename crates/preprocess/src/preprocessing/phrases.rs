//! Which pairs of words belong together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::parts::{Part, parts};
use super::rule::Rule;
use super::{Pass, PhrasesConfig, count};
use crate::Error;

/// Between the words of a counted pair; no word holds it.
const SEPARATOR: char = '\n';

/// First words, each with the second words that it is joined to.
pub(crate) type Pairs = BTreeMap<String, BTreeSet<String>>;

/// The pairs whose score is above the threshold (Mikolov et al. 2013, eq. 6, times the number of words).
pub(crate) fn learn(
    config: &PhrasesConfig,
    pass: Pass<'_>,
    rules: &[Rule],
) -> Result<Pairs, Error> {
    let counts = count::count(pass, rules, see)?;
    let words: u64 = counts
        .iter()
        .filter(|(what, _)| !what.contains(SEPARATOR))
        .map(|(_, count)| count)
        .sum();
    let mut pairs = Pairs::new();
    #[allow(clippy::iter_over_hash_type)] // Only to fill a sorted map.
    for (what, count) in &counts {
        let Some((first, second)) = what.split_once(SEPARATOR) else {
            continue;
        };
        let alone = |word: &str| counts.get(word).copied().unwrap_or(*count).max(1) as f64;
        if *count < config.minimum_count {
            continue;
        }
        let score =
            (*count - config.minimum_count) as f64 * words as f64 / (alone(first) * alone(second));
        if score > config.threshold {
            let seconds = pairs.entry(first.to_owned()).or_default();
            seconds.insert(second.to_owned());
        }
    }
    Ok(pairs)
}

/// Words, and pairs of words with one space between them.
fn see(text: &str, counts: &mut HashMap<String, u64>) {
    let mut first: Option<(&str, bool)> = None;
    for part in parts(text) {
        first = match (part, first) {
            (Part::Word(word), before) => {
                if let Some((before, true)) = before {
                    *counts
                        .entry(format!("{before}{SEPARATOR}{word}"))
                        .or_default() += 1;
                }
                *counts.entry(word.to_owned()).or_default() += 1;
                Some((word, false))
            }
            (Part::Between(" "), Some((word, false))) => Some((word, true)),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_word2phrases() {
        // 13 words: new 4, york 3, the pair 3.
        let text = "new york a. new york b. new york c. new d e f";
        let learn = |threshold| {
            let config = PhrasesConfig {
                minimum_count: 1,
                threshold,
                passes: 1,
            };
            let texts = [text];
            let pass: Pass<'_> = Box::new(texts.iter().map(|text| Ok(text.to_string())));
            learn(&config, pass, &[]).unwrap()
        };
        let expected = (3.0 - 1.0) * 13.0 / (4.0 * 3.0);
        assert_eq!(learn(expected - 1e-9).len(), 1);
        assert_eq!(
            learn(expected - 1e-9)["new"],
            BTreeSet::from(["york".to_owned()])
        );
        assert!(learn(expected).is_empty());
    }
}
