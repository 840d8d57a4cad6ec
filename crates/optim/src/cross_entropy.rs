//! Cross-entropy over tokens or classes.

use kiln_learn::{DeviceBatch, Error, Head, LossSum, Objective, Output, Result};
use kiln_tensor::{Kind, Reduction, Tensor};
use kiln_tokens::{IGNORED, column};

/// Negative log-likelihood in nats, summed over all targets that are not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrossEntropy {
    /// Of the next token at each place.
    Tokens,
    /// Of the class of each row.
    Classes,
}

impl Objective for CrossEntropy {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let targets = match self {
            Self::Tokens => batch.ids(column::TARGETS)?,
            Self::Classes => batch.ids(column::LABELS)?,
        };
        let logits = head.project(&output.hidden)?; // [batch, time, outputs] or [batch, classes]
        let width = logits.size().last().copied().unwrap_or(1);
        let rows = logits.view([-1, width]).to_kind(Kind::Float);
        let targets = targets.view([-1]);
        if rows.size()[0] != targets.size()[0] {
            return Err(Error::Batch(format!(
                "{} targets for {} outputs",
                targets.size()[0],
                rows.size()[0]
            )));
        }
        let sum =
            rows.f_cross_entropy_loss::<&Tensor>(&targets, None, Reduction::Sum, IGNORED, 0.0)?;
        Ok(LossSum {
            sum,
            outputs: logits.detach(),
        })
    }
}
