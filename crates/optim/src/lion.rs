//! Lion.

use kiln_learn::{Optimizer, Result};
use kiln_tensor::{Parameters, Tensor};
use serde::{Deserialize, Serialize};

use crate::elementwise::{Elementwise, Now, Rule};
use crate::groups::Roles;
use crate::ranges::{Checked, above_zero, not_negative, share};

/// Lion: the sign of an average (Chen et al., 2023, algorithm 2). Its rate is to be three to ten times lower than AdamW's and its
/// decay as much higher. Biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LionConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Share of the average in the step, and share of it that is kept, each 0 or more and less than 1.
    #[serde(default = "LionConfig::usual_betas")]
    pub betas: [f64; 2],
    /// Share of a weight taken away a step, times the learning rate.
    #[serde(default)]
    pub weight_decay: f64,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl LionConfig {
    fn usual_betas() -> [f64; 2] {
        [0.9, 0.99]
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let (roles, decay) = (&self.roles, self.weight_decay);
        Box::new(Elementwise::new(self.clone(), parameters, roles, decay))
    }

    pub(crate) fn check(&self) -> Checked {
        above_zero("learning_rate", self.learning_rate)?;
        self.betas
            .iter()
            .try_for_each(|beta| share("betas", *beta))?;
        not_negative("weight_decay", self.weight_decay)
    }
}

impl Rule for LionConfig {
    const KIND: &'static str = "lion";
    const DECOUPLED: bool = true;

    fn remembered(&self) -> Vec<&'static str> {
        vec!["average"]
    }

    fn direction(&self, now: &Now<'_>) -> Result<(Tensor, Vec<Tensor>)> {
        let average = &now.remembered[0];
        let [step, kept] = self
            .betas
            .map(|beta| average.f_lerp(now.gradient, 1.0 - beta));
        Ok((step?.f_sign()?, vec![kept?]))
    }
}
