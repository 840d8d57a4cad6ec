//! Using a trained model: text from a language model, classes and values from the others.
//!
//! Everything here takes a [`Trained`](kiln_learn::Trained) and gives text, names and numbers. Randomness is a function of a
//! seed. This room knows no architecture, no file and no terminal.
//!
//! ```
//! use kiln_infer::Sampling;
//!
//! let mut sampler = Sampling { temperature: 0.0, ..Sampling::default() }.sampler();
//! assert_eq!(sampler.choose(&[0.1, 2.0, -1.0]), 1); // temperature 0 takes the likeliest
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod generate;
mod predict;
mod sampling;
mod streaming;

pub use error::Error;
pub use generate::{End, Generated, generate};
pub use predict::{Prediction, predict};
pub use sampling::{Sampler, Sampling};
pub use streaming::Characters;

/// A fallible use of a model.
pub type Result<T> = std::result::Result<T, Error>;
