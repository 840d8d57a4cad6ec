//! Update rules, losses, schedules and clipping: how a network learns.
//!
//! Optimizers work on the flat ranges of the parameter store and keep state that can be saved; losses are sums over
//! targets; schedules are functions of the step. This room knows no architecture, no data and no loop.
//!
//! ```
//! use kiln_learn::Schedule;
//! use kiln_optim::schedule;
//!
//! let config = schedule::Cosine { warmup_steps: 100, final_learning_rate: 1e-4 };
//! let rates = config.build(1e-3).rates(2000, 2000);
//! assert!((rates.learning_rate - 1e-4).abs() < 1e-12);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adamw;
mod binary_cross_entropy;
mod clip;
mod cross_entropy;
mod decay;
mod huber;
mod loss;
#[cfg(test)]
mod loss_reference;
mod mean_squared_error;
#[cfg(test)]
mod reference;
pub mod schedule;
mod sgd;
mod standardised;

pub use adamw::{Adamw, AdamwConfig};
pub use binary_cross_entropy::BinaryCrossEntropy;
pub use clip::{clip_by_norm, clip_by_value};
pub use cross_entropy::CrossEntropy;
pub use huber::Huber;
pub use loss::{LossConfig, LossKind, Scored, Wrong};
pub use mean_squared_error::MeanSquaredError;
pub use sgd::{Sgd, SgdConfig};
