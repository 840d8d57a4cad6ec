//! Tokenizers: train, load, save, encode and decode.
//!
//! Four kinds behind one trait, [`Tokenizer`](kiln_tokens::Tokenizer): `character`, `byte`, `bpe` (byte-level
//! byte-pair encoding) and `file` (any Hugging Face `tokenizer.json`). Each is kept as a `tokenizer.json` that the
//! Hugging Face library loads with the same ids, and is recognised again from that file alone.
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

mod error;
mod tokenizer;

pub use error::Error;
pub use tokenizer::{
    BpeConfig, ByteConfig, CharacterConfig, FileConfig, ReportText, Texts, TokenCounts,
    TokenizerConfig, TokenizerReport, TrainedTokenizer, Used, UsedToken, encode_batch, load, train,
};
