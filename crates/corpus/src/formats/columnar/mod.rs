//! Tables kept by columns: Parquet and Arrow files, read batch by batch, and Parquet files written.
//!
//! The libraries that decode these files check much, but a broken file may still make them panic. Each call into them
//! is guarded, so that a panic becomes an error.

mod arrow;
mod cells;
mod parquet;
mod writer;

pub(crate) use arrow::ArrowReader;
pub(crate) use parquet::ParquetReader;
pub use writer::ParquetWriter;

#[cfg(test)]
mod tests;

/// What a library gives, or what it or a panic within says is wrong.
fn guarded<T, E: std::fmt::Display>(work: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    crate::guard::guarded("its bytes contradict each other", work)
}
