//! Text before and into tokens.
//!
//! Words have modules of their own: [`stem`], [`lemma`] (dictionary forms and parts of speech), [`segment`] (sentences and
//! words), [`conllu`] (the treebanks that the latter two are trained on). The steps of a recipe's `[preprocessing]`
//! ([`PreprocessingConfig`]) put them and other normalisation before a tokenizer.
//!
//! Tokenizers are of seven kinds behind one trait, [`Tokenizer`](kiln_tokens::Tokenizer): `character`, `byte`, `bpe` (byte-pair encoding over
//! bytes, or over characters with bytes to fall back on), `wordpiece`, `unigram`, `word`, and `file` (any Hugging Face
//! `tokenizer.json`). Each is kept as a `tokenizer.json` that the Hugging Face library loads with the same ids, and is
//! recognised again from that file alone; names of special tokens and a template of chats lie beside it in
//! `tokenizer_config.json`. Training keeps within a ceiling of memory and gives the same file at each run, whatever the
//! number of threads.
//!
//! The room knows no corpus, no shard and no tensor: texts come as an iterator, ids go out as numbers.
//!
//! ```
//! use kiln_preprocess::{CharacterConfig, TokenizerConfig, train};
//!
//! let texts = ["To be,", "or not to be"].map(|text| Ok(text.to_owned()));
//! let trained = train(&TokenizerConfig::Character(CharacterConfig {}), &mut texts.into_iter())?;
//! let tokenizer = trained.tokenizer();
//! let mut ids = Vec::new();
//! tokenizer.encode("not", &mut ids)?;
//! assert_eq!(tokenizer.vocabulary_size(), 9); // distinct characters, the space and the comma among them
//! assert_eq!(tokenizer.decode(&ids)?, b"not");
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod conllu;
mod error;
pub mod lemma;
mod lexicon;
pub mod perceptron;
mod preprocessing;
pub mod segment;
pub mod stem;
mod tokenizer;

pub use error::Error;
pub use lemma::Lemmatizer;
pub use lexicon::{Lexicon, LexiconBuilder};
pub use preprocessing::{
    AccentsConfig, DigitsConfig, LemmatizeConfig, LowercaseConfig, MaskConfig, Masked, NormalForm,
    PREPROCESSING_FILE, Pass, PhrasesConfig, PreprocessedTokenizer, PreprocessingConfig,
    PreprocessingReport, Preprocessor, RareWordsConfig, ReportRow, SpacesConfig, StemConfig,
    StepConfig, StopWordsConfig, UnicodeConfig, fit as fit_preprocessing,
};
pub use segment::Segmenter;
pub use stem::Stemmer;
pub use tokenizer::{
    BpeConfig, ByteConfig, CharacterConfig, FileConfig, ReportText, SplitName, Texts, TokenCounts,
    TokenizerConfig, TokenizerReport, TrainedTokenizer, UnigramConfig, Used, UsedToken, WordConfig,
    WordSplit, WordpieceConfig, encode_batch, load, train,
};

/// The examples of the README are run as tests.
#[cfg(all(doctest, feature = "english"))]
#[doc = include_str!("../README.md")]
mod readme {}
