//! Transformers: decoders, encoders, and encoder-decoders.

mod config;
mod embedding;
mod encoder_decoder;
mod mapping;
mod model;
mod plan;
#[cfg(test)]
mod reference;
mod stack;
mod style;

pub use crate::layers::feed_forward::Activation;
pub use crate::layers::norm::NormKind;
pub use crate::layers::rotary::RotaryScaling;
pub use config::Config;
pub use style::{Positions, Style};
