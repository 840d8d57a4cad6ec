//! Trunks and heads: the shapes of network that can be trained.
//!
//! One folder an architecture, each with the same cut: `config` (what a recipe says of it) and `model` (parameters and the
//! forward pass). Every [`Config::build`](transformer::Config::build) gives a trunk and a head over one parameter store.
//! This room knows no optimizer, no loss, no data and no file.
//!
//! ```
//! use kiln_learn::{Context, Inputs};
//! use kiln_models::{Outputs, transformer};
//! use kiln_tensor::{Builder, Device, Draws, Precision, Tensor};
//!
//! let config = transformer::Config { layers: 2, heads: 2, width: 16, ..transformer::Config::default() };
//! let network = config
//!     .build(Builder::new(Device::Cpu, Draws::new(1)), 65, 8, Outputs::Tokens)
//!     .finish(Precision::Fp32)?;
//! let ids = Tensor::from_slice(&[1i64, 2, 3]).view([1, 3]);
//! let logits = network.outputs(&Inputs::of(ids), None, &Context::evaluation())?;
//! assert_eq!(logits.size(), [1, 3, 65]);
//! # Ok::<(), kiln_learn::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod draft;
mod head;
mod layers;
mod pooling;

pub mod convolutional;
pub mod mapping;
pub mod presets;
pub mod recurrent;
pub mod transformer;

pub use draft::{Draft, Outputs, Size, Wrong};
pub use pooling::Pooling;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod reference;
