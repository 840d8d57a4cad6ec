//! Learning rate over a run: warm-up, then constant, linear or cosine decay.

use kiln_learn::{Rates, Schedule};
use serde::{Deserialize, Serialize};

/// A constant rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constant {
    /// Steps over which the rate rises linearly to its highest.
    pub warmup_steps: u64,
}

/// A straight line from the highest rate, after the warm-up, to the final one at the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Linear {
    /// Steps over which the rate rises linearly to its highest.
    pub warmup_steps: u64,
    /// The rate at the end.
    pub final_learning_rate: f64,
}

/// Half a cosine wave from the highest rate, after the warm-up, to the final one at the last step (Loshchilov and Hutter, 2017).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cosine {
    /// Steps over which the rate rises linearly to its highest.
    pub warmup_steps: u64,
    /// The rate at the end.
    pub final_learning_rate: f64,
}

impl Constant {
    /// The schedule with this highest rate.
    pub fn build(self, learning_rate: f64) -> Box<dyn Schedule> {
        curve(self.warmup_steps, learning_rate, learning_rate, |_| 1.0)
    }
}

impl Linear {
    /// The schedule with this highest rate.
    pub fn build(self, learning_rate: f64) -> Box<dyn Schedule> {
        let last = self.final_learning_rate;
        curve(self.warmup_steps, learning_rate, last, |done| 1.0 - done)
    }
}

impl Cosine {
    /// The schedule with this highest rate.
    pub fn build(self, learning_rate: f64) -> Box<dyn Schedule> {
        let last = self.final_learning_rate;
        curve(self.warmup_steps, learning_rate, last, |done| {
            0.5 * (1.0 + (std::f64::consts::PI * done).cos())
        })
    }
}

/// `share` gives the part of the way from the final to the highest rate that is left when a part of the decay is done.
fn curve(
    warmup_steps: u64,
    highest: f64,
    last: f64,
    share: impl Fn(f64) -> f64 + Send + 'static,
) -> Box<dyn Schedule> {
    Box::new(Curve {
        warmup_steps,
        highest,
        last,
        share,
    })
}

struct Curve<Share> {
    warmup_steps: u64,
    highest: f64,
    last: f64,
    share: Share,
}

impl<Share: Fn(f64) -> f64 + Send> Schedule for Curve<Share> {
    fn rates(&self, step: u64, total: u64) -> Rates {
        let learning_rate = if step < self.warmup_steps {
            // nanoGPT's: the first update is not wasted on a rate of zero.
            self.highest * (step + 1) as f64 / (self.warmup_steps + 1) as f64
        } else {
            let length = total.saturating_sub(self.warmup_steps).max(1);
            let done = (step - self.warmup_steps) as f64 / length as f64;
            self.last + (self.share)(done.min(1.0)) * (self.highest - self.last)
        };
        Rates { learning_rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(schedule: &dyn Schedule, expected: &[(u64, f64)]) {
        for &(step, rate) in expected {
            let got = schedule.rates(step, 2000).learning_rate;
            assert!((got - rate).abs() < 1e-9, "step {step}: {got}, not {rate}");
        }
    }

    #[test]
    fn cosine_is_nanogpts() {
        let cosine = Cosine {
            warmup_steps: 100,
            final_learning_rate: 1e-4,
        };
        check(
            &*cosine.build(1e-3),
            &[
                (0, 1e-3 / 101.0),
                (99, 1e-3 * 100.0 / 101.0),
                (100, 1e-3),
                (1050, 5.5e-4), // half way down
                (2000, 1e-4),
                (3000, 1e-4),
            ],
        );
    }

    #[test]
    fn linear_and_constant() {
        let linear = Linear {
            warmup_steps: 0,
            final_learning_rate: 0.0,
        };
        check(
            &*linear.build(1.0),
            &[(0, 1.0), (500, 0.75), (1999, 0.0005), (2000, 0.0)],
        );
        let constant = Constant { warmup_steps: 1 };
        check(&*constant.build(0.3), &[(0, 0.15), (1, 0.3), (1999, 0.3)]);
    }
}
