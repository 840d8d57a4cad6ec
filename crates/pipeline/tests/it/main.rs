//! The stages as a caller sees them: through recipes and run folders.
#![allow(clippy::unwrap_used)]

mod earlier;
mod failures;
mod filters;
mod interruptions;
mod preprocessing;
#[cfg(feature = "remote")]
mod remote;
mod repeats;
mod reuse;
mod scene;
mod sharded;
mod tasks;
mod verbs;
mod words;
