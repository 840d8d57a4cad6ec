//! Losses.

use kiln_tensor::Tensor;

use crate::{DeviceBatch, Head, Output, Result};

/// A loss over the targets of a batch.
pub trait Objective: Send {
    /// The sum of the loss over all scored targets of the batch, on the device. A sum, never a mean: the trainer divides by
    /// the number of targets of the whole global batch, so micro-batches of unequal length weigh what they should.
    ///
    /// # Errors
    /// The batch lacks the column that this loss scores.
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum>;
}

/// A summed loss.
pub struct LossSum {
    /// The sum, a scalar in fp32 that backward can start from.
    pub sum: Tensor,
    /// What was scored, detached: a class's logits, `[rows, classes]`, or values in their own units, `[rows, values]`. `None` for
    /// tokens, whose logits are never held.
    pub outputs: Option<Tensor>,
}
