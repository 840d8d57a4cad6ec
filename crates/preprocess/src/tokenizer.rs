//! Tokenizers: from text to ids and back.

mod batch;
mod bpe;
mod byte;
mod byte_alphabet;
mod character;
mod config;
mod encoder;
mod file;
mod file_check;
mod hugging_face;
mod pieces;
#[cfg(test)]
mod real_shapes;
mod report;
mod train;
mod words;

pub use batch::encode_batch;
pub use config::{BpeConfig, ByteConfig, CharacterConfig, FileConfig, TokenizerConfig};
pub use file::load;
pub use report::{ReportText, TokenCounts, TokenizerReport, UsedToken};
pub use train::{Texts, TrainedTokenizer, Used, train};
