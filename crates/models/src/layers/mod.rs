//! Layers that more than one architecture uses.

mod arithmetic;
pub(crate) mod attention;
pub(crate) mod block;
mod embedding;
pub(crate) mod experts;
pub(crate) mod feed_forward;
mod linear;
pub(crate) mod norm;
mod packing;
pub(crate) mod relative;
pub(crate) mod rotary;
pub(crate) mod short_convolution;

pub(crate) use arithmetic::computed_in;
pub(crate) use embedding::look_up;
pub(crate) use linear::Linear;
pub(crate) use packing::refuse_packed;
