//! The whole of a held-out text, once.

use std::sync::Arc;

use kiln_tokens::{Batch, BatchSource, Column, IGNORED, SamplePosition, column};

use super::rows::Rows;
use crate::{Error, Tokens};

/// Id that fills the last window; its targets are [`IGNORED`].
const PADDING: i64 = 0;

/// See [`sequential`].
pub struct Sequential {
    rows: Rows,
}

/// Windows of `context_length` ids side by side, in the order of the text, ending with it: every token but the first is
/// a target exactly once, which is what held-out loss means. The last window is filled up with targets that are
/// [`IGNORED`].
///
/// # Errors
/// The text is too short for one window; a mistake.
pub fn sequential(tokens: Arc<Tokens>, context_length: usize) -> Result<Sequential, Error> {
    Ok(Sequential {
        rows: Rows::new(tokens, context_length, 1)?,
    })
}

impl BatchSource for Sequential {
    fn rows(&self, from: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let tokens = &self.rows.tokens;
        let width = self.rows.context_length as u64;
        let windows = self.rows_per_epoch();
        let first = from.0.min(windows);
        let last = from.0.saturating_add(count as u64).min(windows);
        let rows = (last - first) as usize;
        let mut inputs = Vec::with_capacity(rows * width as usize);
        let mut targets = Vec::with_capacity(rows * width as usize);
        let mut scored = 0;
        for window in first..last {
            let start = window * width;
            let end = (start + width).min(tokens.len() - 1);
            tokens.append(start..end, &mut inputs);
            tokens.append(start + 1..end + 1, &mut targets);
            let full = inputs.len() + (start + width - end) as usize;
            inputs.resize(full, PADDING);
            targets.resize(full, IGNORED);
            scored += end - start;
        }
        Ok(Batch::new(rows, scored)
            .with(column::INPUTS, Column::ids(rows, inputs))
            .with(column::TARGETS, Column::ids(rows, targets)))
    }

    fn rows_per_epoch(&self) -> u64 {
        (self.rows.tokens.len() - 1).div_ceil(self.rows.context_length as u64)
    }

    fn identity(&self) -> String {
        self.rows.identity("sequential", &[])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::counting;

    #[test]
    fn the_last_window_is_filled_up() {
        let order = sequential(counting(&[7]), 4).unwrap();
        let batch = order.rows(SamplePosition(1), 5).unwrap();
        assert_eq!((batch.rows(), batch.targets()), (1, 2));
        let ids = |name| batch.column(name).unwrap().as_ids().unwrap();
        assert_eq!(ids(column::INPUTS), [4, 5, 0, 0]);
        assert_eq!(ids(column::TARGETS), [5, 6, IGNORED, IGNORED]);
    }

    #[test]
    fn a_context_longer_than_the_split_is_a_mistake() {
        let error = sequential(counting(&[60]), 64).err().unwrap();
        assert!(error.is_mistake());
        let message = error.to_string();
        assert!(message.contains("context_length = 64"), "{message}");
        assert!(message.contains("validation split has 60"), "{message}");
        assert!(
            message.contains("set a smaller context_length"),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn every_token_but_the_first_is_a_target_once(
            tokens in 20usize..200, width in 1usize..20, count in 1usize..10,
        ) {
            let order = sequential(counting(&[7, tokens - 7]), width).unwrap();
            let mut at = SamplePosition(0);
            let (mut scored, mut seen) = (0, Vec::<i64>::new());
            loop {
                let batch = order.rows(at, count).unwrap();
                if batch.rows() == 0 {
                    break;
                }
                at = at + batch.rows() as u64;
                scored += batch.targets();
                let targets = batch.column(column::TARGETS).unwrap();
                prop_assert_eq!(targets.width(), width);
                seen.extend(targets.as_ids().unwrap().iter().filter(|id| **id != IGNORED));
            }
            prop_assert_eq!(at.0, order.rows_per_epoch());
            prop_assert_eq!(scored, tokens as u64 - 1);
            prop_assert!(seen.into_iter().eq(1..tokens as i64));
        }
    }
}
