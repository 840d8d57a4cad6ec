//! Scores of a model on held-out data.
//!
//! [`held_out`] sums a loss over a whole split; [`HeldOut`] adds what the task is judged by: bits per byte and the distance
//! from the true entropy for language models, accuracy and F1 for classifiers, correlation for regressors. This room knows
//! no file and no recipe.
//!
//! ```
//! use kiln_evaluate::classification;
//!
//! let measures = classification(&[0, 1, 1, 0], &[0, 1, 0, 0], 2);
//! assert_eq!(measures[0], ("accuracy".to_owned(), 0.75));
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod copied;
mod held_out;
mod measures;

pub use config::Config;
pub use copied::{Copied, Copies};
pub use held_out::{HeldOut, Judged, Sampled, held_out};
pub use measures::{classification, regression};
