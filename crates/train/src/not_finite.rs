//! Gradients that are no numbers: where they came from, and what to do.

use kiln_learn::Result;
use kiln_tensor::{Parameters, Tensor};
use serde::{Deserialize, Serialize};

/// What a run does where a loss or a gradient is not finite. No weight is changed by it in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotFinite {
    /// Leave the update out, say so and go on.
    #[default]
    Skip,
    /// Go back to the last checkpoint and pass over the rows of that batch from then on.
    Rollback,
    /// End the run.
    Stop,
}

/// What is not finite first: the loss, or the gradient of the first parameter in the order in which the model computes. Reads
/// numbers from the device, so it is asked only when something is known to be wrong.
///
/// # Errors
/// libtorch refused.
pub(crate) fn culprit(loss: &Tensor, parameters: &Parameters) -> Result<String> {
    let finite = |tensor: &Tensor| -> Result<bool> {
        let all = tensor.f_isfinite()?.f_all()?;
        Ok(f64::try_from(&all)? != 0.0)
    };
    if !finite(loss)? {
        return Ok("the loss".to_owned());
    }
    let gradients = parameters.named_gradients();
    let mut wrong = None;
    for ((name, gradient), parameter) in gradients.iter().zip(parameters.iter()) {
        let place = parameter.place();
        if wrong.as_ref().is_none_or(|(first, _)| place < *first) && !finite(gradient)? {
            wrong = Some((place, format!("the gradient of `{name}`")));
        }
    }
    // Each is finite, and the sum of squares is not.
    Ok(wrong.map_or_else(
        || "the norm of the gradients".to_owned(),
        |(_, words)| words,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_tensor::{Builder, Device, Draws, Init, Precision, Role};

    #[test]
    fn the_first_in_the_order_of_the_model_is_named() {
        let mut builder = Builder::new(Device::Cpu, Draws::new(0));
        // Flat buffers have matrices first, then tables: not the order of the model.
        for (name, role) in [
            ("embedding", Role::Embedding),
            ("norm", Role::Vector),
            ("block", Role::Matrix),
            ("head", Role::Head),
        ] {
            let _ = builder.parameter(name, &[2], role, Init::Constant(1.0));
        }
        let parameters = builder.finish(Precision::Fp32).unwrap();
        let check = |loss: f32, bad: &[&str], expected: &str| {
            let _ = parameters.gradients().shallow_clone().fill_(0.0);
            for (name, gradient) in parameters.named_gradients() {
                if bad.contains(&name.as_str()) {
                    let _ = gradient.narrow(0, 1, 1).fill_(f64::INFINITY);
                }
            }
            let loss = Tensor::from_slice(&[loss]);
            assert_eq!(culprit(&loss, &parameters).unwrap(), expected);
        };
        check(1.0, &["block", "norm", "head"], "the gradient of `norm`");
        check(1.0, &["block", "embedding"], "the gradient of `embedding`");
        check(1.0, &["head"], "the gradient of `head`");
        check(f32::NAN, &["norm"], "the loss");
        check(1.0, &[], "the norm of the gradients");
    }
}
