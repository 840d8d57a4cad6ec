//! Decoder Transformers.

mod config;
mod model;

pub use config::{Config, Style};
