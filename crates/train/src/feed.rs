//! Batches made ready on another thread, so that the loop does not wait for data.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use kiln_learn::{Error, Result};
use kiln_tokens::{Batch, BatchSource, SamplePosition};

/// The micro-batches of one update, with the place of each.
pub(crate) type Update = Vec<(SamplePosition, Batch)>;

/// The updates of a range of steps, in order.
pub(crate) struct Feed {
    ready: Option<Receiver<Result<Update>>>,
    worker: Option<JoinHandle<()>>,
}

/// How updates are cut from the order of the data.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) start: SamplePosition,
    pub(crate) batch_rows: u64,
    pub(crate) micro_rows: u64,
}

/// Updates made ahead: one in the making while one is waited for.
const AHEAD: usize = 2;

impl Feed {
    pub(crate) fn new(source: Arc<dyn BatchSource>, cut: Cut, steps: Range<u64>) -> Self {
        let (sender, ready) = sync_channel(AHEAD);
        let worker = std::thread::spawn(move || work(&*source, cut, steps, &sender));
        Self {
            ready: Some(ready),
            worker: Some(worker),
        }
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
    cut: Cut,
    steps: Range<u64>,
    sender: &SyncSender<Result<Update>>,
) {
    let mut at = cut.start;
    for _ in steps {
        let update = read(source, cut, at);
        let failed = update.is_err();
        if sender.send(update).is_err() || failed {
            return;
        }
        at = at + cut.batch_rows;
    }
}

fn read(source: &dyn BatchSource, cut: Cut, at: SamplePosition) -> Result<Update> {
    let rows = usize::try_from(cut.micro_rows).unwrap_or(usize::MAX);
    (0..cut.batch_rows / cut.micro_rows)
        .map(|micro| {
            let at = at + micro * cut.micro_rows;
            Ok((at, source.rows(at, rows).map_err(Error::Data)?))
        })
        .collect()
}
