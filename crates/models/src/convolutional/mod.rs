//! Convolutional networks.

mod config;
mod model;

pub use config::Config;
