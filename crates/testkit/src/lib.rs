//! For tests: tiny recipes, and the real binary in a temporary folder.
//!
//! ```no_run
//! use kiln_testkit::{Workspace, recipes};
//!
//! let workspace = Workspace::new("target/release/kiln");
//! workspace.write("tiny.toml", recipes::TRANSFORMER);
//! let answer = workspace.kiln(&["run", "tiny.toml"]);
//! assert_eq!(answer.code, 0, "{}", answer.stderr);
//! ```
#![allow(clippy::expect_used, clippy::unwrap_used)] // a test that cannot be set up must stop

pub mod recipes;
mod workspace;

pub use workspace::{Answer, Workspace};
