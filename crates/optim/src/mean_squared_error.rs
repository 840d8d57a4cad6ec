//! Mean squared error.

use kiln_learn::{DeviceBatch, Head, LossSum, Objective, Output, Result};
use kiln_tensor::Kind;
use kiln_tokens::Scale;

use crate::standardised::Standardised;

/// Squared error of each number in units of its spread, summed over numbers and rows. The network learns standardised numbers, so
/// that one learning rate suits all units.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanSquaredError {
    scales: Vec<Scale>,
}

impl MeanSquaredError {
    /// The error of numbers with these means and spreads.
    pub fn new(scales: Vec<Scale>) -> Self {
        Self { scales }
    }
}

impl Objective for MeanSquaredError {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let numbers = Standardised::new(&self.scales, head, output, batch)?;
        let squared = numbers.predicted.f_sub(&numbers.expected)?.f_square()?;
        Ok(LossSum {
            sum: squared.f_sum(Kind::Float)?,
            outputs: Some(numbers.outputs),
        })
    }
}
