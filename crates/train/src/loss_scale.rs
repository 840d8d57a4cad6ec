//! Loss scaling for fp16 (Micikevicius et al., "Mixed precision training", 2018, section 3.2).
//!
//! Half has no numbers below 6e-8, where many gradients are. The loss is multiplied by a large power of two before backward
//! and the fp32 gradients divided by it after. Where a gradient overflows, the update is skipped and the scale halved; after many
//! good updates it is doubled. All of it stays on the device: nothing waits for it.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Result, Snapshot, Stateful};
use kiln_tensor::{Device, Kind, Parameters, Tensor};
use serde_json::{Map, Value};

/// The numbers of PyTorch's GradScaler.
const INITIAL: f64 = 65_536.0;
const GROWTH: f64 = 2.0;
const BACKOFF: f64 = 0.5;
const GOOD_UPDATES: f64 = 2_000.0;
/// Largest scale: a loss times more is no number in fp32.
const MOST: f64 = 1_329_227_995_784_915_872_903_807_060_280_344_576.0; // 2^120

/// A scale on the device. Clones share it.
pub(crate) struct LossScale {
    scale: Tensor, // [1]
    good: Tensor,  // [1]: updates since the scale last changed
}

impl LossScale {
    pub(crate) fn new(device: Device) -> Self {
        let one = |value: f64| Tensor::from_slice(&[value as f32]).to_device(device);
        Self {
            scale: one(INITIAL),
            good: one(0.0),
        }
    }

    /// The same scale: a change of one is a change of the other.
    pub(crate) fn handle(&self) -> Self {
        Self {
            scale: self.scale.shallow_clone(),
            good: self.good.shallow_clone(),
        }
    }

    /// What backward starts from.
    pub(crate) fn scaled(&self, loss: &Tensor) -> Result<Tensor> {
        // A copy of one element without a dimension: the graph must not see the scale change.
        Ok(loss.f_mul(&self.scale.f_sum(Kind::Float)?)?)
    }

    /// Bring collected gradients back to what they are of the loss itself.
    pub(crate) fn unscale(&self, parameters: &mut Parameters) -> Result<()> {
        let mut gradients = parameters.gradients().shallow_clone();
        let _ = gradients.f_mul_(&self.scale.f_reciprocal()?)?;
        Ok(())
    }

    /// After an update that was skipped (1) or not (0).
    fn update(&mut self, skipped: &Tensor) -> Result<()> {
        let good = self.good.f_add_scalar(1.0)?;
        let good = good.f_mul(&skipped.f_neg()?.f_add_scalar(1.0)?)?;
        let grows = good.f_ge(GOOD_UPDATES)?.f_to_kind(Kind::Float)?;
        let up = grows.f_mul_scalar(GROWTH - 1.0)?.f_add_scalar(1.0)?;
        let down = skipped.f_mul_scalar(BACKOFF - 1.0)?.f_add_scalar(1.0)?;
        let scale = self.scale.f_mul(&up)?.f_mul(&down)?.f_clamp_max(MOST)?;
        self.scale.f_copy_(&scale)?;
        self.good
            .f_copy_(&good.f_mul(&grows.f_neg()?.f_add_scalar(1.0)?)?)?;
        Ok(())
    }
}

/// An optimizer that moves and remembers the scale with its own state.
pub(crate) struct Scaled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(crate) scale: LossScale,
}

const SCALE: &str = "loss_scale";
const GOOD: &str = "loss_scale_good_updates";

impl Stateful for Scaled {
    fn save(&self, parameters: &Parameters) -> Snapshot {
        let mut snapshot = self.optimizer.save(parameters);
        let LossScale { scale, good } = &self.scale;
        for (name, tensor, otherwise) in [(SCALE, scale, INITIAL), (GOOD, good, 0.0)] {
            let value = f64::try_from(tensor).unwrap_or(otherwise);
            snapshot.values.insert(name.to_owned(), value.into());
        }
        snapshot
    }

    /// The state of a run in another precision has no scale: it begins anew.
    fn load(
        &mut self,
        parameters: &Parameters,
        tensors: &BTreeMap<String, Tensor>,
        values: &Map<String, Value>,
    ) -> Result<()> {
        self.optimizer.load(parameters, tensors, values)?;
        let number = |name: &str| values.get(name).and_then(Value::as_f64);
        if let (Some(scale), Some(good)) = (number(SCALE), number(GOOD)) {
            let _ = self.scale.scale.f_fill_(scale)?;
            let _ = self.scale.good.f_fill_(good)?;
        }
        Ok(())
    }
}

impl Optimizer for Scaled {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        rates: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        self.optimizer.step(parameters, rates, skip)?;
        match skip {
            Some(skipped) => self.scale.update(skipped),
            None => Ok(()),
        }
    }

    fn begin_evaluation(&mut self, parameters: &mut Parameters) -> Result<()> {
        self.optimizer.begin_evaluation(parameters)
    }

    fn end_evaluation(&mut self, parameters: &mut Parameters) -> Result<()> {
        self.optimizer.end_evaluation(parameters)
    }
}
