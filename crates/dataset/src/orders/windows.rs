//! Windows that begin anywhere: nanoGPT's order.

use std::sync::Arc;

use kiln_tokens::{Batch, BatchSource, SamplePosition};

use super::draw::{at, below, keys};
use super::rows::Rows;
use crate::{Error, Tokens};

const PURPOSE: &str = "kiln dataset: offsets of random windows, version 1";

/// See [`windows`].
pub struct Windows {
    rows: Rows,
    seed: u64,
    key: u64,
}

/// Windows of `context_length` ids at random offsets, with replacement, without end: the offset is uniform over
/// `0..=tokens - context_length - 1` and a function of seed and position, as in nanoGPT's `get_batch`. An epoch is as
/// many rows as the text has windows side by side.
///
/// # Errors
/// The text is too short for one window; a mistake.
pub fn windows(tokens: Arc<Tokens>, context_length: usize, seed: u64) -> Result<Windows, Error> {
    let [key] = keys(PURPOSE, &[seed]);
    Ok(Windows {
        rows: Rows::new(tokens, context_length, 1)?,
        seed,
        key,
    })
}

impl Windows {
    /// Where the row at a position begins.
    fn offset(&self, position: u64) -> u64 {
        let offsets = self.rows.tokens.len() - self.rows.context_length as u64;
        below(offsets, at(self.key, position))
    }
}

impl BatchSource for Windows {
    fn rows(&self, from: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let starts = (0..count).map(|row| self.offset(from.0.wrapping_add(row as u64)));
        Ok(self.rows.batch(starts))
    }

    fn rows_per_epoch(&self) -> u64 {
        self.rows.windows()
    }

    fn identity(&self) -> String {
        self.rows.identity("windows", &[("seed", self.seed)])
    }
}

#[cfg(test)]
mod tests {
    use kiln_tokens::column;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::counting;

    fn starts(order: &Windows, from: u64, count: usize) -> Vec<i64> {
        let batch = order.rows(SamplePosition(from), count).unwrap();
        let inputs = batch.column(column::INPUTS).unwrap();
        let inputs = inputs.as_ids().unwrap().chunks(order.rows.context_length);
        inputs.map(|row| row[0]).collect()
    }

    #[test]
    fn offsets_are_uniform_from_the_first_to_the_last() {
        // 13 ids and windows of 4 and a target: offsets 0 to 8. A chi-squared of 8 degrees of freedom is above 26.1 once
        // in a thousand times.
        let order = windows(counting(&[6, 7]), 4, 1).unwrap();
        let draws = 18_000;
        let mut seen = [0f64; 9];
        for start in starts(&order, 0, draws) {
            seen[start as usize] += 1.0;
        }
        let expected = draws as f64 / 9.0;
        let squares: f64 = seen.iter().map(|n| (n - expected).powi(2) / expected).sum();
        assert!(squares < 26.1, "{squares} {seen:?}");
    }

    #[test]
    fn the_smallest_text_has_one_window() {
        let order = windows(counting(&[5]), 4, 1).unwrap();
        assert_eq!(order.rows_per_epoch(), 1);
        let batch = order.rows(SamplePosition(9), 2).unwrap();
        let ids = |name| batch.column(name).unwrap().as_ids().unwrap();
        assert_eq!(ids(column::INPUTS), [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(ids(column::TARGETS), [1, 2, 3, 4, 1, 2, 3, 4]);
        assert_eq!(batch.targets(), 8);
    }

    #[test]
    fn seeds_give_other_rows_and_identities() {
        let tokens = counting(&[5000]);
        let order = |context_length, seed| windows(tokens.clone(), context_length, seed).unwrap();
        let one = order(8, 1);
        assert_ne!(starts(&one, 0, 20), starts(&order(8, 2), 0, 20));
        assert_eq!(one.identity(), order(8, 1).identity());
        assert_ne!(one.identity(), order(8, 2).identity());
        assert_ne!(one.identity(), order(9, 1).identity());
        let other_text = windows(counting(&[4999]), 8, 1).unwrap();
        assert_ne!(one.identity(), other_text.identity());
    }

    proptest! {
        #[test]
        fn rows_depend_on_their_position_alone(
            from in 0u64..1 << 40, count in 1usize..20, cut in 0usize..20, seed: u64,
        ) {
            let order = windows(counting(&[70, 0, 30, 100]), 16, seed).unwrap();
            let cut = cut.min(count);
            let whole = starts(&order, from, count);
            let parts = [starts(&order, from, cut), starts(&order, from + cut as u64, count - cut)];
            prop_assert_eq!(whole, parts.concat());
        }

        #[test]
        fn targets_are_the_next_ids_over_shard_borders(lengths in proptest::collection::vec(0usize..20, 1..8), seed: u64) {
            prop_assume!(lengths.iter().sum::<usize>() > 8);
            let order = windows(counting(&lengths), 8, seed).unwrap();
            let batch = order.rows(SamplePosition(0), 10).unwrap();
            let ids = |name| batch.column(name).unwrap().as_ids().unwrap();
            for (inputs, targets) in ids(column::INPUTS).chunks(8).zip(ids(column::TARGETS).chunks(8)) {
                let first = inputs[0];
                prop_assert!(inputs.iter().copied().eq(first..first + 8));
                prop_assert!(targets.iter().copied().eq(first + 1..first + 9));
            }
        }
    }
}
