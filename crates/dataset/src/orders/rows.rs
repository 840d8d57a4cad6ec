//! Rows of a language model: what all orders of a token stream share.

use std::sync::Arc;

use kiln_tokens::{Batch, Column, column};

use crate::{Error, Tokens};

/// A stream of ids to be cut into rows.
pub(super) struct Rows {
    pub(super) tokens: Arc<Tokens>,
    pub(super) context_length: usize,
}

impl Rows {
    /// Rows of a context length, of which each of `lanes` streams must hold at least one.
    pub(super) fn new(
        tokens: Arc<Tokens>,
        context_length: usize,
        lanes: usize,
    ) -> Result<Self, Error> {
        for (name, number) in [
            ("[dataset] context_length", context_length),
            ("the number of streams", lanes),
        ] {
            if number == 0 {
                return Err(Error::Zero { name });
            }
        }
        let needed = (context_length as u64)
            .saturating_mul(lanes as u64)
            .saturating_add(1);
        if tokens.len() < needed {
            return Err(Error::TooShort {
                split: tokens.split().to_owned(),
                context_length,
                lanes,
                needed,
                tokens: tokens.len(),
            });
        }
        Ok(Self {
            tokens,
            context_length,
        })
    }

    /// Windows that lie side by side and have a target for every id; the last id of all is only a target.
    pub(super) fn windows(&self) -> u64 {
        (self.tokens.len() - 1) / self.context_length as u64
    }

    /// Full windows that begin at these places: inputs, and the same one id on as targets.
    pub(super) fn batch(&self, starts: impl ExactSizeIterator<Item = u64>) -> Batch {
        let rows = starts.len();
        let width = self.context_length;
        let mut inputs = Vec::with_capacity(rows * width);
        let mut targets = Vec::with_capacity(rows * width);
        for start in starts {
            let end = start + width as u64;
            self.tokens.append(start..end, &mut inputs);
            self.tokens.append(start + 1..end + 1, &mut targets);
        }
        Batch::new(rows, targets.len() as u64)
            .with(column::INPUTS, Column::ids(rows, inputs))
            .with(column::TARGETS, Column::ids(rows, targets))
    }

    /// See [`identity`].
    pub(super) fn identity(&self, order: &str, parameters: &[(&str, u64)]) -> String {
        let context_length = ("context_length", self.context_length as u64);
        let parameters = [&[context_length], parameters].concat();
        identity(self.tokens.identity(), order, &parameters)
    }
}

/// A hash of the data and of all that decides the order.
pub(super) fn identity(data: &str, order: &str, parameters: &[(&str, u64)]) -> String {
    let mut text = format!("kiln order 1\n{data}\n{order}\n");
    for (name, value) in parameters {
        text.push_str(&format!("{name} = {value}\n"));
    }
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// A place in a sequence that is repeated each epoch.
pub(super) struct InEpoch {
    pub(super) epoch: u64,
    pub(super) index: u64,
}

impl InEpoch {
    pub(super) fn of(position: u64, rows_per_epoch: u64) -> Self {
        Self {
            epoch: position / rows_per_epoch,
            index: position % rows_per_epoch,
        }
    }
}
