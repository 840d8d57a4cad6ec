//! Adagrad.

use kiln_learn::{Optimizer, Result};
use kiln_tensor::{Parameters, Tensor};
use serde::{Deserialize, Serialize};

use crate::elementwise::{Elementwise, Now, Rule};
use crate::groups::Roles;
use crate::ranges::{Checked, above_zero, not_negative};

/// Adagrad (Duchi, Hazan and Singer, 2011), with a diagonal. Weight decay is added to the gradient; biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdagradConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Added to the root of the sum of squares.
    #[serde(default = "AdagradConfig::usual_epsilon")]
    pub epsilon: f64,
    /// Share of a weight added to its gradient.
    #[serde(default)]
    pub weight_decay: f64,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl AdagradConfig {
    fn usual_epsilon() -> f64 {
        1e-10
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let (roles, decay) = (&self.roles, self.weight_decay);
        Box::new(Elementwise::new(self.clone(), parameters, roles, decay))
    }

    pub(crate) fn check(&self) -> Checked {
        above_zero("learning_rate", self.learning_rate)?;
        above_zero("epsilon", self.epsilon)?;
        not_negative("weight_decay", self.weight_decay)
    }
}

impl Rule for AdagradConfig {
    const KIND: &'static str = "adagrad";
    const DECOUPLED: bool = false;

    fn remembered(&self) -> Vec<&'static str> {
        vec!["sum_of_squares"]
    }

    fn direction(&self, now: &Now<'_>) -> Result<(Tensor, Vec<Tensor>)> {
        let sum = now.remembered[0].f_add(&now.gradient.f_mul(now.gradient)?)?;
        let scale = sum.f_sqrt()?.f_add_scalar(self.epsilon)?;
        Ok((now.gradient.f_div(&scale)?, vec![sum]))
    }
}
