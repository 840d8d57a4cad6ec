//! Mean squared error.

use kiln_learn::{DeviceBatch, Error, Head, LossSum, Objective, Output, Result};
use kiln_tensor::{Kind, Tensor};
use kiln_tokens::{Scale, column};

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

    fn row(&self, of: impl Fn(&Scale) -> f64, like: &Tensor) -> Tensor {
        let values: Vec<f64> = self.scales.iter().map(of).collect();
        Tensor::from_slice(&values)
            .to_kind(Kind::Float)
            .to_device(like.device())
    }
}

impl Objective for MeanSquaredError {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let outputs = head.project(&output.hidden)?.to_kind(Kind::Float); // [batch, values]
        let values = batch.column(column::VALUES)?;
        if values.size() != outputs.size() {
            return Err(Error::Batch(format!(
                "{} numbers in a row, the model predicts {}",
                values.size().last().unwrap_or(&0),
                outputs.size().last().unwrap_or(&0)
            )));
        }
        let mean = self.row(|scale| scale.mean, &outputs);
        let spread = self.row(|scale| scale.standard_deviation, &outputs);
        let standardised = values.f_sub(&mean)?.f_div(&spread)?;
        let squared = outputs.f_sub(&standardised)?.f_square()?;
        Ok(LossSum {
            sum: squared.f_sum(Kind::Float)?,
            outputs: (outputs.detach() * &spread) + &mean,
        })
    }
}
