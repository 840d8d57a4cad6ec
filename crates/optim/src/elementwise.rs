//! Rules that treat each number by itself.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Kind, Parameters, Tensor, no_grad};
use serde_json::{Map, Value};

use crate::groups::{Group, LEARNING, Roles, part};
use crate::memory::{Remembered, check_kind, snapshot_of};

/// A rule from gradient and memory to the direction of a step.
pub(crate) trait Rule: Send {
    /// Its name in a checkpoint.
    const KIND: &'static str;
    /// Whether a share of the weight itself is taken away, rather than added to the gradient.
    const DECOUPLED: bool;
    /// Names of the numbers that are remembered for each weight.
    fn remembered(&self) -> Vec<&'static str>;
    /// What is taken away, divided by the learning rate, and what is remembered from now on.
    fn direction(&self, now: &Now<'_>) -> Result<(Tensor, Vec<Tensor>)>;
}

/// What a rule sees of a range of the flat buffers.
pub(crate) struct Now<'a> {
    pub(crate) gradient: &'a Tensor,
    pub(crate) remembered: &'a [Tensor],
}

/// A rule over the flat buffers.
pub(crate) struct Elementwise<R> {
    rule: R,
    groups: Vec<Group>,
    remembered: Vec<Remembered>,
}

impl<R: Rule> Elementwise<R> {
    pub(crate) fn new(rule: R, parameters: &Parameters, roles: &Roles, weight_decay: f64) -> Self {
        let groups = roles.groups(parameters, &LEARNING, weight_decay);
        let end = parameters.range(LEARNING[LEARNING.len() - 1]).end;
        let names = rule.remembered().into_iter();
        Self {
            remembered: names
                .map(|name| Remembered::zeros(name, parameters, &(0..end)))
                .collect(),
            rule,
            groups,
        }
    }

    fn step_group(
        &self,
        group: &Group,
        parameters: &Parameters,
        rate: f64,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let mut weights = part(parameters.masters(), &group.range);
        let mut gradient = part(parameters.gradients(), &group.range);
        let decay = group.weight_decay;
        if decay > 0.0 && !R::DECOUPLED {
            gradient = gradient.f_add(&weights.f_mul_scalar(decay)?)?;
        }
        let views = self.remembered.iter().map(|one| one.of(&group.range));
        let remembered: Vec<Tensor> = views.collect();
        let (direction, after) = self.rule.direction(&Now {
            gradient: &gradient,
            remembered: &remembered,
        })?;
        let rate = rate * group.learning_rate_factor;
        let kept = if R::DECOUPLED {
            weights.f_mul_scalar(1.0 - rate * decay)?
        } else {
            weights.shallow_clone()
        };
        let moved = kept.f_sub(&direction.f_mul_scalar(rate)?)?;
        put(&mut weights, &moved, skip)?;
        for (mut old, new) in remembered.into_iter().zip(&after) {
            put(&mut old, new, skip)?;
        }
        Ok(())
    }
}

/// Replace, but where the step is skipped: not by a product, since what is skipped may be no number.
pub(crate) fn put(old: &mut Tensor, new: &Tensor, skip: Option<&Tensor>) -> Result<()> {
    match skip {
        Some(skip) => {
            let kept = old.f_where_self(&skip.f_to_kind(Kind::Bool)?, new)?;
            old.f_copy_(&kept)?;
        }
        None => old.f_copy_(new)?,
    }
    Ok(())
}

impl<R: Rule> Optimizer for Elementwise<R> {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        no_grad(|| {
            let mut groups = self.groups.iter();
            groups
                .try_for_each(|group| self.step_group(group, parameters, rates.learning_rate, skip))
        })?;
        Ok(parameters.refresh()?)
    }
}

impl<R: Rule> Stateful for Elementwise<R> {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut snapshot = snapshot_of(R::KIND);
        for remembered in &self.remembered {
            remembered.save(parameters, &mut snapshot);
        }
        snapshot
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        check_kind(values, R::KIND)?;
        let mut all = self.remembered.iter();
        all.try_for_each(|remembered| remembered.load(parameters, tensors))
    }
}
