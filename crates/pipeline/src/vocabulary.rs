//! The second stage: the steps before the tokenizer, and the tokenizer, trained on the stored documents or copied from a
//! file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use kiln_corpus::{DocumentReader, Part};
use kiln_preprocess::{
    PREPROCESSING_FILE, Pass, PreprocessedTokenizer, PreprocessingConfig, Preprocessor, StepConfig,
    TokenizerConfig, TrainedTokenizer, fit_preprocessing, train,
};
use kiln_recipe::Recipe;
use kiln_run::{Digest, Hasher, Manifest, Progress, RunFolder, StopFlag, Unit, atomic};
use kiln_text::Position;
use kiln_tokens::Tokenizer;
use serde_json::json;

use crate::Error;
use crate::ingest::{Ingested, config_text};
use crate::plan::Plan;
use crate::stage::{Stage, State};

/// Kind of the stage's manifest and name of its folder.
pub(crate) const TOKENIZER: &str = "tokenizer";

/// Name of the tokenizer's file.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";

/// Name of the file beside it with the names of special tokens and the template of chats, if there are such.
pub const TOKENIZER_CONFIG_FILE: &str = "tokenizer_config.json";

/// Counted up with every change after which the same corpus would give another tokenizer.
const VERSION: u32 = 1;

/// Layout of the folder.
const FORMAT_VERSION: u32 = 1;

/// A tokenizer that is stored in a run.
pub(crate) struct Vocabulary {
    pub(crate) tokenizer: Arc<dyn Tokenizer>,
    pub(crate) path: PathBuf,
}

/// Make the recipe's tokenizer in `RUN/tokenizer`, or find it done.
pub(crate) fn vocabulary(
    plan: &Plan,
    recipe: &Recipe,
    corpus: &Ingested,
    run: &RunFolder,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Vocabulary, Error> {
    let located = plan.tokenizer.clone().relative_to(recipe.folder());
    let steps = plan.preprocessing.clone().relative_to(recipe.folder());
    let inputs = inputs(&located, &steps, corpus)?;
    let stage = Stage {
        kind: TOKENIZER,
        key: key(plan, &inputs)?,
        folder: run.tokenizer(),
    };
    let path = stage.folder.join(TOKENIZER_FILE);
    let unfinished = match stage.open()? {
        State::Done(_) => {
            let tokenizer = kiln_preprocess::load(&path)?;
            return Ok(Vocabulary { tokenizer, path });
        }
        State::Other(manifest) => return Err(stage.refuse(manifest, &inputs)),
        State::Unfinished(unfinished) => unfinished,
    };
    let texts = Texts {
        corpus,
        progress,
        stop,
    };
    let preprocessor = fitted(&steps, &texts)?;
    let trained = train_on(&located, preprocessor.as_ref(), &texts)?;
    let mut names = vec![TOKENIZER_FILE];
    let mut tokenizer = trained.tokenizer();
    let mut report = None;
    if let Some(preprocessor) = preprocessor {
        names.push(PREPROCESSING_FILE);
        let steps = stage.folder.join(PREPROCESSING_FILE);
        atomic::write(&steps, preprocessor.json()?.as_bytes())?;
        report = Some(preprocessor.report().clone());
        tokenizer = Arc::new(PreprocessedTokenizer::new(preprocessor, tokenizer)?);
    }
    atomic::write(&path, trained.json().as_bytes())?;
    if let Some(contents) = trained.config_json() {
        names.push(TOKENIZER_CONFIG_FILE);
        let config = stage.folder.join(TOKENIZER_CONFIG_FILE);
        atomic::write(&config, contents.as_bytes())?;
    }

    let mut manifest = Manifest::describe(&stage.folder, TOKENIZER, FORMAT_VERSION)?;
    manifest
        .files
        .retain(|file| names.contains(&file.name.as_str()));
    manifest.key = Some(stage.key);
    manifest.inputs = inputs;
    let used = trained.used();
    manifest.counts = BTreeMap::from([
        (
            "vocabulary_size".to_owned(),
            tokenizer.vocabulary_size() as u64,
        ),
        ("texts".to_owned(), used.texts),
        ("bytes".to_owned(), used.bytes),
    ]);
    manifest.details = json!({
        "algorithm_version": VERSION,
        "config": plan.tokenizer,
        "identity": tokenizer.identity(),
        "stopped_at_training_bytes": used.stopped,
    });
    if let Some(report) = report {
        manifest.details["preprocessing"] = json!(report);
    }
    unfinished.finish(&manifest)?;
    Ok(Vocabulary { tokenizer, path })
}

/// What the tokenizer is made from: the corpus, a file, or nothing at all.
fn inputs(
    config: &TokenizerConfig,
    preprocessing: &PreprocessingConfig,
    corpus: &Ingested,
) -> Result<BTreeMap<String, String>, Error> {
    let mut inputs = BTreeMap::new();
    for step in &preprocessing.steps {
        if let StepConfig::Lemmatize(step) = step
            && let Some(model) = &step.model
        {
            let bytes =
                std::fs::read(model).map_err(|error| kiln_text::Error::io(model, &error))?;
            inputs.insert(
                format!("lemmatizer {model}"),
                Digest::of(&bytes).to_string(),
            );
        }
    }
    let from_corpus = match config {
        TokenizerConfig::Byte(_) => false,
        TokenizerConfig::File(file) => {
            // What is no tokenizer is refused before it is hashed.
            let loaded = TrainedTokenizer::load(file.path.as_ref())?;
            let digest = Digest::of(loaded.json().as_bytes());
            inputs.insert("tokenizer file".to_owned(), digest.to_string());
            false
        }
        TokenizerConfig::Character(_)
        | TokenizerConfig::Bpe(_)
        | TokenizerConfig::Wordpiece(_)
        | TokenizerConfig::Unigram(_)
        | TokenizerConfig::Word(_) => true,
    };
    if from_corpus || preprocessing.steps.iter().any(StepConfig::learns) {
        inputs.insert("corpus".to_owned(), corpus.key.to_string());
    }
    Ok(inputs)
}

fn key(plan: &Plan, inputs: &BTreeMap<String, String>) -> Result<Digest, Error> {
    let mut hasher = Hasher::new();
    hasher.field("stage", TOKENIZER);
    hasher.field("version", VERSION.to_le_bytes());
    hasher.field("config", config_text(&plan.tokenizer)?);
    if !plan.preprocessing.steps.is_empty() {
        hasher.field("preprocessing", config_text(&plan.preprocessing)?);
    }
    for (name, identity) in inputs {
        hasher.field(name, identity);
    }
    Ok(hasher.digest())
}

/// The texts of a corpus, read as often as they are asked for.
struct Texts<'a> {
    corpus: &'a Ingested,
    progress: &'a dyn Progress,
    stop: &'a StopFlag,
}

impl<'a> Texts<'a> {
    /// One reading, shown to the person as `doing`.
    fn pass(&self, doing: &str, parts: &[Part]) -> Pass<'a> {
        let paths = parts.iter().flat_map(|part| self.corpus.documents(*part));
        let (progress, stop) = (self.progress, self.stop);
        let folder = self.corpus.folder.clone();
        let mut bytes = 0;
        progress.begin(doing, None, Unit::Bytes);
        let texts = DocumentReader::new(paths.collect::<Vec<_>>()).map(move |document| {
            if stop.requested() {
                // Ends the reading; the caller gives the reason.
                let whole = Position::Whole;
                return Err(kiln_text::Error::failure(&folder, whole, "interrupted"));
            }
            let text = document?.text;
            bytes += text.len() as u64;
            progress.advance(bytes);
            Ok(text)
        });
        Box::new(texts)
    }

    /// A result, or that it was interrupted.
    fn done<T>(&self, result: Result<T, kiln_preprocess::Error>) -> Result<T, Error> {
        self.progress.end();
        match result {
            Err(_) if self.stop.requested() => Err(Error::Interrupted),
            result => Ok(result?),
        }
    }
}

/// The steps of the recipe, which learn from what is trained on alone.
fn fitted(config: &PreprocessingConfig, texts: &Texts<'_>) -> Result<Option<Preprocessor>, Error> {
    if config.steps.is_empty() {
        return Ok(None);
    }
    let mut pass = || texts.pass("preprocessing", &[Part::Train]);
    let preprocessor = texts.done(fit_preprocessing(config, &mut pass))?;
    for line in preprocessor.report().to_string().lines() {
        texts.progress.note(line);
    }
    Ok(Some(preprocessor))
}

/// Characters are those of the whole corpus, so that every held-out text can be written; merges are learnt from what is
/// trained on alone.
fn train_on(
    config: &TokenizerConfig,
    preprocessor: Option<&Preprocessor>,
    texts: &Texts<'_>,
) -> Result<TrainedTokenizer, Error> {
    let parts: &[Part] = match config {
        TokenizerConfig::Character(_) => &[Part::Train, Part::HeldOut],
        _ => &[Part::Train],
    };
    let pass = texts.pass("tokenizer", parts);
    let trained = match preprocessor {
        Some(preprocessor) => train(config, &mut preprocessor.apply_each(pass)),
        None => train(config, &mut { pass }),
    };
    texts.done(trained)
}
