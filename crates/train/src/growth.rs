//! Batches and rows that are small at first and grow over the first steps.

use serde::{Deserialize, Serialize};

/// A size that grows by a straight line from its first value to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warmup {
    /// The size at the first step.
    pub from: u64,
    /// Updates until the last size is reached.
    pub over_steps: u64,
}

/// The sizes of a run's batches: a function of the step alone, so that a run that goes on has those of one that never stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of a full batch.
    pub rows: u64,
    /// How the number of rows begins.
    pub rows_warmup: Option<Warmup>,
    /// Rows by which a batch grows at a time: those of a micro-batch.
    pub rows_multiple: u64,
    /// Targets of a full row.
    pub context: u64,
    /// How the length of rows begins.
    pub context_warmup: Option<Warmup>,
}

/// Ids by which rows grow at a time: kernels are made for lengths that divide by it.
const CONTEXT_MULTIPLE: u64 = 8;

impl Sizes {
    /// Batches that are all of one size.
    pub fn fixed(rows: u64) -> Self {
        Self {
            rows,
            rows_warmup: None,
            rows_multiple: 1,
            context: 1,
            context_warmup: None,
        }
    }

    /// Rows of the batch of update number `step`, counted from 0.
    pub fn rows(&self, step: u64) -> u64 {
        grown(self.rows, self.rows_warmup, self.rows_multiple, step)
    }

    /// Ids that are left of each row in update number `step`; `None` where rows are whole.
    pub fn context(&self, step: u64) -> Option<u64> {
        let length = grown(self.context, self.context_warmup, CONTEXT_MULTIPLE, step);
        (length < self.context).then_some(length)
    }

    /// Updates after which all sizes are full.
    fn growing(&self) -> u64 {
        let both = [self.rows_warmup, self.context_warmup]
            .into_iter()
            .flatten();
        both.map(|warmup| warmup.over_steps).max().unwrap_or(0)
    }

    /// Updates until so many rows were read, to the nearest.
    pub(crate) fn steps_for_rows(&self, rows: f64) -> u64 {
        let mut sum = 0.0;
        for step in 0..self.growing() {
            let more = self.rows(step) as f64;
            if sum + more / 2.0 > rows {
                return step;
            }
            sum += more;
        }
        self.growing() + ((rows - sum).max(0.0) / self.rows as f64).round() as u64
    }

    /// Updates until at least so many targets were learned from.
    pub(crate) fn steps_for_targets(&self, targets: u64) -> u64 {
        let mut sum = 0;
        for step in 0..self.growing() {
            if sum >= targets {
                return step;
            }
            sum += self.rows(step) * self.context(step).unwrap_or(self.context);
        }
        let each = self.rows * self.context.max(1);
        self.growing() + targets.saturating_sub(sum).div_ceil(each.max(1))
    }
}

fn grown(full: u64, warmup: Option<Warmup>, multiple: u64, step: u64) -> u64 {
    let Some(warmup) = warmup.filter(|warmup| step < warmup.over_steps) else {
        return full;
    };
    let more = u128::from(full.saturating_sub(warmup.from)) * u128::from(step)
        / u128::from(warmup.over_steps);
    let size = warmup.from + u64::try_from(more).unwrap_or(0);
    // Down to a multiple, but never below the first size.
    (size - size % multiple.max(1)).max(warmup.from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Sizes {
        Sizes {
            rows: 12,
            rows_warmup: Some(Warmup {
                from: 4,
                over_steps: 4,
            }),
            rows_multiple: 4,
            context: 64,
            context_warmup: Some(Warmup {
                from: 20,
                over_steps: 6,
            }),
        }
    }

    #[test]
    fn sizes_grow_by_a_line_in_multiples() {
        let rows: Vec<u64> = (0..6).map(|step| sizes().rows(step)).collect();
        assert_eq!(rows, [4, 4, 8, 8, 12, 12]);
        let lengths: Vec<Option<u64>> = (0..8).map(|step| sizes().context(step)).collect();
        let of = Some;
        assert_eq!(
            lengths,
            [of(20), of(24), of(32), of(40), of(48), of(56), None, None]
        );
        assert_eq!(
            (Sizes::fixed(6).rows(0), Sizes::fixed(6).context(0)),
            (6, None)
        );
    }

    #[test]
    fn a_length_in_rows_or_targets_counts_the_small_batches() {
        // Rows: 4 + 4 + 8 + 8, then 12 each.
        for (rows, steps) in [
            (24.0, 4),
            (36.0, 5),
            (40.0, 5),
            (44.0, 6),
            (8.0, 2),
            (5.0, 1),
        ] {
            assert_eq!(sizes().steps_for_rows(rows), steps, "{rows}");
        }
        // Targets: 80, 96, 256, 320, 576, 672, then 768 each.
        for (targets, steps) in [(80, 1), (81, 2), (1328, 5), (2000, 6), (2001, 7), (2769, 8)] {
            assert_eq!(sizes().steps_for_targets(targets), steps, "{targets}");
        }
    }
}
