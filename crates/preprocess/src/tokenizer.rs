//! Tokenizers: from text to ids and back.

mod bpe;
mod byte;
mod byte_alphabet;
mod character;
mod config;
mod file;
mod hugging_face;
mod train;
mod word_table;
mod words;

pub use config::{BpeConfig, ByteConfig, CharacterConfig, FileConfig, TokenizerConfig};
pub use file::load;
pub use train::{Texts, TrainedTokenizer, Used, train};
