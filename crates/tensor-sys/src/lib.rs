//! The C++ shim over libtorch: declarations only.
//!
//! `shim/kiln_shim.h` says what each function does. Only `kiln-tensor` calls these; it wraps each in a safe function
//! that turns a non-zero return into an error.
#![allow(unsafe_code)] // Foreign functions are what this crate is for.

use std::ffi::{c_char, c_int, c_void};

/// What is scored by [`kiln_linear_cross_entropy`], and how.
#[repr(C)]
pub struct CrossEntropy {
    /// Share of a target's weight that is spread over all classes.
    pub label_smoothing: f64,
    /// Coefficient of the squared logarithm of the normaliser.
    pub z_loss: f64,
    /// Logits are `cap * tanh(logit / cap)`; 0 for as they are.
    pub cap: f64,
    /// The target that is not scored.
    pub ignored: i64,
    /// Rows whose logits are held at once.
    pub chunk_rows: i64,
}

/// Takes over a new handle of a tensor.
pub type Take = unsafe extern "C" fn(sink: *mut c_void, tensor: *mut c_void);

/// A computation of Rust's: it takes over the handles of `inputs` and gives each output to [`kiln_give`].
pub type Computation = unsafe extern "C" fn(
    state: *mut c_void,
    inputs: *mut *mut c_void,
    count: usize,
    outputs: *mut c_void,
) -> c_int;

/// What is called with a new handle of a leaf.
pub type LeafCall = unsafe extern "C" fn(state: *mut c_void, leaf: *mut c_void) -> c_int;

/// Drops the state of a closure.
pub type DropState = unsafe extern "C" fn(state: *mut c_void);

unsafe extern "C" {
    /// The message of this thread's last failure; valid until its next one.
    pub fn kiln_last_error() -> *const c_char;
    /// Make `gradient` the place where backward adds what flows into the leaf `parameter`.
    pub fn kiln_set_gradient(parameter: *mut c_void, gradient: *mut c_void) -> c_int;
    /// One step of Adam over a flat range, of AdamW where `decoupled` is not 0; nothing changes where `skip` is not null and holds 1.
    pub fn kiln_adam(
        parameter: *mut c_void,
        gradient: *mut c_void,
        average: *mut c_void,
        square: *mut c_void,
        step: *mut c_void,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        epsilon: f64,
        decoupled: c_int,
        skip: *mut c_void,
    ) -> c_int;
    /// Fill a contiguous CPU tensor of `rows` equal rows with 0 or `scale`, each a function of key, position + row and place.
    pub fn kiln_dropout_mask(
        out: *mut c_void,
        rows: i64,
        key: u64,
        position: u64,
        threshold: u32,
        scale: f32,
    ) -> c_int;
    /// Leave a message for [`kiln_last_error`] of this thread.
    pub fn kiln_set_error(message: *const c_char, length: usize);
    /// Cross-entropy of a linear layer, chunk by chunk of rows; two new scalars.
    pub fn kiln_linear_cross_entropy(
        hidden: *mut c_void,
        weight: *mut c_void,
        bias: *mut c_void,
        targets: *mut c_void,
        class_weights: *mut c_void,
        options: *const CrossEntropy,
        sum: *mut *mut c_void,
        plain: *mut *mut c_void,
    ) -> c_int;
    /// One output of a [`Computation`]; the handle stays the caller's.
    pub fn kiln_give(outputs: *mut c_void, tensor: *mut c_void);
    /// Run a computation that backward runs again; takes over `state`, whatever it returns.
    pub fn kiln_checkpoint(
        inputs: *mut *mut c_void,
        count: usize,
        state: *mut c_void,
        call: Computation,
        drop: DropState,
        take: Take,
        sink: *mut c_void,
    ) -> c_int;
    /// Call `call` whenever backward has added to the gradient of `leaf`; takes over `state`, whatever it returns.
    pub fn kiln_on_gradient(
        leaf: *mut c_void,
        state: *mut c_void,
        call: LeafCall,
        drop: DropState,
    ) -> c_int;
    /// Bytes held by tensors now and at most, and reserved from a CUDA device now and at most.
    pub fn kiln_cuda_memory(device: i64, reset: c_int, out: *mut i64) -> c_int;
}
