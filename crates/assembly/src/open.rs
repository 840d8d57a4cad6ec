//! A checkpoint as a model that can be used.

use std::path::Path;

use kiln_checkpoint::Checkpoint;
use kiln_learn::Trained;
use kiln_recipe::Recipe;
use kiln_tensor::DeviceChoice;
use kiln_tokens::{LabelSet, Scale};

use crate::Error;
use crate::design::Design;
use crate::network::Shape;

/// Names of a checkpoint's companions.
pub(crate) mod companion {
    pub(crate) const RECIPE: &str = "recipe.toml";
    pub(crate) const TOKENIZER: &str = "tokenizer.json";
    pub(crate) const LABELS: &str = "labels.json";
    pub(crate) const SCALES: &str = "scales.json";
}

/// Open a checkpoint's folder, or a run's (its best checkpoint), to use it: on the recipe's device, or on the CPU where that is not
/// to be had.
///
/// # Errors
/// There is no checkpoint, or its files are damaged.
pub fn open_trained(path: &Path) -> Result<(Trained, Design, Checkpoint), Error> {
    let checkpoint = Checkpoint::open(path)?;
    let name = checkpoint.path().join(companion::RECIPE);
    let text = checkpoint.companion(companion::RECIPE)?;
    let recipe = Recipe::parse(&text, &name.display().to_string(), &[])?;
    let design = Design::read(&recipe)?;
    let tokenizer = kiln_preprocess::load(&checkpoint.path().join(companion::TOKENIZER))?;
    if tokenizer.identity() != checkpoint.state().tokenizer {
        return Err(Error::Mistake(format!(
            "{}: its tokenizer.json is not the one that it was trained with",
            checkpoint.path().display()
        )));
    }
    let labels: Option<LabelSet> = read(&checkpoint, companion::LABELS)?;
    let scales: Option<Vec<Scale>> = read(&checkpoint, companion::SCALES)?;
    let shape = Shape {
        vocabulary: tokenizer.vocabulary_size(),
        classes: labels.as_ref().map(LabelSet::len),
        scales: scales.clone(),
    };
    if let Some(threads) = design.train.threads {
        kiln_tensor::set_threads(threads);
    }
    let device = design.device.open().or_else(|error| {
        tracing::warn!("{error}; using the CPU");
        DeviceChoice::Cpu.open()
    })?;
    let precision = design.precision.resolve(device);
    let mut network = design.network(&shape, device, precision)?;
    checkpoint.load_weights(&mut network)?;
    let trained = Trained {
        network,
        tokenizer,
        labels,
        scales,
        context_length: design.data.dataset.context_length,
    };
    Ok((trained, design, checkpoint))
}

fn read<T: serde::de::DeserializeOwned>(
    checkpoint: &Checkpoint,
    name: &str,
) -> Result<Option<T>, Error> {
    if !checkpoint.has(name) {
        return Ok(None);
    }
    let text = checkpoint.companion(name)?;
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let path = checkpoint.path().join(name);
        Error::Companion(format!("{}: {error}", path.display()))
    })
}
