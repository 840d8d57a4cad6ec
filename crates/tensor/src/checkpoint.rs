//! Activation checkpointing: what a part of a network computes is forgotten, and computed again in backward.

use std::ffi::c_void;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};

use kiln_tensor_sys as sys;
use tch::Tensor;

use crate::closures::{Body, call, call_leaf, drop_state, into_state, take};
use crate::gradients::check;
use crate::{Error, Result};

/// Run `body` on `inputs` without keeping what its backward needs; backward runs it a second time and goes through that
/// (Chen et al., "Training deep nets with sublinear memory cost", 2016). Only inputs and outputs stay in memory in between.
///
/// The second run must give what the first gave: random draws must be functions of keys, not of what was drawn before.
/// Gradients are then the same bit for bit. Leaves that the body computes with receive theirs as usual, whether or not an
/// input needs one. A leaf that other parts of the network use too receives its parts one after another instead of their sum.
///
/// The body is kept as long as the graph and runs on the thread that backward runs it on, hence `Send`. A tensor cannot be
/// used by two threads at once, so what holds tensors is captured as a clone of its handles, or as `Arc<Mutex<..>>`:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use kiln_tensor::{Device, Error, Kind, Tensor, backward, checkpoint};
///
/// let weight = Tensor::ones([3, 4], (Kind::Float, Device::Cpu)).set_requires_grad(true);
/// let layer = Arc::new(Mutex::new(weight.shallow_clone()));
/// let input = Tensor::ones([2, 4], (Kind::Float, Device::Cpu));
/// let outputs = checkpoint(&[&input], move |inputs| {
///     let weight = layer.lock().map_err(|_| Error::Torch("poisoned".to_owned()))?;
///     Ok::<_, Error>(vec![inputs[0].f_linear(&*weight, None::<&Tensor>)?.f_tanh()?])
/// })?;
/// backward(&outputs[0].sum(Kind::Float))?;
/// assert_eq!(weight.grad().size(), [3, 4]);
/// # Ok::<(), Error>(())
/// ```
///
/// Where gradients are off the body runs once and is dropped.
///
/// # Errors
/// The body failed: now, its own error; in backward, an error of backward with its message. A panic of the body is an error,
/// too. Backward through backward is refused.
#[allow(unsafe_code)]
pub fn checkpoint<E>(
    inputs: &[&Tensor],
    mut body: impl FnMut(&[Tensor]) -> std::result::Result<Vec<Tensor>, E> + Send + 'static,
) -> std::result::Result<Vec<Tensor>, E>
where
    E: From<Error> + Display + Send + 'static,
{
    let own_error = Arc::new(Mutex::new(None));
    let failed = Arc::clone(&own_error);
    let body: Box<Body> = Box::new(move |inputs| {
        body(&inputs).map_err(|error| {
            let message = error.to_string();
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            message
        })
    });
    run(inputs, body).map_err(|error| {
        let own = own_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        own.unwrap_or_else(|| E::from(error))
    })
}

#[allow(unsafe_code)]
fn run(inputs: &[&Tensor], body: Box<Body>) -> Result<Vec<Tensor>> {
    let mut handles: Vec<*mut c_void> = inputs
        .iter()
        .map(|input| input.as_ptr().cast_mut().cast())
        .collect();
    let mut outputs: Vec<Tensor> = Vec::new();
    // SAFETY: the handles are of live tensors, which the shim copies; it takes over the state; `outputs` outlives the call.
    let code = unsafe {
        sys::kiln_checkpoint(
            handles.as_mut_ptr(),
            handles.len(),
            into_state(body),
            call,
            drop_state,
            take,
            (&raw mut outputs).cast(),
        )
    };
    check(code)?;
    Ok(outputs)
}

/// Call `hook` with the leaf each time that backward has added to its gradient, in place of an earlier hook of that leaf. It
/// runs on the thread that backward runs on, before backward goes on; with gradients on the CPU that is the caller's.
///
/// # Errors
/// The tensor is no leaf that needs a gradient. An error or a panic of the hook is an error of that backward.
#[allow(unsafe_code)]
pub fn on_gradient(
    leaf: &Tensor,
    mut hook: impl FnMut(&Tensor) -> Result<()> + Send + 'static,
) -> Result<()> {
    let body: Box<Body> = Box::new(move |leaves| {
        leaves
            .iter()
            .try_for_each(&mut hook)
            .map(|()| Vec::new())
            .map_err(|error| error.to_string())
    });
    // SAFETY: the handle is of a live tensor; the shim takes over the state.
    let code = unsafe {
        sys::kiln_on_gradient(
            leaf.as_ptr().cast_mut().cast(),
            into_state(body),
            call_leaf,
            drop_state,
        )
    };
    check(code)
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;
