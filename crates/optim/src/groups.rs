//! Parameters by role, each with its own rate and decay.

use std::ops::Range;

use kiln_tensor::{Parameters, Role, Tensor};
use serde::{Deserialize, Serialize};

use crate::ranges::{Checked, not_negative};

/// `[optimizer.roles]`: what is special to the parameters of a role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Roles {
    /// Matrices and kernels between hidden layers.
    #[serde(skip_serializing_if = "RoleRates::are_usual")]
    pub matrix: RoleRates,
    /// Tables with a row for each token or position.
    #[serde(skip_serializing_if = "RoleRates::are_usual")]
    pub embedding: RoleRates,
    /// The matrix to the outputs.
    #[serde(skip_serializing_if = "RoleRates::are_usual")]
    pub head: RoleRates,
    /// Biases and gains.
    #[serde(skip_serializing_if = "RoleRates::are_usual")]
    pub vector: RoleRates,
}

/// Rate and decay of a role's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleRates {
    /// What the learning rate is multiplied by: 0 or more.
    pub learning_rate_factor: f64,
    /// Weight decay in place of the optimizer's, which biases and gains have at 0 if this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
}

impl Default for RoleRates {
    fn default() -> Self {
        Self {
            learning_rate_factor: 1.0,
            weight_decay: None,
        }
    }
}

impl RoleRates {
    fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of the flat buffers that is treated alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) range: Range<i64>,
    pub(crate) learning_rate_factor: f64,
    pub(crate) weight_decay: f64,
}

/// Roles that learn, in the order of the flat buffers.
pub(crate) const LEARNING: [Role; 4] = [Role::Matrix, Role::Embedding, Role::Head, Role::Vector];

impl Roles {
    pub(crate) fn are_usual(&self) -> bool {
        *self == Self::default()
    }

    fn of(&self, role: Role) -> RoleRates {
        match role {
            Role::Matrix => self.matrix,
            Role::Embedding => self.embedding,
            Role::Head => self.head,
            Role::Vector => self.vector,
            Role::Frozen => RoleRates {
                learning_rate_factor: 0.0,
                weight_decay: Some(0.0),
            },
        }
    }

    pub(crate) fn check(&self) -> Checked {
        for role in LEARNING {
            let rates = self.of(role);
            not_negative("roles", rates.learning_rate_factor)?;
            not_negative("roles", rates.weight_decay.unwrap_or(0.0))?;
        }
        Ok(())
    }

    /// The ranges of some roles, neighbours with the same numbers as one: fewer passes. What is frozen is in none.
    pub(crate) fn groups(
        &self,
        parameters: &Parameters,
        roles: &[Role],
        weight_decay: f64,
    ) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for &role in roles.iter().filter(|role| **role != Role::Frozen) {
            let rates = self.of(role);
            let usual = if role == Role::Vector {
                0.0
            } else {
                weight_decay
            };
            let group = Group {
                range: parameters.range(role),
                learning_rate_factor: rates.learning_rate_factor,
                weight_decay: rates.weight_decay.unwrap_or(usual),
            };
            if group.range.is_empty() {
                continue;
            }
            match groups.last_mut() {
                Some(last)
                    if last.range.end == group.range.start
                        && last.learning_rate_factor == group.learning_rate_factor
                        && last.weight_decay == group.weight_decay =>
                {
                    last.range.end = group.range.end;
                }
                _ => groups.push(group),
            }
        }
        groups
    }
}

/// A range of a flat buffer, as a view.
pub(crate) fn part(flat: &Tensor, range: &Range<i64>) -> Tensor {
    flat.narrow(0, range.start, range.end - range.start)
}
