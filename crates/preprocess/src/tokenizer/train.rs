//! Making a tokenizer as a recipe asks, and keeping it.

pub(crate) mod alphabet;
pub(crate) mod count;
pub(crate) mod merges;
pub(crate) mod progress;
mod runs;

use std::path::Path;
use std::sync::Arc;

use kiln_tokens::Tokenizer;

use crate::tokenizer::{bpe, byte, character, file, unigram, word, wordpiece};
use crate::{Error, TokenizerConfig};

/// Texts to train on, in the order of the corpus. Reading ends at the first error, or when enough has been read.
pub type Texts<'a> = dyn Iterator<Item = Result<String, kiln_text::Error>> + 'a;

/// How much text a tokenizer was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Number of texts read.
    pub texts: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether reading stopped because this was as much as the tokenizer was to be trained on.
    pub stopped: bool,
}

impl Used {
    pub(crate) fn add(&mut self, text: &str) {
        self.texts += 1;
        self.bytes += text.len() as u64;
    }
}

/// A tokenizer with the file that it is kept as.
pub struct TrainedTokenizer {
    kind: &'static str,
    tokenizer: Arc<dyn Tokenizer>,
    json: String,
    used: Used,
}

impl TrainedTokenizer {
    /// A tokenizer read from a `tokenizer.json`.
    ///
    /// # Errors
    /// There is no such file, or it is not a tokenizer; a mistake.
    pub fn load(path: &Path) -> Result<Self, Error> {
        file::read(path)
    }

    pub(crate) fn new(kind: &'static str, tokenizer: Arc<dyn Tokenizer>, json: String) -> Self {
        Self {
            kind,
            tokenizer,
            json,
            used: Used::default(),
        }
    }

    /// `character`, `byte`, `bpe` (any byte-level byte-pair encoding) or `file` (anything else).
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> Arc<dyn Tokenizer> {
        Arc::clone(&self.tokenizer)
    }

    /// How much text it was made from; zeros if it was not made from text.
    pub fn used(&self) -> Used {
        self.used
    }

    /// The contents of its `tokenizer.json`. The tokenizer's identity is the BLAKE3 hash of these bytes.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Write its `tokenizer.json`.
    ///
    /// # Errors
    /// The file could not be written; a failure.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        std::fs::write(path, &self.json).map_err(|error| {
            let whole = kiln_text::Position::Whole;
            kiln_text::Error::failure(path, whole, error.to_string()).into()
        })
    }
}

/// Make the tokenizer of a recipe. `character` reads all texts, `bpe` the first `training_bytes`, the others none.
///
/// # Errors
/// The configuration asks for what cannot be, there is no text, or a text could not be read.
pub fn train(config: &TokenizerConfig, texts: &mut Texts<'_>) -> Result<TrainedTokenizer, Error> {
    let (definition, used) = match config {
        TokenizerConfig::File(file) => return TrainedTokenizer::load(Path::new(&file.path)),
        TokenizerConfig::Byte(_) => (byte::definition()?, Used::default()),
        TokenizerConfig::Character(_) => {
            let (characters, used) = character::vocabulary(texts)?;
            (character::definition(&characters)?, used)
        }
        TokenizerConfig::Bpe(bpe) => bpe::train(bpe, texts)?,
        TokenizerConfig::Wordpiece(wordpiece) => wordpiece::train(wordpiece, texts)?,
        TokenizerConfig::Unigram(unigram) => unigram::train(unigram, texts)?,
        TokenizerConfig::Word(word) => word::train(word, texts)?,
    };
    let trained = TrainedTokenizer {
        used,
        ..file::recognise(definition)?
    };
    report(config, &trained);
    Ok(trained)
}

fn report(config: &TokenizerConfig, trained: &TrainedTokenizer) {
    let vocabulary_size = trained.tokenizer.vocabulary_size();
    tracing::info!(
        kind = config.kind(),
        vocabulary_size,
        texts = trained.used.texts,
        bytes = trained.used.bytes,
        stopped_at_training_bytes = trained.used.stopped,
        "tokenizer made"
    );
    if let Some(asked) = config.vocabulary_size()
        && vocabulary_size < asked
    {
        tracing::warn!(
            asked,
            vocabulary_size,
            "the text repeats too little for the vocabulary size asked for"
        );
    }
}
