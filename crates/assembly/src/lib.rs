//! From a recipe to built parts, and the verbs that need tensors.
//!
//! [`Design`] is the whole recipe as the rooms understand it; [`run`], [`evaluate`], [`generate`] and [`predict`] are what a
//! person asks for, one function each. This is the room that matches a recipe's words to constructors; it holds no
//! arithmetic, and it prints nothing.
//!
//! ```no_run
//! use kiln_assembly::run;
//! use kiln_pipeline::RunOptions;
//! use kiln_run::{Silent, StopFlag};
//!
//! let options = RunOptions { recipe: "configs/quickstart.toml".into(), run_dir: None, overrides: vec![] };
//! println!("{}", run(&options, None, &Silent, &StopFlag::new())?);
//! # Ok::<(), kiln_assembly::Error>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod data;
mod design;
mod error;
mod expand;
mod network;
mod open;
mod plan;
mod summary;
mod training;
mod verbs;

pub use design::{Design, ModelConfig};
pub use error::Error;
pub use kiln_infer::Sampling;
pub use open::open_trained;
pub use plan::{Plan, plan};
pub use summary::{Sample, Scores, Summary};
pub use training::{ingest_recipe, prepare_recipe, run};
pub use verbs::{GenerateOptions, evaluate, generate, predict};
