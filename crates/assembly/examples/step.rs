//! How long a training step takes: forward, backward, clipping and the optimizer, on random tokens.
//!
//! ```sh
//! cargo build --release --workspace --example step
//! step [STEPS] [KEY=VALUE]...      vocabulary, context, batch, precision, and model.KEY or optimizer.KEY of a recipe
//! step 40 vocabulary=65 context=64 batch=12 model.layers=4 model.heads=4 model.width=128
//! ```
//!
//! prints the median milliseconds of a step, and of its parts, as one JSON object. The first tenth of the steps is left out.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use kiln_assembly::ModelConfig;
use kiln_learn::{Context, DeviceBatch, Objective, Rates};
use kiln_models::Outputs;
use kiln_optim::{CrossEntropy, OptimizerConfig, clip_by_norm};
use kiln_tensor::{Builder, DeviceChoice, Draws, PrecisionChoice, backward};
use kiln_tokens::{Batch, Column, SamplePosition, column};

type Answer<T> = Result<T, Box<dyn Error>>;

/// Sections of a recipe and numbers, as the arguments give them.
struct Asked {
    steps: usize,
    numbers: BTreeMap<String, i64>,
    precision: PrecisionChoice,
    model: String,
    optimizer: String,
}

fn asked() -> Answer<Asked> {
    let mut asked = Asked {
        steps: 40,
        numbers: BTreeMap::new(),
        precision: PrecisionChoice::Fp32,
        model: String::new(),
        optimizer: String::new(),
    };
    for argument in std::env::args().skip(1) {
        let Some((key, value)) = argument.split_once('=') else {
            asked.steps = argument.parse()?;
            continue;
        };
        match (key.split_once('.'), key) {
            (Some(("model", key)), _) => asked.model += &format!("{key} = {value}\n"),
            (Some(("optimizer", key)), _) => asked.optimizer += &format!("{key} = {value}\n"),
            (_, "precision") if value == "bf16" => asked.precision = PrecisionChoice::Bf16,
            (_, "precision") if value == "fp32" => asked.precision = PrecisionChoice::Fp32,
            (_, "vocabulary" | "context" | "batch") => {
                asked.numbers.insert(key.to_owned(), value.parse()?);
            }
            _ => return Err(format!("{argument}: an unknown key or value").into()),
        }
    }
    if !asked.model.contains("kind =") {
        asked.model = format!("kind = 'transformer'\n{}", asked.model);
    }
    if !asked.optimizer.contains("kind =") {
        asked.optimizer = format!("kind = 'adamw'\nlearning_rate = 1e-3\n{}", asked.optimizer);
    }
    Ok(asked)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Answer<()> {
    let asked = asked()?;
    let number = |key: &str, usual: i64| asked.numbers.get(key).copied().unwrap_or(usual);
    let (vocabulary, context) = (number("vocabulary", 65), number("context", 64));
    let rows = number("batch", 12);
    let model: ModelConfig = toml::from_str(&asked.model)?;
    let optimizer: OptimizerConfig = toml::from_str(&asked.optimizer)?;
    let device = DeviceChoice::Cpu.open()?;
    let builder = Builder::new(device, Draws::new(1));
    let draft = model.build(builder, vocabulary, context, Outputs::Tokens);
    let mut network = draft.finish(asked.precision.resolve(device))?;
    let mut optimizer = optimizer.build(&network.parameters, None);
    let objective = CrossEntropy::tokens();
    let draws = Draws::new(2);
    let parts = ["forward", "backward", "clip", "optimizer"];
    let mut times: [Vec<f64>; 5] = Default::default();
    for step in 0..asked.steps {
        let count = usize::try_from(rows * context)?;
        let mut noise = vec![0.0f32; 2 * count];
        let generator = draws.generator("tokens", step as u64);
        generator.fill_uniform(&mut noise, 0.5);
        let ids = noise
            .iter()
            .map(|at| ((at + 0.5) * vocabulary as f32) as i64);
        let ids: Vec<i64> = ids.map(|id| id.clamp(0, vocabulary - 1)).collect();
        let batch = Batch::new(usize::try_from(rows)?, count as u64)
            .with(
                column::INPUTS,
                Column::ids(usize::try_from(rows)?, ids[..count].to_vec()),
            )
            .with(
                column::TARGETS,
                Column::ids(usize::try_from(rows)?, ids[count..].to_vec()),
            );
        let begin = Instant::now();
        network.parameters.clear_gradients()?;
        let batch = DeviceBatch::new(&batch, device)?;
        let position = SamplePosition(step as u64 * rows.unsigned_abs());
        let training = Context::training(Draws::new(3), position);
        let output = network.trunk.forward(&batch.inputs()?, None, &training)?;
        let loss = objective.loss(&*network.head, &output, &batch)?;
        let mean = loss.sum / count as f64;
        let mut marks = vec![begin.elapsed().as_secs_f64()];
        backward(&mean)?;
        network.parameters.collect_gradients()?;
        marks.push(begin.elapsed().as_secs_f64());
        let _ = clip_by_norm(&mut network.parameters, Some(1.0))?;
        marks.push(begin.elapsed().as_secs_f64());
        let rates = Rates {
            learning_rate: 1e-3,
        };
        optimizer.step(&mut network.parameters, &rates, None)?;
        marks.push(begin.elapsed().as_secs_f64());
        if step * 10 >= asked.steps {
            let mut before = 0.0;
            for (times, mark) in times.iter_mut().zip(&marks) {
                times.push(1e3 * (mark - before));
                before = *mark;
            }
            times[4].push(1e3 * marks[3]);
        }
    }
    let mut report = serde_json::Map::new();
    for (part, times) in parts.iter().zip(&mut times) {
        report.insert((*part).to_owned(), median(times).into());
    }
    report.insert("step".to_owned(), median(&mut times[4]).into());
    report.insert("parameters".to_owned(), network.parameters.count().into());
    println!("{}", serde_json::Value::Object(report));
    Ok(())
}
