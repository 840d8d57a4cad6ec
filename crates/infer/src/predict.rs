//! Classes and values of texts.

use kiln_learn::{Context, Inputs, Trained};
use kiln_tensor::{Kind, Tensor, no_grad};

use crate::{Error, Result};

/// What a model says of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// A classifier's: the likeliest class, and the probability of each, in the order of the label set.
    Label {
        /// The likeliest class.
        label: String,
        /// Every class with its probability.
        probabilities: Vec<(String, f64)>,
    },
    /// A regressor's numbers, in the units of the training data.
    Values(Vec<f64>),
}

/// Texts that go through the model at once.
const ROWS: usize = 64;

/// Predict each text, in order; texts longer than the model's training rows are read up to that length.
///
/// # Errors
/// The model writes text rather than predicting; a text is empty or holds what the tokenizer cannot express.
pub fn predict(trained: &Trained, texts: &[&str]) -> Result<Vec<Prediction>> {
    if trained.labels.is_none() && trained.scales.is_none() {
        return Err(Error::Task(
            "this is a language model, it has no labels to predict: use `kiln generate`",
        ));
    }
    let mut predictions = Vec::with_capacity(texts.len());
    for (part, texts) in texts.chunks(ROWS).enumerate() {
        let outputs = outputs(trained, texts, part * ROWS)?; // [batch, outputs]
        if !bool::try_from(outputs.isfinite().all())? {
            return Err(Error::NotFinite);
        }
        let width = outputs.size().last().copied().unwrap_or(1);
        let flat = Vec::<f64>::try_from(outputs.view([-1]).to_kind(Kind::Double))?;
        let rows = flat.chunks(usize::try_from(width).unwrap_or(1).max(1));
        predictions.extend(rows.map(|row| interpret(trained, row)));
    }
    Ok(predictions)
}

fn outputs(trained: &Trained, texts: &[&str], before: usize) -> Result<Tensor> {
    let mut rows = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let mut ids = Vec::new();
        let refused = |problem: String| Error::Input {
            index: before + index,
            problem,
        };
        trained
            .tokenizer
            .encode(text, &mut ids)
            .map_err(|error| refused(error.to_string()))?;
        if ids.is_empty() {
            return Err(refused("empty: expected some text".to_owned()));
        }
        if ids.len() > trained.context_length {
            tracing::warn!(
                "text {} has {} tokens; only the first {} are read, as in training",
                before + index + 1,
                ids.len(),
                trained.context_length
            );
            ids.truncate(trained.context_length);
        }
        rows.push(ids);
    }
    let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut padded = vec![0i64; rows.len() * longest];
    for (row, ids) in padded.chunks_mut(longest.max(1)).zip(&rows) {
        for (place, &id) in row.iter_mut().zip(ids) {
            *place = i64::from(id);
        }
    }
    let lengths: Vec<i64> = rows
        .iter()
        .map(|ids| i64::try_from(ids.len()).unwrap_or(i64::MAX))
        .collect();
    let device = trained.network.device();
    let ids = Tensor::from_slice(&padded)
        .view([i64::try_from(rows.len()).unwrap_or(i64::MAX), -1])
        .to_device(device);
    let lengths = Tensor::from_slice(&lengths).to_device(device);
    let inputs = Inputs::of(ids).with_lengths(lengths);
    Ok(no_grad(|| {
        trained
            .network
            .outputs(&inputs, None, &Context::evaluation())
    })?)
}

fn interpret(trained: &Trained, row: &[f64]) -> Prediction {
    let Some(labels) = &trained.labels else {
        let scales = trained.scales.iter().flatten();
        let values = row.iter().zip(scales);
        return Prediction::Values(values.map(|(value, scale)| scale.value(*value)).collect());
    };
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = row.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let probabilities: Vec<(String, f64)> = labels
        .names()
        .iter()
        .zip(weights)
        .map(|(name, weight)| (name.clone(), weight / sum))
        .collect();
    // Of equal probabilities the first in the label set.
    let best = probabilities
        .iter()
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    Prediction::Label {
        label: best.map_or_else(String::new, |(name, _)| name.clone()),
        probabilities,
    }
}
