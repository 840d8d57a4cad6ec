//! One update: the gradients of all micro-batches, clipped, and a step.

use kiln_learn::{Context, DeviceBatch, Network, Objective, Optimizer, Rates, Result, State};
use kiln_tensor::{Draws, Kind, Tensor, backward};

use crate::feed::Update;
use crate::loss_scale::LossScale;

/// What an update leaves on the device, to be read when it does not hold the device up.
pub(crate) struct Traces {
    /// Sum of the loss over all targets.
    pub(crate) loss: Tensor,
    /// Norm of the gradients before clipping.
    pub(crate) norm: Tensor,
    /// 1 if the update was skipped, for gradients that are no numbers.
    pub(crate) skipped: Tensor,
    /// Number of targets.
    pub(crate) targets: u64,
}

/// The parts that an update works with.
pub(crate) struct Learner<'a> {
    pub(crate) network: &'a mut Network,
    pub(crate) objective: &'a dyn Objective,
    pub(crate) optimizer: &'a mut dyn Optimizer,
    pub(crate) draws: Draws,
    pub(crate) activation_checkpointing: bool,
    /// For fp16; moved by the optimizer.
    pub(crate) loss_scale: Option<&'a LossScale>,
    pub(crate) clip: &'a dyn Fn(&mut kiln_tensor::Parameters) -> Result<Tensor>,
}

impl Learner<'_> {
    /// Learn from one global batch. `carry` holds a state for each micro-batch, or none.
    pub(crate) fn update(
        &mut self,
        batches: &Update,
        carry: &mut [State],
        rates: &Rates,
    ) -> Result<Traces> {
        let targets: u64 = batches.iter().map(|(_, batch)| batch.targets()).sum();
        // Known before the first backward, so each micro-batch weighs what it does in one large batch.
        let weight = 1.0 / targets.max(1) as f64;
        self.network.parameters.clear_gradients()?;
        let mut loss = Tensor::zeros([], (Kind::Float, self.network.device()));
        for (micro, (position, batch)) in batches.iter().enumerate() {
            let batch = DeviceBatch::new(batch, self.network.device())?;
            let context = Context::training(self.draws, *position)
                .with_checkpoints(self.activation_checkpointing);
            let state = carry.get_mut(micro);
            let output = self
                .network
                .trunk
                .forward(&batch.inputs()?, state, &context)?;
            let scored = self.objective.loss(&*self.network.head, &output, &batch)?;
            let mut total = scored.sum.shallow_clone();
            for (_, auxiliary) in &output.auxiliary {
                total = total.f_add(auxiliary)?;
            }
            let mean = total.f_mul_scalar(weight)?;
            match self.loss_scale {
                Some(scale) => backward(&scale.scaled(&mean)?)?,
                None => backward(&mean)?,
            }
            self.network.parameters.collect_gradients()?;
            if let Some(state) = carry.get_mut(micro) {
                state.detach();
            }
            let _ = loss.f_add_(&scored.sum.detach())?;
        }
        if let Some(scale) = self.loss_scale {
            scale.unscale(&mut self.network.parameters)?;
        }
        let norm = (self.clip)(&mut self.network.parameters)?;
        let skipped = norm
            .f_isfinite()?
            .f_logical_not()?
            .f_to_kind(Kind::Float)?
            .f_view([1])?;
        self.optimizer
            .step(&mut self.network.parameters, rates, Some(&skipped))?;
        for state in carry {
            state.forget_if(&skipped);
        }
        Ok(Traces {
            loss,
            norm,
            skipped,
            targets,
        })
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
