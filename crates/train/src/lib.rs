//! The training loop: accumulate, clip, step, evaluate, save, go on.
//!
//! A [`Trainer`] is given its parts behind interfaces and drives them to the last step. It knows no concrete model, optimizer,
//! loss or dataset, and nothing of recipes. A run that is stopped at any instant goes on from its newest checkpoint and ends
//! with the same bits as one that was not.
//!
//! ```
//! use kiln_train::Config;
//!
//! let config = Config { steps: None, epochs: Some(2.0), batch_size: 10, ..Config::default() };
//! assert_eq!(config.total_steps(95, 1), 19); // 190 rows in batches of 10
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod error;
mod feed;
#[cfg(test)]
mod fixture;
mod growth;
mod journal;
mod loss_scale;
mod measure;
mod memory;
mod noise_scale;
mod not_finite;
mod plan;
mod profile;
mod shorten;
mod trainer;
mod update;

pub use config::{CheckpointConfig, Config, Wrong};
pub use error::Error;
pub use growth::{Sizes, Warmup};
pub use measure::EarlyStopping;
pub use not_finite::NotFinite;
pub use plan::{Clip, Finished, Parts, Plan};
pub use profile::{PhaseTime, Profile};
pub use trainer::Trainer;
