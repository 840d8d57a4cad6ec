//! Making a tokenizer as a recipe asks, and keeping it.

pub(crate) mod alphabet;
pub(crate) mod count;
pub(crate) mod merges;
pub(crate) mod progress;
mod runs;

use std::path::Path;
use std::sync::Arc;

use kiln_tokens::Tokenizer;

use crate::tokenizer::{bpe, byte, character, file, tokenizer_config, unigram, word, wordpiece};
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
    config_json: Option<String>,
    used: Used,
}

impl TrainedTokenizer {
    /// A tokenizer read from a `tokenizer.json`, and the `tokenizer_config.json` beside it if there is one.
    ///
    /// # Errors
    /// There is no such file, or it is not a tokenizer; a mistake.
    pub fn load(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            config_json: tokenizer_config::read(path)?,
            ..file::read(path)?
        })
    }

    pub(crate) fn new(kind: &'static str, tokenizer: Arc<dyn Tokenizer>, json: String) -> Self {
        Self {
            kind,
            tokenizer,
            json,
            config_json: None,
            used: Used::default(),
        }
    }

    /// The kind of its model: one of [`TokenizerConfig::KINDS`], `file` for what is none of those that are trained here.
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

    /// The contents of its `tokenizer_config.json`, where the names of the special tokens and the template of chats are
    /// kept for Hugging Face's `transformers`; `None` if it has neither. Ids do not depend on it.
    pub fn config_json(&self) -> Option<&str> {
        self.config_json.as_deref()
    }

    /// The Jinja template that makes one text of the messages of a chat, if one is kept with it.
    pub fn chat_template(&self) -> Option<String> {
        tokenizer_config::chat_template(self.config_json()?)
    }

    /// Write its `tokenizer.json`, and `tokenizer_config.json` beside it if there is something to write there.
    ///
    /// # Errors
    /// A file could not be written; a failure.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        write(path, &self.json)?;
        match &self.config_json {
            Some(contents) => write(&tokenizer_config::beside(path), contents),
            None => Ok(()),
        }
    }
}

fn write(path: &Path, contents: &str) -> Result<(), Error> {
    std::fs::write(path, contents).map_err(|error| {
        let whole = kiln_text::Position::Whole;
        kiln_text::Error::failure(path, whole, error.to_string()).into()
    })
}

/// Make the tokenizer of a recipe. `character` reads all texts, `byte` and `file` none, the others the first
/// `training_bytes`. The same texts in the same order give the same bytes, whatever the number of threads; steps that take
/// long say at most once a second, as `tracing` events, how far they are.
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
    let recognised = file::recognise(definition)?;
    let end_of_text = recognised.tokenizer.end_of_text();
    let end_of_text = end_of_text.and_then(|id| recognised.tokenizer.token(id));
    let trained = TrainedTokenizer {
        used,
        config_json: tokenizer_config::written(config, end_of_text.as_deref()),
        ..recognised
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
