//! Recurrent networks.

mod config;
mod model;

pub use config::{Cell, Config};
