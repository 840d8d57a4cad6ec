//! The verbs that use a model: `evaluate`, `generate`, `predict`.

use std::io::{BufRead, Write};
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
    let (trained, design, checkpoint) = open_trained(path, None)?;
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
    Ok(Scores(score.evaluate(&trained.network)?))
}

/// The run whose `checkpoints` folder a checkpoint lies in.
fn run_of(checkpoint: &Path) -> Option<PathBuf> {
    let run = checkpoint.parent()?.parent()?;
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
    let (trained, _, _) = open_trained(path, None)?;
    let mut failed = None;
    if !options.json {
        put(out, &options.prompt)?;
    }
    let mut receive = |piece: &str| {
        if options.json {
            return ControlFlow::Continue(());
        }
        match put(out, piece) {
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

/// Predict each line of `input` with a checkpoint's (or a run's best) model, one line out for each line in.
///
/// # Errors
/// There is no checkpoint, it is a language model, or a line is empty.
pub fn predict(
    path: &Path,
    json: bool,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), Error> {
    /// Lines that are read before they are predicted: bounded memory for any input.
    const LINES: usize = 1024;
    let (trained, _, _) = open_trained(path, None)?;
    let mut lines = input.lines();
    let mut before = 0;
    loop {
        let mut texts = Vec::with_capacity(LINES);
        for line in lines.by_ref().take(LINES) {
            let number = before + texts.len() + 1;
            let line = line
                .map_err(|source| Error::Mistake(format!("standard input:{number}: {source}")))?;
            if line.trim().is_empty() {
                return Err(Error::Mistake(format!(
                    "standard input:{number}: an empty line: expected a text to predict"
                )));
            }
            texts.push(line);
        }
        if texts.is_empty() {
            return Ok(());
        }
        let texts_now: Vec<&str> = texts.iter().map(String::as_str).collect();
        for prediction in kiln_infer::predict(&trained, &texts_now)? {
            let line = if json {
                as_json(&prediction)
            } else {
                as_text(&prediction)
            };
            put(out, &format!("{line}\n"))?;
        }
        before += texts.len();
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
