//! Tokenizers: from text to ids and back.

mod bpe;
mod byte;
mod byte_alphabet;
mod character;
mod config;
mod file;
mod hugging_face;
mod special;
mod split;
mod train;
mod unigram;
mod word;
mod word_table;
mod wordpiece;
mod words;

pub use config::{
    BpeConfig, ByteConfig, CharacterConfig, FileConfig, SplitName, TokenizerConfig, UnigramConfig,
    WordConfig, WordSplit, WordpieceConfig,
};
pub use file::load;
pub use train::{Texts, TrainedTokenizer, Used, train};
