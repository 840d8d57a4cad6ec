//! AdamW.

use std::collections::BTreeMap;

use kiln_learn::{Error, Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{AdamwStep, Kind, Parameters, Tensor, adamw_step, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decay;

/// Adam with decoupled weight decay (Kingma and Ba, 2015; Loshchilov and Hutter, 2019). Biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamwConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Decay of the running averages of the gradient and of its square, each 0 or more and less than 1.
    #[serde(default = "AdamwConfig::usual_betas")]
    pub betas: [f64; 2],
    /// Added to the root of the second average.
    #[serde(default = "AdamwConfig::usual_epsilon")]
    pub epsilon: f64,
    /// Share of a weight taken away a step, times the learning rate.
    #[serde(default)]
    pub weight_decay: f64,
}

impl AdamwConfig {
    fn usual_betas() -> [f64; 2] {
        [0.9, 0.999]
    }

    fn usual_epsilon() -> f64 {
        1e-8
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Adamw {
        let zeros = || parameters.masters().zeros_like();
        Adamw {
            config: self.clone(),
            average: zeros(),
            square: zeros(),
            step: Tensor::zeros([1], (Kind::Float, parameters.device())),
        }
    }
}

/// AdamW over the flat buffers: one pass over memory for each group.
pub struct Adamw {
    config: AdamwConfig,
    average: Tensor, // [elements]
    square: Tensor,  // [elements]
    step: Tensor,    // [1], steps taken; on the device, since a skipped step is only known there
}

impl Optimizer for Adamw {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let count = match skip {
            Some(skip) => 1 - skip,
            None => self.step.ones_like(),
        };
        let _ = self.step.f_add_(&count)?;
        for (range, decays) in decay::ranges(parameters) {
            if range.is_empty() {
                continue;
            }
            let numbers = AdamwStep {
                learning_rate: rates.learning_rate,
                betas: self.config.betas,
                weight_decay: if decays {
                    self.config.weight_decay
                } else {
                    0.0
                },
                epsilon: self.config.epsilon,
            };
            let of = |flat: &Tensor| decay::part(flat, &range);
            adamw_step(
                &numbers,
                &of(parameters.masters()),
                &of(parameters.gradients()),
                &of(&self.average),
                &of(&self.square),
                &self.step,
                skip,
            )?;
        }
        Ok(parameters.refresh()?)
    }
}

const AVERAGE: &str = "average.";
const SQUARE: &str = "square.";
const STEP: &str = "step";

impl Stateful for Adamw {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut tensors = Vec::new();
        for (prefix, flat) in [(AVERAGE, &self.average), (SQUARE, &self.square)] {
            let named = parameters.views(flat).into_iter();
            tensors.extend(named.map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        tensors.push((STEP.to_owned(), self.step.shallow_clone()));
        Snapshot {
            tensors,
            values: Map::from_iter([("kind".to_owned(), Value::from("adamw"))]),
        }
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, "adamw")?;
        for (prefix, flat) in [(AVERAGE, &self.average), (SQUARE, &self.square)] {
            parameters.fill(flat, &with_prefix(tensors, prefix))?;
        }
        let step = tensors
            .get(STEP)
            .filter(|step| step.size() == [1])
            .ok_or_else(|| Error::State("no count of AdamW's steps".to_owned()))?;
        no_grad(|| self.step.copy_(step));
        Ok(())
    }
}

/// Refuse the state of another optimizer.
pub(crate) fn check_kind(values: &Map<String, Value>, kind: &str) -> Result<()> {
    match values.get("kind").and_then(Value::as_str) {
        Some(saved) if saved == kind => Ok(()),
        saved => Err(Error::State(format!(
            "the optimizer is {kind}, the saved state is that of {}",
            saved.unwrap_or("none")
        ))),
    }
}

/// The tensors of one part of a snapshot.
pub(crate) fn with_prefix(
    tensors: &BTreeMap<String, Tensor>,
    prefix: &str,
) -> BTreeMap<String, Tensor> {
    let named = tensors.iter();
    named
        .filter_map(|(name, tensor)| {
            Some((
                name.strip_prefix(prefix)?.to_owned(),
                tensor.shallow_clone(),
            ))
        })
        .collect()
}
