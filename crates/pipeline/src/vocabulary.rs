//! The second stage: the tokenizer, trained on the stored documents or copied from a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use kiln_corpus::{DocumentReader, Part};
use kiln_preprocess::{TokenizerConfig, TrainedTokenizer, train};
use kiln_recipe::Recipe;
use kiln_run::{Digest, Hasher, Manifest, Progress, RunFolder, StopFlag, Unit, atomic};
use kiln_text::Position;
use kiln_tokens::Tokenizer;
use serde_json::json;

use crate::Error;
use crate::ingest::{Ingested, config_text};
use crate::stage::{Stage, State};

/// Kind of the stage's manifest and name of its folder.
pub(crate) const TOKENIZER: &str = "tokenizer";

/// Name of the tokenizer's file.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";

/// Name of the file beside it with the names of special tokens and the template of chats, if there are such.
const CONFIG_FILE: &str = "tokenizer_config.json";

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
    config: &TokenizerConfig,
    recipe: &Recipe,
    corpus: &Ingested,
    run: &RunFolder,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Vocabulary, Error> {
    let located = config.clone().relative_to(recipe.folder());
    let inputs = inputs(&located, corpus)?;
    let stage = Stage {
        kind: TOKENIZER,
        key: key(config, &inputs)?,
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
    progress.begin("tokenizer", None, Unit::Bytes);
    let trained = train_on(&located, corpus, progress, stop)?;
    progress.end();
    atomic::write(&path, trained.json().as_bytes())?;
    if let Some(contents) = trained.config_json() {
        atomic::write(&stage.folder.join(CONFIG_FILE), contents.as_bytes())?;
    }
    let tokenizer = trained.tokenizer();

    let mut manifest = Manifest::describe(&stage.folder, TOKENIZER, FORMAT_VERSION)?;
    manifest
        .files
        .retain(|file| [TOKENIZER_FILE, CONFIG_FILE].contains(&file.name.as_str()));
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
        "config": config,
        "identity": tokenizer.identity(),
        "stopped_at_training_bytes": used.stopped,
    });
    unfinished.finish(&manifest)?;
    Ok(Vocabulary { tokenizer, path })
}

/// What the tokenizer is made from: the corpus, a file, or nothing at all.
fn inputs(config: &TokenizerConfig, corpus: &Ingested) -> Result<BTreeMap<String, String>, Error> {
    let (name, digest) = match config {
        TokenizerConfig::Byte(_) => return Ok(BTreeMap::new()),
        TokenizerConfig::File(file) => {
            // What is no tokenizer is refused before it is hashed.
            let loaded = TrainedTokenizer::load(file.path.as_ref())?;
            ("tokenizer file", Digest::of(loaded.json().as_bytes()))
        }
        TokenizerConfig::Character(_)
        | TokenizerConfig::Bpe(_)
        | TokenizerConfig::Wordpiece(_)
        | TokenizerConfig::Unigram(_)
        | TokenizerConfig::Word(_) => ("corpus", corpus.key),
    };
    Ok(BTreeMap::from([(name.to_owned(), digest.to_string())]))
}

fn key(config: &TokenizerConfig, inputs: &BTreeMap<String, String>) -> Result<Digest, Error> {
    let mut hasher = Hasher::new();
    hasher.field("stage", TOKENIZER);
    hasher.field("version", VERSION.to_le_bytes());
    hasher.field("config", config_text(config)?);
    for (name, identity) in inputs {
        hasher.field(name, identity);
    }
    Ok(hasher.digest())
}

/// Characters are those of the whole corpus, so that every held-out text can be written; merges are learnt from what is
/// trained on alone.
fn train_on(
    config: &TokenizerConfig,
    corpus: &Ingested,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<TrainedTokenizer, Error> {
    let mut paths = corpus.documents(Part::Train);
    if matches!(config, TokenizerConfig::Character(_)) {
        paths.extend(corpus.documents(Part::HeldOut));
    }
    let mut bytes = 0;
    let mut texts = DocumentReader::new(paths).map(|document| {
        if stop.requested() {
            // Ends the reading; the caller gives the reason.
            let place = &corpus.folder;
            return Err(kiln_text::Error::failure(
                place,
                Position::Whole,
                "interrupted",
            ));
        }
        let text = document?.text;
        bytes += text.len() as u64;
        progress.advance(bytes);
        Ok(text)
    });
    match train(config, &mut texts) {
        Err(_) if stop.requested() => Err(Error::Interrupted),
        trained => Ok(trained?),
    }
}
