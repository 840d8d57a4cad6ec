//! Tokenizers: from text to ids and back.

mod batch;
mod bpe;
mod byte;
mod byte_alphabet;
mod character;
mod config;
mod encoder;
mod file;
mod hugging_face;
mod pieces;
mod train;
mod words;

pub use batch::encode_batch;
pub use config::{BpeConfig, ByteConfig, CharacterConfig, FileConfig, TokenizerConfig};
pub use file::load;
pub use train::{Texts, TrainedTokenizer, Used, train};
