//! Closures that libtorch calls: their state as a pointer, their errors and panics as codes.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use kiln_tensor_sys as sys;
use tch::Tensor;

/// What libtorch calls: tensors to tensors, or a message.
pub(crate) type Body =
    dyn FnMut(Vec<Tensor>) -> std::result::Result<Vec<Tensor>, String> + Send + 'static;

/// Locked, since nothing but libtorch's own care keeps two threads from calling at once.
struct State(Mutex<Box<Body>>);

/// A pointer that libtorch takes over, to be given to [`call`], [`call_leaf`] and [`drop_state`].
pub(crate) fn into_state(body: Box<Body>) -> *mut c_void {
    Box::into_raw(Box::new(State(Mutex::new(body)))).cast()
}

/// A new handle from the shim as a tensor.
#[allow(unsafe_code)]
fn own(handle: *mut c_void) -> Tensor {
    // SAFETY: the shim makes the handle with `new` for us to take over, as tch makes its own.
    unsafe { Tensor::from_ptr(handle.cast()) }
}

#[allow(unsafe_code)]
fn fail(message: &str) -> c_int {
    // SAFETY: the shim copies the bytes before it returns.
    unsafe { sys::kiln_set_error(message.as_ptr().cast(), message.len()) };
    1
}

fn run(state: &State, inputs: Vec<Tensor>) -> std::result::Result<Vec<Tensor>, String> {
    let mut body = state
        .0
        .try_lock()
        .map_err(|_| "a closure was called while it ran, or after it panicked".to_owned())?;
    catch_unwind(AssertUnwindSafe(|| body(inputs))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        Err(format!(
            "a closure panicked: {}",
            text.as_deref().unwrap_or("no message")
        ))
    })
}

/// A [`sys::Computation`].
#[allow(unsafe_code)]
pub(crate) unsafe extern "C" fn call(
    state: *mut c_void,
    inputs: *mut *mut c_void,
    count: usize,
    outputs: *mut c_void,
) -> c_int {
    // SAFETY: the pointer is from `into_state` and not yet dropped.
    let state = unsafe { &*state.cast::<State>() };
    let inputs = if count == 0 {
        Vec::new()
    } else {
        // SAFETY: the shim gives `count` new handles.
        let handles = unsafe { std::slice::from_raw_parts(inputs, count) };
        handles.iter().map(|handle| own(*handle)).collect()
    };
    match run(state, inputs) {
        Ok(given) => {
            for tensor in given {
                // SAFETY: the shim copies the reference; ours ends here.
                unsafe { sys::kiln_give(outputs, tensor.as_ptr().cast_mut().cast()) };
            }
            0
        }
        Err(message) => fail(&message),
    }
}

/// A [`sys::LeafCall`].
#[allow(unsafe_code)]
pub(crate) unsafe extern "C" fn call_leaf(state: *mut c_void, leaf: *mut c_void) -> c_int {
    // SAFETY: the pointer is from `into_state` and not yet dropped.
    let state = unsafe { &*state.cast::<State>() };
    match run(state, vec![own(leaf)]) {
        Ok(_) => 0,
        Err(message) => fail(&message),
    }
}

/// A [`sys::DropState`].
#[allow(unsafe_code)]
pub(crate) unsafe extern "C" fn drop_state(state: *mut c_void) {
    // SAFETY: the pointer is from `into_state`, and the shim drops it once. What is captured may panic when it is
    // dropped; that must not cross the border.
    let state = unsafe { Box::from_raw(state.cast::<State>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
}

/// A [`sys::Take`] into a `Vec<Tensor>`.
#[allow(unsafe_code)]
pub(crate) unsafe extern "C" fn take(sink: *mut c_void, tensor: *mut c_void) {
    // SAFETY: the caller of the shim gave a vector that outlives the call.
    unsafe { &mut *sink.cast::<Vec<Tensor>>() }.push(own(tensor));
}
