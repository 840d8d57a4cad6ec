//! Muon.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Kind, Parameters, Precision, Role, Tensor, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Wrong;
use crate::adam::{self, Adam, Decay, decay_where_it_shrinks, usual_betas};
use crate::elementwise::put;
use crate::groups::{Group, Roles, part};
use crate::memory::{Remembered, check_kind, snapshot_of};
use crate::newton_schulz::{Polynomial, orthogonal};
use crate::ranges::{Checked, above_zero, not_negative, require, share};

/// Muon (Jordan et al., 2024): the momentum of each matrix between hidden layers, made orthogonal. Tables, heads, biases and gains
/// are AdamW's. Matrices that lie in one parameter, as those of queries, keys and values, are each made orthogonal by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuonConfig {
    /// Highest learning rate of the schedule, of matrices: .02 and thereabouts, for `scale = "shape"`.
    pub learning_rate: f64,
    /// Share of the momentum kept from step to step, 0 or more and less than 1.
    #[serde(default = "MuonConfig::usual_momentum")]
    pub momentum: f64,
    /// Whether to look ahead along the momentum.
    #[serde(default = "MuonConfig::yes")]
    pub nesterov: bool,
    /// Which polynomials make it orthogonal.
    #[serde(default)]
    pub polynomial: Polynomial,
    /// How many of them: each costs three products of the matrix' size.
    #[serde(default = "MuonConfig::usual_iterations")]
    pub iterations: u32,
    /// How long a step of a matrix is.
    #[serde(default)]
    pub scale: Scale,
    /// Share of a matrix taken away a step, times its learning rate.
    #[serde(default)]
    pub weight_decay: f64,
    /// Whether a weight decays only where the step makes it smaller anyhow (Chen et al., 2025).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cautious_decay: bool,
    /// The rule of all other parameters, whose rate follows the same schedule.
    #[serde(default)]
    pub adamw: Others,
}

/// How long a step of a matrix is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Longer for matrices with more rows than columns, by the root of their ratio (Jordan et al., 2024).
    #[default]
    Shape,
    /// As long as AdamW's usual step, so that AdamW's learning rates serve (Liu et al., 2025).
    Adamw,
}

/// AdamW for what is no matrix between hidden layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Others {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Decay of the running averages of the gradient and of its square, each 0 or more and less than 1.
    pub betas: [f64; 2],
    /// Added to the root of the second average.
    pub epsilon: f64,
    /// Share of a weight taken away a step, times the learning rate.
    pub weight_decay: f64,
    /// What is special to a role's parameters, but matrices.
    #[serde(skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl Default for Others {
    fn default() -> Self {
        Self {
            learning_rate: 3e-3,
            betas: usual_betas(),
            epsilon: 1e-10,
            weight_decay: 0.0,
            roles: Roles::default(),
        }
    }
}

/// Roles that AdamW has beside Muon, neighbours in the flat buffers.
const OTHERS: [Role; 3] = [Role::Embedding, Role::Head, Role::Vector];

impl MuonConfig {
    fn usual_momentum() -> f64 {
        0.95
    }

    fn usual_iterations() -> u32 {
        5
    }

    fn yes() -> bool {
        true
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let others = &self.adamw;
        // The schedule gives the rate of matrices.
        let factor = others.learning_rate / self.learning_rate;
        let groups = others
            .roles
            .groups(parameters, &OTHERS, others.weight_decay);
        let groups = groups.into_iter().map(|group| Group {
            learning_rate_factor: group.learning_rate_factor * factor,
            ..group
        });
        let numbers = (others.betas, others.epsilon, Decay::Decoupled);
        let range = parameters.range(Role::Matrix);
        Box::new(Muon {
            config: self.clone(),
            batches: batches(parameters),
            momentum: Remembered::zeros("momentum", parameters, &range),
            others: Adam::new("adamw", numbers, groups.collect(), parameters, &OTHERS),
        })
    }

    pub(crate) fn check(&self) -> Checked {
        above_zero("learning_rate", self.learning_rate)?;
        share("momentum", self.momentum)?;
        not_negative("weight_decay", self.weight_decay)?;
        require("iterations", self.iterations > 0, "expected 1 or more")?;
        let others = &self.adamw;
        let of_others = |(_, problem): Wrong| ("adamw", problem);
        adam::check(others.learning_rate, others.betas, others.epsilon).map_err(of_others)?;
        not_negative("adamw", others.weight_decay)?;
        others.roles.check()
    }
}

/// Matrices of one shape, made orthogonal together.
struct SameShape {
    shape: [i64; 2],
    /// Where each begins in the flat buffers.
    starts: Vec<i64>,
}

/// All matrices between hidden layers by their shape.
fn batches(parameters: &Parameters) -> Vec<SameShape> {
    let mut by_shape: BTreeMap<[i64; 2], Vec<i64>> = BTreeMap::new();
    let matrices = parameters
        .iter()
        .filter(|parameter| parameter.role() == Role::Matrix);
    for parameter in matrices {
        let columns = parameter.elements() / parameter.matrices().iter().sum::<i64>();
        let mut start = parameter.range().start;
        for &rows in parameter.matrices() {
            by_shape.entry([rows, columns]).or_default().push(start);
            start += rows * columns;
        }
    }
    let batches = by_shape.into_iter();
    batches
        .map(|(shape, starts)| SameShape { shape, starts })
        .collect()
}

/// Muon over the matrices, AdamW over the rest.
struct Muon {
    config: MuonConfig,
    batches: Vec<SameShape>,
    momentum: Remembered,
    others: Adam,
}

impl Muon {
    /// Put what is to be taken away, divided by the learning rate, in the place of the momentum that is to be made orthogonal.
    fn make_orthogonal(&self, direction: &Tensor, kind: Kind) -> Result<()> {
        for SameShape { shape, starts } in &self.batches {
            let [rows, columns] = *shape;
            let mut views: Vec<Tensor> = starts
                .iter()
                .map(|start| part(direction, &(*start..start + rows * columns)).view(*shape))
                .collect();
            let matrices = Tensor::f_stack(&views, 0)?; // [matrices, rows, columns]
            let near = orthogonal(
                &matrices,
                self.config.polynomial,
                self.config.iterations,
                kind,
            )?;
            let length = match self.config.scale {
                Scale::Shape => (rows as f64 / columns as f64).max(1.0).sqrt(),
                Scale::Adamw => 0.2 * (rows.max(columns) as f64).sqrt(),
            };
            let near = near.f_mul_scalar(length)?;
            for (place, view) in (0..).zip(&mut views) {
                view.f_copy_(&near.f_select(0, place)?)?;
            }
        }
        Ok(())
    }

    fn step_matrices(
        &self,
        parameters: &Parameters,
        rate: f64,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let range = parameters.range(Role::Matrix);
        if range.is_empty() {
            return Ok(());
        }
        let config = &self.config;
        let gradient = part(parameters.gradients(), &range);
        let mut momentum = self.momentum.all().shallow_clone();
        let after = momentum.f_lerp(&gradient, 1.0 - config.momentum)?;
        let direction = if config.nesterov {
            gradient.f_lerp(&after, config.momentum)?
        } else {
            after.copy()
        };
        let kind = match parameters.precision() {
            // Values up to 8 times a gradient's: half has no room for them.
            Precision::Fp16 => Kind::Float,
            precision => precision.kind(),
        };
        self.make_orthogonal(&direction, kind)?;
        let mut weights = part(parameters.masters(), &range);
        let before = config.cautious_decay.then(|| weights.copy());
        let decay = if config.cautious_decay {
            0.0
        } else {
            config.weight_decay
        };
        let kept = weights.f_mul_scalar(1.0 - rate * decay)?;
        let moved = kept.f_sub(&direction.f_mul_scalar(rate)?)?;
        put(&mut weights, &moved, skip)?;
        put(&mut momentum, &after, skip)?;
        match before {
            Some(before) => decay_where_it_shrinks(&weights, &before, rate * config.weight_decay),
            None => Ok(()),
        }
    }
}

impl Optimizer for Muon {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        no_grad(|| self.step_matrices(parameters, rates.learning_rate, skip))?;
        self.others.advance(parameters, rates.learning_rate, skip)?;
        Ok(parameters.refresh()?)
    }
}

const KIND: &str = "muon";

impl Stateful for Muon {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut snapshot = snapshot_of(KIND);
        self.momentum.save(parameters, &mut snapshot);
        self.others.remember(parameters, &mut snapshot);
        snapshot
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, KIND)?;
        self.momentum.load(parameters, tensors)?;
        self.others.recall(parameters, tensors)
    }
}
