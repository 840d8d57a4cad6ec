//! Cross-entropy over tokens or classes.

use kiln_learn::{DeviceBatch, Error, Head, LossSum, Objective, Output, Result};
use kiln_tensor::{
    CrossEntropyOptions, Kind, Tensor, cross_entropy, linear_cross_entropy, scored_rows,
};
use kiln_tokens::{IGNORED, column};

/// Cross-entropy in nats, summed over all targets that are not ignored.
///
/// With the defaults it is the negative log-likelihood. The same objective serves masked language models: there the targets of
/// all places that are not masked are ignored.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    target: Target,
    /// Share of a target's weight that is spread evenly over all classes, in `0.0 .. 1.0` (Szegedy et al., 2016, section 7).
    pub label_smoothing: f64,
    /// Coefficient of the squared logarithm of the softmax's normaliser (PaLM: Chowdhery et al., 2022, section 5).
    pub z_loss: f64,
    /// What a target of each class counts; all the same if left out.
    pub class_weights: Option<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Tokens,
    Classes,
}

impl CrossEntropy {
    /// Of the token at each place. No logits are held: [`LossSum::outputs`] is `None`.
    pub fn tokens() -> Self {
        Self::of(Target::Tokens)
    }

    /// Of the class of each row.
    pub fn classes() -> Self {
        Self::of(Target::Classes)
    }

    fn of(target: Target) -> Self {
        Self {
            target,
            label_smoothing: 0.0,
            z_loss: 0.0,
            class_weights: None,
        }
    }
}

impl Objective for CrossEntropy {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let targets = match self.target {
            Target::Tokens => batch.ids(column::TARGETS)?,
            Target::Classes => batch.ids(column::LABELS)?,
        };
        let targets = targets.view([-1]); // [rows]
        let width = output.hidden.size().last().copied().unwrap_or(1);
        let hidden = output.hidden.f_reshape([-1, width])?; // [rows, width]
        if hidden.size()[0] != targets.size()[0] {
            return Err(Error::Batch(format!(
                "{} targets for {} outputs",
                targets.size()[0],
                hidden.size()[0]
            )));
        }
        let weights = self.class_weights.as_ref().map(|weights| {
            Tensor::from_slice(weights)
                .to_kind(Kind::Float)
                .to_device(hidden.device())
        });
        let options = CrossEntropyOptions {
            label_smoothing: self.label_smoothing,
            z_loss: self.z_loss,
            class_weights: weights.as_ref(),
            ignored: IGNORED,
            ..CrossEntropyOptions::default()
        };
        match self.target {
            Target::Tokens => of_tokens(head, hidden, targets, &options),
            Target::Classes => {
                let logits = head.project(&hidden)?; // [rows, classes]
                Ok(LossSum {
                    sum: cross_entropy(&logits, &targets, &options)?.sum,
                    outputs: Some(logits.detach()),
                })
            }
        }
    }
}

fn of_tokens(
    head: &dyn Head,
    mut hidden: Tensor,  // [rows, width]
    mut targets: Tensor, // [rows]
    options: &CrossEntropyOptions<'_>,
) -> Result<LossSum> {
    // Chosen before what a head does ahead of its product: a masked language model scores one place in seven.
    if let Some(places) = scored_rows(&targets, options.ignored)? {
        hidden = hidden.f_index_select(0, &places)?;
        targets = targets.f_index_select(0, &places)?;
    }
    let linear = head.linear();
    let options = CrossEntropyOptions {
        cap: linear.cap,
        ..*options
    };
    let loss = linear_cross_entropy(
        &head.transform(&hidden)?,
        linear.weight,
        linear.bias,
        &targets,
        &options,
    )?;
    Ok(LossSum {
        sum: loss.sum,
        outputs: None,
    })
}
