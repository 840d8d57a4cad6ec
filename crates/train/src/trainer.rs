//! The loop.

use std::path::PathBuf;
use std::time::Instant;

use kiln_checkpoint::{Checkpoints, Failed, Saver, TrainingState};
use kiln_learn::{Measures, Rates, State};
use kiln_run::{MetricsWriter, Progress, Requests, RunFolder, StopFlag, atomic};
use kiln_tensor::Precision;

use crate::feed::{Cut, Feed, Update};
use crate::journal::{Entry, Journal, UNIT};
use crate::loss_scale::{LossScale, Scaled};
use crate::memory::portions;
use crate::profile::{Phase, Stopwatch};
use crate::update::{Learner, Sums, Traces};
use crate::{Error, Finished, NotFinite, Parts, Plan, measure};

mod recovery;
mod saving;

/// A run in progress.
pub struct Trainer<'a> {
    parts: Parts,
    plan: Plan,
    places: Places,
    checkpoints: Checkpoints,
    saver: Saver,
    requests: Requests,
    feed: Feed,
    carry: Vec<State>,
    loss_scale: Option<LossScale>,
    state: TrainingState,
    metrics: MetricsWriter,
    journal: Journal,
    watch: Stopwatch,
    progress: &'a dyn Progress,
    stop: &'a StopFlag,
    /// Rows of a micro-batch at most; fewer than planned where memory ran out.
    micro_rows: u64,
    /// Whether a file in the run folder asked to stop.
    told_to_stop: bool,
    /// Updates skipped in a row, up to the last record.
    skipped: u64,
    /// Whether the update before this one was skipped: an event that was told of already.
    event: bool,
    /// Updates that the device has not been asked about yet: step, first row, rows, and whether it was skipped.
    unasked: Vec<recovery::Unasked>,
    /// When the last checkpoint was copied.
    saved: Instant,
    /// The newest save, if it failed.
    failed: Option<Failed>,
    /// Whether a full disk was told of and is full still.
    disk_is_full: bool,
}

/// Files of the run.
struct Places {
    run: PathBuf,
    metrics: PathBuf,
    profile: PathBuf,
}

/// Skipped updates in a row after which a run gives up.
const PATIENCE: u64 = 50;

impl<'a> Trainer<'a> {
    /// A run that begins, or goes on from the newest whole checkpoint of its folder.
    ///
    /// # Errors
    /// A checkpoint does not fit the parts, or the run's files cannot be used.
    pub fn new(
        mut parts: Parts,
        plan: Plan,
        run: &RunFolder,
        progress: &'a dyn Progress,
        stop: &'a StopFlag,
    ) -> Result<Self, Error> {
        let loss_scale = (parts.network.parameters.precision() == Precision::Fp16)
            .then(|| LossScale::new(parts.network.device()));
        if let Some(scale) = &loss_scale {
            parts.optimizer = Box::new(Scaled {
                optimizer: parts.optimizer,
                scale: scale.handle(),
            });
        }
        let checkpoints = Checkpoints::new(&run.checkpoints());
        let mut state = TrainingState {
            data: parts.source.identity(),
            tokenizer: plan.tokenizer.clone(),
            written_by: kiln_run::WRITTEN_BY.to_owned(),
            threads: kiln_tensor::threads(),
            processor: processor(),
            arithmetic: plan.arithmetic.clone(),
            ..TrainingState::default()
        };
        let newest = checkpoints.newest()?;
        let saved = newest.as_ref().map(|checkpoint| checkpoint.state());
        let micro_rows = saved
            .and_then(|saved| saved.micro_rows)
            .map_or(plan.micro_rows, |rows| rows.min(plan.micro_rows));
        let mut carry = new_carry(&parts, &plan, micro_rows);
        if let Some(checkpoint) = newest {
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
            let (now, then) = (means(&state), means(saved));
            if now != then {
                progress.note(&format!(
                    "going on with {now}; the checkpoint was written with {then}, so the end will differ in its last bits or more"
                ));
            }
            checkpoint.load_training(&mut parts.network, &mut *parts.optimizer, &mut carry)?;
            state = resumed(saved, &state);
            progress.note(&format!("going on from step {}", state.step));
        }
        let places = Places {
            run: run.path().to_owned(),
            metrics: run.metrics(),
            profile: run.profile(),
        };
        let metrics = MetricsWriter::open(&places.metrics, state.step)?;
        let feed = new_feed(&parts, &plan, &state, micro_rows)?;
        Ok(Self {
            journal: Journal::new(&state, &places.run),
            watch: Stopwatch::new(parts.network.device(), plan.profile),
            saver: Saver::new(&checkpoints, plan.retention)?,
            requests: Requests::new(&places.run),
            told_to_stop: false,
            skipped: 0,
            event: false,
            unasked: Vec::new(),
            saved: Instant::now(),
            failed: None,
            disk_is_full: false,
            parts,
            plan,
            places,
            checkpoints,
            feed,
            carry,
            loss_scale,
            state,
            metrics,
            progress,
            stop,
            micro_rows,
        })
    }

    /// Train to the last step, or until asked to stop; either way everything is saved when this returns.
    ///
    /// # Errors
    /// A part failed, a file could not be written, or the gradients stayed out of numbers.
    pub fn run(mut self) -> Result<Finished, Error> {
        self.progress
            .begin("training", Some(self.plan.total_steps), UNIT);
        self.progress.advance(self.state.step);
        self.prepare_to_save()?;
        while !self.is_over() && !self.asked_to_stop() {
            self.step()?;
        }
        self.progress.end();
        let interrupted = !self.is_over();
        if interrupted {
            let step = self.state.step;
            let rates = self.parts.schedule.rates(step, self.plan.total_steps);
            if self.journal.has_news() {
                self.record(rates.learning_rate, None)?;
            }
            self.save()?;
        }
        self.finish_saving()?;
        if self.ended_early() {
            let rule = self.plan.early_stopping.as_ref();
            let metric = rule.map_or("its measure", |rule| &rule.metric);
            let (value, at) = self
                .state
                .patience
                .as_ref()
                .map_or((f64::NAN, 0), |patience| (patience.value, patience.step));
            self.progress.note(&format!(
                "stopped early at step {} of {}: {metric} has not got better than {value:.4}, at step {at}",
                self.state.step, self.plan.total_steps
            ));
        }
        Ok(Finished {
            interrupted,
            state: self.state,
        })
    }

    fn is_over(&self) -> bool {
        self.state.step >= self.plan.total_steps || self.ended_early()
    }

    fn ended_early(&self) -> bool {
        let patience = self.state.patience.as_ref();
        self.plan.early_stopping.is_some() && patience.is_some_and(|patience| patience.ended)
    }

    fn asked_to_stop(&mut self) -> bool {
        self.told_to_stop |= self.requests.stop_asked();
        self.told_to_stop || self.stop.requested()
    }

    fn step(&mut self) -> Result<(), Error> {
        self.watch.begin();
        let (step, total) = (self.state.step, self.plan.total_steps);
        let rates = self.parts.schedule.rates(step, total);
        let asked = Instant::now();
        let update = self.feed.next()?;
        self.journal.waited(asked.elapsed());
        self.watch.lap(Phase::Data);
        let traces = self.learn(&update, &rates)?;
        if traces.targets == 0 {
            return Err(Error::NoTargets(format!(
                "the batch at row {} has none",
                update.from
            )));
        }
        self.state.step += 1;
        self.state.position = update.from + update.rows;
        self.state.tokens += traces.targets;
        self.state.measures.clear();
        let went_back = self.look_at(&traces, &update)?;
        if went_back {
            return Ok(());
        }
        self.journal.add(traces)?;
        self.progress.advance(self.state.step);
        self.after_step(rates.learning_rate)?;
        if let Some(profile) = self.watch.end() {
            for line in profile.lines() {
                self.progress.note(&line);
            }
            let json = serde_json::to_vec_pretty(&profile).map_err(|error| {
                kiln_run::Error::damaged(&self.places.profile, error.to_string())
            })?;
            atomic::write(&self.places.profile, &json)?;
        }
        Ok(())
    }

    /// Gradients and a step; in smaller micro-batches where memory runs out.
    fn learn(&mut self, update: &Update, rates: &Rates) -> Result<Traces, Error> {
        let before = crate::memory::remember(&self.carry);
        let mut sums = self.learner().gradients(&update.batches);
        if let Err(error) = &sums
            && crate::memory::is_out_of_memory(error)
        {
            sums = Ok(self.with_less_memory(before, sums)?);
        }
        let sums = sums?;
        let applied = self.learner().apply(sums, rates);
        applied.map_err(|error| self.of_memory(error, "the update rule"))
    }

    fn learner(&mut self) -> Work<'_> {
        let next = self.state.step + 1;
        let measure_part =
            next == self.plan.total_steps || next.is_multiple_of(self.plan.log_every);
        Work {
            learner: Learner {
                network: &mut self.parts.network,
                objective: &*self.parts.objective,
                optimizer: &mut *self.parts.optimizer,
                draws: self.parts.draws,
                activation_checkpointing: self.plan.activation_checkpointing,
                loss_scale: self.loss_scale.as_ref(),
                clip: &*self.parts.clip,
                watch: &mut self.watch,
                measure_part,
            },
            carry: &mut self.carry,
        }
    }

    /// Evaluate, log and save where the plan says so.
    fn after_step(&mut self, learning_rate: f64) -> Result<(), Error> {
        let step = self.state.step;
        let last = step == self.plan.total_steps;
        let due =
            |every: Option<u64>| last || every.is_some_and(|every| step.is_multiple_of(every));
        let evaluate = due(self.plan.evaluate_every);
        let mut save = due(self.plan.save_every)
            || due(self.plan.retention.every_steps)
            || self.save_is_asked();
        self.report_saved();
        if !(save || evaluate || due(Some(self.plan.log_every))) {
            return Ok(());
        }
        let mut measures: Option<Measures> = None;
        if evaluate {
            let scored = self.evaluate()?;
            let early_stopping = self.plan.early_stopping.as_ref();
            let best = &self.plan.best;
            save |= measure::judge(&mut self.state, &scored, best, early_stopping)?;
            save |= self.ended_early();
            measures = Some(scored);
        }
        self.record(learning_rate, measures)?;
        if save {
            self.save()?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<Measures, Error> {
        self.watch.lap(Phase::Rest);
        let began = Instant::now();
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.begin_evaluation(parameters)?;
        let scored = self.parts.evaluation.evaluate(&self.parts.network)?;
        let parameters = &mut self.parts.network.parameters;
        self.parts.optimizer.end_evaluation(parameters)?;
        self.journal.aside(began.elapsed());
        self.watch.lap(Phase::Evaluation);
        Ok(scored)
    }

    fn record(&mut self, learning_rate: f64, measures: Option<Measures>) -> Result<(), Error> {
        let entry = self
            .journal
            .entry(&mut self.state, &self.plan, learning_rate, measures)?;
        self.write_record(&entry)?;
        self.progress.record(&entry.record);
        self.check_health(&entry)
    }
}

/// A learner and the states that it carries.
struct Work<'a> {
    learner: Learner<'a>,
    carry: &'a mut [State],
}

impl Work<'_> {
    fn gradients(
        mut self,
        batches: &[(kiln_tokens::SamplePosition, kiln_tokens::Batch)],
    ) -> kiln_learn::Result<Sums> {
        self.learner.gradients(batches, self.carry)
    }

    fn apply(mut self, sums: Sums, rates: &Rates) -> kiln_learn::Result<Traces> {
        self.learner.apply(sums, self.carry, rates)
    }
}

/// A state for each micro-batch, where states are carried.
fn new_carry(parts: &Parts, plan: &Plan, micro_rows: u64) -> Vec<State> {
    if !(plan.carry && parts.network.trunk.carries_state()) {
        return Vec::new();
    }
    let portions = portions(plan.sizes.rows, micro_rows);
    let states = portions.map(|rows| {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        parts.network.trunk.new_state(rows, 0)
    });
    states.flatten().collect()
}

fn new_feed(
    parts: &Parts,
    plan: &Plan,
    state: &TrainingState,
    micro_rows: u64,
) -> kiln_learn::Result<Feed> {
    let cut = Cut {
        sizes: plan.sizes,
        micro_rows,
        excluded: state.excluded.clone(),
    };
    let steps = state.step..plan.total_steps;
    Feed::new(parts.source.clone(), cut, state.position, steps)
}

/// A saved state, in the circumstances of the present process.
fn resumed(saved: &TrainingState, now: &TrainingState) -> TrainingState {
    TrainingState {
        threads: now.threads,
        processor: now.processor.clone(),
        arithmetic: now.arithmetic.clone(),
        written_by: now.written_by.clone(),
        ..saved.clone()
    }
}

/// What decides the last bits of a result.
fn means(state: &TrainingState) -> String {
    format!(
        "{}, {} threads, {}",
        state.arithmetic, state.threads, state.processor
    )
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests;
