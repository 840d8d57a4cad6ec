//! Batches made ready on another thread, so that the loop does not wait for data.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use kiln_learn::{Error, Result};
use kiln_tokens::{Batch, BatchSource, SamplePosition};

use crate::Sizes;
use crate::memory::portions;
use crate::shorten::shorten;

/// The rows of one update.
pub(crate) struct Update {
    /// Its micro-batches, with the place of each.
    pub(crate) batches: Vec<(SamplePosition, Batch)>,
    /// Its first row in the order of the data.
    pub(crate) from: u64,
    /// How many rows.
    pub(crate) rows: u64,
}

/// How updates are cut from the order of the data.
#[derive(Clone)]
pub(crate) struct Cut {
    pub(crate) sizes: Sizes,
    /// Rows of a micro-batch at most.
    pub(crate) micro_rows: u64,
    /// Parts of the order that are passed over: first row, and the one after the last.
    pub(crate) excluded: Vec<(u64, u64)>,
}

impl Cut {
    /// Where a batch begins that is due at a row: behind what is passed over.
    fn begin(&self, mut row: u64) -> u64 {
        let covers = |row: u64| {
            let found = self
                .excluded
                .iter()
                .find(|(from, to)| (*from..*to).contains(&row));
            found.map(|(_, to)| *to)
        };
        while let Some(end) = covers(row) {
            row = end;
        }
        row
    }

    /// The rows of update number `step`, the one before which ended at row `at`.
    pub(crate) fn update(&self, source: &dyn BatchSource, at: u64, step: u64) -> Result<Update> {
        let from = self.begin(at);
        let rows = self.sizes.rows(step);
        let context = self.sizes.context(step);
        let mut at = SamplePosition(from);
        let mut batches = Vec::new();
        for count in portions(rows, self.micro_rows) {
            let whole = source
                .rows(at, usize::try_from(count).unwrap_or(usize::MAX))
                .map_err(Error::Data)?;
            let batch = match context {
                Some(length) => shorten(whole, length),
                None => whole,
            };
            batches.push((at, batch));
            at = at + count;
        }
        Ok(Update {
            batches,
            from,
            rows,
        })
    }
}

/// The updates of a range of steps, in order.
pub(crate) struct Feed {
    ready: Option<Receiver<Result<Update>>>,
    worker: Option<JoinHandle<()>>,
}

/// Updates made ahead: one in the making while one is waited for.
const AHEAD: usize = 2;

impl Feed {
    /// Updates from row `at` on.
    ///
    /// # Errors
    /// The system has no room for another thread.
    pub(crate) fn new(
        source: Arc<dyn BatchSource>,
        cut: Cut,
        at: u64,
        steps: Range<u64>,
    ) -> Result<Self> {
        let (sender, ready) = sync_channel(AHEAD);
        let worker = std::thread::Builder::new()
            .spawn(move || work(&*source, &cut, at, steps, &sender))
            .map_err(|error| Error::Data(format!("no thread to read the data: {error}").into()))?;
        Ok(Self {
            ready: Some(ready),
            worker: Some(worker),
        })
    }

    pub(crate) fn next(&self) -> Result<Update> {
        let answer = self.ready.as_ref().and_then(|ready| ready.recv().ok());
        answer.unwrap_or_else(|| Err(Error::Data("the thread that reads the data ended".into())))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        drop(self.ready.take()); // the worker's next send fails, and it ends
        if let Some(worker) = self.worker.take() {
            // A panic of the worker was seen by the loop as a closed channel.
            let _ = worker.join();
        }
    }
}

fn work(
    source: &dyn BatchSource,
    cut: &Cut,
    mut at: u64,
    steps: Range<u64>,
    sender: &SyncSender<Result<Update>>,
) {
    for step in steps {
        let update = cut.update(source, at, step);
        let end = update.as_ref().map(|update| update.from + update.rows);
        let Ok(end) = end else {
            let _ = sender.send(update); // who does not listen any more needs no error
            return;
        };
        if sender.send(update).is_err() {
            return;
        }
        at = end;
    }
}
