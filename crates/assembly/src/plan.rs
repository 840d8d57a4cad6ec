//! What a recipe comes to, before a run: parameters, operations and memory.

use std::fmt;

use kiln_dataset::TaskConfig;
use kiln_models::{Outputs, Size};
use kiln_pipeline::RunOptions;
use kiln_run::RunFolder;
use kiln_tensor::{Builder, Precision, Role};
use serde::Serialize;

use crate::Error;
use crate::design::Design;
use crate::expand::expand;

/// The size of a recipe's model and of its training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// All parameters.
    pub parameters: u64,
    /// Values in matrices and kernels between hidden layers.
    pub matrices: u64,
    /// Values in tables of tokens, positions and segments.
    pub embeddings: u64,
    /// Values of a head of its own; 0 where it is the table of tokens.
    pub head: u64,
    /// Values of biases and gains.
    pub vectors: u64,
    /// Values that no step changes.
    pub frozen: u64,
    /// Ids of the tokenizer.
    pub vocabulary: u64,
    /// Ids in a row.
    pub context_length: u64,
    /// Floating-point operations of forward and backward for one token.
    pub operations_per_token: f64,
    /// Tokens of an update.
    pub batch_tokens: u64,
    /// Tokens of the whole run, where the recipe says so by itself.
    pub training_tokens: Option<u64>,
    /// Bytes of weights: fp32 masters, and the copy that is computed with where that is another.
    pub weight_bytes: u64,
    /// Bytes of gradients.
    pub gradient_bytes: u64,
    /// Bytes that the optimizer remembers.
    pub optimizer_bytes: u64,
}

/// What a recipe comes to. Nothing of the model is allocated, so that any size can be asked for.
///
/// # Errors
/// As [`Design::read`]; the number of ids or classes is not known before the data is prepared. A mistake.
pub fn plan(options: &RunOptions) -> Result<Plan, Error> {
    let mut recipe = options.recipe()?;
    expand(&mut recipe)?;
    let design = Design::read(&recipe)?;
    let folder = options.folder(&recipe)?;
    recipe.finish()?;
    let prepared = RunFolder::open(&folder)
        .ok()
        .and_then(|run| kiln_pipeline::reopen(&run).ok());
    let unknown = |what: &str| {
        Error::Mistake(format!(
            "{what} is not known before the data is prepared: run `kiln prepare {}` first",
            options.arguments()
        ))
    };
    let vocabulary = match &prepared {
        Some(prepared) => Some(prepared.tokenizer.vocabulary_size()),
        None => design.data.tokenizer.vocabulary_size(),
    };
    let vocabulary = vocabulary.ok_or_else(|| unknown("the number of the tokenizer's ids"))?;
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let outputs = match (design.data.task, &prepared) {
        (TaskConfig::LanguageModel, _) => Outputs::Tokens,
        (TaskConfig::Classification, Some(prepared)) => {
            let labels = prepared.labels.as_ref();
            Outputs::Classes(labels.map_or(0, |labels| count(labels.len())))
        }
        (TaskConfig::Regression, Some(prepared)) => Outputs::Values(
            prepared
                .scales
                .as_ref()
                .map_or(0, |scales| count(scales.len())),
        ),
        (TaskConfig::Classification, None) => return Err(unknown("the number of classes")),
        (TaskConfig::Regression, None) => return Err(unknown("how many numbers are predicted")),
    };
    let context_length = design.data.dataset.context_length;
    let sizes = [count(vocabulary), count(context_length)];
    let draft = design
        .model
        .build(Builder::declaring(), sizes[0], sizes[1], outputs);
    Ok(Plan::new(&design, draft.size(sizes[1]), vocabulary as u64))
}

impl Plan {
    fn new(design: &Design, size: Size, vocabulary: u64) -> Self {
        const FP32: u64 = 4;
        let context_length = design.data.dataset.context_length as u64;
        let batch_tokens = design.train.batch_size * context_length;
        let train = &design.train;
        let steps = train.steps.map(|steps| steps * batch_tokens);
        // The device is opened when a run begins; what precision a GPU would choose is what the recipe names or bf16.
        let precision = design.precision.resolve(kiln_tensor::Device::Cpu);
        let copy = match precision {
            Precision::Fp32 | Precision::Fp64 => 0,
            Precision::Bf16 | Precision::Fp16 => 2,
        };
        let remembered = design.optimizer.remembered(|role| match role {
            Role::Matrix => size.matrices,
            Role::Embedding => size.embeddings,
            Role::Head => size.head,
            Role::Vector => size.vectors,
            Role::Frozen => 0,
        });
        let averages = design.average.map_or(0, |average| average.copies());
        let remembered = remembered + averages * size.parameters();
        Self {
            parameters: size.parameters(),
            matrices: size.matrices,
            embeddings: size.embeddings,
            head: size.head,
            vectors: size.vectors,
            frozen: size.frozen,
            vocabulary,
            context_length,
            operations_per_token: size.operations_per_token,
            batch_tokens,
            training_tokens: train.tokens.or(steps),
            weight_bytes: size.parameters() * (FP32 + copy),
            gradient_bytes: size.parameters() * FP32,
            optimizer_bytes: remembered * FP32,
        }
    }

    /// Bytes of weights, gradients and the optimizer's state: what training holds beside activations.
    pub fn state_bytes(&self) -> u64 {
        self.weight_bytes + self.gradient_bytes + self.optimizer_bytes
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  parameters  {}", grouped(self.parameters))?;
        for (name, count) in [
            ("matrices", self.matrices),
            ("embeddings", self.embeddings),
            ("head", self.head),
            ("vectors", self.vectors),
            ("frozen", self.frozen),
        ] {
            if count > 0 {
                writeln!(f, "    {name:<12}{}", grouped(count))?;
            }
        }
        writeln!(
            f,
            "  vocabulary  {} ids, {} in a row",
            grouped(self.vocabulary),
            self.context_length
        )?;
        let each = self.operations_per_token;
        writeln!(
            f,
            "  operations  {} a token, forward and backward",
            scaled(each, "FLOP", 1000.0)
        )?;
        writeln!(f, "  batch       {} tokens", grouped(self.batch_tokens))?;
        if let Some(tokens) = self.training_tokens {
            writeln!(
                f,
                "  training    {} tokens, {:.1} for each parameter, {} in all",
                grouped(tokens),
                tokens as f64 / self.parameters.max(1) as f64,
                scaled(each * tokens as f64, "FLOP", 1000.0),
            )?;
        }
        let bytes = |count: u64| scaled(count as f64, "iB", 1024.0);
        write!(
            f,
            "  memory      {} before activations: weights {}, gradients {}, optimizer {}",
            bytes(self.state_bytes()),
            bytes(self.weight_bytes),
            bytes(self.gradient_bytes),
            bytes(self.optimizer_bytes),
        )
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with a prefix of its size.
fn scaled(number: f64, unit: &str, base: f64) -> String {
    const PREFIXES: [&str; 8] = ["", "k", "M", "G", "T", "P", "E", "Z"];
    let mut value = number;
    let mut prefix = 0;
    while value >= base && prefix + 1 < PREFIXES.len() {
        value /= base;
        prefix += 1;
    }
    let letter = PREFIXES[prefix];
    let letter = if base > 1000.0 {
        letter.to_uppercase()
    } else {
        letter.to_owned()
    };
    format!("{value:.1} {letter}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(124_439_808), "124,439,808");
        assert_eq!(scaled(8.5e8, "FLOP", 1000.0), "850.0 MFLOP");
        assert_eq!(scaled(1.5 * 1024.0 * 1024.0, "iB", 1024.0), "1.5 MiB");
    }
}
