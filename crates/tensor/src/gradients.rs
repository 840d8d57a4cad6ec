//! Backward, and the fused steps that libtorch has but tch does not reach.

use std::ffi::CStr;

use kiln_tensor_sys as sys;
use tch::Tensor;

use crate::{Error, Result};

/// Turn the shim's return code into a result.
#[allow(unsafe_code)]
pub(crate) fn check(code: i32) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: the message is a NUL-ended string of this thread, valid until the next failing call.
    let message = unsafe { CStr::from_ptr(sys::kiln_last_error()) }.to_string_lossy();
    let first = message.lines().next().unwrap_or("unknown error");
    Err(Error::Torch(first.to_owned()))
}

/// Add the gradient of a scalar to every leaf that it depends on.
///
/// # Errors
/// The tensor is no scalar, depends on no leaf, or an operation failed.
pub fn backward(loss: &Tensor) -> Result<()> {
    Ok(loss.f_backward()?)
}

/// Make `gradient` the memory into which backward adds for `leaf`; an undefined tensor takes it away.
#[allow(unsafe_code)]
pub(crate) fn set_gradient(leaf: &Tensor, gradient: &Tensor) -> Result<()> {
    // SAFETY: both are tch's handles of live tensors; the shim copies the reference, and libtorch counts it.
    let code = unsafe {
        sys::kiln_set_gradient(
            leaf.as_ptr().cast_mut().cast(),
            gradient.as_ptr().cast_mut().cast(),
        )
    };
    check(code)
}

/// The numbers of one step of Adam (Kingma and Ba, 2015) or AdamW (Loshchilov and Hutter, 2019).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the running averages of the gradient and of its square, each in `0.0 .. 1.0`.
    pub betas: [f64; 2],
    /// Share of a weight taken away a step, times the learning rate; or added to its gradient.
    pub weight_decay: f64,
    /// Whether decay is decoupled from the gradient, as AdamW has it.
    pub decoupled: bool,
    /// Added to the root of the second average.
    pub epsilon: f64,
}

/// One step in place over flat ranges of equal length: one pass over memory. `step` is a float tensor of one
/// element that counts this step already. Where `skip` holds 1 nothing changes.
///
/// # Errors
/// The tensors differ in length or kind.
#[allow(unsafe_code)]
pub fn adam_step(
    numbers: &AdamStep,
    parameter: &Tensor,
    gradient: &Tensor,
    average: &Tensor,
    square: &Tensor,
    step: &Tensor,
    skip: Option<&Tensor>,
) -> Result<()> {
    let pointer = |tensor: &Tensor| tensor.as_ptr().cast_mut().cast();
    // SAFETY: all are tch's handles of live tensors; libtorch checks their kinds and sizes and the shim catches its errors.
    let code = unsafe {
        sys::kiln_adam(
            pointer(parameter),
            pointer(gradient),
            pointer(average),
            pointer(square),
            pointer(step),
            numbers.learning_rate,
            numbers.betas[0],
            numbers.betas[1],
            numbers.weight_decay,
            numbers.epsilon,
            i32::from(numbers.decoupled),
            skip.map_or(std::ptr::null_mut(), pointer),
        )
    };
    check(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_of_libtorch_is_an_error_of_one_line() {
        let leaf = Tensor::from_slice(&[1.0f32, 2.0]).set_requires_grad(true);
        let wrong = Tensor::from_slice(&[1.0f32, 2.0, 3.0]);
        let message = set_gradient(&leaf, &wrong)
            .and_then(|()| backward(&leaf.sum(tch::Kind::Float)))
            .unwrap_err()
            .to_string();
        assert!(message.starts_with("libtorch: "), "{message}");
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn a_skipped_step_changes_nothing() {
        let numbers = AdamStep {
            learning_rate: 0.1,
            betas: [0.9, 0.99],
            weight_decay: 0.1,
            decoupled: true,
            epsilon: 1e-8,
        };
        let run = |skip: f32| {
            let weight = Tensor::from_slice(&[1.0f32, -2.0]);
            let state = [(); 2].map(|()| weight.zeros_like());
            let gradient = Tensor::from_slice(&[0.5f32, f32::NAN]);
            let step = Tensor::from_slice(&[1.0f32]);
            let skip = Tensor::from_slice(&[skip]);
            adam_step(
                &numbers,
                &weight,
                &gradient,
                &state[0],
                &state[1],
                &step,
                Some(&skip),
            )
            .unwrap();
            Vec::<f32>::try_from(weight).unwrap()
        };
        assert_eq!(run(1.0), [1.0, -2.0]);
        // The first step is the sign of the gradient times the rate, after the decay: 1 - 0.01 - 0.1.
        assert!((run(0.0)[0] - 0.89).abs() < 1e-6);
        assert!(run(0.0)[1].is_nan());
    }
}
