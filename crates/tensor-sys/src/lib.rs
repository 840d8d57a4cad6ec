//! The C++ shim over libtorch: declarations only.
//!
//! `shim/kiln_shim.h` says what each function does. Only `kiln-tensor` calls these; it wraps each in a safe function
//! that turns a non-zero return into an error.
#![allow(unsafe_code)] // Foreign functions are what this crate is for.

use std::ffi::{c_char, c_int, c_void};

unsafe extern "C" {
    /// The message of this thread's last failure; valid until its next one.
    pub fn kiln_last_error() -> *const c_char;
    /// Make `gradient` the place where backward adds what flows into the leaf `parameter`.
    pub fn kiln_set_gradient(parameter: *mut c_void, gradient: *mut c_void) -> c_int;
    /// One AdamW step over a flat range; nothing changes where `skip` is not null and holds 1.
    pub fn kiln_adamw(
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
}
