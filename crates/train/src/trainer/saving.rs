//! Records and checkpoints: when they are due, and what happens where the disk is full.

use kiln_checkpoint::{Contents, Outcome};

use super::*;

impl Trainer<'_> {
    /// Get memory for copies, and a checkpoint to go back to where one may be needed.
    pub(super) fn prepare_to_save(&mut self) -> Result<(), Error> {
        // What is saved is what there is between these two.
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.begin_evaluation(parameters)?;
        let reserved = self.saver.reserve(&Contents {
            network: &self.parts.network,
            optimizer: &*self.parts.optimizer,
            carry: &self.carry,
            state: &self.state,
            belongings: &self.parts.belongings,
        });
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.end_evaluation(parameters)?;
        if let Err(error) = reserved {
            // There may be enough when the time has come.
            tracing::warn!("no memory for a copy of weights and optimizer state yet: {error}");
        }
        if self.plan.not_finite == NotFinite::Rollback && self.checkpoints.steps()?.is_empty() {
            self.save()?;
        }
        Ok(())
    }

    /// Whether the clock or a person asks for a checkpoint.
    pub(super) fn save_is_asked(&self) -> bool {
        let minutes = self.plan.save_every_minutes;
        let late =
            minutes.is_some_and(|minutes| self.saved.elapsed().as_secs_f64() >= 60.0 * minutes);
        self.requests.save_asked() || late
    }

    /// Copy everything and let it be written.
    pub(super) fn save(&mut self) -> Result<(), Error> {
        self.watch.lap(Phase::Rest);
        let began = Instant::now();
        // Waits here for the save before, so that the copy below is of one instant and short.
        let earlier = self.saver.wait();
        self.take(earlier);
        self.state.seconds = self.journal.seconds();
        let before = self.metrics.syncing()?;
        // The weights that are to be used are the model; those that are trained, where they are others, are the optimizer's.
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.begin_evaluation(parameters)?;
        let copying = Instant::now();
        let copied = self.saver.save(
            &Contents {
                network: &self.parts.network,
                optimizer: &*self.parts.optimizer,
                carry: &self.carry,
                state: &self.state,
                belongings: &self.parts.belongings,
            },
            before,
        );
        tracing::debug!(
            "step {}: copied for a checkpoint in {:.1} ms",
            self.state.step,
            1e3 * copying.elapsed().as_secs_f64()
        );
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.end_evaluation(parameters)?;
        let earlier = copied?;
        self.take(earlier);
        self.saved = Instant::now();
        self.journal.aside(began.elapsed());
        self.watch.lap(Phase::Save);
        Ok(())
    }

    /// Hear of the save that was under way, if it has ended.
    pub(super) fn report_saved(&mut self) {
        let outcome = self.saver.poll();
        self.take(outcome);
    }

    /// Wait for the last save.
    ///
    /// # Errors
    /// It could not be written.
    pub(super) fn finish_saving(&mut self) -> Result<(), Error> {
        let outcome = self.saver.wait();
        self.take(outcome);
        match self.failed.take() {
            Some(failed) => Err(failed.error.into()),
            None => Ok(()),
        }
    }

    pub(super) fn take(&mut self, outcome: Option<Outcome>) {
        match outcome {
            None => {}
            Some(Ok(saved)) => {
                tracing::debug!(
                    "{}: {} bytes in {:.1} s",
                    saved.path.display(),
                    saved.bytes,
                    saved.time.as_secs_f64()
                );
                self.failed = None;
            }
            Some(Err(failed)) => {
                let steps = self.checkpoints.steps().unwrap_or_default();
                let newest = steps.last().map_or_else(
                    || "there is none yet".to_owned(),
                    |step| format!("the newest is that of step {step}"),
                );
                self.progress.note(&format!(
                    "step {}: no checkpoint could be written, training goes on ({newest}): {}",
                    failed.step, failed.error
                ));
                self.failed = Some(failed);
            }
        }
    }

    /// Add a record. Where the disk is full it waits in memory.
    pub(super) fn write_record(&mut self, entry: &Entry) -> Result<(), Error> {
        match self.metrics.write(&entry.record) {
            Ok(()) => self.disk_is_full = false,
            Err(error) if error.is_out_of_space() => {
                if !std::mem::replace(&mut self.disk_is_full, true) {
                    self.progress.note(&format!(
                        "step {}: training goes on, its records wait in memory: {error}",
                        self.state.step
                    ));
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
