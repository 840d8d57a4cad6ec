//! The `[tokenizer]` section of a recipe.

use std::path::Path;

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
    /// Byte-level byte-pair encoding, trained on the corpus.
    Bpe(BpeConfig),
    /// A `tokenizer.json` that exists.
    File(FileConfig),
}

impl TokenizerConfig {
    /// The values of `kind`.
    pub const KINDS: [&'static str; 4] = ["character", "byte", "bpe", "file"];

    /// The value of `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Character(_) => "character",
            Self::Byte(_) => "byte",
            Self::Bpe(_) => "bpe",
            Self::File(_) => "file",
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

/// `kind = "bpe"`: byte-level byte-pair encoding with GPT-2's split into words (Sennrich et al. 2016; Radford et al.
/// 2019).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BpeConfig {
    /// Number of ids: the special tokens, the 256 bytes, and a merge for each of the rest. A small corpus may give
    /// fewer.
    pub vocabulary_size: usize,
    /// Tokens that stand for no text; they take the first ids. One named `<|endoftext|>` (or `<|end_of_text|>`, `</s>`,
    /// `<eos>`) ends each document.
    #[serde(default = "default_special_tokens")]
    pub special_tokens: Vec<String>,
    /// Bytes of text that the merges are learnt from, read from the beginning of the corpus; at most 2147483647.
    #[serde(default = "default_training_bytes")]
    pub training_bytes: u64,
}

/// `kind = "file"`: a tokenizer trained elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// A Hugging Face `tokenizer.json`; a relative path starts at the recipe's folder.
    pub path: String,
}

fn default_special_tokens() -> Vec<String> {
    vec!["<|endoftext|>".into()]
}

fn default_training_bytes() -> u64 {
    256 << 20
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
        assert_eq!(bpe.training_bytes, 268_435_456);
        assert_eq!(config.kind(), "bpe");
        let written = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<TokenizerConfig>(&written).unwrap(), config);
    }

    #[test]
    fn unknown_keys_are_refused_in_every_kind() {
        for section in [
            "kind = \"character\"\nsize = 1",
            "kind = \"byte\"\nsize = 1",
            "kind = \"bpe\"\nvocabulary_size = 512\nsize = 1",
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
