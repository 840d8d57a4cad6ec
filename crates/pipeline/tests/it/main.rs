//! The stages as a caller sees them: through recipes and run folders.
#![allow(clippy::unwrap_used)]

mod earlier;
mod failures;
mod filters;
mod interruptions;
mod repeats;
mod reuse;
mod scene;
mod tasks;
mod verbs;
