//! The `[dataset]` and `[task]` sections of a recipe.

use std::sync::Arc;

use kiln_tokens::BatchSource;
use serde::{Deserialize, Serialize};

use crate::{Error, Tokens, permutation, streams, windows};

/// `[dataset]`: how tokens are cut into rows and in which order the rows are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Tokens in a row. A language model sees no further back; texts of a classification or regression task that are
    /// longer are cut, and counted.
    #[serde(default = "default_context_length")]
    pub context_length: usize,
    /// Order of the rows of a language model; examples are always read in a new permutation each epoch.
    #[serde(default)]
    pub order: Order,
    /// What stands between documents of a language model.
    #[serde(default)]
    pub separator: Separator,
}

/// Order in which a language model reads its training text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The text is cut into windows side by side; each is read once an epoch, in an order drawn anew each epoch.
    #[default]
    Permutation,
    /// Windows that begin anywhere, drawn with replacement; nanoGPT's order.
    Windows,
    /// As many streams as a batch has rows, each read from its beginning, so that a recurrent state can be carried.
    Streams,
}

/// What stands between documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// The tokenizer's end-of-text token after each document, if it has one.
    #[default]
    Auto,
    /// Nothing.
    None,
}

/// `[task]`: what the model is to predict. As a document: `kind`, one of [`KINDS`](TaskConfig::KINDS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum TaskConfig {
    /// The next token.
    LanguageModel,
    /// The `label` of a document.
    Classification,
    /// The `value` of a document.
    Regression,
}

fn default_context_length() -> usize {
    256
}

impl Default for Config {
    fn default() -> Self {
        Self {
            context_length: default_context_length(),
            order: Order::default(),
            separator: Separator::default(),
        }
    }
}

impl Config {
    /// The training rows of a language model in the order asked for. `lanes` is the number of rows of a batch, which
    /// `streams` reads side by side.
    ///
    /// # Errors
    /// The split is too short for the context length; a mistake.
    pub fn training(
        &self,
        tokens: Arc<Tokens>,
        seed: u64,
        lanes: usize,
    ) -> Result<Arc<dyn BatchSource>, Error> {
        Ok(match self.order {
            Order::Permutation => Arc::new(permutation(tokens, self.context_length, seed)?),
            Order::Windows => Arc::new(windows(tokens, self.context_length, seed)?),
            Order::Streams => Arc::new(streams(tokens, self.context_length, lanes)?),
        })
    }
}

impl TaskConfig {
    /// The values of `kind`.
    pub const KINDS: [&'static str; 3] = ["language-model", "classification", "regression"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_read_with_their_defaults() {
        assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
        let config: Config =
            toml::from_str("context_length = 64\norder = \"streams\"\nseparator = \"none\"")
                .unwrap();
        assert_eq!(config.context_length, 64);
        assert_eq!(config.order, Order::Streams);
        assert_eq!(config.separator, Separator::None);
        assert!(toml::from_str::<Config>("contxt = 64").is_err());
    }

    #[test]
    fn every_kind_of_task_reads() {
        for kind in TaskConfig::KINDS {
            let section = format!("kind = \"{kind}\"\n");
            let task: TaskConfig = toml::from_str(&section).unwrap();
            assert_eq!(toml::to_string(&task).unwrap(), section);
        }
    }
}
