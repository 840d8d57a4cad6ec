//! Windows side by side, each once an epoch.

use std::sync::Arc;

use kiln_tokens::{Batch, BatchSource, SamplePosition};

use super::rows::{InEpoch, Rows};
use super::shuffle::Shuffle;
use crate::{Error, Tokens};

const PURPOSE: &str = "kiln dataset: permutation of windows, version 1";

/// See [`permutation`].
pub struct Permutation {
    rows: Rows,
    seed: u64,
}

/// The text cut into windows of `context_length` ids side by side; each is served once an epoch, in an order drawn anew
/// for each epoch, without end. Fewer than `context_length` ids at the end of the text are in no window.
///
/// # Errors
/// The text is too short for one window; a mistake.
pub fn permutation(
    tokens: Arc<Tokens>,
    context_length: usize,
    seed: u64,
) -> Result<Permutation, Error> {
    Ok(Permutation {
        rows: Rows::new(tokens, context_length, 1)?,
        seed,
    })
}

impl BatchSource for Permutation {
    fn rows(&self, from: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let width = self.rows.context_length as u64;
        let mut order = Shuffled::new(self.rows_per_epoch(), PURPOSE, self.seed);
        let starts = (0..count).map(|row| order.index(from.0 + row as u64) * width);
        Ok(self.rows.batch(starts))
    }

    fn rows_per_epoch(&self) -> u64 {
        self.rows.windows()
    }

    fn identity(&self) -> String {
        self.rows.identity("permutation", &[("seed", self.seed)])
    }
}

/// A permutation for each epoch, made when the first row of it is asked for.
pub(super) struct Shuffled {
    rows_per_epoch: u64,
    purpose: &'static str,
    seed: u64,
    current: Option<(u64, Shuffle)>,
}

impl Shuffled {
    pub(super) fn new(rows_per_epoch: u64, purpose: &'static str, seed: u64) -> Self {
        Self {
            rows_per_epoch,
            purpose,
            seed,
            current: None,
        }
    }

    /// What is served at a position.
    pub(super) fn index(&mut self, position: u64) -> u64 {
        let InEpoch { epoch, index } = InEpoch::of(position, self.rows_per_epoch);
        if self.current.as_ref().is_none_or(|(made, _)| *made != epoch) {
            self.current = None;
        }
        let make = || {
            let shuffle = Shuffle::new(self.rows_per_epoch, self.purpose, self.seed, epoch);
            (epoch, shuffle)
        };
        self.current.get_or_insert_with(make).1.place(index)
    }
}

#[cfg(test)]
mod tests {
    use kiln_tokens::column;
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::counting;

    /// The number of the window at each position.
    fn served(order: &Permutation, from: u64, count: usize) -> Vec<u64> {
        let batch = order.rows(SamplePosition(from), count).unwrap();
        assert_eq!(batch.rows(), count);
        let inputs = batch.column(column::INPUTS).unwrap();
        let width = order.rows.context_length;
        let rows = inputs.as_ids().unwrap().chunks(width);
        rows.map(|row| {
            assert_eq!(row[0] % width as i64, 0);
            row[0] as u64 / width as u64
        })
        .collect()
    }

    #[test]
    fn the_end_that_fills_no_window_is_left_out() {
        for (tokens, windows) in [(9, 2), (12, 2), (13, 3)] {
            let order = permutation(counting(&[tokens]), 4, 1).unwrap();
            assert_eq!(order.rows_per_epoch(), windows, "{tokens} tokens");
        }
    }

    #[test]
    fn a_text_that_is_too_short_is_a_mistake() {
        let error = permutation(counting(&[3, 1]), 4, 1).err().unwrap();
        assert!(error.is_mistake());
        assert_eq!(
            error.to_string(),
            "[dataset] context_length = 4 needs at least 5 tokens, but the validation split has 4: set a smaller \
             context_length, or give the split more text"
        );
        assert!(
            permutation(counting(&[4]), 0, 1)
                .err()
                .unwrap()
                .is_mistake()
        );
    }

    proptest! {
        #[test]
        fn each_window_comes_once_an_epoch_in_another_order(windows in 8usize..60, seed: u64, epoch in 0u64..50) {
            let order = permutation(counting(&[windows * 3 + 1]), 3, seed).unwrap();
            prop_assert_eq!(order.rows_per_epoch(), windows as u64);
            let at = |epoch| served(&order, epoch * windows as u64, windows);
            let mut one = at(epoch);
            prop_assert_ne!(&one, &at(epoch + 1));
            one.sort_unstable();
            prop_assert!(one.into_iter().eq(0..windows as u64));
        }

        #[test]
        fn rows_depend_on_their_position_alone(from in 0u64..500, sizes in proptest::collection::vec(0usize..40, 1..6), seed: u64) {
            let order = permutation(counting(&[40, 61]), 5, seed).unwrap();
            let total: usize = sizes.iter().sum();
            let mut parts = Vec::new();
            for size in sizes {
                parts.extend(served(&order, from + parts.len() as u64, size));
            }
            prop_assert_eq!(served(&order, from, total), parts);
        }
    }
}
