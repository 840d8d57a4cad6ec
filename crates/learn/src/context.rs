//! In what circumstances a forward pass happens.

use std::cell::Cell;

use kiln_tensor::{Draws, Key, Tensor};
use kiln_tokens::SamplePosition;

use crate::Result;

/// Training or not, and the draws of this pass.
///
/// Draws are numbered in the order in which a pass asks for them, so a model that always asks in the same order draws
/// the same numbers for a sample, whatever came before.
pub struct Context {
    training: Option<Training>,
}

struct Training {
    key: Key,
    position: SamplePosition,
    asked: Cell<u64>,
}

impl Context {
    /// No dropout: the pass of a user of the model.
    pub fn evaluation() -> Self {
        Self { training: None }
    }

    /// Dropout on, for rows that begin at `position` of the training order.
    pub fn training(draws: Draws, position: SamplePosition) -> Self {
        Self {
            training: Some(Training {
                key: draws.key("dropout"),
                position,
                asked: Cell::new(0),
            }),
        }
    }

    /// Whether draws are on.
    pub fn is_training(&self) -> bool {
        self.training.is_some()
    }

    /// Dropout (Srivastava et al., 2014), inverted: in training each element is kept with `1 - probability` and scaled by its
    /// inverse. The first dimension of `values` is the rows of the batch.
    ///
    /// # Errors
    /// libtorch refused.
    pub fn dropout(&self, values: &Tensor, probability: f64) -> Result<Tensor> {
        let Some(training) = self.training.as_ref().filter(|_| probability > 0.0) else {
            return Ok(values.shallow_clone());
        };
        let site = training.asked.get();
        training.asked.set(site + 1);
        let mask =
            training
                .key
                .with(site)
                .dropout_mask(values, training.position.0, probability)?;
        Ok(values.f_mul(&mask)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kiln_tensor::{Device, Kind};

    #[test]
    fn each_site_and_each_position_draws_its_own() {
        let ones = Tensor::ones([4, 100], (Kind::Float, Device::Cpu));
        let pass = |position| {
            let context = Context::training(Draws::new(1), SamplePosition(position));
            [(); 2].map(|()| context.dropout(&ones, 0.5).unwrap())
        };
        let [first, second] = pass(0);
        assert_ne!(first, second);
        let [again, _] = pass(0);
        assert_eq!(first, again);
        let [later, _] = pass(2);
        assert_eq!(later.narrow(0, 0, 2), first.narrow(0, 2, 2));
        let context = Context::evaluation();
        assert_eq!(context.dropout(&ones, 0.5).unwrap(), ones);
    }
}
