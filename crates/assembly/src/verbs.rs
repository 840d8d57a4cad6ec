//! The verbs that use a model: `evaluate`, `generate`, `predict`.

use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use kiln_infer::{Generated, Prediction, Sampling};
use kiln_learn::Evaluation;
use kiln_run::RunFolder;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::data;
use crate::network::Shape;
use crate::open::open_trained;
use crate::summary::Scores;

/// Scores of a checkpoint (or a run's best one) on the held-out split of its run, or on the documents at `data`, read as the recipe
/// reads its first source.
///
/// # Errors
/// There is no checkpoint, or no data to score it on.
pub fn evaluate(path: &Path, data: Option<&Path>) -> Result<Scores, Error> {
    let (trained, design, checkpoint) = open_trained(path)?;
    let shape = Shape {
        vocabulary: trained.tokenizer.vocabulary_size(),
        classes: trained.labels.as_ref().map(kiln_tokens::LabelSet::len),
        scales: trained.scales.clone(),
    };
    let mut score = match data {
        Some(data) => {
            let labels = trained.labels.as_ref();
            let held = kiln_pipeline::hold_out(&design.data, data, &*trained.tokenizer, labels)?;
            data::held_out(&design, &shape, &held.shards, held.counts)?
        }
        None => {
            let run = run_of(checkpoint.path()).ok_or_else(|| {
                Error::Mistake(format!(
                    "{} lies in no run: name the data to score it on with --data",
                    checkpoint.path().display()
                ))
            })?;
            let prepared = kiln_pipeline::reopen(&RunFolder::open(&run)?)?;
            if prepared.tokenizer.identity() != trained.tokenizer.identity() {
                return Err(Error::Mistake(format!(
                    "the data of {} was made with another tokenizer than this checkpoint's",
                    run.display()
                )));
            }
            data::held_out(
                &design,
                &shape,
                &prepared.validation,
                prepared.validation_counts,
            )?
        }
    };
    Ok(Scores::new(
        score.evaluate(&trained.network)?,
        trained.context_length,
    ))
}

/// The run whose `checkpoints` folder a checkpoint lies in.
fn run_of(checkpoint: &Path) -> Option<PathBuf> {
    let whole = checkpoint.canonicalize().ok()?;
    let run = whole.parent()?.parent()?;
    RunFolder::is_run(run).then(|| run.to_owned())
}

/// What to write.
#[derive(Clone, Debug)]
pub struct GenerateOptions {
    /// What to go on from; empty for a new text.
    pub prompt: String,
    /// Tokens at most.
    pub tokens: usize,
    /// How to draw them.
    pub sampling: Sampling,
    /// Whether to write one JSON object at the end rather than text as it comes.
    pub json: bool,
}

/// Write text with a checkpoint's (or a run's best) model.
///
/// # Errors
/// There is no checkpoint, it is no language model, or its tokenizer cannot express the prompt.
pub fn generate(
    path: &Path,
    options: &GenerateOptions,
    out: &mut dyn Write,
) -> Result<Generated, Error> {
    let (trained, _, _) = open_trained(path)?;
    let mut failed = None;
    // The prompt is shown once it is known that it can be gone on from.
    let mut prompt = Some(options.prompt.as_str());
    let mut receive = |piece: &str| {
        if options.json {
            return ControlFlow::Continue(());
        }
        match put(out, prompt.take().unwrap_or_default()).and_then(|()| put(out, piece)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let generated = kiln_infer::generate(
        &trained,
        &options.prompt,
        options.tokens,
        &options.sampling,
        &mut receive,
    )?;
    if let Some(error) = failed {
        return Err(error);
    }
    if options.json {
        let end = match generated.end {
            kiln_infer::End::EndOfText => "end_of_text",
            kiln_infer::End::Length => "length",
            kiln_infer::End::Stopped => "stopped",
        };
        let answer = json!({
            "prompt": options.prompt,
            "text": generated.text,
            "tokens": generated.tokens,
            "end": end,
        });
        put(out, &answer.to_string())?;
    } else {
        put(out, prompt.take().unwrap_or_default())?;
    }
    put(out, "\n")?;
    Ok(generated)
}

fn put(out: &mut dyn Write, text: &str) -> Result<(), Error> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| Error::Stream {
            what: "standard output",
            source,
        })
}

/// Predict each line of `input` with a checkpoint's (or a run's best) model, one line out for each line in, as soon as no more
/// lines wait.
///
/// # Errors
/// There is no checkpoint, it is a language model, or a line is empty or cannot be read.
pub fn predict(
    path: &Path,
    json: bool,
    input: &mut dyn Read,
    out: &mut dyn Write,
) -> Result<(), Error> {
    /// Lines that go through the model at once.
    const LINES: usize = 64;
    let (trained, _, _) = open_trained(path)?;
    let mut input = BufReader::new(input);
    let wrong = |number: usize, problem: String| {
        Error::Mistake(format!("standard input:{number}: {problem}"))
    };
    let mut done = 0;
    loop {
        let mut texts = Vec::new();
        // Wait for one line, then take what has come with it.
        while texts.is_empty() || (texts.len() < LINES && input.buffer().contains(&b'\n')) {
            let number = done + texts.len() + 1;
            let mut line = String::new();
            let read = input
                .read_line(&mut line)
                .map_err(|error| wrong(number, error.to_string()))?;
            if read == 0 {
                break;
            }
            if line.trim().is_empty() {
                let problem = "an empty line: expected a text to predict";
                return Err(wrong(number, problem.to_owned()));
            }
            texts.push(line.trim_end_matches(['\n', '\r']).to_owned());
        }
        if texts.is_empty() {
            return Ok(());
        }
        let lines: Vec<&str> = texts.iter().map(String::as_str).collect();
        let predictions = kiln_infer::predict(&trained, &lines).map_err(|error| match error {
            kiln_infer::Error::Input { index, problem } => wrong(done + index + 1, problem),
            other => other.into(),
        })?;
        for prediction in predictions {
            let line = if json {
                as_json(&prediction)
            } else {
                as_text(&prediction)
            };
            put(out, &format!("{line}\n"))?;
        }
        done += texts.len();
    }
}

fn as_json(prediction: &Prediction) -> String {
    let answer = match prediction {
        Prediction::Label {
            label,
            probabilities,
        } => {
            let shares: Map<String, Value> = probabilities
                .iter()
                .map(|(name, share)| (name.clone(), json!(share)))
                .collect();
            json!({"label": label, "probabilities": shares})
        }
        Prediction::Values(values) => match values.as_slice() {
            [value] => json!({"value": value}),
            values => json!({"value": values}),
        },
    };
    answer.to_string()
}

fn as_text(prediction: &Prediction) -> String {
    match prediction {
        Prediction::Label { label, .. } => label.clone(),
        Prediction::Values(values) => {
            let words: Vec<String> = values.iter().map(f64::to_string).collect();
            words.join(" ")
        }
    }
}
