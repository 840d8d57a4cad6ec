//! What is done where numbers or memory fail.

use kiln_tensor::{Device, Tensor};

use super::*;
use crate::memory::recut;
use crate::not_finite::culprit;

/// An update that the device was not asked about: whether it was skipped is known there alone.
pub(super) struct Unasked {
    step: u64,
    from: u64,
    rows: u64,
    skipped: Tensor,
}

impl Trainer<'_> {
    /// Do the gradients of the same rows again in micro-batches of half as many rows, until there is memory enough.
    pub(super) fn with_less_memory(
        &mut self,
        before: Vec<State>,
        mut failed: kiln_learn::Result<Sums>,
    ) -> Result<Sums, Error> {
        let step = self.state.step;
        let rows = self.plan.sizes.rows(step);
        loop {
            let error = match failed {
                Ok(sums) => return Ok(sums),
                Err(error) if crate::memory::is_out_of_memory(&error) => error,
                Err(error) => return Err(error.into()),
            };
            let tried = self.micro_rows.min(rows);
            if tried <= 1 {
                return Err(self.of_memory(error, "one row"));
            }
            self.micro_rows = tried / 2;
            self.state.micro_rows = Some(self.micro_rows);
            self.progress.note(&format!(
                "step {}: not enough memory for micro-batches of {tried} rows; from here on they have {}, which changes no \
                 gradient but for the order of its sums ({error})",
                step + 1,
                self.micro_rows
            ));
            // Where the model does not compute with the masters, leaves still hold what the failed pass gave them.
            let parameters = &mut self.parts.network.parameters;
            parameters
                .collect_gradients()
                .map_err(kiln_learn::Error::from)?;
            self.carry = recut(&before, self.micro_rows)?;
            let cut = Cut {
                sizes: self.plan.sizes,
                micro_rows: self.micro_rows,
                excluded: self.state.excluded.clone(),
            };
            let update = cut.update(&*self.parts.source, self.state.position, step)?;
            failed = self.learner().gradients(&update.batches);
            if failed.is_ok() {
                let mut next = self.state.clone();
                next.step += 1;
                next.position = update.from + update.rows;
                self.feed = new_feed(&self.parts, &self.plan, &next, self.micro_rows)?;
            }
        }
    }

    /// An error of memory in plain words; others as they are.
    pub(super) fn of_memory(&self, source: kiln_learn::Error, what: &'static str) -> Error {
        if !crate::memory::is_out_of_memory(&source) {
            return source.into();
        }
        Error::OutOfMemory {
            step: self.state.step + 1,
            what,
            advice: "set train.activation_checkpointing, lower dataset.context_length, or take a smaller model",
            source,
        }
    }

    /// See whether an update had numbers. On a CPU that costs nothing; a device is asked where a record is written. Whether the run
    /// went back to a checkpoint.
    pub(super) fn look_at(&mut self, traces: &Traces, update: &Update) -> Result<bool, Error> {
        let one = Unasked {
            step: self.state.step,
            from: update.from,
            rows: update.rows,
            skipped: traces.skipped.shallow_clone(),
        };
        if self.parts.network.device() != Device::Cpu {
            let due = self.state.step.is_multiple_of(self.plan.log_every)
                || self.state.step == self.plan.total_steps;
            self.unasked.push(one);
            if !due {
                return Ok(false);
            }
        } else {
            self.unasked.push(one);
        }
        for update in std::mem::take(&mut self.unasked) {
            let skipped = f64::try_from(&update.skipped).map_err(kiln_learn::Error::from)? != 0.0;
            let news = skipped && !std::mem::replace(&mut self.event, skipped);
            self.event = skipped;
            if !skipped {
                continue;
            }
            let what = if update.step == self.state.step {
                culprit(&traces.loss, &self.parts.network.parameters)?
            } else {
                "the loss or a gradient".to_owned() // other gradients stand there by now
            };
            // An overflow in fp16 is no event: the scale of the loss is looking for its place.
            if self.loss_scale.is_some() && what != "the loss" {
                self.event = false;
                continue;
            }
            match self.plan.not_finite {
                NotFinite::Skip if news => self.progress.note(&format!(
                    "step {}: {what} is not finite, from the batch at row {}; no weight was changed by it",
                    update.step, update.from
                )),
                NotFinite::Skip => {}
                NotFinite::Stop => return Err(self.not_finite(&update, what, String::new())),
                NotFinite::Rollback => {
                    self.go_back(&update, what)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn not_finite(&mut self, update: &Unasked, what: String, after: String) -> Error {
        Error::NotFinite {
            step: update.step,
            what,
            row: update.from,
            after,
            good: self.newest_step(),
        }
    }

    /// The step of the newest checkpoint, once the one that is being written is there; 0 without one.
    fn newest_step(&mut self) -> u64 {
        let outcome = self.saver.wait();
        self.take(outcome);
        let steps = self.checkpoints.steps().unwrap_or_default();
        steps.last().copied().unwrap_or(0)
    }

    /// Take the last checkpoint, and pass over the rows of an update from then on. Another process that goes on from the same
    /// checkpoint meets the same update and does the same.
    fn go_back(&mut self, update: &Unasked, what: String) -> Result<(), Error> {
        let done = self.state.excluded.len() as u64;
        if done >= self.plan.max_rollbacks {
            let after = format!(", after {done} rollbacks");
            return Err(self.not_finite(update, what, after));
        }
        let outcome = self.saver.wait();
        self.take(outcome);
        let Some(checkpoint) = self.checkpoints.newest()? else {
            return Err(self.not_finite(
                update,
                what,
                ", with no checkpoint to go back to".to_owned(),
            ));
        };
        let (network, optimizer) = (&mut self.parts.network, &mut *self.parts.optimizer);
        checkpoint.load_training(network, optimizer, &mut self.carry)?;
        let mut excluded = std::mem::take(&mut self.state.excluded);
        excluded.push((update.from, update.from + update.rows));
        let seconds = self.journal.seconds();
        self.state = TrainingState {
            excluded,
            seconds,
            micro_rows: self.state.micro_rows,
            ..resumed(checkpoint.state(), &self.state)
        };
        self.progress.note(&format!(
            "step {}: {what} is not finite; back to step {}, and rows {} to {} of the training order are passed over (rollback {} of \
             at most {})",
            update.step,
            self.state.step,
            update.from,
            update.from + update.rows - 1,
            done + 1,
            self.plan.max_rollbacks
        ));
        self.event = false;
        self.skipped = 0;
        self.unasked.clear();
        self.metrics = MetricsWriter::open(&self.places.metrics, self.state.step)?;
        self.journal = Journal::new(&self.state, &self.places.run);
        self.feed = new_feed(&self.parts, &self.plan, &self.state, self.micro_rows)?;
        self.progress.advance(self.state.step);
        Ok(())
    }

    /// Give up where too many updates in a row were skipped.
    pub(super) fn check_health(&mut self, entry: &Entry) -> Result<(), Error> {
        // In a row: an update that was not skipped ends the row.
        if entry.skipped < entry.covered {
            self.skipped = 0;
        }
        if entry.skipped == 0 {
            return Ok(());
        }
        self.progress.note(&format!(
            "step {}: {} of the last {} updates were skipped, their gradients were not finite",
            self.state.step, entry.skipped, entry.covered
        ));
        self.skipped += entry.skipped;
        if self.skipped < PATIENCE {
            return Ok(());
        }
        Err(Error::Diverged {
            steps: self.skipped,
            step: self.state.step,
            good: self.newest_step(),
        })
    }
}
