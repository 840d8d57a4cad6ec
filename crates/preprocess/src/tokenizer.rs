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
#[cfg(test)]
mod kinds;
mod pieces;
#[cfg(test)]
mod real_shapes;
mod report;
mod special;
mod split;
mod tokenizer_config;
mod train;
mod unigram;
mod word;
mod wordpiece;
mod words;

pub use batch::encode_batch;
pub use config::{
    BpeConfig, ByteConfig, CharacterConfig, FileConfig, SplitName, TokenizerConfig, UnigramConfig,
    WordConfig, WordSplit, WordpieceConfig,
};
pub use file::load;
pub use report::{ReportText, TokenCounts, TokenizerReport, UsedToken};
pub use train::{Texts, TrainedTokenizer, Used, train};
