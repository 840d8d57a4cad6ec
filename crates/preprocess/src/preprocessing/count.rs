//! Counts of words or pairs over all texts of a pass.

use std::collections::HashMap;

use rayon::prelude::*;

use super::Pass;
use super::rule::{Rule, apply_all};
use crate::Error;

/// Texts are looked at in parallel once this many bytes have been read.
const BATCH_BYTES: usize = 8 << 20;

/// Entries beyond which the rarest go; a table of so many words takes about 2 GB.
const ENTRIES_LIMIT: usize = 1 << 24;

/// How often each thing that `see` finds in a text occurs in the texts of a pass, after `rules`.
///
/// Memory is bounded: whenever a batch leaves more than 2^24 entries, those counted once are forgotten, then, the next
/// time, those counted twice or less, and so on (as word2phrase does). That many different words or pairs come only in large
/// corpora, whose rarest are nobody's; the log says when it happens. Counts do not depend on the number of threads.
pub(crate) fn count<F>(
    pass: Pass<'_>,
    rules: &[Rule],
    see: F,
) -> Result<HashMap<String, u64>, Error>
where
    F: Fn(&str, &mut HashMap<String, u64>) + Sync,
{
    count_within(ENTRIES_LIMIT, pass, rules, see)
}

fn count_within<F>(
    limit: usize,
    pass: Pass<'_>,
    rules: &[Rule],
    see: F,
) -> Result<HashMap<String, u64>, Error>
where
    F: Fn(&str, &mut HashMap<String, u64>) + Sync,
{
    let mut counts = HashMap::new();
    let mut forgotten_below = 1;
    for_each_batch(pass, |texts| {
        let parts: Vec<HashMap<String, u64>> = texts
            .par_iter()
            .map(|text| {
                let mut part = HashMap::new();
                see(&apply_all(rules, text), &mut part);
                part
            })
            .collect();
        #[allow(clippy::iter_over_hash_type)] // Sums do not depend on the order.
        for (what, more) in parts.into_iter().flatten() {
            *counts.entry(what).or_default() += more;
        }
        if counts.len() > limit {
            forgotten_below += 1;
            let before = counts.len();
            counts.retain(|_, count| *count >= forgotten_below);
            tracing::warn!(
                forgotten = before - counts.len(),
                "more than {limit} different words or pairs: those counted less than {forgotten_below} times so far are forgotten"
            );
        }
    })?;
    Ok(counts)
}

/// Give the texts of a pass to `take`, some megabytes at a time.
pub(crate) fn for_each_batch(
    mut pass: Pass<'_>,
    mut take: impl FnMut(&[String]),
) -> Result<(), Error> {
    loop {
        let batch: Vec<String> = next_batch(&mut pass)
            .into_iter()
            .collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(());
        }
        take(&batch);
    }
}

/// Some megabytes of texts; none at the end. An error ends it.
pub(crate) fn next_batch(pass: &mut Pass<'_>) -> Vec<Result<String, kiln_text::Error>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES
        && let Some(text) = pass.next()
    {
        let failed = text.is_err();
        bytes += text.as_ref().map_or(0, String::len);
        batch.push(text);
        if failed {
            break;
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocessing::parts::words;

    fn counted(limit: usize, texts: &[String]) -> Vec<(String, u64)> {
        let pass: Pass<'_> = Box::new(texts.iter().cloned().map(Ok));
        let see = |text: &str, counts: &mut HashMap<String, u64>| {
            for word in words(text) {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        };
        let mut counts: Vec<_> = count_within(limit, pass, &[Rule::Lowercase], see)
            .unwrap()
            .into_iter()
            .collect();
        counts.sort();
        counts
    }

    #[test]
    fn counts_are_those_of_the_changed_texts() {
        let texts = ["A b, a".to_owned(), "B a".to_owned()];
        assert_eq!(counted(9, &texts), [("a".into(), 3), ("b".into(), 2)]);
    }

    #[test]
    fn the_rarest_are_forgotten_at_the_limit() {
        // Each text is a batch of its own.
        let filled = |word: &str| format!("{} {word}", " ".repeat(BATCH_BYTES));
        let texts = ["a a a b", "c a b", "a"].map(filled);
        assert_eq!(counted(2, &texts), [("a".into(), 5), ("b".into(), 2)]);
    }
}
