//! Layers that more than one architecture uses.

mod arithmetic;
mod embedding;
mod linear;
mod norm;

pub(crate) use arithmetic::computed_in;
pub(crate) use embedding::look_up;
pub(crate) use linear::Linear;
pub(crate) use norm::LayerNorm;
