//! The recipe: one TOML document, a section a room, read into each room's own types with exact places in every error.
//!
//! It knows no room: it holds the document, applies `--set` overrides, hands out sections as typed values, and at the
//! end gives the resolved recipe (defaults filled in, the origin of each value beside it) and refuses keys that nobody
//! asked for.
//!
//! ```
//! use kiln_recipe::Recipe;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Schedule {
//!     warmup_steps: u64,
//!     #[serde(default)]
//!     final_share: f64,
//! }
//!
//! let text = "[schedule]\nwarmup_steps = 100\n";
//! let recipe = Recipe::parse(text, "recipe.toml", &["schedule.warmup_steps=50".to_owned()])?;
//! let schedule: Schedule = recipe.required("schedule")?;
//! assert_eq!(schedule.warmup_steps, 50);
//! assert_eq!(
//!     recipe.finish()?.text(),
//!     "[schedule]\nwarmup_steps = 50 # --set\nfinal_share = 0.0 # default\n"
//! );
//!
//! let typo = Recipe::parse("[schedule]\nwarmup_stepz = 100\n", "recipe.toml", &[])?;
//! assert_eq!(
//!     typo.required::<Schedule>("schedule").err().unwrap().to_string(),
//!     "recipe.toml:2: unknown key `warmup_stepz` in [schedule]; did you mean `warmup_steps`?"
//! );
//! # Ok::<(), kiln_recipe::Error>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod deserialize;
mod difference;
mod error;
mod example;
mod fault;
mod message;
mod node;
mod overrides;
mod recipe;
mod resolved;
mod suggest;
#[cfg(test)]
mod tests;
mod write;

pub use error::Error;
pub use recipe::Recipe;
pub use resolved::Resolved;
