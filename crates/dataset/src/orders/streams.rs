//! Streams side by side, for models that carry a state from row to row.

use std::sync::Arc;

use kiln_tokens::{Batch, BatchSource, Column, SamplePosition, column};

use super::rows::{InEpoch, Rows};
use crate::{Error, Tokens};

/// See [`streams`].
pub struct Streams {
    rows: Rows,
    lanes: u64,
    /// Rows of a lane in an epoch.
    chunks: u64,
}

/// The text cut into `lanes` streams of equal length, each read from its beginning in chunks of `context_length` ids:
/// position `p` is chunk `p / lanes` of lane `p % lanes`, so that a batch of `lanes` rows is the next chunk of every
/// lane. A chunk's first input is the last target of the chunk before it. Column `reset` is 1 at the first chunk of each
/// lane in each epoch. Fewer than `lanes * context_length` ids at the end of the text are in no chunk.
///
/// # Errors
/// The text is too short for one chunk a lane; a mistake.
pub fn streams(tokens: Arc<Tokens>, context_length: usize, lanes: usize) -> Result<Streams, Error> {
    let rows = Rows::new(tokens, context_length, lanes)?;
    let lanes = lanes as u64;
    Ok(Streams {
        chunks: rows.windows() / lanes,
        lanes,
        rows,
    })
}

impl Streams {
    /// Lane and chunk of a position.
    fn place(&self, position: u64) -> (u64, u64) {
        let chunk = InEpoch::of(position / self.lanes, self.chunks).index;
        (position % self.lanes, chunk)
    }
}

impl BatchSource for Streams {
    fn rows(&self, from: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let width = self.rows.context_length as u64;
        let place = |row: usize| self.place(from.0 + row as u64);
        let starts = (0..count).map(place).map(|(lane, chunk)| {
            let window = lane * self.chunks + chunk;
            window * width
        });
        let resets = (0..count).map(|row| i64::from(place(row).1 == 0)).collect();
        let batch = self.rows.batch(starts);
        Ok(batch.with(column::RESET, Column::ids(count, resets)))
    }

    fn rows_per_epoch(&self) -> u64 {
        self.chunks * self.lanes
    }

    fn identity(&self) -> String {
        self.rows.identity("streams", &[("lanes", self.lanes)])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::counting;

    #[test]
    fn lanes_and_resets_are_as_drawn_on_paper() {
        // 14 ids, 2 lanes, chunks of 3: lane 0 has inputs 0..6, lane 1 has 6..12; the last id is in none.
        let order = streams(counting(&[5, 9]), 3, 2).unwrap();
        assert_eq!(order.rows_per_epoch(), 4);
        let batch = order.rows(SamplePosition(0), 6).unwrap();
        let ids = |name| batch.column(name).unwrap().as_ids().unwrap();
        assert_eq!(
            ids(column::INPUTS),
            [0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11, 0, 1, 2, 6, 7, 8]
        );
        assert_eq!(ids(column::TARGETS)[..9], [1, 2, 3, 7, 8, 9, 4, 5, 6]);
        assert_eq!(ids(column::RESET), [1, 1, 0, 0, 1, 1]);
        assert_eq!(batch.targets(), 18);
    }

    #[test]
    fn too_many_lanes_are_a_mistake() {
        assert!(streams(counting(&[13]), 3, 4).is_ok());
        let error = streams(counting(&[12]), 3, 4).err().unwrap();
        assert!(error.is_mistake());
        assert!(
            error
                .to_string()
                .contains("at least 13 tokens in 4 streams"),
            "{error}"
        );
        assert!(streams(counting(&[12]), 3, 0).is_err());
    }

    proptest! {
        #[test]
        fn a_chunk_goes_on_where_its_lane_stopped(
            tokens in 100usize..400, width in 1usize..7, lanes in 1usize..9, from in 0u64..40,
        ) {
            let order = streams(counting(&[tokens / 3, tokens - tokens / 3]), width, lanes).unwrap();
            let batch = |step: u64| order.rows(SamplePosition((from + step) * lanes as u64), lanes).unwrap();
            let (now, next) = (batch(0), batch(1));
            let ids = |batch: &Batch, name| batch.column(name).unwrap().as_ids().unwrap().to_vec();
            let resets = ids(&next, column::RESET);
            // All lanes begin and end together.
            prop_assert!(resets.iter().all(|reset| *reset == resets[0]));
            for (lane, reset) in resets.iter().enumerate() {
                let last_target = ids(&now, column::TARGETS)[(lane + 1) * width - 1];
                let first_input = ids(&next, column::INPUTS)[lane * width];
                let goes_on = *reset == 0;
                prop_assert!(goes_on == ((from + 1) % (order.rows_per_epoch() / lanes as u64) != 0));
                if goes_on {
                    prop_assert_eq!(first_input, last_target);
                }
            }
        }

        #[test]
        fn an_epoch_holds_each_window_once(tokens in 50usize..300, width in 1usize..5, lanes in 1usize..9) {
            let order = streams(counting(&[tokens]), width, lanes).unwrap();
            let batch = order.rows(SamplePosition(0), order.rows_per_epoch() as usize).unwrap();
            let mut inputs = batch.column(column::INPUTS).unwrap().as_ids().unwrap().to_vec();
            inputs.sort_unstable();
            prop_assert!(inputs.iter().copied().eq(0..inputs.len() as i64));
            prop_assert!(tokens - inputs.len() <= width * lanes);
        }
    }
}
