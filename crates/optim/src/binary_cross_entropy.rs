//! Binary cross-entropy: each class for itself.

use kiln_learn::{DeviceBatch, Error, Head, LossSum, Objective, Output, Result};
use kiln_tensor::{Kind, Reduction, Tensor};
use kiln_tokens::column;

/// Cross-entropy in nats of a yes or no for each class, from logits, summed over classes and rows: for rows that belong to any
/// number of classes, [`column::LABEL_SET`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BinaryCrossEntropy {
    /// What a yes counts for each class, where a no counts 1; 1 if left out. The number of noes over that of yeses makes both
    /// weigh the same.
    pub positive_weights: Option<Vec<f64>>,
}

impl Objective for BinaryCrossEntropy {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let logits = head.project(&output.hidden)?.to_kind(Kind::Float); // [batch, classes]
        let labels = batch.column(column::LABEL_SET)?;
        if labels.size() != logits.size() || labels.kind() != Kind::Float {
            return Err(Error::Batch(format!(
                "labels {:?} of kind {:?}, the model gives {:?}",
                labels.size(),
                labels.kind(),
                logits.size()
            )));
        }
        let weights = self.positive_weights.as_ref().map(|weights| {
            Tensor::from_slice(weights)
                .to_kind(Kind::Float)
                .to_device(logits.device())
        });
        let sum = logits.f_binary_cross_entropy_with_logits(
            labels,
            None::<&Tensor>,
            weights.as_ref(),
            Reduction::Sum,
        )?;
        Ok(LossSum {
            sum,
            outputs: Some(logits.detach()),
        })
    }
}
