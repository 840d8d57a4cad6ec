//! Where the time of a step goes.

use std::time::Instant;

use kiln_tensor::{Device, synchronize};
use serde::Serialize;

/// A part of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Data,
    Forward,
    Backward,
    Clip,
    Optimizer,
    Evaluation,
    Save,
    Rest,
}

const NAMES: [&str; 8] = [
    "data wait",
    "forward",
    "backward",
    "clip",
    "optimizer",
    "evaluation",
    "save",
    "rest",
];

/// A part of a step in the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseTime {
    /// `forward`, `backward`, ...
    pub phase: &'static str,
    /// Steps that had it.
    pub steps: usize,
    /// Median milliseconds of these.
    pub median_ms: f64,
    /// Share of the time of all steps, 0 to 1.
    pub share: f64,
}

/// Where the time of some steps went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Steps that were measured. The very first one was not: it allocates what the others use again.
    pub steps: usize,
    /// Median milliseconds of a step.
    pub step_ms: f64,
    /// The parts, in their order.
    pub phases: Vec<PhaseTime>,
}

impl Profile {
    /// The table for a person, line by line.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "profile of {} steps, {:.2} ms each (median)",
            self.steps, self.step_ms
        )];
        for phase in &self.phases {
            lines.push(format!(
                "  {:<10} {:>10.3} ms {:>6.1} %{}",
                phase.phase,
                phase.median_ms,
                100.0 * phase.share,
                if phase.steps == self.steps {
                    String::new()
                } else {
                    format!("  in {} of the steps", phase.steps)
                }
            ));
        }
        lines
    }
}

/// Measures the parts of steps, or does nothing.
pub(crate) struct Stopwatch {
    device: Device,
    /// Steps still to be measured, with the one that is left out; 0 if there is nothing to do.
    left: u64,
    warm: bool,
    since: Instant,
    now: [f64; NAMES.len()],
    steps: Vec<[f64; NAMES.len()]>,
}

impl Stopwatch {
    pub(crate) fn new(device: Device, steps: Option<u64>) -> Self {
        Self {
            device,
            left: steps.map_or(0, |steps| steps + 1),
            warm: false,
            since: Instant::now(),
            now: Default::default(),
            steps: Vec::new(),
        }
    }

    /// A stopwatch that does nothing.
    #[cfg(test)]
    pub(crate) fn off() -> Self {
        Self::new(Device::Cpu, None)
    }

    /// A step begins.
    pub(crate) fn begin(&mut self) {
        self.now = Default::default();
        self.lap(Phase::Rest);
        self.now = Default::default();
    }

    /// What happened since the last call was this. A device's work is waited for, so that it is counted where it belongs.
    pub(crate) fn lap(&mut self, phase: Phase) {
        if self.left == 0 {
            return;
        }
        synchronize(self.device);
        let since = std::mem::replace(&mut self.since, Instant::now());
        self.now[phase as usize] += (self.since - since).as_secs_f64();
    }

    /// The step is over. The profile, after the last one.
    pub(crate) fn end(&mut self) -> Option<Profile> {
        if self.left == 0 {
            return None;
        }
        self.lap(Phase::Rest);
        if std::mem::replace(&mut self.warm, true) {
            self.steps.push(self.now);
        }
        self.left -= 1;
        (self.left == 0).then(|| summarise(&self.steps))
    }
}

fn summarise(steps: &[[f64; NAMES.len()]]) -> Profile {
    let wholes: Vec<f64> = steps.iter().map(|step| step.iter().sum()).collect();
    let all: f64 = wholes.iter().sum();
    let phases = NAMES.iter().enumerate().filter_map(|(index, name)| {
        let times: Vec<f64> = steps
            .iter()
            .map(|step| step[index])
            .filter(|time| *time > 0.0)
            .collect();
        (!times.is_empty()).then(|| PhaseTime {
            phase: name,
            steps: times.len(),
            median_ms: 1e3 * median(&times),
            share: times.iter().sum::<f64>() / all.max(f64::MIN_POSITIVE),
        })
    });
    Profile {
        steps: steps.len(),
        step_ms: 1e3 * median(&wholes),
        phases: phases.collect(),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn shares_are_of_all_steps_and_medians_of_those_that_had_the_part() {
        let mut step = [0.0; NAMES.len()];
        step[Phase::Forward as usize] = 0.002;
        step[Phase::Backward as usize] = 0.006;
        let mut saving = step;
        saving[Phase::Save as usize] = 0.016;
        let profile = summarise(&[step, saving, step, step]);
        let of = |phase: &str| {
            let found = profile.phases.iter().find(|known| known.phase == phase);
            found.map(|phase| {
                (
                    phase.steps,
                    phase.median_ms.round(),
                    (100.0 * phase.share).round(),
                )
            })
        };
        assert_eq!(of("forward"), Some((4, 2.0, 17.0)));
        assert_eq!(of("backward"), Some((4, 6.0, 50.0)));
        assert_eq!(of("save"), Some((1, 16.0, 33.0)));
        assert_eq!(of("clip"), None);
        assert!((profile.step_ms - 8.0).abs() < 1e-9);
        assert_eq!(profile.lines().len(), 4);
    }

    #[test]
    fn time_is_counted_where_it_passed_and_the_first_step_is_left_out() {
        let mut watch = Stopwatch::new(Device::Cpu, Some(2));
        let mut step = |time| {
            watch.begin();
            std::thread::sleep(Duration::from_millis(time));
            watch.lap(Phase::Forward);
            watch.lap(Phase::Backward);
            watch.end()
        };
        assert_eq!(step(60), None);
        assert_eq!(step(10), None);
        let profile = step(10).unwrap();
        assert_eq!(profile.steps, 2);
        let forward = &profile.phases[0];
        assert_eq!(forward.phase, "forward");
        assert!(
            forward.median_ms >= 10.0 && forward.median_ms < 50.0,
            "{forward:?}"
        );
        assert!(forward.share > 0.9);
        assert_eq!(step(0), None);
    }
}
