//! From a recipe to a dataset: all stages of the ground floor in their order.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiln_corpus::Part;
use kiln_dataset::{TaskConfig, Tokens};
use kiln_recipe::Recipe;
use kiln_run::{Digest, Manifest, Progress, RunFolder, StopFlag};
use kiln_tokens::{LabelSet, Scale, Tokenizer};
use serde::de::DeserializeOwned;

use crate::Error;
use crate::counts::SplitCounts;
use crate::ingest::{CORPUS, Ingested, ingest};
use crate::ledger::split_name;
use crate::plan::Plan;
use crate::shards::{DATASET, LABELS_FILE, shard_paths, shards};
use crate::stage::finished;
use crate::vocabulary::{TOKENIZER, TOKENIZER_FILE, vocabulary};

/// Everything that training and evaluation read.
#[derive(Clone)]
pub struct Prepared {
    /// What is predicted.
    pub task: TaskConfig,
    /// Text to the ids of the shards.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Its `tokenizer.json`.
    pub tokenizer_path: PathBuf,
    /// The classes, for a classification.
    pub labels: Option<LabelSet>,
    /// Mean and spread of each number to be predicted, for a regression; the shards hold the numbers as they are.
    pub scales: Option<Vec<Scale>>,
    /// Shards that are trained on, in order.
    pub train: Vec<PathBuf>,
    /// Shards that are held out, in order.
    pub validation: Vec<PathBuf>,
    /// Stored documents that are trained on, in order.
    pub train_documents: Vec<PathBuf>,
    /// Stored documents that are held out, in order.
    pub validation_documents: Vec<PathBuf>,
    /// What the training split holds.
    pub train_counts: SplitCounts,
    /// What the held-out split holds.
    pub validation_counts: SplitCounts,
    /// Hash of everything that decided the shards: equal keys stand for equal data.
    pub key: Digest,
}

/// Do every stage of the recipe that is not done: ingestion, the tokenizer, the dataset.
///
/// # Errors
/// As [`ingest`]; a text that the tokenizer cannot express; documents without what the task predicts; a split that is
/// shorter than one row.
pub fn prepare(
    recipe: &Recipe,
    run: &RunFolder,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Prepared, Error> {
    let plan = Plan::read(recipe)?;
    let corpus = ingest(recipe, run, progress, stop)?;
    for part in Part::ALL {
        if corpus.counts.of(part).documents == 0 {
            return Err(Error::EmptySplit {
                part: split_name(part),
                run: run.path().to_owned(),
            });
        }
    }
    let vocabulary = vocabulary(&plan, recipe, &corpus, run, progress, stop)?;
    let manifest = shards(&plan, &corpus, &vocabulary, run, progress, stop)?;
    let prepared = assemble(
        run,
        &corpus,
        vocabulary.tokenizer,
        vocabulary.path,
        &manifest,
    )?;
    check_lengths(&prepared, &plan)?;
    Ok(prepared)
}

/// Open what an earlier process prepared in a run.
///
/// # Errors
/// A stage that was never finished; a file that is missing or has another length.
pub fn reopen(run: &RunFolder) -> Result<Prepared, Error> {
    let corpus = Ingested::read(&run.corpus(), &stage(run, CORPUS, &run.corpus())?)?;
    stage(run, TOKENIZER, &run.tokenizer())?;
    let path = run.tokenizer().join(TOKENIZER_FILE);
    let tokenizer = kiln_preprocess::load(&path)?;
    let manifest = stage(run, DATASET, &run.dataset())?;
    assemble(run, &corpus, tokenizer, path, &manifest)
}

/// The manifest of a stage that must be finished.
pub(crate) fn stage(run: &RunFolder, kind: &str, folder: &Path) -> Result<Manifest, Error> {
    let Some(manifest) = finished(folder)?.filter(|manifest| manifest.kind == kind) else {
        return Err(Error::NotPrepared {
            folder: folder.to_owned(),
            run: run.path().to_owned(),
        });
    };
    manifest.check_sizes(folder)?;
    Ok(manifest)
}

fn assemble(
    run: &RunFolder,
    corpus: &Ingested,
    tokenizer: Arc<dyn Tokenizer>,
    tokenizer_path: PathBuf,
    manifest: &Manifest,
) -> Result<Prepared, Error> {
    let folder = run.dataset();
    let counts = |part: Part| detail(&folder, manifest, &["splits", split_name(part)]);
    let task = detail(&folder, manifest, &["task"])?;
    let labels = match task {
        TaskConfig::Classification => Some(read_labels(&folder.join(LABELS_FILE))?),
        TaskConfig::LanguageModel | TaskConfig::Regression => None,
    };
    let scales = match task {
        TaskConfig::Regression => Some(detail(&folder, manifest, &["scales"])?),
        TaskConfig::LanguageModel | TaskConfig::Classification => None,
    };
    Ok(Prepared {
        task,
        tokenizer,
        tokenizer_path,
        labels,
        scales,
        train: shard_paths(&folder, manifest, Part::Train),
        validation: shard_paths(&folder, manifest, Part::HeldOut),
        train_documents: corpus.documents(Part::Train),
        validation_documents: corpus.documents(Part::HeldOut),
        train_counts: counts(Part::Train)?,
        validation_counts: counts(Part::HeldOut)?,
        key: manifest.key.ok_or_else(|| Error::Manifest {
            folder: folder.clone(),
            missing: "its key".to_owned(),
        })?,
    })
}

/// A part of what the manifest of a stage records.
fn detail<T: DeserializeOwned>(
    folder: &Path,
    manifest: &Manifest,
    way: &[&str],
) -> Result<T, Error> {
    way.iter()
        .try_fold(&manifest.details, |value, key| value.get(key))
        .and_then(|value| serde_json::from_value(value.clone()).ok())
        .ok_or_else(|| Error::Manifest {
            folder: folder.to_owned(),
            missing: way.join("."),
        })
}

fn read_labels(path: &Path) -> Result<LabelSet, Error> {
    let text = std::fs::read(path).map_err(|error| kiln_run::Error::io(path, error))?;
    let labels = serde_json::from_slice(&text).map_err(|error| {
        kiln_run::Error::damaged(
            path,
            format!("not a list of classes ({error}); prepare again"),
        )
    })?;
    Ok(labels)
}

/// A language model needs a whole row of each split: better said now than after a model was built.
fn check_lengths(prepared: &Prepared, plan: &Plan) -> Result<(), Error> {
    if prepared.task != TaskConfig::LanguageModel {
        return Ok(());
    }
    let context_length = plan.dataset.context_length;
    let train = Arc::new(Tokens::open(split_name(Part::Train), &prepared.train)?);
    plan.dataset.training(train, plan.seed, 1)?;
    let validation = Arc::new(Tokens::open(
        split_name(Part::HeldOut),
        &prepared.validation,
    )?);
    kiln_dataset::sequential(validation, context_length)?;
    Ok(())
}
