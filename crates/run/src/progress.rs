//! How long work tells that it gets on, without knowing who listens.

use crate::Record;

/// What a stage counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Documents read or written.
    Documents,
    /// Bytes of input.
    Bytes,
    /// Tokens read or written.
    Tokens,
    /// Steps of the optimizer.
    Steps,
    /// Batches of an evaluation.
    Batches,
}

/// A listener: a bar on a terminal, lines in a log, nothing. Called from any thread.
pub trait Progress: Send + Sync {
    /// A stage begins; `total` is its length if that is known.
    fn begin(&self, stage: &str, total: Option<u64>, unit: Unit);

    /// `done` of the stage's units are done in all.
    fn advance(&self, done: u64);

    /// A record of metrics was written.
    fn record(&self, record: &Record);

    /// A sentence worth a person's attention.
    fn note(&self, line: &str);

    /// The stage is over.
    fn end(&self);
}

/// A listener that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: Option<u64>, _unit: Unit) {}
    fn advance(&self, _done: u64) {}
    fn record(&self, _record: &Record) {}
    fn note(&self, _line: &str) {}
    fn end(&self) {}
}
