//! In what circumstances a forward pass happens.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kiln_tensor::{Draws, Key, Tensor, checkpoint};
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
    checkpoints: bool,
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
                checkpoints: false,
            }),
        }
    }

    /// The same, forgetting activations where [`Context::checkpoint`] is called, or not.
    pub fn with_checkpoints(mut self, checkpoints: bool) -> Self {
        if let Some(training) = &mut self.training {
            training.checkpoints = checkpoints;
        }
        self
    }

    /// Whether activations are forgotten and computed again in backward: less memory, a forward pass more.
    pub fn checkpoints(&self) -> bool {
        self.training
            .as_ref()
            .is_some_and(|training| training.checkpoints)
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
        match self.mask(values, probability)? {
            Some(mask) => Ok(values.f_mul(&mask)?),
            None => Ok(values.shallow_clone()),
        }
    }

    /// Variational dropout (Gal and Ghahramani, 2016): each row draws one mask for all its steps. `values` is `[batch, time, ..]`.
    ///
    /// # Errors
    /// libtorch refused.
    pub fn variational_dropout(&self, values: &Tensor, probability: f64) -> Result<Tensor> {
        match self.mask(&values.f_narrow(1, 0, 1)?, probability)? {
            Some(mask) => Ok(values.f_mul(&mask)?),
            None => Ok(values.shallow_clone()),
        }
    }

    /// A dropout mask for weights, of the shape and kind of `like`, whose first dimension is not rows of the batch: one for the whole
    /// pass, or `None` where nothing is dropped.
    ///
    /// It is a function of the seed, of its place among the draws of the pass, and of the position of the pass's first row.
    /// So a resumed run draws it again; but a global batch that is cut into other micro-batches has other passes, and draws others.
    ///
    /// # Errors
    /// libtorch refused.
    pub fn weight_mask(&self, like: &Tensor, probability: f64) -> Result<Option<Tensor>> {
        let one_row = like.f_unsqueeze(0)?;
        let mask = self.mask(&one_row, probability)?;
        Ok(mask.map(|mask| mask.squeeze_dim(0)))
    }

    fn mask(&self, like: &Tensor, probability: f64) -> Result<Option<Tensor>> {
        let Some(training) = self.training.as_ref().filter(|_| probability > 0.0) else {
            return Ok(None);
        };
        let site = training.asked.get();
        training.asked.set(site + 1);
        let key = training.key.with(site);
        Ok(Some(key.dropout_mask(
            like,
            training.position.0,
            probability,
        )?))
    }

    /// A part of a network, a block of layers: `body` on `inputs`, once, or under [`kiln_tensor::checkpoint`] where this pass
    /// forgets activations. `body` takes its draws from the context that it is given, which draws the same numbers each
    /// time that it runs, and what this context would have drawn. So outputs and gradients are the same to the bit either way.
    ///
    /// `body` is kept until backward: it captures clones of the handles of what it computes with, or an `Arc<Mutex<..>>`.
    ///
    /// # Errors
    /// The body failed.
    pub fn checkpoint(
        &self,
        inputs: &[&Tensor],
        mut body: impl FnMut(&[Tensor], &Self) -> Result<Vec<Tensor>> + Send + 'static,
    ) -> Result<Vec<Tensor>> {
        let Some(training) = self.training.as_ref().filter(|own| own.checkpoints) else {
            let inputs: Vec<Tensor> = inputs.iter().map(|input| input.shallow_clone()).collect();
            return body(&inputs, self);
        };
        let first = training.asked.get();
        let (key, position) = (training.key, training.position);
        let next = Arc::new(AtomicU64::new(first));
        let asked = Arc::clone(&next);
        let outputs = checkpoint(inputs, move |inputs| {
            let context = Self {
                training: Some(Training {
                    key,
                    position,
                    asked: Cell::new(first),
                    checkpoints: false, // once is enough: what is inside is kept while its backward runs
                }),
            };
            let outputs = body(inputs, &context);
            if let Some(training) = &context.training {
                asked.store(training.asked.get(), Ordering::Relaxed);
            }
            outputs
        })?;
        training.asked.set(next.load(Ordering::Relaxed));
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use kiln_tensor::{Device, Kind, backward};

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

    #[test]
    fn what_is_computed_again_draws_what_it_drew() {
        let pass = |checkpoints| {
            let input = Tensor::ones([4, 100], (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let context =
                Context::training(Draws::new(1), SamplePosition(7)).with_checkpoints(checkpoints);
            assert_eq!(context.checkpoints(), checkpoints);
            let mut hidden = context.dropout(&input, 0.5).unwrap();
            for _ in 0..2 {
                let block = |inputs: &[Tensor], context: &Context| {
                    let inner = context.dropout(&inputs[0].tanh(), 0.3)?;
                    Ok(vec![context.dropout(&inner.exp(), 0.4)?])
                };
                hidden = context.checkpoint(&[&hidden], block).unwrap().remove(0);
            }
            let output = context.dropout(&hidden, 0.2).unwrap();
            backward(&output.square().sum(Kind::Float)).unwrap();
            (output.detach(), input.grad())
        };
        let ((output, gradient), again) = (pass(false), pass(true));
        assert!(f64::try_from(gradient.abs().sum(Kind::Float)).unwrap() > 0.0);
        assert_eq!((output, gradient), again);
        let context = Context::evaluation().with_checkpoints(true);
        assert!(!context.checkpoints());
    }

    #[test]
    fn an_error_of_a_part_stays_what_it_is() {
        let input = Tensor::ones([1], (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let context = Context::training(Draws::new(1), SamplePosition(0)).with_checkpoints(true);
        let body = |_: &[Tensor], _: &Context| Err(Error::Batch("too long".to_owned()));
        let error = context.checkpoint(&[&input], body).unwrap_err();
        assert!(matches!(error, Error::Batch(_)), "{error:?}");
    }

    #[test]
    fn a_row_keeps_its_variational_mask_at_all_steps() {
        let ones = Tensor::ones([3, 5, 40], (Kind::Float, Device::Cpu));
        let context = Context::training(Draws::new(1), SamplePosition(4));
        let dropped = context.variational_dropout(&ones, 0.5).unwrap();
        let first = dropped.narrow(1, 0, 1);
        assert_eq!(dropped, first.expand_as(&dropped));
        assert_ne!(first.get(0), first.get(1));
        let again = Context::training(Draws::new(1), SamplePosition(5));
        let later = again.variational_dropout(&ones, 0.5).unwrap();
        assert_eq!(later.get(0), dropped.get(1));
    }

    #[test]
    fn a_mask_of_weights_is_the_passs_and_keeps_their_expectation() {
        let weight = Tensor::ones([200, 300], (Kind::Float, Device::Cpu));
        let draw = |position| {
            let context = Context::training(Draws::new(1), SamplePosition(position));
            [(); 2].map(|()| context.weight_mask(&weight, 0.3).unwrap().unwrap())
        };
        let [first, second] = draw(8);
        assert_eq!(first.size(), weight.size());
        assert_ne!(first, second);
        assert_ne!(first.get(0), first.get(1));
        assert_eq!(draw(8)[0], first);
        assert_ne!(draw(9)[0], first);
        // 60,000 draws of variance 0.3 / 0.7: five standard errors are 0.0134.
        let mean = f64::try_from(first.mean(Kind::Double)).unwrap();
        assert!((mean - 1.0).abs() < 0.0134, "{mean}");
        assert!(
            Context::evaluation()
                .weight_mask(&weight, 0.3)
                .unwrap()
                .is_none()
        );
    }
}
