//! Recurrent networks: stacks of Elman, GRU or LSTM layers, one-directional or both ways, with AWD-LSTM's regularisation.

mod cell;
mod config;
mod direction;
mod mapping;
mod model;
mod regularisation;

pub use cell::Cell;
pub use config::Config;

#[cfg(test)]
mod tests;
