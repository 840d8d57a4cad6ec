//! Tables kept by columns: Parquet and Arrow files, read batch by batch, and Parquet files written.
//!
//! The libraries that decode these files check much, but a broken file may still make them panic. Each call into them
//! goes through [`guarded`], which turns a panic into an error; the program's panic hook has said its line by then.

mod arrow;
mod cells;
mod parquet;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use arrow::ArrowReader;
pub(crate) use parquet::ParquetReader;
pub use writer::ParquetWriter;

#[cfg(test)]
mod tests;

/// What a library gives, or what it says is wrong, in one line. A panic within counts as its error: nothing that it
/// worked on is used afterwards.
fn guarded<T, E: std::fmt::Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string().replace('\n', " ")),
        Err(_) => Err("its bytes contradict each other".to_owned()),
    }
}
