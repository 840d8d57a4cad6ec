//! Convolutional networks: two that read whole texts, two that predict tokens.

mod causal;
mod character;
mod config;
mod dilated;
mod gated;
mod keys;
mod mapping;
mod sentence;

pub use config::{Character, Config, Dilated, Embeddings, Gated, Sentence};

#[cfg(test)]
mod tests;
