//! Averages of weights over steps.

use std::collections::BTreeMap;

use kiln_learn::{Error, Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Parameters, Tensor, no_grad};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::groups::{LEARNING, part};
use crate::memory::{Remembered, restore};
use crate::ranges::{require, share};

/// `[average]`: the model is an average of the weights of many steps, which is scored and saved in their place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AverageConfig {
    /// A running average that forgets (Polyak and Juditsky, 1992; in this form Tarvainen and Valpola, 2017).
    Exponential {
        /// Share that is kept from step to step, 0 or more and less than 1. At step `n` at most `(n + 1) / (n + 10)`, so that the beginning
        /// is forgotten soon.
        decay: f64,
    },
    /// The mean of the weights after some of the latest steps (Kaddour, 2022).
    Last {
        /// How many of them.
        count: u64,
        /// Steps from one to the next.
        every_steps: u64,
    },
}

impl AverageConfig {
    /// Refuse an average of nothing.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub fn check(&self) -> std::result::Result<(), crate::Wrong> {
        match *self {
            Self::Exponential { decay } => share("decay", decay),
            Self::Last { count, every_steps } => {
                require("count", count > 0, "expected 1 or more")?;
                require("every_steps", every_steps > 0, "expected 1 or more")
            }
        }
    }

    /// Copies of the weights that are kept.
    pub fn copies(&self) -> u64 {
        match *self {
            Self::Exponential { .. } => 1,
            Self::Last { count, .. } => count,
        }
    }

    /// An optimizer whose weights are averaged.
    pub(crate) fn around(
        self,
        optimizer: Box<dyn Optimizer>,
        parameters: &Parameters,
    ) -> Box<dyn Optimizer> {
        let all = 0..parameters.range(LEARNING[LEARNING.len() - 1]).end;
        let copies = 0..self.copies();
        Box::new(Averaged {
            config: self,
            optimizer,
            copies: copies
                .map(|place| Remembered::weights(&format!("mean.{place}"), parameters, &all))
                .collect(),
            steps: 0,
            trained: None,
            all,
        })
    }
}

struct Averaged {
    config: AverageConfig,
    optimizer: Box<dyn Optimizer>,
    copies: Vec<Remembered>,
    all: std::ops::Range<i64>,
    /// Steps asked for, skipped ones among them: those leave the weights as they are.
    steps: u64,
    /// The weights that are trained while their average stands in the masters.
    trained: Option<Tensor>,
}

impl Averaged {
    /// The average so far, `[all]`.
    fn average(&self) -> Result<Tensor> {
        let AverageConfig::Last { every_steps, .. } = self.config else {
            return Ok(self.copies[0].all().shallow_clone());
        };
        // Of those that were taken; before the first, the beginning stands in every place.
        let taken = usize::try_from(self.steps / every_steps).unwrap_or(usize::MAX);
        let taken = taken.clamp(1, self.copies.len());
        let mut copies = self.copies[..taken].iter();
        let first = copies.next().map(|copy| copy.all().copy());
        let mut sum = first.ok_or_else(|| Error::State("an average of no weights".to_owned()))?;
        for copy in copies {
            sum = sum.f_add(copy.all())?;
        }
        Ok(sum.f_div_scalar(taken as f64)?)
    }
}

impl Optimizer for Averaged {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        self.optimizer.step(parameters, rates, skip)?;
        self.steps += 1;
        let weights = part(parameters.masters(), &self.all);
        match self.config {
            AverageConfig::Exponential { decay } => {
                let steps = self.steps as f64;
                let kept = decay.min((steps + 1.0) / (steps + 10.0));
                let mut average = self.copies[0].all().shallow_clone();
                let _ = no_grad(|| average.f_lerp_(&weights, 1.0 - kept))?;
            }
            AverageConfig::Last { count, every_steps } => {
                if self.steps.is_multiple_of(every_steps) {
                    let place = (self.steps / every_steps - 1) % count;
                    let place = usize::try_from(place).unwrap_or(0);
                    let mut copy = self.copies[place].all().shallow_clone();
                    no_grad(|| copy.f_copy_(&weights))?;
                }
            }
        }
        Ok(())
    }

    fn begin_evaluation(&mut self, parameters: &mut Parameters) -> Result<()> {
        let mut weights = part(parameters.masters(), &self.all);
        self.trained = Some(weights.copy());
        no_grad(|| weights.f_copy_(&self.average()?).map_err(Error::from))?;
        Ok(parameters.refresh()?)
    }

    fn end_evaluation(&mut self, parameters: &mut Parameters) -> Result<()> {
        if let Some(trained) = self.trained.take() {
            let mut weights = part(parameters.masters(), &self.all);
            no_grad(|| weights.f_copy_(&trained))?;
        }
        Ok(parameters.refresh()?)
    }
}

const TRAINED: &str = "mean.trained";
const STEPS: &str = "mean.steps";

impl Stateful for Averaged {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut snapshot = self.optimizer.save(parameters);
        for copy in &self.copies {
            copy.save(parameters, &mut snapshot);
        }
        let trained = match &self.trained {
            Some(trained) => trained.shallow_clone(),
            None => part(parameters.masters(), &self.all),
        };
        snapshot.tensors.push((TRAINED.to_owned(), trained));
        snapshot.values.insert(STEPS.to_owned(), self.steps.into());
        snapshot
    }

    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        self.optimizer.load(parameters, tensors, values)?;
        for copy in &self.copies {
            copy.load(parameters, tensors)?;
        }
        restore(&part(parameters.masters(), &self.all), tensors, TRAINED)?;
        let steps = values.get(STEPS).and_then(Value::as_u64);
        self.steps =
            steps.ok_or_else(|| Error::State(format!("the optimizer's `{STEPS}` is missing")))?;
        Ok(())
    }
}
