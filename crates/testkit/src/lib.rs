//! For tests: tiny recipes, the real binary in a temporary folder, and a web server on this machine.
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
mod web;
mod workspace;

pub use web::{Reply, Request, WebServer};
pub use workspace::{Answer, Workspace};
