//! The orders in which rows are served. Each is a pure function from position to row.

mod draw;
mod examples;
mod permutation;
mod rows;
mod sequential;
mod shuffle;
mod streams;
mod windows;

pub use examples::{
    ExamplesPermutation, ExamplesSequential, examples_permutation, examples_sequential,
};
pub use permutation::{Permutation, permutation};
pub use sequential::{Sequential, sequential};
pub use streams::{Streams, streams};
pub use windows::{Windows, windows};
