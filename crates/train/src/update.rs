//! One update: the gradients of all micro-batches, clipped, and a step.

use kiln_learn::{Context, DeviceBatch, Network, Objective, Optimizer, Rates, Result, State};
use kiln_tensor::{Draws, Kind, Tensor, backward};
use kiln_tokens::{Batch, SamplePosition};

use crate::loss_scale::LossScale;
use crate::profile::{Phase, Stopwatch};

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
    /// The first micro-batch's gradient, where it was asked for.
    pub(crate) part: Option<Part>,
}

/// The gradient of a part of a batch.
pub(crate) struct Part {
    /// Norm of what it adds to the gradient of the whole.
    norm: Tensor,
    /// What turns that into the norm of its own mean gradient.
    factor: f64,
    /// Its rows, and those of the whole.
    pub(crate) rows: (usize, usize),
}

impl Part {
    /// Squared norm of its mean gradient. Reads a number from the device.
    pub(crate) fn squared_norm(&self) -> Result<f64> {
        Ok((f64::try_from(&self.norm)? * self.factor).powi(2))
    }
}

/// Sums over the micro-batches of an update, before the step.
pub(crate) struct Sums {
    loss: Tensor,
    targets: u64,
    part: Option<Part>,
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
    pub(crate) watch: &'a mut Stopwatch,
    /// Whether the first micro-batch's gradient is measured by itself.
    pub(crate) measure_part: bool,
}

impl Learner<'_> {
    /// Learn from one global batch. `carry` holds a state for each micro-batch, or none.
    #[cfg(test)]
    pub(crate) fn update(
        &mut self,
        batches: &[(SamplePosition, Batch)],
        carry: &mut [State],
        rates: &Rates,
    ) -> Result<Traces> {
        let sums = self.gradients(batches, carry)?;
        self.apply(sums, carry, rates)
    }

    /// Forward and backward of all micro-batches. No weight and no state of the optimizer changes: after a failure it can be done
    /// again, from the carry that was there before.
    pub(crate) fn gradients(
        &mut self,
        batches: &[(SamplePosition, Batch)],
        carry: &mut [State],
    ) -> Result<Sums> {
        let targets: u64 = batches.iter().map(|(_, batch)| batch.targets()).sum();
        // Known before the first backward, so each micro-batch weighs what it does in one large batch.
        let weight = 1.0 / targets.max(1) as f64;
        self.network.parameters.clear_gradients()?;
        let mut loss = Tensor::zeros([], (Kind::Float, self.network.device()));
        let mut part = None;
        for (micro, (position, host)) in batches.iter().enumerate() {
            let batch = DeviceBatch::new(host, self.network.device())?;
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
            self.watch.lap(Phase::Forward);
            match self.loss_scale {
                Some(scale) => backward(&scale.scaled(&mean)?)?,
                None => backward(&mean)?,
            }
            self.network.parameters.collect_gradients()?;
            if let Some(state) = carry.get_mut(micro) {
                state.detach();
            }
            let _ = loss.f_add_(&scored.sum.detach())?;
            self.watch.lap(Phase::Backward);
            let measures = self.measure_part && self.loss_scale.is_none();
            if measures && micro == 0 && batches.len() > 1 && host.targets() > 0 {
                part = Some(Part {
                    norm: self.network.parameters.gradients().f_norm()?,
                    factor: targets as f64 / host.targets() as f64,
                    rows: (host.rows(), batches.iter().map(|(_, b)| b.rows()).sum()),
                });
            }
        }
        Ok(Sums {
            loss,
            targets,
            part,
        })
    }

    /// Clip and step. A failure may leave weights half-changed.
    pub(crate) fn apply(
        &mut self,
        sums: Sums,
        carry: &mut [State],
        rates: &Rates,
    ) -> Result<Traces> {
        if let Some(scale) = self.loss_scale {
            scale.unscale(&mut self.network.parameters)?;
        }
        let norm = (self.clip)(&mut self.network.parameters)?;
        let skipped = norm
            .f_isfinite()?
            .f_logical_not()?
            .f_to_kind(Kind::Float)?
            .f_view([1])?;
        self.watch.lap(Phase::Clip);
        self.optimizer
            .step(&mut self.network.parameters, rates, Some(&skipped))?;
        for state in carry {
            state.forget_if(&skipped);
        }
        self.watch.lap(Phase::Optimizer);
        Ok(Traces {
            loss: sums.loss,
            norm,
            skipped,
            targets: sums.targets,
            part: sums.part,
        })
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
