//! What a trainer and a user of a trained model need to know of each other.
//!
//! The interface of the upper floor: a trunk ([`Model`]) turns ids into hidden states, a [`Head`] turns those into
//! outputs, an [`Objective`] sums a loss over the targets, an [`Optimizer`] changes the flat parameters, a [`Schedule`]
//! says how fast. This room knows no architecture, no update rule, no loss and no file.
//!
//! ```
//! use kiln_learn::{Inputs, State};
//! use kiln_tensor::{Device, Kind, Tensor};
//!
//! // A carried state: rows come first in every part, so rows can be chosen, as a beam search does.
//! let hidden = Tensor::arange(6, (Kind::Float, Device::Cpu)).view([3, 2]);
//! let mut state = State::new(vec![("hidden.0".to_owned(), hidden)]);
//! state.reorder(&Tensor::from_slice(&[2i64, 0]));
//! assert_eq!(state.rows(), Some(2));
//! # let _ = Inputs::of(Tensor::from_slice(&[1i64]).view([1, 1]));
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod context;
mod error;
mod model;
mod objective;
mod optimizer;
mod state;
mod trained;

pub use batch::{DeviceBatch, Inputs, Source};
pub use context::Context;
pub use error::Error;
pub use model::{Head, LinearView, Model, Network, Output};
pub use objective::{LossSum, Objective};
pub use optimizer::{Optimizer, Rates, Schedule, Snapshot, Stateful};
pub use state::State;
pub use trained::{Evaluation, Measures, Trained};

/// A fallible operation of a learned part.
pub type Result<T> = std::result::Result<T, Error>;
