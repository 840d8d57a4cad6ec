//! Stochastic gradient descent.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Kind, Parameters, Tensor, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::adamw::{check_kind, with_prefix};
use crate::decay;

/// Stochastic gradient descent with momentum (Polyak, 1964; Nesterov, 1983), as PyTorch writes it: the rate multiplies the
/// velocity. Weight decay is added to the gradient; biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SgdConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Share of the velocity kept from step to step, 0 or more and less than 1.
    #[serde(default)]
    pub momentum: f64,
    /// Whether to look ahead along the velocity.
    #[serde(default)]
    pub nesterov: bool,
    /// Share of a weight added to its gradient.
    #[serde(default)]
    pub weight_decay: f64,
}

impl SgdConfig {
    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Sgd {
        Sgd {
            config: self.clone(),
            velocity: (self.momentum > 0.0).then(|| parameters.masters().zeros_like()),
        }
    }
}

/// SGD over the flat buffers.
pub struct Sgd {
    config: SgdConfig,
    velocity: Option<Tensor>, // [elements]
}

impl Sgd {
    /// What is taken away, divided by the rate, and the new velocity.
    fn direction(&self, parameters: &Parameters) -> Result<(Tensor, Option<Tensor>)> {
        let gradient = parameters.gradients().f_mul_scalar(1.0)?;
        if self.config.weight_decay > 0.0 {
            for (range, decays) in decay::ranges(parameters) {
                if decays && !range.is_empty() {
                    let weights = decay::part(parameters.masters(), &range);
                    let decayed = weights.f_mul_scalar(self.config.weight_decay)?;
                    let _ = decay::part(&gradient, &range).f_add_(&decayed)?;
                }
            }
        }
        let Some(velocity) = &self.velocity else {
            return Ok((gradient, None));
        };
        let momentum = self.config.momentum;
        let velocity = velocity.f_mul_scalar(momentum)?.f_add(&gradient)?;
        let direction = if self.config.nesterov {
            gradient.f_add(&velocity.f_mul_scalar(momentum)?)?
        } else {
            velocity.shallow_clone()
        };
        Ok((direction, Some(velocity)))
    }
}

impl Optimizer for Sgd {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        no_grad(|| -> Result<()> {
            let (direction, velocity) = self.direction(parameters)?;
            let mut masters = parameters.masters().shallow_clone();
            let moved = masters.f_sub(&direction.f_mul_scalar(rates.learning_rate)?)?;
            let keep = |old: &Tensor, new: Tensor| match skip {
                // Not a product: what is skipped may be no number.
                Some(skip) => old.f_where_self(&skip.to_kind(Kind::Bool), &new),
                None => Ok(new),
            };
            masters.f_copy_(&keep(&masters, moved)?)?;
            if let (Some(old), Some(new)) = (&mut self.velocity, velocity) {
                let kept = keep(old, new)?;
                old.f_copy_(&kept)?;
            }
            Ok(())
        })?;
        Ok(parameters.refresh()?)
    }
}

const VELOCITY: &str = "velocity.";

impl Stateful for Sgd {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let named = self.velocity.iter().flat_map(|flat| parameters.views(flat));
        Snapshot {
            tensors: named
                .map(|(name, tensor)| (format!("{VELOCITY}{name}"), tensor))
                .collect(),
            values: Map::from_iter([("kind".to_owned(), Value::from("sgd"))]),
        }
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, "sgd")?;
        if let Some(velocity) = &self.velocity {
            parameters.fill(velocity, &with_prefix(tensors, VELOCITY))?;
        }
        Ok(())
    }
}
