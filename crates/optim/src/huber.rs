//! Huber's loss.

use kiln_learn::{DeviceBatch, Head, LossSum, Objective, Output, Result};
use kiln_tensor::Reduction;
use kiln_tokens::Scale;

use crate::standardised::Standardised;

/// Half the squared error of each number up to `delta`, and beyond it as steep as there: a far outlier pulls no more than a near
/// one (Huber, 1964). In units of each number's spread, summed over numbers and rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Huber {
    scales: Vec<Scale>,
    delta: f64,
}

impl Huber {
    /// The loss of numbers with these means and spreads, with its bend at `delta` spreads, above 0.
    pub fn new(scales: Vec<Scale>, delta: f64) -> Self {
        Self { scales, delta }
    }
}

impl Objective for Huber {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let numbers = Standardised::new(&self.scales, head, output, batch)?;
        let sum = numbers
            .predicted
            .f_huber_loss(&numbers.expected, Reduction::Sum, self.delta)?;
        Ok(LossSum {
            sum,
            outputs: Some(numbers.outputs),
        })
    }
}
