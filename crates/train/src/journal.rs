//! From traces on the device to records in the log.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kiln_checkpoint::TrainingState;
use kiln_learn::{Measures, Result};
use kiln_run::{Record, Unit, disk_free, processor_time};
use kiln_tensor::{Tensor, resident_bytes};

use crate::noise_scale::{Norms, noise_scale};
use crate::plan::Plan;
use crate::update::{Part, Traces};

/// Gathers what happened since the last record.
pub(crate) struct Journal {
    began: Instant,
    earlier_seconds: f64,
    memory_total: Option<u64>,
    /// Where the run lies.
    folder: PathBuf,
    window: Window,
}

/// What happened since the last record; sums stay on the device.
struct Window {
    since: Instant,
    steps: u64,
    targets: u64,
    loss: Option<Tensor>,
    skipped: Option<Tensor>,
    norm: Option<Tensor>,
    part: Option<Part>,
    processor: Option<Duration>,
    waited: Duration,
    /// Time that evaluations and saves took: not a part of a step.
    aside: Duration,
}

impl Window {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            steps: 0,
            targets: 0,
            loss: None,
            skipped: None,
            norm: None,
            part: None,
            processor: processor_time(),
            waited: Duration::ZERO,
            aside: Duration::ZERO,
        }
    }
}

/// A record, and how many updates it covers were skipped.
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) skipped: u64,
    pub(crate) covered: u64,
}

impl Journal {
    pub(crate) fn new(state: &TrainingState, folder: &Path) -> Self {
        Self {
            began: Instant::now(),
            earlier_seconds: state.seconds,
            memory_total: memory_total(),
            folder: folder.to_owned(),
            window: Window::new(),
        }
    }

    /// Seconds of training so far, over all processes.
    pub(crate) fn seconds(&self) -> f64 {
        self.earlier_seconds + self.began.elapsed().as_secs_f64()
    }

    pub(crate) fn waited(&mut self, time: Duration) {
        self.window.waited += time;
    }

    pub(crate) fn aside(&mut self, time: Duration) {
        self.window.aside += time;
    }

    /// Whether updates were made since the last record.
    pub(crate) fn has_news(&self) -> bool {
        self.window.steps > 0
    }

    /// Take the traces of an update; sums stay on the device.
    pub(crate) fn add(&mut self, traces: Traces) -> Result<()> {
        self.window.steps += 1;
        self.window.targets += traces.targets;
        self.window.loss = Some(match self.window.loss.take() {
            Some(sum) => sum.f_add(&traces.loss)?,
            None => traces.loss,
        });
        self.window.skipped = Some(match self.window.skipped.take() {
            Some(sum) => sum.f_add(&traces.skipped)?,
            None => traces.skipped,
        });
        self.window.norm = Some(traces.norm);
        self.window.part = traces.part;
        Ok(())
    }

    /// The record of everything since the last one, and begin anew.
    pub(crate) fn entry(
        &mut self,
        state: &mut TrainingState,
        plan: &Plan,
        learning_rate: f64,
        measures: Option<Measures>,
    ) -> Result<Entry> {
        let window = std::mem::replace(&mut self.window, Window::new());
        let number = |tensor: &Option<Tensor>| -> Result<Option<f64>> {
            Ok(match tensor {
                Some(tensor) => Some(f64::try_from(tensor)?),
                None => None,
            })
        };
        let time = window
            .since
            .elapsed()
            .saturating_sub(window.aside)
            .as_secs_f64();
        let gradient_norm = number(&window.norm)?;
        let noise = match (&window.part, gradient_norm) {
            (Some(part), Some(norm)) => {
                let (few, all) = part.rows;
                let norms = Norms {
                    part: (few as f64, part.squared_norm()?),
                    whole: (all as f64, norm * norm),
                };
                noise_scale(&mut state.noise_average, norms)
            }
            _ => None,
        };
        let wall = window.since.elapsed().as_secs_f64();
        let processor = processor_time()
            .zip(window.processor)
            .map(|(now, before)| now.saturating_sub(before).as_secs_f64());
        let train_loss = number(&window.loss)?.map(|sum| sum / window.targets.max(1) as f64);
        let mut record = Record {
            step: state.step,
            total_steps: plan.total_steps,
            tokens: state.tokens,
            seconds: self.seconds(),
            train_loss,
            learning_rate: Some(learning_rate),
            gradient_norm,
            gradient_noise_scale: noise,
            cpu_percent: processor
                .filter(|_| wall > 0.0)
                .map(|seconds| 100.0 * seconds / wall),
            disk_free_bytes: disk_free(&self.folder),
            tokens_per_second: (time > 0.0).then(|| window.targets as f64 / time),
            milliseconds_per_step: (window.steps > 0).then(|| 1e3 * time / window.steps as f64),
            data_share: (time > 0.0).then(|| window.waited.as_secs_f64() / time),
            model_flops_utilization: plan
                .operations
                .filter(|_| time > 0.0)
                .map(|(each, most)| each * window.targets as f64 / time / most),
            memory_bytes: resident_bytes(),
            memory_total_bytes: self.memory_total,
            loss_z_score: train_loss.and_then(|loss| z_score(&mut state.loss_average, loss)),
            ..Record::default()
        };
        for (name, value) in measures.into_iter().flatten() {
            if name == "validation_loss" {
                record.validation_loss = Some(value);
            } else {
                record.extra.insert(name, value);
            }
        }
        let skipped = number(&window.skipped)?.unwrap_or(0.0).round() as u64;
        if skipped > 0 {
            record
                .extra
                .insert("skipped_steps".to_owned(), skipped as f64);
        }
        Ok(Entry {
            record,
            skipped,
            covered: window.steps,
        })
    }
}

/// How far a loss lies from the running mean, in standard deviations; the mean and variance then move towards it. None while too
/// few records went into them to say.
fn z_score(average: &mut (f64, f64, u64), loss: f64) -> Option<f64> {
    /// Least share of the newest record in the running values.
    const SHARE: f64 = 0.05;
    /// Records before the spread is believed.
    const ENOUGH: u64 = 10;
    if !loss.is_finite() {
        return None;
    }
    let (mean, variance, count) = *average;
    let share = SHARE.max(1.0 / (count + 1) as f64);
    let distance = loss - mean;
    *average = (
        mean + share * distance,
        (1.0 - share) * (variance + share * distance * distance),
        count + 1,
    );
    (count >= ENOUGH && variance > 0.0).then(|| distance / variance.sqrt())
}

fn memory_total() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// What the log counts.
pub(crate) const UNIT: Unit = Unit::Steps;

#[cfg(test)]
mod tests {
    use super::z_score;

    #[test]
    fn a_jump_stands_out_of_steady_losses() {
        let mut average = (0.0, 0.0, 0);
        for step in 0..200 {
            z_score(&mut average, 2.0 + 0.01 * f64::from(step % 2));
        }
        let jump = z_score(&mut average, 2.1).unwrap();
        assert!(jump > 10.0, "{jump}");
        assert!(z_score(&mut average, f64::NAN).is_none());
    }
}
