//! Checkpoints: self-contained folders, written whole or not at all, checked before they are believed.
//!
//! A checkpoint holds weights, optimizer state, a recurrent carry, the position in the data, and what is needed to use the
//! model anywhere: its recipe, tokenizer, labels. [`Checkpoints`] keeps a run's: the newest few and the best. This room
//! knows no architecture and no optimizer: it moves named tensors.
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
mod open;
mod save;
mod state;
mod store;

pub use error::Error;
pub use open::Checkpoint;
pub use save::{Companions, Contents};
pub use state::TrainingState;
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

/// What the manifest calls a checkpoint, and the version of its layout.
const KIND: &str = "checkpoint";
const FORMAT_VERSION: u32 = 1;
