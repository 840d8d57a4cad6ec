//! Checkpoints: self-contained folders, written whole or not at all, checked before they are believed.
//!
//! A checkpoint holds weights, optimizer state, a recurrent carry, the position in the data, and what is needed to use the
//! model anywhere: its recipe, tokenizer, labels. [`Checkpoints`] keeps a run's: the newest few and the best; [`Saver`] writes
//! them while training goes on. This room knows no architecture and no optimizer: it moves named tensors.
//!
//! ```no_run
//! use kiln_checkpoint::Checkpoint;
//! use std::path::Path;
//!
//! let checkpoint = Checkpoint::open(Path::new("runs/shakespeare"))?; // a run's best, or a checkpoint's own folder
//! println!("step {}", checkpoint.state().step);
//! # Ok::<(), kiln_checkpoint::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod error;
mod migrations;
mod open;
mod pace;
mod retention;
mod save;
mod saver;
mod state;
mod store;

pub use error::Error;
pub use open::Checkpoint;
pub use retention::Retention;
pub use save::{Belongings, Companions, Contents};
pub use saver::{Before, Failed, Outcome, Saved, Saver};
pub use state::{Best, Patience, TrainingState};
pub use store::Checkpoints;

/// A fallible operation on checkpoints.
pub type Result<T> = std::result::Result<T, Error>;

/// Files of a checkpoint.
mod file {
    pub(crate) const MODEL: &str = "model.safetensors";
    pub(crate) const OPTIMIZER: &str = "optimizer.safetensors";
    pub(crate) const CARRY: &str = "carry.safetensors";
    pub(crate) const STATE: &str = "state.json";
}

/// What the manifest calls a checkpoint.
const KIND: &str = "checkpoint";
