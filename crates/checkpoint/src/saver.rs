//! Saving beside the training: the loop waits for a copy in memory, a thread does the rest.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::pace::Pace;
use crate::save::{Contents, Frozen};
use crate::{Checkpoints, Error, Result, Retention};

/// What must be done before a checkpoint gets its name: storing for good what it counts on.
pub type Before = Box<dyn FnOnce() -> std::result::Result<(), kiln_run::Error> + Send>;

/// A checkpoint that was written.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its step.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// Time from the copy to the name.
    pub time: Duration,
}

/// A checkpoint that could not be written: its step and why. The ones before are untouched.
#[derive(Debug)]
pub struct Failed {
    /// Its step.
    pub step: u64,
    /// Why.
    pub error: Error,
}

/// How a save ended.
pub type Outcome = std::result::Result<Saved, Failed>;

struct Job {
    frozen: Frozen,
    before: Before,
    began: Instant,
}

/// Writes the checkpoints of a run one after the other, each from a copy of its contents.
///
/// [`Saver::save`] copies and returns; a thread writes, hashes, syncs, renames, and removes what is old. There is memory for one
/// copy, used again and again, so a save waits for the one before it. Dropping waits too.
pub struct Saver {
    checkpoints: Checkpoints,
    /// The memory for copies, where no job has it.
    frozen: Option<Frozen>,
    jobs: Option<Sender<Job>>,
    outcomes: Receiver<(Frozen, Outcome)>,
    worker: Option<JoinHandle<()>>,
    pace: Pace,
}

impl Saver {
    /// A saver of a run's checkpoints, with its thread.
    ///
    /// # Errors
    /// The system has no room for another thread.
    pub fn new(checkpoints: &Checkpoints, retention: Retention) -> Result<Self> {
        let (jobs, work) = channel::<Job>();
        let (answers, outcomes) = channel();
        let pace = Pace::default();
        let worker = {
            let (checkpoints, pace) = (checkpoints.clone(), pace.clone());
            std::thread::Builder::new().spawn(move || {
                for job in work {
                    let (frozen, outcome) = write(&checkpoints, retention, job, &pace);
                    if answers.send((frozen, outcome)).is_err() {
                        return;
                    }
                }
            })
        };
        let worker = worker.map_err(|error| kiln_run::Error::io(&checkpoints.folder, error))?;
        Ok(Self {
            checkpoints: checkpoints.clone(),
            frozen: Some(Frozen::default()),
            jobs: Some(jobs),
            outcomes,
            worker: Some(worker),
            pace,
        })
    }

    /// Get the memory for copies ready, so that the first save holds the loop no longer than the others.
    ///
    /// # Errors
    /// There is not enough memory.
    pub fn reserve(&mut self, contents: &Contents<'_>) -> Result<()> {
        match &mut self.frozen {
            Some(frozen) => frozen.reserve(contents),
            None => Ok(()),
        }
    }

    /// Copy the contents and let them be written; a checkpoint of the same step that is there already is the same and stays.
    /// `before` is done before the new one gets its name. The outcome of the save before, where nobody asked for it yet, is given back.
    ///
    /// # Errors
    /// There is not enough memory for the copy.
    pub fn save(&mut self, contents: &Contents<'_>, before: Before) -> Result<Option<Outcome>> {
        let earlier = self.wait();
        if self.checkpoints.has(contents.state.step) {
            return Ok(earlier);
        }
        let began = Instant::now();
        let mut frozen = self.frozen.take().unwrap_or_default();
        if let Err(error) = frozen.take(contents) {
            self.frozen = Some(frozen);
            return Err(error);
        }
        if let Some(jobs) = &self.jobs {
            // The thread ends only when this is dropped.
            let _ = jobs.send(Job {
                frozen,
                before,
                began,
            });
        }
        Ok(earlier)
    }

    /// How the save that is under way ended, if it has; `None` as well where there is none.
    pub fn poll(&mut self) -> Option<Outcome> {
        if self.frozen.is_some() {
            return None;
        }
        let (frozen, outcome) = self.outcomes.try_recv().ok()?;
        self.frozen = Some(frozen);
        Some(outcome)
    }

    /// Wait for the save that is under way, which is then written as fast as it goes; `None` where there is none.
    pub fn wait(&mut self) -> Option<Outcome> {
        if self.frozen.is_some() {
            return None;
        }
        self.pace.hurry(true);
        let answer = self.outcomes.recv();
        self.pace.hurry(false);
        let (frozen, outcome) = answer.ok()?;
        self.frozen = Some(frozen);
        Some(outcome)
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.pace.hurry(true);
        drop(self.jobs.take()); // ends the thread after the job it has
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

fn write(
    checkpoints: &Checkpoints,
    retention: Retention,
    job: Job,
    pace: &Pace,
) -> (Frozen, Outcome) {
    let Job {
        frozen,
        before,
        began,
    } = job;
    let step = frozen.state.step;
    let written = checkpoints
        .write(&frozen, pace, before)
        .and_then(|(path, bytes)| {
            checkpoints.retain(retention)?;
            Ok(Saved {
                step,
                path,
                bytes,
                time: began.elapsed(),
            })
        });
    (frozen, written.map_err(|error| Failed { step, error }))
}
