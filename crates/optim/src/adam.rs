//! Adam and AdamW.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{AdamStep, Kind, Parameters, Role, Tensor, adam_step, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::groups::{Group, LEARNING, Roles, part};
use crate::memory::{Remembered, check_kind, count_step, restore, snapshot_of};
use crate::ranges::{Checked, above_zero, not_negative, share};

/// Adam with decoupled weight decay (Kingma and Ba, 2015; Loshchilov and Hutter, 2019). Biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamwConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Decay of the running averages of the gradient and of its square, each 0 or more and less than 1.
    #[serde(default = "usual_betas")]
    pub betas: [f64; 2],
    /// Added to the root of the second average.
    #[serde(default = "usual_epsilon")]
    pub epsilon: f64,
    /// Share of a weight taken away a step, times the learning rate.
    #[serde(default)]
    pub weight_decay: f64,
    /// Whether a weight decays only where the step makes it smaller anyhow (Chen et al., 2025).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cautious_decay: bool,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

/// Adam (Kingma and Ba, 2015). Weight decay is added to the gradient; biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Decay of the running averages of the gradient and of its square, each 0 or more and less than 1.
    #[serde(default = "usual_betas")]
    pub betas: [f64; 2],
    /// Added to the root of the second average.
    #[serde(default = "usual_epsilon")]
    pub epsilon: f64,
    /// Share of a weight added to its gradient.
    #[serde(default)]
    pub weight_decay: f64,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

pub(crate) fn usual_betas() -> [f64; 2] {
    [0.9, 0.999]
}

pub(crate) fn usual_epsilon() -> f64 {
    1e-8
}

impl AdamwConfig {
    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let decay = if self.cautious_decay {
            Decay::Cautious
        } else {
            Decay::Decoupled
        };
        let numbers = (self.betas, self.epsilon, decay);
        let groups = self.roles.groups(parameters, &LEARNING, self.weight_decay);
        Box::new(Adam::new("adamw", numbers, groups, parameters, &LEARNING))
    }

    pub(crate) fn check(&self) -> Checked {
        check(self.learning_rate, self.betas, self.epsilon)?;
        not_negative("weight_decay", self.weight_decay)
    }
}

impl AdamConfig {
    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let numbers = (self.betas, self.epsilon, Decay::Gradient);
        let groups = self.roles.groups(parameters, &LEARNING, self.weight_decay);
        Box::new(Adam::new("adam", numbers, groups, parameters, &LEARNING))
    }

    pub(crate) fn check(&self) -> Checked {
        check(self.learning_rate, self.betas, self.epsilon)?;
        not_negative("weight_decay", self.weight_decay)
    }
}

/// Refuse numbers that no Adam has.
pub(crate) fn check(learning_rate: f64, betas: [f64; 2], epsilon: f64) -> Checked {
    above_zero("learning_rate", learning_rate)?;
    betas.iter().try_for_each(|beta| share("betas", *beta))?;
    above_zero("epsilon", epsilon)
}

/// Where weight decay goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decay {
    /// Into the gradient.
    Gradient,
    /// Off the weight itself.
    Decoupled,
    /// Off the weight itself where the step makes it smaller.
    Cautious,
}

/// Adam over flat ranges: one pass over memory for each.
pub(crate) struct Adam {
    kind: &'static str,
    betas: [f64; 2],
    epsilon: f64,
    decay: Decay,
    groups: Vec<Group>,
    average: Remembered,
    square: Remembered,
    steps: Tensor, // [1]
}

impl Adam {
    /// Adam over the groups of neighbouring roles.
    pub(crate) fn new(
        kind: &'static str,
        (betas, epsilon, decay): ([f64; 2], f64, Decay),
        groups: Vec<Group>,
        parameters: &Parameters,
        roles: &[Role],
    ) -> Self {
        let start = roles.first().map(|role| parameters.range(*role).start);
        let end = roles.last().map(|role| parameters.range(*role).end);
        let range = start.unwrap_or(0)..end.unwrap_or(0);
        Self {
            kind,
            betas,
            epsilon,
            decay,
            groups,
            average: Remembered::zeros("average", parameters, &range),
            square: Remembered::zeros("square", parameters, &range),
            // The kernel wants fp32, which counts to 16 million.
            steps: Tensor::zeros([1], (Kind::Float, parameters.device())),
        }
    }

    /// A step of all groups; the working copy is left as it is.
    pub(crate) fn advance(
        &mut self,
        parameters: &Parameters,
        learning_rate: f64,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        count_step(&mut self.steps, skip)?;
        for group in &self.groups {
            let rate = learning_rate * group.learning_rate_factor;
            let cautious = self.decay == Decay::Cautious && group.weight_decay > 0.0;
            let weights = part(parameters.masters(), &group.range);
            let before = cautious.then(|| weights.copy());
            adam_step(
                &AdamStep {
                    learning_rate: rate,
                    betas: self.betas,
                    weight_decay: if cautious { 0.0 } else { group.weight_decay },
                    decoupled: self.decay != Decay::Gradient,
                    epsilon: self.epsilon,
                },
                &weights,
                &part(parameters.gradients(), &group.range),
                &self.average.of(&group.range),
                &self.square.of(&group.range),
                &self.steps,
                skip,
            )?;
            if let Some(before) = before {
                // A skipped step moves nothing, so nothing decays.
                decay_where_it_shrinks(&weights, &before, rate * group.weight_decay)?;
            }
        }
        Ok(())
    }

    pub(crate) fn remember(&self, parameters: &Parameters, snapshot: &mut Snapshot) {
        self.average.save(parameters, snapshot);
        self.square.save(parameters, snapshot);
        let steps = self.steps.shallow_clone();
        snapshot.tensors.push((STEPS.to_owned(), steps));
    }

    pub(crate) fn recall(
        &self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
    ) -> Result<()> {
        self.average.load(parameters, tensors)?;
        self.square.load(parameters, tensors)?;
        restore(&self.steps, tensors, STEPS)
    }
}

/// Take a share of the weights before a step away where the step went towards zero.
pub(crate) fn decay_where_it_shrinks(weights: &Tensor, before: &Tensor, share: f64) -> Result<()> {
    no_grad(|| {
        let shrinks = before.f_sub(weights)?.f_mul(before)?.f_gt(0.0)?;
        let taken = before.f_mul(&shrinks.f_to_kind(before.kind())?)?;
        let _ = weights
            .shallow_clone()
            .f_sub_(&taken.f_mul_scalar(share)?)?;
        Ok(())
    })
}

const STEPS: &str = "step";

impl Optimizer for Adam {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        self.advance(parameters, rates.learning_rate, skip)?;
        Ok(parameters.refresh()?)
    }
}

impl Stateful for Adam {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut snapshot = snapshot_of(self.kind);
        self.remember(parameters, &mut snapshot);
        snapshot
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, self.kind)?;
        self.recall(parameters, tensors)
    }
}
