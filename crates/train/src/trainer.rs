//! The loop.

use std::sync::Arc;
use std::time::Instant;

use kiln_checkpoint::{Checkpoints, Companions, Contents, TrainingState};
use kiln_learn::{
    Evaluation, Measures, Network, Objective, Optimizer, Result as Learned, Schedule, State,
};
use kiln_run::{MetricsWriter, Progress, StopFlag};
use kiln_tensor::{Draws, Parameters, Precision, Tensor};
use kiln_tokens::{BatchSource, SamplePosition};

use crate::Error;
use crate::feed::{Cut, Feed};
use crate::journal::{Entry, Journal, UNIT};
use crate::loss_scale::{LossScale, Scaled};
use crate::update::Learner;

/// Lengths and intervals of a run, in updates.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Updates of the whole run.
    pub total_steps: u64,
    /// Rows of the global batch.
    pub batch_rows: u64,
    /// Rows of a micro-batch; divides the global batch.
    pub micro_rows: u64,
    /// Whether a row goes on where the same row of the batch before ended, so that a recurrent state is handed on.
    pub carry: bool,
    /// Whether blocks of layers forget their activations and compute them again in backward.
    pub activation_checkpointing: bool,
    /// From one record to the next.
    pub log_every: u64,
    /// From one evaluation to the next.
    pub evaluate_every: Option<u64>,
    /// From one checkpoint to the next.
    pub save_every: Option<u64>,
    /// Newest checkpoints that stay.
    pub keep: usize,
    /// Identity of the tokenizer.
    pub tokenizer: String,
    /// Device and precision, for the record.
    pub arithmetic: String,
    /// Floating-point operations for one target, and how many the device does in a second at most, where that is known.
    pub operations: Option<(f64, f64)>,
}

/// A clipping rule: changes the gradients and gives their norm before.
pub type Clip = Box<dyn Fn(&mut Parameters) -> Learned<Tensor>>;

/// Everything that a run is made of.
pub struct Parts {
    /// The model.
    pub network: Network,
    /// What it minimises.
    pub objective: Box<dyn Objective>,
    /// How it is changed.
    pub optimizer: Box<dyn Optimizer>,
    /// How fast.
    pub schedule: Box<dyn Schedule>,
    /// How gradients are kept in bounds.
    pub clip: Clip,
    /// What it learns from.
    pub source: Arc<dyn BatchSource>,
    /// How it is scored.
    pub evaluation: Box<dyn Evaluation>,
    /// Randomness of the run.
    pub draws: Draws,
    /// What goes into each checkpoint beside the run's state.
    pub companions: Companions,
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// Where it stands.
    pub state: TrainingState,
    /// Whether it was asked to stop before its last step.
    pub interrupted: bool,
}

/// A run in progress.
pub struct Trainer<'a> {
    parts: Parts,
    plan: Plan,
    checkpoints: Checkpoints,
    carry: Vec<State>,
    loss_scale: Option<LossScale>,
    state: TrainingState,
    metrics: MetricsWriter,
    progress: &'a dyn Progress,
    stop: &'a StopFlag,
    /// Updates skipped in a row, up to the last record.
    skipped: u64,
}

/// Skipped updates in a row after which a run gives up.
const PATIENCE: u64 = 50;

impl<'a> Trainer<'a> {
    /// A run that begins, or goes on from the newest whole checkpoint.
    ///
    /// # Errors
    /// A checkpoint does not fit the parts, or the run's files cannot be used.
    pub fn new(
        mut parts: Parts,
        plan: Plan,
        checkpoints: Checkpoints,
        metrics: &std::path::Path,
        progress: &'a dyn Progress,
        stop: &'a StopFlag,
    ) -> Result<Self, Error> {
        let mut carry = Vec::new();
        if plan.carry && parts.network.trunk.carries_state() {
            let rows = i64::try_from(plan.micro_rows).unwrap_or(i64::MAX);
            for _ in 0..plan.batch_rows / plan.micro_rows {
                carry.extend(parts.network.trunk.new_state(rows, 0));
            }
        }
        let loss_scale = (parts.network.parameters.precision() == Precision::Fp16)
            .then(|| LossScale::new(parts.network.device()));
        if let Some(scale) = &loss_scale {
            parts.optimizer = Box::new(Scaled {
                optimizer: parts.optimizer,
                scale: scale.handle(),
            });
        }
        let mut state = TrainingState {
            data: parts.source.identity(),
            tokenizer: plan.tokenizer.clone(),
            written_by: kiln_run::WRITTEN_BY.to_owned(),
            threads: kiln_tensor::threads(),
            processor: processor(),
            arithmetic: plan.arithmetic.clone(),
            ..TrainingState::default()
        };
        if let Some(checkpoint) = checkpoints.newest()? {
            let saved = checkpoint.state();
            for (what, same) in [
                ("tokenizer", saved.tokenizer == state.tokenizer),
                ("data", saved.data == state.data),
            ] {
                if !same {
                    let path = checkpoint.path().to_owned();
                    return Err(Error::OtherData { path, what });
                }
            }
            let means = |state: &TrainingState| {
                format!(
                    "{}, {} threads, {}",
                    state.arithmetic, state.threads, state.processor
                )
            };
            if means(saved) != means(&state) {
                progress.note(&format!(
                    "going on with {}; the checkpoint was written with {}, so the end will differ in its last bits or more",
                    means(&state),
                    means(saved)
                ));
            }
            checkpoint.load_training(&mut parts.network, &mut *parts.optimizer, &mut carry)?;
            state = TrainingState {
                threads: state.threads,
                processor: state.processor,
                arithmetic: state.arithmetic,
                written_by: state.written_by,
                ..saved.clone()
            };
            progress.note(&format!("going on from step {}", state.step));
        }
        let metrics = MetricsWriter::open(metrics, state.step)?;
        Ok(Self {
            parts,
            plan,
            checkpoints,
            carry,
            loss_scale,
            state,
            metrics,
            progress,
            stop,
            skipped: 0,
        })
    }

    /// Train to the last step, or until asked to stop; either way everything is saved when this returns.
    ///
    /// # Errors
    /// A part failed, a file could not be written, or the gradients stayed out of numbers.
    pub fn run(mut self) -> Result<Finished, Error> {
        let total = self.plan.total_steps;
        let cut = Cut {
            start: SamplePosition(self.state.position),
            batch_rows: self.plan.batch_rows,
            micro_rows: self.plan.micro_rows,
        };
        let feed = Feed::new(self.parts.source.clone(), cut, self.state.step..total);
        let mut journal = Journal::new(&self.state);
        self.progress.begin("training", Some(total), UNIT);
        self.progress.advance(self.state.step);
        while self.state.step < total && !self.stop.requested() {
            self.step(&feed, &mut journal)?;
        }
        self.progress.end();
        if self.stop.requested() && self.state.step < total {
            let rates = self.parts.schedule.rates(self.state.step, total);
            if journal.has_news() {
                self.record(&mut journal, rates.learning_rate, None)?;
            }
            self.save(&mut journal)?;
        }
        Ok(Finished {
            interrupted: self.state.step < total,
            state: self.state,
        })
    }

    fn step(&mut self, feed: &Feed, journal: &mut Journal) -> Result<(), Error> {
        let rates = self
            .parts
            .schedule
            .rates(self.state.step, self.plan.total_steps);
        let asked = Instant::now();
        let batches = feed.next()?;
        journal.waited(asked.elapsed());
        let mut learner = Learner {
            network: &mut self.parts.network,
            objective: &*self.parts.objective,
            optimizer: &mut *self.parts.optimizer,
            draws: self.parts.draws,
            activation_checkpointing: self.plan.activation_checkpointing,
            loss_scale: self.loss_scale.as_ref(),
            clip: &*self.parts.clip,
        };
        let traces = learner.update(&batches, &mut self.carry, &rates)?;
        if traces.targets == 0 {
            return Err(Error::NoTargets(format!(
                "the batch at row {} has none",
                self.state.position
            )));
        }
        self.state.step += 1;
        self.state.position += self.plan.batch_rows;
        self.state.tokens += traces.targets;
        self.state.validation_loss = None;
        journal.add(traces)?;
        self.progress.advance(self.state.step);
        self.after_step(journal, rates.learning_rate)
    }

    /// Evaluate, log and save where the plan says so.
    fn after_step(&mut self, journal: &mut Journal, learning_rate: f64) -> Result<(), Error> {
        let step = self.state.step;
        let last = step == self.plan.total_steps;
        let due =
            |every: Option<u64>| last || every.is_some_and(|every| step.is_multiple_of(every));
        let mut save = due(self.plan.save_every);
        let evaluate = due(self.plan.evaluate_every);
        if !(save || evaluate || due(Some(self.plan.log_every))) {
            return Ok(());
        }
        let mut measures: Option<Measures> = None;
        if evaluate {
            let began = Instant::now();
            let parameters = &mut self.parts.network.parameters;
            self.parts.optimizer.begin_evaluation(parameters)?;
            let scored = self.parts.evaluation.evaluate(&self.parts.network)?;
            let parameters = &mut self.parts.network.parameters;
            self.parts.optimizer.end_evaluation(parameters)?;
            journal.aside(began.elapsed());
            let loss = scored.iter().find(|(name, _)| name == "validation_loss");
            self.state.validation_loss = loss.map(|(_, loss)| *loss);
            if let Some((_, loss)) = loss.filter(|(_, loss)| loss.is_finite())
                && self
                    .state
                    .best_validation_loss
                    .is_none_or(|best| *loss < best)
            {
                self.state.best_validation_loss = Some(*loss);
                save = true;
            }
            measures = Some(scored);
        }
        self.record(journal, learning_rate, measures)?;
        if save {
            self.save(journal)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        journal: &mut Journal,
        learning_rate: f64,
        measures: Option<Measures>,
    ) -> Result<(), Error> {
        let entry = journal.entry(&mut self.state, &self.plan, learning_rate, measures)?;
        self.metrics.write(&entry.record)?;
        self.progress.record(&entry.record);
        self.check_health(&entry)
    }

    fn check_health(&mut self, entry: &Entry) -> Result<(), Error> {
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
            good: self.checkpoints.steps()?.last().copied().unwrap_or(0),
        })
    }

    fn save(&mut self, journal: &mut Journal) -> Result<(), Error> {
        let began = Instant::now();
        self.metrics.sync()?;
        self.state.seconds = journal.seconds();
        // The weights that are to be used are the model; those that are trained, where they are others, are the optimizer's.
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.begin_evaluation(parameters)?;
        self.checkpoints.save(&Contents {
            network: &self.parts.network,
            optimizer: &*self.parts.optimizer,
            carry: &self.carry,
            state: &self.state,
            companions: &self.parts.companions,
        })?;
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.end_evaluation(parameters)?;
        self.checkpoints.retain(self.plan.keep)?;
        journal.aside(began.elapsed());
        Ok(())
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.trim().to_owned(),
    )
}
