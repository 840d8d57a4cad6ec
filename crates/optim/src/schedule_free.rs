//! Schedule-free AdamW.

use std::collections::BTreeMap;

use kiln_learn::{Error, Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Kind, Parameters, Tensor, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::adam::{self, usual_epsilon};
use crate::elementwise::put;
use crate::groups::{Group, LEARNING, Roles, part};
use crate::memory::{Remembered, check_kind, count_step, restore, snapshot_of};
use crate::ranges::{Checked, not_negative};

/// AdamW without a decaying rate (Defazio et al., 2024, algorithm 1): gradients are taken between the weights that are stepped and
/// their average, and the average is the model. Steps weigh as the square of their rate, so that a warm-up counts for little. To be
/// used with a constant schedule after a warm-up. Decay is decoupled, at the place of the gradient; biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFreeAdamwConfig {
    /// Learning rate after the warm-up.
    pub learning_rate: f64,
    /// Place of the gradient between the stepped weights and their average, above 0 and less than 1; decay of the running average of
    /// the gradient's square.
    #[serde(default = "ScheduleFreeAdamwConfig::usual_betas")]
    pub betas: [f64; 2],
    /// Added to the root of that average.
    #[serde(default = "usual_epsilon")]
    pub epsilon: f64,
    /// Share of a weight taken away a step, times the learning rate.
    #[serde(default)]
    pub weight_decay: f64,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl ScheduleFreeAdamwConfig {
    fn usual_betas() -> [f64; 2] {
        [0.9, 0.999]
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let all = 0..parameters.range(LEARNING[LEARNING.len() - 1]).end;
        let zero = || Tensor::zeros([1], (Kind::Double, parameters.device()));
        Box::new(ScheduleFree {
            config: self.clone(),
            groups: self.roles.groups(parameters, &LEARNING, self.weight_decay),
            stepped: Remembered::weights("stepped", parameters, &all),
            square: Remembered::zeros("square", parameters, &all),
            steps: zero(),
            weight_sum: zero(),
            highest: 0.0,
            trained: None,
            all,
        })
    }

    pub(crate) fn check(&self) -> Checked {
        adam::check(self.learning_rate, self.betas, self.epsilon)?;
        if self.betas[0] == 0.0 {
            return Err(("betas", "expected a first number above 0".to_owned()));
        }
        not_negative("weight_decay", self.weight_decay)
    }
}

/// The masters hold the place of the gradient.
struct ScheduleFree {
    config: ScheduleFreeAdamwConfig,
    groups: Vec<Group>,
    all: std::ops::Range<i64>,
    stepped: Remembered,
    square: Remembered,
    steps: Tensor,      // [1]
    weight_sum: Tensor, // [1]
    /// Highest rate so far.
    highest: f64,
    /// The place of the gradient while the average stands in the masters.
    trained: Option<Tensor>,
}

impl ScheduleFree {
    /// `average` is the share of the newest stepped weights in their average, `[1]`.
    fn step_group(
        &self,
        group: &Group,
        parameters: &Parameters,
        (rate, average): (f64, &Tensor),
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let [beta, beta_square] = self.config.betas;
        let range = &group.range;
        let mut weights = part(parameters.masters(), range);
        let gradient = part(parameters.gradients(), range);
        let (mut stepped, mut square) = (self.stepped.of(range), self.square.of(range));
        let kind = weights.kind();
        let after = square.f_lerp(&gradient.f_mul(&gradient)?, 1.0 - beta_square)?;
        // 1 - beta ^ steps, in fp64: in fp32 its first values would have three digits.
        let seen = self
            .steps
            .f_mul_scalar(beta_square.ln())?
            .f_expm1()?
            .f_neg()?;
        let unbiased = after.f_div(&seen.f_to_kind(kind)?)?;
        let scale = unbiased.f_sqrt()?.f_add_scalar(self.config.epsilon)?;
        let decayed = weights.f_mul_scalar(group.weight_decay)?;
        let direction = gradient.f_div(&scale)?.f_add(&decayed)?;
        let rate = rate * group.learning_rate_factor;
        // The average moves towards the weights of before this step's share of it; so does the place between both.
        let own = average
            .f_neg()?
            .f_add_scalar(1.0)?
            .f_mul_scalar(beta)?
            .f_sub_scalar(1.0)?
            .f_mul_scalar(rate)?
            .f_to_kind(kind)?;
        let moved = weights
            .f_lerp_tensor(&stepped, &average.f_to_kind(kind)?)?
            .f_add(&direction.f_mul(&own)?)?;
        let next = stepped.f_sub(&direction.f_mul_scalar(rate)?)?;
        put(&mut weights, &moved, skip)?;
        put(&mut stepped, &next, skip)?;
        put(&mut square, &after, skip)
    }
}

impl Optimizer for ScheduleFree {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let rate = rates.learning_rate;
        self.highest = self.highest.max(rate);
        no_grad(|| {
            count_step(&mut self.steps, skip)?;
            let weight = self.highest * self.highest;
            let mut counted = self.weight_sum.f_ones_like()?;
            if let Some(skip) = skip {
                counted = counted.f_sub(skip)?;
            }
            let _ = self.weight_sum.f_add_(&counted.f_mul_scalar(weight)?)?;
            let average = self.weight_sum.f_reciprocal()?.f_mul_scalar(weight)?;
            let mut groups = self.groups.iter();
            groups.try_for_each(|group| self.step_group(group, parameters, (rate, &average), skip))
        })?;
        Ok(parameters.refresh()?)
    }

    fn begin_evaluation(&mut self, parameters: &mut Parameters) -> Result<()> {
        let mut weights = part(parameters.masters(), &self.all);
        self.trained = Some(weights.copy());
        let towards = 1.0 - 1.0 / self.config.betas[0];
        no_grad(|| {
            let average = weights.f_lerp(self.stepped.all(), towards)?;
            weights.f_copy_(&average)
        })?;
        Ok(parameters.refresh()?)
    }

    fn end_evaluation(&mut self, parameters: &mut Parameters) -> Result<()> {
        if let Some(trained) = self.trained.take() {
            let mut weights = part(parameters.masters(), &self.all);
            no_grad(|| weights.f_copy_(&trained))?;
        }
        Ok(parameters.refresh()?)
    }
}

const KIND: &str = "schedule-free-adamw";
const STEPS: &str = "steps";
const WEIGHT_SUM: &str = "weight_sum";
const HIGHEST: &str = "highest_learning_rate";
const TRAINED: &str = "trained";

impl Stateful for ScheduleFree {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut snapshot = snapshot_of(KIND);
        self.stepped.save(parameters, &mut snapshot);
        self.square.save(parameters, &mut snapshot);
        let trained = match &self.trained {
            Some(trained) => trained.shallow_clone(),
            None => part(parameters.masters(), &self.all),
        };
        for (name, tensor) in [
            (STEPS, &self.steps),
            (WEIGHT_SUM, &self.weight_sum),
            (TRAINED, &trained),
        ] {
            let pair = (name.to_owned(), tensor.shallow_clone());
            snapshot.tensors.push(pair);
        }
        snapshot
            .values
            .insert(HIGHEST.to_owned(), self.highest.into());
        snapshot
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, KIND)?;
        self.stepped.load(parameters, tensors)?;
        self.square.load(parameters, tensors)?;
        restore(&self.steps, tensors, STEPS)?;
        restore(&self.weight_sum, tensors, WEIGHT_SUM)?;
        restore(&part(parameters.masters(), &self.all), tensors, TRAINED)?;
        let highest = values.get(HIGHEST).and_then(Value::as_f64);
        self.highest = highest
            .ok_or_else(|| Error::State(format!("the optimizer's `{HIGHEST}` is missing")))?;
        Ok(())
    }
}
