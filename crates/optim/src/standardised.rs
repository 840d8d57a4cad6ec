//! Numbers in units of their spread: what a regressor learns, so that one learning rate suits all units.

use kiln_learn::{DeviceBatch, Error, Head, Output, Result};
use kiln_tensor::{Kind, Tensor};
use kiln_tokens::{Scale, column};

/// What a network gave and what was expected, both in units of the spread, `[batch, values]` in fp32.
pub(crate) struct Standardised {
    pub(crate) predicted: Tensor,
    pub(crate) expected: Tensor,
    /// What the network gave in the numbers' own units, detached.
    pub(crate) outputs: Tensor,
}

impl Standardised {
    pub(crate) fn new(
        scales: &[Scale],
        head: &dyn Head,
        output: &Output,
        batch: &DeviceBatch,
    ) -> Result<Self> {
        let predicted = head.project(&output.hidden)?.to_kind(Kind::Float);
        let values = batch.column(column::VALUES)?;
        if values.size() != predicted.size() {
            return Err(Error::Batch(format!(
                "{} numbers in a row, the model predicts {}",
                values.size().last().unwrap_or(&0),
                predicted.size().last().unwrap_or(&0)
            )));
        }
        let row = |of: fn(&Scale) -> f64| {
            let values: Vec<f64> = scales.iter().map(of).collect();
            Tensor::from_slice(&values)
                .to_kind(Kind::Float)
                .to_device(predicted.device())
        };
        let mean = row(|scale| scale.mean);
        let spread = row(|scale| scale.standard_deviation);
        Ok(Self {
            expected: values.f_sub(&mean)?.f_div(&spread)?,
            outputs: predicted.detach().f_mul(&spread)?.f_add(&mean)?,
            predicted,
        })
    }
}
