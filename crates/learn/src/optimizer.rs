//! Update rules and schedules.

use std::collections::BTreeMap;

use kiln_tensor::{Parameters, Tensor};
use serde_json::Value;

use crate::Result;

/// The rates of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Learning rate.
    pub learning_rate: f64,
}

/// How the learning rate changes over a run.
pub trait Schedule: Send {
    /// Rates of update number `step`, counted from 0, of a run of `total` updates.
    fn rates(&self, step: u64, total: u64) -> Rates;
}

/// An update rule over the flat parameters.
pub trait Optimizer: Stateful + Send {
    /// Change the masters by one step of their gradients. Where `skip` is given and holds 1 (on the device), nothing
    /// changes, the state included.
    ///
    /// # Errors
    /// libtorch refused an operation.
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()>;

    /// Put the weights that are to be used, as an average of those of many steps, in the place of those that are trained. A rule
    /// whose weights are both does nothing.
    ///
    /// # Errors
    /// libtorch refused an operation.
    fn begin_evaluation(&mut self, _: &mut Parameters) -> Result<()> {
        Ok(())
    }

    /// Put the weights that are trained back, to the bit, after [`begin_evaluation`](Optimizer::begin_evaluation).
    ///
    /// # Errors
    /// libtorch refused an operation.
    fn end_evaluation(&mut self, _: &mut Parameters) -> Result<()> {
        Ok(())
    }
}

/// Everything a part must remember to go on as if it had never stopped.
#[derive(Default)]
pub struct Snapshot {
    /// Tensors by name.
    pub tensors: Vec<(String, Tensor)>,
    /// Numbers and words.
    pub values: serde_json::Map<String, Value>,
}

/// A part whose state can leave the process and come back.
pub trait Stateful {
    /// The state now. Tensors may be views: they are to be written before the next step.
    fn save(&self, parameters: &Parameters) -> Snapshot;

    /// Take a saved state.
    ///
    /// # Errors
    /// It is the state of another part or of other parameters.
    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &serde_json::Map<String, Value>,
    ) -> Result<()>;
}
