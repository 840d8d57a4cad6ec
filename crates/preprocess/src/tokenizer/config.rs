//! The `[tokenizer]` section of a recipe.

use std::path::Path;

use kiln_text::MemorySize;
use serde::{Deserialize, Serialize};

/// Which tokenizer, and how it is made. As a document: the section's keys and `kind`, one of
/// [`KINDS`](TokenizerConfig::KINDS).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TokenizerConfig {
    /// An id for each character of the corpus.
    Character(CharacterConfig),
    /// An id for each of the 256 bytes.
    Byte(ByteConfig),
    /// Byte-pair encoding, trained on the corpus.
    Bpe(BpeConfig),
    /// BERT's pieces of words, trained on the corpus.
    Wordpiece(WordpieceConfig),
    /// The most probable pieces, trained on the corpus.
    Unigram(UnigramConfig),
    /// Whole words of the corpus.
    Word(WordConfig),
    /// A `tokenizer.json` that exists.
    File(FileConfig),
}

impl TokenizerConfig {
    /// The values of `kind`.
    pub const KINDS: [&'static str; 7] = [
        "character",
        "byte",
        "bpe",
        "wordpiece",
        "unigram",
        "word",
        "file",
    ];

    /// The value of `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Character(_) => "character",
            Self::Byte(_) => "byte",
            Self::Bpe(_) => "bpe",
            Self::Wordpiece(_) => "wordpiece",
            Self::Unigram(_) => "unigram",
            Self::Word(_) => "word",
            Self::File(_) => "file",
        }
    }

    /// The number of ids asked for, where that is asked.
    pub fn vocabulary_size(&self) -> Option<usize> {
        match self {
            Self::Bpe(bpe) => Some(bpe.vocabulary_size),
            Self::Wordpiece(wordpiece) => Some(wordpiece.vocabulary_size),
            Self::Unigram(unigram) => Some(unigram.vocabulary_size),
            Self::Word(word) => Some(word.vocabulary_size),
            Self::Character(_) | Self::Byte(_) | Self::File(_) => None,
        }
    }

    /// The special tokens asked for.
    pub fn special_tokens(&self) -> &[String] {
        match self {
            Self::Bpe(bpe) => &bpe.special_tokens,
            Self::Wordpiece(wordpiece) => &wordpiece.special_tokens,
            Self::Unigram(unigram) => &unigram.special_tokens,
            Self::Word(word) => &word.special_tokens,
            Self::Character(_) | Self::Byte(_) | Self::File(_) => &[],
        }
    }

    /// The template of chats that is kept with the tokenizer.
    pub fn chat_template(&self) -> Option<&str> {
        match self {
            Self::Bpe(bpe) => bpe.chat_template.as_deref(),
            Self::Wordpiece(wordpiece) => wordpiece.chat_template.as_deref(),
            Self::Unigram(unigram) => unigram.chat_template.as_deref(),
            Self::Word(word) => word.chat_template.as_deref(),
            Self::Character(_) | Self::Byte(_) | Self::File(_) => None,
        }
    }

    /// The same with relative paths taken from `folder`, the recipe's.
    pub fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::File(FileConfig { path }) => Self::File(FileConfig {
                path: folder.join(path).to_string_lossy().into_owned(),
            }),
            other => other,
        }
    }
}

/// `kind = "character"`: the sorted distinct characters of the whole corpus, held-out part included; no special tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CharacterConfig {}

/// `kind = "byte"`: 256 ids, each the byte of its number; no special tokens, and nothing to train.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByteConfig {}

/// A regular expression that cuts texts into words, which no token crosses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitName {
    /// GPT-2's (Radford et al. 2019).
    #[default]
    Gpt2,
    /// That of `cl100k_base`, for GPT-4, and of Llama 3: up to three digits a word. Also called `gpt4`.
    #[serde(alias = "gpt4")]
    Cl100k,
    /// Qwen2's: as `cl100k` with one digit a word.
    Qwen2,
    /// That of `o200k_base`, for GPT-4o. Also called `gpt4o`.
    #[serde(alias = "gpt4o")]
    O200k,
}

/// `kind = "bpe"`: byte-pair encoding (Sennrich et al. 2016), over bytes (Radford et al. 2019) or, with
/// `byte_fallback`, over characters as sentencepiece has it.
///
/// Merged first is the pair with the largest count, of equals the one with the smaller left id, then the smaller right id.
/// The ids are the special tokens, then the 256 bytes, then the characters if there are such by code point, then the merges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BpeConfig {
    /// Number of ids: the special tokens, the 256 bytes, characters, and a merge for each of the rest. A small corpus may
    /// give fewer.
    pub vocabulary_size: usize,
    /// Merge characters instead of bytes, `▁` (U+2581) for the space among them; a character that is no token is written as
    /// its bytes, `<0x00>` to `<0xFF>`. A text's own `▁` comes back as a space. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub byte_fallback: bool,
    /// With `byte_fallback`: the number of different characters that are tokens, the most frequent, 1 or more. Default 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alphabet_limit: Option<usize>,
    /// How texts are cut into words, which no token crosses. Default `"gpt2"`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub split: SplitName,
    /// A pair must occur this often to become a token, 1 or more. Default 2.
    #[serde(default = "two", skip_serializing_if = "is_two")]
    pub minimum_frequency: u64,
    /// Tokens have at most so many bytes, or characters with `byte_fallback`; 2 or more. Default no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_token_length: Option<usize>,
    /// Tokens that stand for no text; they take the first ids. One named `<|endoftext|>` (or `<|end_of_text|>`, `</s>`,
    /// `<eos>`) ends each document.
    #[serde(default = "default_special_tokens")]
    pub special_tokens: Vec<String>,
    /// Bytes of text that the merges are learnt from, read from the beginning of the corpus; 1 or more. Default 256 MiB.
    #[serde(default = "default_training_bytes")]
    pub training_bytes: u64,
    /// Memory that training may take, about, beside the texts being read: `"1G"`. Counted words that do not fit go to the
    /// temporary folder (`TMPDIR`); if the merges cannot be learnt from all distinct words within it, the rarest are left
    /// out and their number is logged. Default `"2G"`.
    #[serde(default = "default_memory", skip_serializing_if = "is_default_memory")]
    pub max_memory: MemorySize,
    /// Jinja template that makes one text of the messages of a chat; kept in `tokenizer_config.json`, not read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
}

/// `kind = "wordpiece"`: BERT's tokenizer (Devlin et al. 2019): a word is cut into the longest pieces that are tokens, from
/// its beginning; pieces within a word begin with `##`. Spaces are not kept, so that a text is not had back exactly.
///
/// The pieces are learnt as in byte-pair encoding, as by the Hugging Face library. The ids are the special tokens, the
/// characters by code point, the same with `##`, then the pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordpieceConfig {
    /// Number of ids. A small corpus may give fewer.
    pub vocabulary_size: usize,
    /// Read texts in lower case and without accents, as BERT's uncased models do. Default true.
    #[serde(default = "yes")]
    pub lowercase: bool,
    /// The number of different characters that are tokens, the most frequent, 1 or more; a word with any other is the
    /// unknown token. Default 1000.
    #[serde(default = "default_alphabet")]
    pub alphabet_limit: usize,
    /// A pair must occur this often to become a token, 1 or more. Default 2.
    #[serde(default = "two")]
    pub minimum_frequency: u64,
    /// What a word that cannot be cut into tokens becomes, one of the special tokens. Default `[UNK]`.
    #[serde(default = "wordpiece_unknown")]
    pub unknown_token: String,
    /// They take the first ids. Default `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`; none is put into texts here. To end
    /// documents, add one named as in `bpe`.
    #[serde(default = "wordpiece_special_tokens")]
    pub special_tokens: Vec<String>,
    /// As in `bpe`.
    #[serde(default = "default_training_bytes")]
    pub training_bytes: u64,
    /// As in `bpe`.
    #[serde(default = "default_memory", skip_serializing_if = "is_default_memory")]
    pub max_memory: MemorySize,
    /// As in `bpe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
}

/// `kind = "unigram"`: sentencepiece's unigram model (Kudo 2018): a word is cut into the pieces whose product of
/// probabilities is the greatest; spaces are `▁` (U+2581), and a text's own `▁` comes back as a space.
///
/// The ids are the special tokens, the 256 bytes with `byte_fallback`, then the pieces by probability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnigramConfig {
    /// Number of ids. A small corpus may give fewer.
    pub vocabulary_size: usize,
    /// Write a character that is no token as its bytes, `<0x00>` to `<0xFF>`, rather than as the unknown token. Default
    /// true.
    #[serde(default = "yes")]
    pub byte_fallback: bool,
    /// The number of different characters that are tokens, the most frequent, 1 or more. Default 1000.
    #[serde(default = "default_alphabet")]
    pub alphabet_limit: usize,
    /// Pieces have at most so many characters, 1 to 32. Default 16, as in sentencepiece.
    #[serde(default = "sixteen")]
    pub maximum_token_length: usize,
    /// How texts are cut into words, which no piece crosses. Default `"gpt2"`.
    #[serde(default)]
    pub split: SplitName,
    /// What a character that is no token becomes without `byte_fallback`, one of the special tokens. Default `<unk>`.
    #[serde(default = "unknown")]
    pub unknown_token: String,
    /// They take the first ids. Default `<unk>`, `<s>`, `</s>`; `</s>` ends each document.
    #[serde(default = "sentencepiece_special_tokens")]
    pub special_tokens: Vec<String>,
    /// As in `bpe`.
    #[serde(default = "default_training_bytes")]
    pub training_bytes: u64,
    /// As in `bpe`.
    #[serde(default = "default_memory", skip_serializing_if = "is_default_memory")]
    pub max_memory: MemorySize,
    /// As in `bpe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
}

/// What a word is for `kind = "word"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WordSplit {
    /// Letters, digits and `_` together, or other marks together: `don ' t`.
    #[default]
    Marks,
    /// What stands between spaces: for texts that were cut into words before.
    Spaces,
}

/// `kind = "word"`: an id for each word that is frequent enough, the most frequent first and of equals by their bytes; all
/// others are the unknown token. Spaces are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordConfig {
    /// Number of ids at most, special tokens included.
    pub vocabulary_size: usize,
    /// A word must occur this often to have an id, 1 or more. Default 2.
    #[serde(default = "two")]
    pub minimum_frequency: u64,
    /// Read texts in lower case. Default false.
    #[serde(default)]
    pub lowercase: bool,
    /// What a word is. Default `"marks"`.
    #[serde(default)]
    pub split: WordSplit,
    /// What every other word becomes, one of the special tokens. Default `<unk>`.
    #[serde(default = "unknown")]
    pub unknown_token: String,
    /// They take the first ids. Default `<unk>`, `<eos>`; `<eos>` ends each document.
    #[serde(default = "word_special_tokens")]
    pub special_tokens: Vec<String>,
    /// As in `bpe`.
    #[serde(default = "default_training_bytes")]
    pub training_bytes: u64,
    /// As in `bpe`.
    #[serde(default = "default_memory", skip_serializing_if = "is_default_memory")]
    pub max_memory: MemorySize,
    /// As in `bpe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
}

/// `kind = "file"`: a tokenizer trained elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// A Hugging Face `tokenizer.json`; a relative path starts at the recipe's folder.
    pub path: String,
}

/// Number of characters that are tokens unless told otherwise: that of Hugging Face's BERT and sentencepiece trainers.
pub(crate) const DEFAULT_ALPHABET: usize = 1000;

/// That of `[corpus]`.
const DEFAULT_MEMORY: MemorySize = MemorySize(2 << 30);

impl BpeConfig {
    /// With every other key at its default.
    pub fn new(vocabulary_size: usize) -> Self {
        Self {
            vocabulary_size,
            byte_fallback: false,
            alphabet_limit: None,
            split: SplitName::Gpt2,
            minimum_frequency: two(),
            maximum_token_length: None,
            special_tokens: default_special_tokens(),
            training_bytes: default_training_bytes(),
            max_memory: DEFAULT_MEMORY,
            chat_template: None,
        }
    }
}

fn default_special_tokens() -> Vec<String> {
    vec!["<|endoftext|>".into()]
}

fn wordpiece_special_tokens() -> Vec<String> {
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        .map(String::from)
        .into()
}

fn sentencepiece_special_tokens() -> Vec<String> {
    ["<unk>", "<s>", "</s>"].map(String::from).into()
}

fn word_special_tokens() -> Vec<String> {
    ["<unk>", "<eos>"].map(String::from).into()
}

fn wordpiece_unknown() -> String {
    "[UNK]".into()
}

fn unknown() -> String {
    "<unk>".into()
}

fn default_training_bytes() -> u64 {
    256 << 20
}

fn default_memory() -> MemorySize {
    DEFAULT_MEMORY
}

// A key that has its default is not written down, so that what was trained before the key was there is found done.
fn is_default_memory(size: &MemorySize) -> bool {
    *size == DEFAULT_MEMORY
}

fn is_default(split: &SplitName) -> bool {
    *split == SplitName::default()
}

fn is_two(number: &u64) -> bool {
    *number == two()
}

fn two() -> u64 {
    2
}

fn sixteen() -> usize {
    16
}

fn default_alphabet() -> usize {
    DEFAULT_ALPHABET
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_read_with_their_defaults() {
        let config: TokenizerConfig =
            toml::from_str("kind = \"bpe\"\nvocabulary_size = 512").unwrap();
        let TokenizerConfig::Bpe(bpe) = &config else {
            panic!("{config:?}")
        };
        assert_eq!(bpe.special_tokens, ["<|endoftext|>"]);
        assert_eq!(*bpe, BpeConfig::new(512));
        assert_eq!(bpe.training_bytes, 268_435_456);
        assert_eq!(config.kind(), "bpe");
        let written = toml::to_string(&config).unwrap();
        assert_eq!(
            written,
            "kind = \"bpe\"\nvocabulary_size = 512\nspecial_tokens = [\"<|endoftext|>\"]\ntraining_bytes = 268435456\n",
            "as it was before there were more keys: runs are found again by it"
        );
        assert_eq!(toml::from_str::<TokenizerConfig>(&written).unwrap(), config);
    }

    #[test]
    fn every_key_is_written_and_read() {
        let common = "training_bytes = 9\nmax_memory = \"1G\"\nchat_template = \"{{ x }}\"\nspecial_tokens = [\"<u>\"]\n";
        for section in [
            "kind = \"bpe\"\nvocabulary_size = 512\nbyte_fallback = true\nalphabet_limit = 7\nsplit = \"gpt4\"\n\
             minimum_frequency = 3\nmaximum_token_length = 9\n",
            "kind = \"wordpiece\"\nvocabulary_size = 512\nlowercase = false\nalphabet_limit = 7\nminimum_frequency = 3\n\
             unknown_token = \"<u>\"\n",
            "kind = \"unigram\"\nvocabulary_size = 512\nbyte_fallback = false\nalphabet_limit = 7\n\
             maximum_token_length = 9\nsplit = \"gpt4o\"\nunknown_token = \"<u>\"\n",
            "kind = \"word\"\nvocabulary_size = 512\nminimum_frequency = 3\nlowercase = true\nsplit = \"spaces\"\n\
             unknown_token = \"<u>\"\n",
        ] {
            let section = section.to_owned() + common;
            let config: TokenizerConfig = toml::from_str(&section).unwrap();
            assert_eq!(config.vocabulary_size(), Some(512));
            assert_eq!(config.chat_template(), Some("{{ x }}"));
            let written = toml::to_string(&config).unwrap();
            assert_eq!(
                written.lines().count(),
                section.lines().count(),
                "{written}"
            );
            assert_eq!(toml::from_str::<TokenizerConfig>(&written).unwrap(), config);
        }
    }

    #[test]
    fn unknown_keys_are_refused_in_every_kind() {
        for section in [
            "kind = \"character\"\nsize = 1",
            "kind = \"byte\"\nsize = 1",
            "kind = \"bpe\"\nvocabulary_size = 512\nsize = 1",
            "kind = \"wordpiece\"\nvocabulary_size = 512\nsize = 1",
            "kind = \"unigram\"\nvocabulary_size = 512\nsize = 1",
            "kind = \"word\"\nvocabulary_size = 512\nsize = 1",
            "kind = \"file\"\npath = \"a\"\nsize = 1",
        ] {
            let error = toml::from_str::<TokenizerConfig>(section).unwrap_err();
            assert!(error.to_string().contains("size"), "{section}: {error}");
        }
        for kind in TokenizerConfig::KINDS {
            let section = format!("kind = \"{kind}\"\nvocabulary_size = 300\npath = \"a\"");
            let error = toml::from_str::<TokenizerConfig>(&section).unwrap_err();
            assert!(!error.to_string().contains("variant"), "{kind}: {error}");
        }
    }

    #[test]
    fn paths_start_at_the_recipe() {
        let file = |path: &str| TokenizerConfig::File(FileConfig { path: path.into() });
        assert_eq!(
            file("t.json").relative_to(Path::new("/r")),
            file("/r/t.json")
        );
        assert_eq!(
            file("/a/t.json").relative_to(Path::new("/r")),
            file("/a/t.json")
        );
    }
}
