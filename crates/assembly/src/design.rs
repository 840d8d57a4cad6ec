//! The whole recipe, section by section, as the rooms understand it.

use kiln_dataset::{Order, TaskConfig};
use kiln_models::{Draft, Outputs, Wrong, convolutional, recurrent, transformer};
use kiln_optim::{AverageConfig, LossConfig, OptimizerConfig, ScheduleConfig};
use kiln_recipe::Recipe;
use kiln_tensor::{Builder, DeviceChoice, PrecisionChoice};
use kiln_train::CheckpointConfig;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::network::scored;

/// `[model]`: which architecture.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// A decoder Transformer.
    Transformer(Box<transformer::Config>),
    /// A recurrent network: Elman, GRU or LSTM.
    Rnn(recurrent::Config),
    /// A convolutional network.
    Cnn(convolutional::Config),
}

impl ModelConfig {
    /// Declare a network that reads ids below `vocabulary`, at most `context_length` in a row where its architecture has a limit.
    ///
    /// # Panics
    /// With outputs that the architecture cannot have, which [`Design::read`] refuses.
    pub fn build(
        &self,
        builder: Builder,
        vocabulary: i64,
        context_length: i64,
        outputs: Outputs,
    ) -> Draft {
        match self {
            Self::Transformer(config) => config.build(builder, vocabulary, context_length, outputs),
            Self::Rnn(config) => config.build(builder, vocabulary, outputs),
            Self::Cnn(config) => config.build(builder, vocabulary, context_length, outputs),
        }
    }
}

/// A recipe, read and checked.
#[derive(Clone, Debug)]
pub struct Design {
    /// The sections about data.
    pub data: kiln_pipeline::Plan,
    /// `[model]`
    pub model: ModelConfig,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
    /// `[average]`
    pub average: Option<AverageConfig>,
    /// `[loss]`
    pub loss: LossConfig,
    /// `[schedule]`
    pub schedule: ScheduleConfig,
    /// `[train]`
    pub train: kiln_train::Config,
    /// `[evaluate]`
    pub evaluate: kiln_evaluate::Config,
    /// `[checkpoint]`
    pub checkpoint: CheckpointConfig,
    /// `train.device`, understood.
    pub device: DeviceChoice,
    /// `train.precision`, understood.
    pub precision: PrecisionChoice,
}

impl Design {
    /// Ask a recipe for all its sections, and check what can be checked before any work.
    ///
    /// # Errors
    /// A section is missing or wrong, or two do not fit together; the error names the line. A mistake.
    pub fn read(recipe: &Recipe) -> Result<Self, Error> {
        let data = kiln_pipeline::Plan::read(recipe)?;
        let model: ModelConfig = recipe.required("model")?;
        let optimizer: OptimizerConfig = recipe.required("optimizer")?;
        let average: Option<AverageConfig> = recipe.section("average")?;
        let loss: LossConfig = recipe.section_or_default("loss")?;
        let schedule: ScheduleConfig = recipe.section_or_default("schedule")?;
        let train: kiln_train::Config = recipe.required("train")?;
        let evaluate: kiln_evaluate::Config = recipe.section_or_default("evaluate")?;
        let checkpoint: CheckpointConfig = recipe.section_or_default("checkpoint")?;
        let wrong = |section: &str, key: &str, problem: &str| -> Error {
            recipe.error_at(section, key, problem).into()
        };
        check_model(&model, data.task, data.dataset.context_length)
            .map_err(|(key, problem)| wrong("model", key, &problem))?;
        let named = |section, checked: Result<(), (&'static str, String)>| {
            checked.map_err(|(key, problem)| wrong(section, key, &problem))
        };
        named("optimizer", optimizer.check())?;
        named("schedule", schedule.check())?;
        named("average", average.map_or(Ok(()), |average| average.check()))?;
        loss.check(scored(data.task))
            .map_err(|(key, problem)| wrong("loss", key, &problem))?;
        train
            .check()
            .map_err(|(key, problem)| wrong("train", key, &problem))?;
        if train.activation_checkpointing && !matches!(model, ModelConfig::Transformer(_)) {
            let problem = "only blocks of a transformer can be computed again: leave it out";
            return Err(wrong("train", "activation_checkpointing", problem));
        }
        checkpoint
            .check()
            .map_err(|(key, problem)| wrong("checkpoint", key, &problem))?;
        check_warmups(&train, data.task, &data.dataset)
            .map_err(|(key, problem)| wrong("train", key, &problem))?;
        if train.early_stopping.is_some() && evaluate.every_steps.is_none() {
            let problem = "it looks at evaluations: set evaluate.every_steps";
            return Err(wrong("train", "early_stopping", problem));
        }
        if evaluate.sampled_batches == Some(0) {
            return Err(wrong(
                "evaluate",
                "sampled_batches",
                "0: expected 1 or more",
            ));
        }
        if !evaluate.sample_temperature.is_finite() || evaluate.sample_temperature < 0.0 {
            return Err(wrong(
                "evaluate",
                "sample_temperature",
                "expected 0 or more",
            ));
        }
        if evaluate.every_steps == Some(0) {
            return Err(wrong("evaluate", "every_steps", "0: expected 1 or more"));
        }
        if matches!(model, ModelConfig::Transformer(_)) && data.dataset.order == Order::Streams {
            let problem = "streams are for recurrent models, which carry their state along them: choose \"permutation\" or \"windows\"";
            return Err(wrong("dataset", "order", problem));
        }
        let device = train.device.parse().map_err(|_| {
            wrong(
                "train",
                "device",
                "expected \"auto\", \"cpu\", \"cuda\" or \"cuda:INDEX\"",
            )
        })?;
        let precision = match train.precision.as_str() {
            "auto" => PrecisionChoice::Auto,
            "fp32" => PrecisionChoice::Fp32,
            "bf16" => PrecisionChoice::Bf16,
            "fp16" => PrecisionChoice::Fp16,
            other => {
                let problem =
                    format!("{other:?}: expected \"auto\", \"fp32\", \"bf16\" or \"fp16\"");
                return Err(wrong("train", "precision", &problem));
            }
        };
        Ok(Self {
            data,
            model,
            optimizer,
            average,
            loss,
            schedule,
            train,
            evaluate,
            checkpoint,
            device,
            precision,
        })
    }
}

fn check_model(
    model: &ModelConfig,
    task: TaskConfig,
    context_length: usize,
) -> Result<(), (&'static str, String)> {
    let context_length = i64::try_from(context_length).unwrap_or(i64::MAX);
    let checked = match model {
        ModelConfig::Transformer(config) => config.check(),
        ModelConfig::Rnn(config) => config.check(),
        ModelConfig::Cnn(config) => config.check(context_length),
    };
    let named = |checked: Result<(), Wrong>| checked.map_err(|wrong| (wrong.key, wrong.problem));
    named(checked)?;
    match (model, task) {
        (ModelConfig::Rnn(config), TaskConfig::LanguageModel) => {
            named(config.check_next_token())
        }
        (ModelConfig::Cnn(config), TaskConfig::LanguageModel) => {
            named(config.check_next_token())
        }
        (ModelConfig::Transformer(config), _) if config.is_encoder_decoder() => Err((
            "style",
            "an encoder-decoder reads a source and writes a target, and this task has one text: choose a decoder or, for whole texts, an encoder"
                .to_owned(),
        )),
        (ModelConfig::Transformer(config), TaskConfig::LanguageModel) if config.is_encoder() => Err((
            "style",
            "an encoder sees the tokens after a place, so it cannot predict the next: choose a decoder, as \"gpt2\" or \"llama\""
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Batches and rows that grow must be such as can be cut from the order of the data.
fn check_warmups(
    train: &kiln_train::Config,
    task: TaskConfig,
    dataset: &kiln_dataset::Config,
) -> Result<(), (&'static str, String)> {
    let streams = task == TaskConfig::LanguageModel && dataset.order == Order::Streams;
    for (key, given) in [
        ("batch_size_warmup", train.batch_size_warmup.is_some()),
        ("context_warmup", train.context_warmup.is_some()),
    ] {
        if given && streams {
            let problem = "a stream goes on where the row before it ended, so all batches have one size: leave it out, or \
                           choose another dataset.order";
            return Err((key, problem.to_owned()));
        }
    }
    let Some(warmup) = train.context_warmup else {
        return Ok(());
    };
    if task != TaskConfig::LanguageModel {
        let problem = "texts are classified and measured as wholes: leave it out";
        return Err(("context_warmup", problem.to_owned()));
    }
    if warmup.from > dataset.context_length as u64 {
        let problem = format!(
            "from = {}: more than dataset.context_length, {}",
            warmup.from, dataset.context_length
        );
        return Err(("context_warmup", problem));
    }
    Ok(())
}
