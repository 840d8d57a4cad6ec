//! Learning rate over a run.

use std::f64::consts::PI;

use kiln_learn::{Rates, Schedule};
use serde::{Deserialize, Serialize};

use crate::Wrong;
use crate::ranges::{above_zero, not_negative, require, share};

/// `[schedule]`: how the learning rate rises and falls. After the warm-up, which every kind may have, the rate is the optimizer's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The shape after the warm-up.
    pub kind: ScheduleKind,
    /// Steps over which the rate rises in a straight line to its highest. Give this, `warmup_tokens` or `warmup_share`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u64>,
    /// The same in tokens, of a language model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_tokens: Option<u64>,
    /// The same as a share of the run: 0 or more and less than 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_share: Option<f64>,
    /// The rate at the end of a decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_learning_rate: Option<f64>,
    /// `warmup-stable-decay`: steps of the decay at the end. Give this or `decay_share`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_steps: Option<u64>,
    /// `warmup-stable-decay`: the same as a share of the run; 0.2 if both are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay_share: Option<f64>,
    /// `warmup-stable-decay`: the shape of the decay; linear if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,
    /// `polynomial`: the power of what is left; 2 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// `step`: updates from one fall to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// `step`: what the rate is multiplied by at each fall, above 0; 0.1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// `one-cycle`: the rate at the beginning as a share of the highest; 0.04 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_share: Option<f64>,
}

/// The shape of a schedule after its warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// The highest rate throughout.
    #[default]
    Constant,
    /// A straight line to the final rate at the last step.
    Linear,
    /// Half a cosine wave to the final rate at the last step (Loshchilov and Hutter, 2017).
    Cosine,
    /// The highest rate until a decay at the end (Zhai et al., 2022; Hu et al., 2024).
    WarmupStableDecay,
    /// By one over the root of the steps (Vaswani et al., 2017).
    InverseSquareRoot,
    /// Half a cosine wave up, over `warmup_share` (0.3), and one down to nearly nothing (Smith and Topin, 2018).
    OneCycle,
    /// A fall by a factor every so many steps.
    Step,
    /// A power of what is left of the run, to the final rate at the last step.
    Polynomial,
}

/// The shape of the decay at the end of `warmup-stable-decay`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// A straight line.
    #[default]
    Linear,
    /// Half a cosine wave.
    Cosine,
    /// One less the root of what is done (Hägele et al., 2024).
    SquareRoot,
}

impl Decay {
    /// What is left of the way to the final rate when a share of the decay is done.
    fn left(self, done: f64) -> f64 {
        match self {
            Self::Linear => 1.0 - done,
            Self::Cosine => half_wave(done),
            Self::SquareRoot => 1.0 - done.sqrt(),
        }
    }
}

fn half_wave(done: f64) -> f64 {
    0.5 * (1.0 + (PI * done).cos())
}

impl ScheduleConfig {
    /// The schedule with this highest rate, for updates of `tokens_per_step` tokens.
    pub fn build(&self, learning_rate: f64, tokens_per_step: u64) -> Box<dyn Schedule> {
        Box::new(Curve {
            config: self.clone(),
            highest: learning_rate,
            tokens_per_step,
        })
    }

    /// Refuse what cannot be, or means nothing for this kind.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub fn check(&self) -> Result<(), Wrong> {
        use ScheduleKind::{
            Constant, Cosine, InverseSquareRoot, Linear, OneCycle, Polynomial, Step,
            WarmupStableDecay,
        };
        let decays: &[ScheduleKind] = &[Linear, Cosine, WarmupStableDecay, OneCycle, Polynomial];
        for (key, given, kinds) in [
            (
                "final_learning_rate",
                self.final_learning_rate.is_some(),
                decays,
            ),
            (
                "decay_steps",
                self.decay_steps.is_some(),
                &[WarmupStableDecay],
            ),
            (
                "decay_share",
                self.decay_share.is_some(),
                &[WarmupStableDecay],
            ),
            ("decay", self.decay.is_some(), &[WarmupStableDecay]),
            ("power", self.power.is_some(), &[Polynomial]),
            ("every_steps", self.every_steps.is_some(), &[Step]),
            ("factor", self.factor.is_some(), &[Step]),
            ("initial_share", self.initial_share.is_some(), &[OneCycle]),
        ] {
            if given && !kinds.contains(&self.kind) {
                let kinds: Vec<String> = kinds.iter().map(|kind| kind.name()).collect();
                let problem = format!(
                    "belongs to {}, not to {}",
                    kinds.join(", "),
                    self.kind.name()
                );
                return Err((key, problem));
            }
        }
        let warmups = [
            ("warmup_steps", self.warmup_steps.is_some()),
            ("warmup_tokens", self.warmup_tokens.is_some()),
            ("warmup_share", self.warmup_share.is_some()),
        ];
        once(&warmups)?;
        once(&[
            ("decay_steps", self.decay_steps.is_some()),
            ("decay_share", self.decay_share.is_some()),
        ])?;
        share("warmup_share", self.warmup_share.unwrap_or(0.0))?;
        not_negative(
            "final_learning_rate",
            self.final_learning_rate.unwrap_or(0.0),
        )?;
        require(
            "decay_share",
            self.decay_share
                .is_none_or(|share| share > 0.0 && share <= 1.0),
            "expected more than 0 and at most 1",
        )?;
        require(
            "decay_steps",
            self.decay_steps != Some(0),
            "0: expected 1 or more",
        )?;
        above_zero("power", self.power.unwrap_or(1.0))?;
        above_zero("factor", self.factor.unwrap_or(1.0))?;
        above_zero("initial_share", self.initial_share.unwrap_or(1.0))?;
        match (self.kind, self.every_steps) {
            (Step, None | Some(0)) => Err((
                "every_steps",
                "a fall every how many updates? give 1 or more".to_owned(),
            )),
            (Constant | InverseSquareRoot, _) | (_, _) => Ok(()),
        }
    }
}

impl ScheduleKind {
    fn name(self) -> String {
        let name = match self {
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Cosine => "cosine",
            Self::WarmupStableDecay => "warmup-stable-decay",
            Self::InverseSquareRoot => "inverse-square-root",
            Self::OneCycle => "one-cycle",
            Self::Step => "step",
            Self::Polynomial => "polynomial",
        };
        format!("\"{name}\"")
    }
}

fn once(keys: &[(&'static str, bool)]) -> Result<(), Wrong> {
    let mut given = keys.iter().filter(|(_, given)| *given);
    match (given.next(), given.next()) {
        (Some((first, _)), Some((second, _))) => {
            Err((second, format!("given twice, as {first} too: keep one")))
        }
        _ => Ok(()),
    }
}

struct Curve {
    config: ScheduleConfig,
    highest: f64,
    tokens_per_step: u64,
}

impl Curve {
    fn warmup(&self, total: u64) -> u64 {
        let config = &self.config;
        let usual = match config.kind {
            ScheduleKind::OneCycle => 0.3,
            _ => 0.0,
        };
        match (config.warmup_steps, config.warmup_tokens) {
            (Some(steps), _) => steps,
            (_, Some(tokens)) => tokens.div_ceil(self.tokens_per_step.max(1)),
            _ => (config.warmup_share.unwrap_or(usual) * total as f64).round() as u64,
        }
    }

    /// The rate after `since` updates of the `length` that follow the warm-up.
    fn after_warmup(&self, since: u64, length: u64, warmup: u64) -> f64 {
        let config = &self.config;
        let highest = self.highest;
        let length = length.max(1);
        let done = (since as f64 / length as f64).min(1.0);
        let last = config.final_learning_rate.unwrap_or(0.0);
        let towards_last = |left: f64| last + left * (highest - last);
        match config.kind {
            ScheduleKind::Constant => highest,
            ScheduleKind::Linear => towards_last(1.0 - done),
            ScheduleKind::Cosine => towards_last(half_wave(done)),
            ScheduleKind::Polynomial => {
                towards_last((1.0 - done).powf(config.power.unwrap_or(2.0)))
            }
            ScheduleKind::WarmupStableDecay => {
                let whole = (length + warmup) as f64;
                let decay = match config.decay_steps {
                    Some(steps) => steps as f64,
                    None => (config.decay_share.unwrap_or(0.2) * whole).round(),
                };
                let decay = decay.clamp(1.0, length as f64);
                let done = (since as f64 - (length as f64 - decay)) / decay;
                let shape = config.decay.unwrap_or_default();
                towards_last(shape.left(done.clamp(0.0, 1.0)))
            }
            ScheduleKind::InverseSquareRoot => {
                // Counted from 1, as the warm-up is: the highest rate is that of update `warmup` + 1.
                highest * ((warmup + 1) as f64 / (warmup + since + 1) as f64).sqrt()
            }
            ScheduleKind::OneCycle => {
                let nearly_nothing = highest * config.initial_share.unwrap_or(0.04) * 1e-4;
                let last = config.final_learning_rate.unwrap_or(nearly_nothing);
                last + half_wave(done) * (highest - last)
            }
            ScheduleKind::Step => {
                let falls = since / config.every_steps.unwrap_or(u64::MAX).max(1);
                highest * config.factor.unwrap_or(0.1).powf(falls as f64)
            }
        }
    }
}

impl Schedule for Curve {
    fn rates(&self, step: u64, total: u64) -> Rates {
        let warmup = self.warmup(total);
        let learning_rate = if step >= warmup {
            self.after_warmup(step - warmup, total.saturating_sub(warmup), warmup)
        } else if self.config.kind == ScheduleKind::OneCycle {
            let first = self.config.initial_share.unwrap_or(0.04) * self.highest;
            let risen = 1.0 - half_wave(step as f64 / warmup as f64);
            first + risen * (self.highest - first)
        } else {
            // nanoGPT's: the first update is not wasted on a rate of zero.
            self.highest * (step + 1) as f64 / (warmup + 1) as f64
        };
        Rates { learning_rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates of a section with a highest of 1 at some updates of 2,000, of 32 tokens each.
    fn check(section: &str, expected: &[(u64, f64)]) {
        let config: ScheduleConfig = toml::from_str(section).unwrap();
        config.check().unwrap();
        let schedule = config.build(1.0, 32);
        for &(step, rate) in expected {
            let got = schedule.rates(step, 2000).learning_rate;
            assert!(
                (got - rate).abs() < 1e-9,
                "{section}: step {step}: {got}, not {rate}"
            );
        }
    }

    #[test]
    fn each_kind_is_its_formula() {
        let root = |x: f64| x.sqrt();
        check("", &[(0, 1.0), (1999, 1.0)]);
        // nanoGPT's.
        check(
            "kind = 'cosine'\nwarmup_steps = 100\nfinal_learning_rate = 0.1",
            &[
                (0, 1.0 / 101.0),
                (99, 100.0 / 101.0),
                (100, 1.0),
                (1050, 0.55),
                (2000, 0.1),
                (3000, 0.1),
            ],
        );
        check(
            "kind = 'linear'",
            &[(0, 1.0), (500, 0.75), (1999, 0.0005), (2000, 0.0)],
        );
        check(
            "kind = 'polynomial'\nfinal_learning_rate = 0.2",
            &[(0, 1.0), (1000, 0.2 + 0.8 * 0.25), (2000, 0.2)],
        );
        check("kind = 'polynomial'\npower = 1", &[(500, 0.75)]);
        check(
            "kind = 'warmup-stable-decay'\nwarmup_share = 0.1\ndecay_share = 0.4",
            &[
                (0, 1.0 / 201.0),
                (200, 1.0),
                (1200, 1.0),
                (1600, 0.5),
                (2000, 0.0),
            ],
        );
        check(
            "kind = 'warmup-stable-decay'\ndecay_steps = 400\ndecay = 'square-root'\nfinal_learning_rate = 0.5",
            &[(1600, 1.0), (1700, 0.75), (2000, 0.5)],
        );
        check(
            "kind = 'warmup-stable-decay'\ndecay = 'cosine'",
            &[(1600, 1.0), (1800, 0.5), (1900, 0.5 * (1.0 - root(0.5)))],
        );
        // Vaswani et al.: min(n^-1/2, n w^-3/2) over its highest, with n = 1 at the first update and w = 400.
        check(
            "kind = 'inverse-square-root'\nwarmup_steps = 399",
            &[(0, 1.0 / 400.0), (399, 1.0), (1599, 0.5)],
        );
        check(
            "kind = 'step'\nevery_steps = 500\nfactor = 0.5\nwarmup_tokens = 3200",
            &[
                (49, 50.0 / 101.0),
                (100, 1.0),
                (599, 1.0),
                (600, 0.5),
                (1100, 0.25),
            ],
        );
    }

    #[test]
    fn one_cycle_is_pytorchs() {
        // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=2001, pct_start=600.000001/2000, final_div_factor=1e4) at these steps.
        check(
            "kind = 'one-cycle'",
            &[
                (0, 0.04),
                (300, 0.52),
                (600, 1.0),
                (1300, 0.500002),
                (2000, 4e-6),
            ],
        );
    }

    #[test]
    fn keys_of_another_kind_and_two_of_one_are_refused() {
        for (section, key) in [
            ("power = 2", "power"),
            ("kind = 'cosine'\ndecay_share = 0.5", "decay_share"),
            (
                "kind = 'constant'\nfinal_learning_rate = 0.5",
                "final_learning_rate",
            ),
            ("warmup_steps = 1\nwarmup_share = 0.5", "warmup_share"),
            ("warmup_share = 1", "warmup_share"),
            ("kind = 'step'", "every_steps"),
            ("kind = 'step'\nevery_steps = 0", "every_steps"),
            (
                "kind = 'warmup-stable-decay'\ndecay_share = 0.5\ndecay_steps = 3",
                "decay_share",
            ),
            (
                "kind = 'warmup-stable-decay'\ndecay_share = 0",
                "decay_share",
            ),
            (
                "kind = 'linear'\nfinal_learning_rate = -1",
                "final_learning_rate",
            ),
        ] {
            let config: ScheduleConfig = toml::from_str(section).unwrap();
            assert_eq!(config.check().unwrap_err().0, key, "{section}");
        }
        assert!(toml::from_str::<ScheduleConfig>("kind = 'cosin'").is_err());
    }
}
