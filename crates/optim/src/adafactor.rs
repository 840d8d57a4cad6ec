//! Adafactor.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Kind, Parameter, Parameters, Role, Tensor, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::elementwise::put;
use crate::groups::{LEARNING, Roles, part};
use crate::memory::{check_kind, count_step, restore, snapshot_of};
use crate::ranges::{Checked, above_zero, not_negative};

/// Adafactor (Shazeer and Stern, 2018, algorithms 4 and 5), as PyTorch writes it: of the squares of a matrix's gradient only the means of
/// rows and columns are remembered. A step is relative to the size of its tensor. Decay is decoupled; biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdafactorConfig {
    /// Highest learning rate of the schedule, relative to the size of a tensor, and never more than one over the root of the steps.
    pub learning_rate: f64,
    /// The averages keep `1 - steps ^ exponent`; below 0.
    #[serde(default = "AdafactorConfig::usual_exponent")]
    pub decay_exponent: f64,
    /// Size of a tensor that is smaller.
    #[serde(default = "AdafactorConfig::usual_least_size")]
    pub least_size: f64,
    /// Largest root mean square of a step before the rate.
    #[serde(default = "AdafactorConfig::usual_clip")]
    pub clip: f64,
    /// Share of a weight taken away a step, times the learning rate.
    #[serde(default)]
    pub weight_decay: f64,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl AdafactorConfig {
    fn usual_exponent() -> f64 {
        -0.8
    }

    fn usual_least_size() -> f64 {
        1e-3
    }

    fn usual_clip() -> f64 {
        1.0
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let learning = parameters
            .iter()
            .filter(|parameter| parameter.role() != Role::Frozen);
        Box::new(Adafactor {
            config: self.clone(),
            squares: learning
                .map(|parameter| Squares::new(parameter, parameters, self))
                .collect(),
            steps: Tensor::zeros([1], (Kind::Double, parameters.device())),
        })
    }

    pub(crate) fn check(&self) -> Checked {
        above_zero("learning_rate", self.learning_rate)?;
        above_zero("decay_exponent", -self.decay_exponent)
            .map_err(|(key, _)| (key, "expected a number below 0".to_owned()))?;
        above_zero("least_size", self.least_size)?;
        above_zero("clip", self.clip)?;
        not_negative("weight_decay", self.weight_decay)
    }
}

/// The mean squares of one parameter's gradients.
struct Squares {
    name: String,
    range: std::ops::Range<i64>,
    shape: Vec<i64>,
    learning_rate_factor: f64,
    weight_decay: f64,
    /// By name in a checkpoint: rows and columns of what has both, else every one.
    means: Vec<(&'static str, Tensor)>,
}

const ROWS: &str = "rows";
const COLUMNS: &str = "columns";
const ALL: &str = "square";

impl Squares {
    fn new(parameter: &Parameter, parameters: &Parameters, config: &AdafactorConfig) -> Self {
        let shape = parameter.shape().to_vec();
        let zeros = |shape: &[i64]| {
            let kind = parameters.masters().kind();
            Tensor::zeros(shape, (kind, parameters.device()))
        };
        let means = if shape.len() > 1 {
            let (mut rows, mut columns) = (shape.clone(), shape.clone());
            rows[shape.len() - 1] = 1;
            columns[shape.len() - 2] = 1;
            vec![(ROWS, zeros(&rows)), (COLUMNS, zeros(&columns))]
        } else {
            vec![(ALL, zeros(&shape))]
        };
        let groups = config
            .roles
            .groups(parameters, &LEARNING, config.weight_decay);
        let range = parameter.range();
        let group = groups
            .iter()
            .find(|group| group.range.contains(&range.start));
        Self {
            name: parameter.name().to_owned(),
            range,
            shape,
            learning_rate_factor: group.map_or(1.0, |group| group.learning_rate_factor),
            weight_decay: group.map_or(0.0, |group| group.weight_decay),
            means,
        }
    }

    /// The average squares as they are after a gradient, and an estimate of each number's.
    fn after(
        &self,
        gradient: &Tensor,
        fresh: &Tensor,
        least: f64,
    ) -> Result<(Vec<Tensor>, Tensor)> {
        let square = gradient.f_mul(gradient)?;
        let kind = square.kind();
        let toward = |old: &Tensor, mean: &Tensor| old.f_lerp_tensor(mean, fresh);
        if let [(_, rows), (_, columns)] = self.means.as_slice() {
            let over = |dimension: i64| square.f_mean_dim(&[dimension][..], true, kind);
            let rows = toward(rows, &over(-1)?)?;
            let columns = toward(columns, &over(-2)?)?;
            let mean = rows.f_mean_dim(&[-2i64][..], true, kind)?;
            let estimate = rows.f_matmul(&columns)?.f_div(&mean.f_clamp_min(least)?)?;
            return Ok((vec![rows, columns], estimate));
        }
        let all = toward(&self.means[0].1, &square)?;
        Ok((vec![all.shallow_clone()], all))
    }
}

/// Adafactor over each parameter.
struct Adafactor {
    config: AdafactorConfig,
    squares: Vec<Squares>,
    steps: Tensor, // [1]
}

impl Adafactor {
    fn step_one(
        &self,
        squares: &Squares,
        parameters: &Parameters,
        rate: f64,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let [mut weights, gradient] = [parameters.masters(), parameters.gradients()]
            .map(|flat| part(flat, &squares.range).view(squares.shape.as_slice()));
        let kind = weights.kind();
        let least = match kind {
            Kind::Double => f64::EPSILON,
            _ => f64::from(f32::EPSILON),
        };
        let size = (weights.numel() as f64).sqrt();
        let rate = rate * squares.learning_rate_factor;
        let fresh = self.steps.f_pow_tensor_scalar(self.config.decay_exponent)?;
        let (means, estimate) = squares.after(&gradient, &fresh.f_to_kind(kind)?, least)?;
        let scale = estimate.f_clamp_min(least * least)?.f_rsqrt()?;
        let direction = gradient.f_mul(&scale)?;
        let excess = direction
            .f_norm()?
            .f_div_scalar(size * self.config.clip)?
            .f_clamp_min(1.0)?;
        let relative = self.steps.f_rsqrt()?.f_clamp_max(rate)?.f_to_kind(kind)?;
        let own = weights
            .f_norm()?
            .f_div_scalar(size)?
            .f_clamp_min(self.config.least_size)?;
        let length = own.f_mul(&relative)?.f_div(&excess)?;
        let kept = weights.f_mul_scalar(1.0 - rate * squares.weight_decay)?;
        let moved = kept.f_sub(&direction.f_mul(&length)?)?;
        put(&mut weights, &moved, skip)?;
        for ((_, old), new) in squares.means.iter().zip(&means) {
            put(&mut old.shallow_clone(), new, skip)?;
        }
        Ok(())
    }
}

impl Optimizer for Adafactor {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        no_grad(|| {
            count_step(&mut self.steps, skip)?;
            let mut all = self.squares.iter();
            all.try_for_each(|one| self.step_one(one, parameters, rates.learning_rate, skip))
        })?;
        Ok(parameters.refresh()?)
    }
}

const KIND: &str = "adafactor";
const STEPS: &str = "steps";

impl Stateful for Adafactor {
    fn save(&self, _: &Parameters) -> Snapshot {
        let mut snapshot = snapshot_of(KIND);
        for squares in &self.squares {
            for (what, mean) in &squares.means {
                let name = format!("{what}.{}", squares.name);
                snapshot.tensors.push((name, mean.shallow_clone()));
            }
        }
        let steps = self.steps.shallow_clone();
        snapshot.tensors.push((STEPS.to_owned(), steps));
        snapshot
    }

    fn load(
        &mut self,
        _: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, KIND)?;
        for squares in &self.squares {
            for (what, mean) in &squares.means {
                restore(mean, tensors, &format!("{what}.{}", squares.name))?;
            }
        }
        restore(&self.steps, tensors, STEPS)
    }
}
