//! Orders of examples.

use std::sync::Arc;

use kiln_tokens::{Batch, BatchSource, Column, SamplePosition, column};

use super::permutation::Shuffled;
use super::rows::identity;
use crate::{Answers, Examples};

/// Id that fills rows up to the longest of their batch.
const PADDING: i64 = 0;

const PURPOSE: &str = "kiln dataset: permutation of examples, version 1";

/// See [`examples_permutation`].
pub struct ExamplesPermutation {
    examples: Arc<Examples>,
    seed: u64,
}

/// Every example once an epoch, in an order drawn anew for each epoch, without end. Rows are filled up with id 0 to the
/// longest of the batch; columns `inputs`, `lengths`, and `labels` or `values`.
pub fn examples_permutation(examples: Arc<Examples>, seed: u64) -> ExamplesPermutation {
    ExamplesPermutation { examples, seed }
}

/// See [`examples_sequential`].
pub struct ExamplesSequential {
    examples: Arc<Examples>,
}

/// Every example in the order of the shards, once; rows as those of [`examples_permutation`].
pub fn examples_sequential(examples: Arc<Examples>) -> ExamplesSequential {
    ExamplesSequential { examples }
}

impl BatchSource for ExamplesPermutation {
    fn rows(&self, from: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let mut order = Shuffled::new(self.examples.len(), PURPOSE, self.seed);
        let chosen: Vec<u64> = (0..count)
            .map(|row| order.index(from.0 + row as u64))
            .collect();
        Ok(batch(&self.examples, &chosen))
    }

    fn rows_per_epoch(&self) -> u64 {
        self.examples.len()
    }

    fn identity(&self) -> String {
        let seed = ("seed", self.seed);
        identity(self.examples.identity(), "examples permutation", &[seed])
    }
}

impl BatchSource for ExamplesSequential {
    fn rows(&self, from: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let end = from.0.saturating_add(count as u64).min(self.examples.len());
        let chosen: Vec<u64> = (from.0..end).collect();
        Ok(batch(&self.examples, &chosen))
    }

    fn rows_per_epoch(&self) -> u64 {
        self.examples.len()
    }

    fn identity(&self) -> String {
        identity(self.examples.identity(), "examples sequential", &[])
    }
}

/// Some examples as a batch. Every number to be predicted is a scored target: one a row for labels, the width for
/// values.
fn batch(examples: &Examples, chosen: &[u64]) -> Batch {
    let rows = chosen.len();
    let lengths: Vec<i64> = chosen
        .iter()
        .map(|example| examples.length(*example) as i64)
        .collect();
    let width = lengths.iter().max().map_or(0, |longest| *longest as usize);
    let mut inputs = Vec::with_capacity(rows * width);
    for (row, example) in chosen.iter().enumerate() {
        examples.append(*example, &mut inputs);
        inputs.resize((row + 1) * width, PADDING);
    }
    let (targets, name, answers) = match examples.answers() {
        Answers::Labels { .. } => {
            let labels = chosen.iter().filter_map(|example| examples.label(*example));
            let labels = labels.map(i64::from).collect();
            (rows, column::LABELS, Column::ids(rows, labels))
        }
        Answers::Values { width } => {
            let values = chosen
                .iter()
                .filter_map(|example| examples.values(*example));
            let values = values.flatten().copied().collect();
            (rows * width, column::VALUES, Column::floats(rows, values))
        }
    };
    Batch::new(rows, targets as u64)
        .with(column::INPUTS, Column::ids(rows, inputs))
        .with(column::LENGTHS, Column::ids(rows, lengths))
        .with(name, answers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::examples;

    const LABELS: Answers = Answers::Labels { classes: 1000 };

    fn labels(batch: &Batch) -> Vec<i64> {
        batch
            .column(column::LABELS)
            .unwrap()
            .as_ids()
            .unwrap()
            .to_vec()
    }

    #[test]
    fn rows_are_filled_up_at_their_end_only() {
        let order = examples_sequential(examples(&[2, 3, 1, 4], LABELS));
        let batch = order.rows(SamplePosition(1), 2).unwrap();
        assert_eq!((batch.rows(), batch.targets()), (2, 2));
        let ids = |name| batch.column(name).unwrap().as_ids().unwrap();
        assert_eq!(ids(column::INPUTS), [1, 1, 1, 2, 0, 0]);
        assert_eq!(ids(column::LENGTHS), [3, 1]);
        assert_eq!(labels(&batch), [1, 2]);
        let end = order.rows(SamplePosition(3), 5).unwrap();
        assert_eq!(labels(&end), [3]);
        let after = order.rows(SamplePosition(4), 5).unwrap();
        assert_eq!((after.rows(), after.targets()), (0, 0));
    }

    #[test]
    fn values_keep_their_width() {
        let order = examples_sequential(examples(&[2, 3, 1], Answers::Values { width: 2 }));
        let batch = order.rows(SamplePosition(1), 2).unwrap();
        assert_eq!((batch.rows(), batch.targets()), (2, 4));
        let values = batch.column(column::VALUES).unwrap();
        assert_eq!(values.width(), 2);
        assert_eq!(values.as_floats().unwrap(), [1.0, 1.125, 2.0, 2.125]);
        assert!(batch.column(column::LABELS).is_none());
    }

    #[test]
    fn identities_differ() {
        let shards = examples(&[2, 3], LABELS);
        let identities = [
            examples_sequential(shards.clone()).identity(),
            examples_permutation(shards.clone(), 1).identity(),
            examples_permutation(shards, 2).identity(),
            examples_sequential(examples(&[2, 4], LABELS)).identity(),
        ];
        for (place, one) in identities.iter().enumerate() {
            assert!(!identities[place + 1..].contains(one));
        }
    }

    proptest! {
        #[test]
        fn a_permutation_never_ends_and_serves_each_once_an_epoch(
            lengths in proptest::collection::vec(1usize..9, 6..30), seed: u64, epoch in 0u64..9,
        ) {
            let count = lengths.len();
            let order = examples_permutation(examples(&lengths, LABELS), seed);
            let at = |epoch: u64| order.rows(SamplePosition(epoch * count as u64), count).unwrap();
            let batch = at(epoch);
            let mut seen = labels(&batch);
            // Of six examples, one epoch in 720 has the order of the one before; eight in a row do not.
            prop_assert!((1..9).any(|later| labels(&at(epoch + later)) != seen));
            let inputs = batch.column(column::INPUTS).unwrap();
            let row_lengths = batch.column(column::LENGTHS).unwrap().as_ids().unwrap();
            for ((row, label), length) in
                inputs.as_ids().unwrap().chunks(inputs.width()).zip(&seen).zip(row_lengths)
            {
                let (text, padding) = row.split_at(lengths[*label as usize]);
                prop_assert_eq!(text.len() as i64, *length);
                prop_assert!(text.iter().all(|id| id == label));
                prop_assert!(padding.iter().all(|id| *id == 0));
            }
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..count as i64));
        }

        #[test]
        fn rows_depend_on_their_position_alone(from in 0u64..60, sizes in proptest::collection::vec(0usize..20, 1..5), seed: u64) {
            let order = examples_permutation(examples(&[1; 17], LABELS), seed);
            let served = |from, count| labels(&order.rows(SamplePosition(from), count).unwrap());
            let total: usize = sizes.iter().sum();
            let mut parts = Vec::new();
            for size in sizes {
                parts.extend(served(from + parts.len() as u64, size));
            }
            prop_assert_eq!(served(from, total), parts);
        }
    }
}
