//! Stochastic gradient descent.

use kiln_learn::{Optimizer, Result};
use kiln_tensor::{Parameters, Tensor};
use serde::{Deserialize, Serialize};

use crate::elementwise::{Elementwise, Now, Rule};
use crate::groups::Roles;
use crate::ranges::{Checked, above_zero, not_negative, require, share};

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
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl SgdConfig {
    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let (roles, decay) = (&self.roles, self.weight_decay);
        Box::new(Elementwise::new(self.clone(), parameters, roles, decay))
    }

    pub(crate) fn check(&self) -> Checked {
        above_zero("learning_rate", self.learning_rate)?;
        share("momentum", self.momentum)?;
        let alone = self.nesterov && self.momentum == 0.0;
        let problem = "looks ahead along the momentum: set momentum above 0";
        require("nesterov", !alone, problem)?;
        not_negative("weight_decay", self.weight_decay)
    }
}

impl Rule for SgdConfig {
    const KIND: &'static str = "sgd";
    const DECOUPLED: bool = false;

    fn remembered(&self) -> Vec<&'static str> {
        if self.momentum > 0.0 {
            vec!["velocity"]
        } else {
            Vec::new()
        }
    }

    fn direction(&self, now: &Now<'_>) -> Result<(Tensor, Vec<Tensor>)> {
        let Some(velocity) = now.remembered.first() else {
            return Ok((now.gradient.shallow_clone(), Vec::new()));
        };
        let velocity = velocity.f_mul_scalar(self.momentum)?.f_add(now.gradient)?;
        let direction = if self.nesterov {
            now.gradient.f_add(&velocity.f_mul_scalar(self.momentum)?)?
        } else {
            velocity.shallow_clone()
        };
        Ok((direction, vec![velocity]))
    }
}
