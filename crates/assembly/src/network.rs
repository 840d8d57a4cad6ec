//! A design's parts that are made of tensors.

use kiln_dataset::TaskConfig;
use kiln_learn::{Network, Objective, Optimizer, Schedule};
use kiln_models::Outputs;
use kiln_optim::{LossConfig, Scored};
use kiln_tensor::{Builder, Device, Draws, Parameters, Precision};
use kiln_tokens::Scale;

use crate::Error;
use crate::design::Design;

/// What decides a network's shape beside the recipe: known when the data is prepared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Ids of the tokenizer.
    pub(crate) vocabulary: usize,
    /// Classes of the label set.
    pub(crate) classes: Option<usize>,
    /// Units of the numbers to be predicted.
    pub(crate) scales: Option<Vec<Scale>>,
}

/// What the loss of a task scores.
pub(crate) fn scored(task: TaskConfig) -> Scored {
    match task {
        TaskConfig::LanguageModel => Scored::Tokens,
        TaskConfig::Classification => Scored::Classes,
        TaskConfig::Regression => Scored::Values,
    }
}

impl Design {
    pub(crate) fn network(
        &self,
        shape: &Shape,
        device: Device,
        precision: Precision,
    ) -> Result<Network, Error> {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let outputs = match (&shape.scales, shape.classes) {
            (Some(scales), _) => Outputs::Values(count(scales.len())),
            (None, Some(classes)) => Outputs::Classes(count(classes)),
            (None, None) => Outputs::Tokens,
        };
        let builder = Builder::new(device, Draws::new(self.data.seed));
        let vocabulary = count(shape.vocabulary);
        let context_length = count(self.data.dataset.context_length);
        let draft = self
            .model
            .build(builder, vocabulary, context_length, outputs);
        Ok(draft.finish(precision)?)
    }

    /// What is minimised.
    ///
    /// # Errors
    /// Weights of classes that are of another number; a mistake.
    pub(crate) fn objective(&self, shape: &Shape) -> Result<Box<dyn Objective>, Error> {
        self.build_loss(&self.loss, shape)
    }

    /// What held-out data is scored with.
    ///
    /// # Errors
    /// As [`Design::objective`].
    pub(crate) fn held_out_objective(&self, shape: &Shape) -> Result<Box<dyn Objective>, Error> {
        self.build_loss(&self.loss.held_out(), shape)
    }

    fn build_loss(&self, loss: &LossConfig, shape: &Shape) -> Result<Box<dyn Objective>, Error> {
        let scales = shape.scales.as_deref().unwrap_or_default();
        loss.build(scored(self.data.task), shape.classes, scales)
            .map_err(|(key, problem)| Error::Mistake(format!("[loss] {key}: {problem}")))
    }

    pub(crate) fn optimizer(&self, parameters: &Parameters) -> Box<dyn Optimizer> {
        self.optimizer.build(parameters, self.average)
    }

    /// `targets` is the number of targets of a row.
    pub(crate) fn schedule(&self, targets: u64) -> Box<dyn Schedule> {
        let tokens = self.train.batch_size * targets;
        self.schedule.build(self.optimizer.learning_rate(), tokens)
    }
}
