//! RMSProp.

use kiln_learn::{Optimizer, Result};
use kiln_tensor::{Parameters, Tensor};
use serde::{Deserialize, Serialize};

use crate::elementwise::{Elementwise, Now, Rule};
use crate::groups::Roles;
use crate::ranges::{Checked, above_zero, not_negative, share};

/// RMSProp (Tieleman and Hinton, 2012), centred as Graves (2013, eq. 38 to 41) has it on request, as PyTorch writes it. Weight decay
/// is added to the gradient; biases and gains do not decay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsPropConfig {
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Share of the average of squares that is kept from step to step, 0 or more and less than 1.
    #[serde(default = "RmsPropConfig::usual_smoothing")]
    pub smoothing: f64,
    /// Added to the root of that average.
    #[serde(default = "RmsPropConfig::usual_epsilon")]
    pub epsilon: f64,
    /// Share of the velocity kept from step to step, 0 or more and less than 1.
    #[serde(default)]
    pub momentum: f64,
    /// Whether the variance is taken rather than the mean square.
    #[serde(default)]
    pub centered: bool,
    /// Share of a weight added to its gradient.
    #[serde(default)]
    pub weight_decay: f64,
    /// What is special to a role's parameters.
    #[serde(default, skip_serializing_if = "Roles::are_usual")]
    pub roles: Roles,
}

impl RmsPropConfig {
    fn usual_smoothing() -> f64 {
        0.99
    }

    fn usual_epsilon() -> f64 {
        1e-8
    }

    /// The optimizer, at its first step.
    pub fn build(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        let (roles, decay) = (&self.roles, self.weight_decay);
        Box::new(Elementwise::new(self.clone(), parameters, roles, decay))
    }

    pub(crate) fn check(&self) -> Checked {
        above_zero("learning_rate", self.learning_rate)?;
        share("smoothing", self.smoothing)?;
        share("momentum", self.momentum)?;
        above_zero("epsilon", self.epsilon)?;
        not_negative("weight_decay", self.weight_decay)
    }
}

impl Rule for RmsPropConfig {
    const KIND: &'static str = "rms-prop";
    const DECOUPLED: bool = false;

    fn remembered(&self) -> Vec<&'static str> {
        let mut names = vec!["square"];
        if self.centered {
            names.push("average");
        }
        if self.momentum > 0.0 {
            names.push("velocity");
        }
        names
    }

    fn direction(&self, now: &Now<'_>) -> Result<(Tensor, Vec<Tensor>)> {
        let Now {
            gradient,
            remembered,
        } = now;
        let fresh = 1.0 - self.smoothing;
        let square = remembered[0].f_lerp(&gradient.f_mul(gradient)?, fresh)?;
        let mut after = vec![square.shallow_clone()];
        let spread = if self.centered {
            let average = remembered[1].f_lerp(gradient, fresh)?;
            let spread = square.f_sub(&average.f_mul(&average)?)?;
            after.push(average);
            spread
        } else {
            square
        };
        let direction = gradient.f_div(&spread.f_sqrt()?.f_add_scalar(self.epsilon)?)?;
        if self.momentum == 0.0 {
            return Ok((direction, after));
        }
        let velocity = &remembered[remembered.len() - 1];
        let velocity = velocity.f_mul_scalar(self.momentum)?.f_add(&direction)?;
        after.push(velocity.shallow_clone());
        Ok((velocity, after))
    }
}
