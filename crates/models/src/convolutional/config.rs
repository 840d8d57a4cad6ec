//! What a recipe says of a convolutional network.

use kiln_tensor::{Builder, Init};
use serde::{Deserialize, Serialize};

use super::character::CharacterCnn;
use super::dilated::DilatedCnn;
use super::gated::GatedCnn;
use super::keys::Keys;
use super::sentence::SentenceCnn;
use crate::draft::{Draft, Outputs, Wrong, at_least_one, probability};
use crate::head::LinearHead;
use crate::pooling::Pooling;

/// A convolutional network; `style` says whose, Kim's if left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "style", rename_all = "kebab-case", try_from = "Keys")]
pub enum Config {
    /// Kim's sentence classifier.
    Kim(Sentence),
    /// Zhang, Zhao and LeCun's character network.
    Zhang(Character),
    /// Dauphin and others' gated language model.
    Gated(Gated),
    /// Bai, Kolter and Koltun's temporal convolutional network.
    Dilated(Dilated),
}

/// Kim's sentence classifier (2014, "Convolutional Neural Networks for Sentence Classification"): convolutions of several widths over
/// token embeddings, the largest answer of each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sentence {
    /// Tokens that a filter spans, one group of filters for each.
    pub kernel_widths: Vec<i64>,
    /// Filters in each group.
    pub filters: i64,
    /// Width of the token embeddings.
    pub embedding_width: i64,
    /// Which tables of token embeddings there are, and which of them learn.
    pub embeddings: Embeddings,
    /// Probability of dropping each feature before the head: 0 or more, less than 1.
    pub dropout: f64,
}

/// The paper's variants of a sentence classifier (section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embeddings {
    /// One table that begins at random and learns.
    #[default]
    Random,
    /// One table that stays as it was given.
    Static,
    /// One table that learns from where it was given.
    NonStatic,
    /// Two tables, one that stays and one that learns; every filter is applied to both and the answers are added.
    Multichannel,
}

/// Zhang, Zhao and LeCun's network of characters (2015, "Character-level Convolutional Networks for Text Classification", tables 1 and
/// 2; the smaller one unless said otherwise). Rows are read at one length, the recipe's `context_length`, which was 1014 there;
/// ids are one-hot vectors and padding is the zero vector.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Character {
    /// Filters of each convolution: 256, or 1024 in the larger network.
    pub filters: i64,
    /// Places that each convolution spans.
    pub kernel_widths: Vec<i64>,
    /// Width of the maximum taken behind each convolution, side by side; 1 for none.
    pub pools: Vec<i64>,
    /// Width of the two fully connected layers: 1024, or 2048 in the larger network.
    pub hidden_width: i64,
    /// Probability of dropping after each fully connected layer: 0 or more, less than 1.
    pub dropout: f64,
}

/// Dauphin, Fan, Auli and Grangier's language model (2017, "Language Modeling with Gated Convolutional Networks"): causal convolutions,
/// each `(X * W + b) ⊗ σ(X * V + c)` (equation 1), in residual blocks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gated {
    /// Number of residual blocks.
    pub layers: i64,
    /// Width of what the blocks add to.
    pub width: i64,
    /// Places that a convolution spans: its own and those before it.
    pub kernel_width: i64,
    /// Width of a convolution between two of one place in each block; left out, a block is one convolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<i64>,
    /// Width of the token embeddings; `width` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_width: Option<i64>,
    /// Probability of dropping elements of each block's input and of the output: 0 or more, less than 1.
    pub dropout: f64,
    /// Whether each filter is a direction and a length (Salimans and Kingma, 2016).
    pub weight_norm: bool,
    /// How the states of a text become one where the task is about whole texts.
    pub pooling: Pooling,
    /// Whether the head is the token embedding's table; needs an embedding as wide as the blocks.
    pub tied_head: bool,
}

/// Bai, Kolter and Koltun's temporal convolutional network (2018, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks
/// for Sequence Modeling", section 3): block `i`, from 0, has two causal convolutions whose places lie `2^i` apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dilated {
    /// Number of residual blocks; the last place of `1 + 2 (kernel_width - 1) (2^layers - 1)` is seen.
    pub layers: i64,
    /// Width of each block.
    pub width: i64,
    /// Places that a convolution spans.
    pub kernel_width: i64,
    /// Width of the token embeddings; `width` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_width: Option<i64>,
    /// Probability of dropping elements of the embeddings, and whole channels of a row after each convolution: 0 or more, less than 1.
    pub dropout: f64,
    /// Whether each filter is a direction and a length (Salimans and Kingma, 2016).
    pub weight_norm: bool,
    /// How the states of a text become one where the task is about whole texts.
    pub pooling: Pooling,
    /// Whether the head is the token embedding's table; needs an embedding as wide as the blocks.
    pub tied_head: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self::Kim(Sentence::default())
    }
}

impl Default for Sentence {
    /// The published numbers.
    fn default() -> Self {
        Self {
            kernel_widths: vec![3, 4, 5],
            filters: 100,
            embedding_width: 300,
            embeddings: Embeddings::Random,
            dropout: 0.5,
        }
    }
}

impl Default for Character {
    /// The published numbers of the smaller network.
    fn default() -> Self {
        Self {
            filters: 256,
            kernel_widths: vec![7, 7, 3, 3, 3, 3],
            pools: vec![3, 3, 1, 1, 1, 3],
            hidden_width: 1024,
            dropout: 0.5,
        }
    }
}

impl Default for Gated {
    /// Small; the kernel is that of the paper's GCNN-13.
    fn default() -> Self {
        Self {
            layers: 8,
            width: 256,
            kernel_width: 4,
            bottleneck: None,
            embedding_width: None,
            dropout: 0.0,
            weight_norm: true,
            pooling: Pooling::Mean,
            tied_head: false,
        }
    }
}

impl Default for Dilated {
    /// Small; the kernel is that of the paper's networks of words and characters (appendix A).
    fn default() -> Self {
        Self {
            layers: 6,
            width: 256,
            kernel_width: 3,
            embedding_width: None,
            dropout: 0.0,
            weight_norm: true,
            pooling: Pooling::Mean,
            tied_head: false,
        }
    }
}

fn each_at_least_one(key: &'static str, values: &[i64]) -> Result<(), Wrong> {
    if values.is_empty() {
        let problem = "empty: expected one or more, as [3, 4, 5]";
        return Err(Wrong::new(key, problem));
    }
    values
        .iter()
        .try_for_each(|&value| at_least_one(&[(key, value)]))
}

fn as_wide(tied_head: bool, embedding: i64, width: i64) -> Result<(), Wrong> {
    if tied_head && embedding != width {
        let problem =
            format!("a tied head needs embedding_width = width, they are {embedding} and {width}");
        return Err(Wrong::new("tied_head", problem));
    }
    Ok(())
}

impl Config {
    /// Refuse what cannot be built, naming the key. Rows hold `context_length` ids.
    ///
    /// # Errors
    /// No kernel, a count below one, a dropout that is no probability, lists of different lengths, rows too short for the kernels
    /// and pools, a tied head of another width than the embedding, a reach beyond any row.
    pub fn check(&self, context_length: i64) -> Result<(), Wrong> {
        match self {
            Self::Kim(config) => {
                each_at_least_one("kernel_widths", &config.kernel_widths)?;
                at_least_one(&[
                    ("filters", config.filters),
                    ("embedding_width", config.embedding_width),
                ])?;
                probability("dropout", config.dropout)
            }
            Self::Zhang(config) => {
                each_at_least_one("kernel_widths", &config.kernel_widths)?;
                each_at_least_one("pools", &config.pools)?;
                at_least_one(&[
                    ("filters", config.filters),
                    ("hidden_width", config.hidden_width),
                ])?;
                probability("dropout", config.dropout)?;
                if config.pools.len() != config.kernel_widths.len() {
                    let problem = format!(
                        "{} numbers: expected one for each of the {} kernel_widths",
                        config.pools.len(),
                        config.kernel_widths.len()
                    );
                    return Err(Wrong::new("pools", problem));
                }
                if config
                    .places(context_length)
                    .last()
                    .is_none_or(|&left| left < 1)
                {
                    let problem = format!(
                        "nothing is left of rows of {context_length} ids: choose a larger context_length, fewer or smaller kernels or pools"
                    );
                    return Err(Wrong::new("kernel_widths", problem));
                }
                Ok(())
            }
            Self::Gated(config) => {
                at_least_one(&[
                    ("layers", config.layers),
                    ("width", config.width),
                    ("kernel_width", config.kernel_width),
                    ("bottleneck", config.bottleneck.unwrap_or(1)),
                    ("embedding_width", config.inputs()),
                ])?;
                as_wide(config.tied_head, config.inputs(), config.width)?;
                probability("dropout", config.dropout)
            }
            Self::Dilated(config) => {
                at_least_one(&[
                    ("layers", config.layers),
                    ("width", config.width),
                    ("kernel_width", config.kernel_width),
                    ("embedding_width", config.inputs()),
                ])?;
                const MOST: i64 = 24;
                if config.layers > MOST {
                    let problem = format!(
                        "{}: expected at most {MOST}, each reaches twice as far as the one before",
                        config.layers
                    );
                    return Err(Wrong::new("layers", problem));
                }
                as_wide(config.tied_head, config.inputs(), config.width)?;
                probability("dropout", config.dropout)
            }
        }
    }

    /// Refuse what cannot predict the next token, naming the key.
    ///
    /// # Errors
    /// Its filters see the tokens after a place.
    pub fn check_next_token(&self) -> Result<(), Wrong> {
        let what = match self {
            Self::Kim(_) => "a sentence CNN",
            Self::Zhang(_) => "a character CNN",
            Self::Gated(_) | Self::Dilated(_) => return Ok(()),
        };
        let problem = format!(
            "{what} sees the tokens after a place, so it cannot predict the next: choose \"transformer\" or \"rnn\", or style = \"gated\" or \"dilated\", for a language model"
        );
        Err(Wrong::new("kind", problem))
    }

    /// Declare a network that reads rows of `context_length` ids below `vocabulary`. Only the character network is bound to that
    /// length.
    ///
    /// # Panics
    /// With `Outputs::Tokens` where [`Config::check_next_token`] refuses.
    pub fn build(
        &self,
        mut builder: Builder,
        vocabulary: i64,
        context_length: i64,
        outputs: Outputs,
    ) -> Draft {
        if outputs == Outputs::Tokens {
            assert_eq!(self.check_next_token(), Ok(()), "asked for the next token");
        }
        let count = match outputs {
            Outputs::Tokens => vocabulary,
            Outputs::Classes(count) | Outputs::Values(count) => count,
        };
        let head = |builder: &mut Builder, width: i64| {
            let bound = 1.0 / (width as f64).sqrt();
            let zero = Some(Init::Constant(0.0));
            LinearHead::new(builder, [width, count], Init::Uniform { bound }, zero)
        };
        let tied = |tied_head: bool| tied_head && outputs == Outputs::Tokens;
        match self {
            Self::Kim(config) => {
                let trunk = SentenceCnn::new(config, &mut builder, vocabulary);
                let head = head(&mut builder, trunk.features());
                Draft {
                    trunk: Box::new(trunk),
                    head: Box::new(head),
                    builder,
                }
            }
            Self::Zhang(config) => {
                let trunk = CharacterCnn::new(config, &mut builder, vocabulary, context_length);
                let head = head(&mut builder, config.hidden_width);
                Draft {
                    trunk: Box::new(trunk),
                    head: Box::new(head),
                    builder,
                }
            }
            Self::Gated(config) => {
                let trunk = GatedCnn::new(config, &mut builder, vocabulary, outputs);
                let head = if tied(config.tied_head) {
                    LinearHead::tied(&mut builder, trunk.token_table(), None)
                } else {
                    head(&mut builder, config.width)
                };
                let (trunk, head) = (Box::new(trunk), Box::new(head));
                Draft::of_places(trunk, head, builder, outputs, config.pooling)
            }
            Self::Dilated(config) => {
                let trunk = DilatedCnn::new(config, &mut builder, vocabulary, outputs);
                let head = if tied(config.tied_head) {
                    LinearHead::tied(&mut builder, trunk.token_table(), None)
                } else {
                    head(&mut builder, config.width)
                };
                let (trunk, head) = (Box::new(trunk), Box::new(head));
                Draft::of_places(trunk, head, builder, outputs, config.pooling)
            }
        }
    }
}

impl Character {
    /// Places that are left of a row behind each convolution and its maximum; less than one where nothing is.
    pub(super) fn places(&self, context_length: i64) -> Vec<i64> {
        let layers = self.kernel_widths.iter().zip(&self.pools);
        layers
            .scan(context_length, |places, (kernel, pool)| {
                *places = (*places - kernel + 1).max(0) / pool;
                Some(*places)
            })
            .collect()
    }
}

impl Gated {
    /// Width of the token embeddings.
    pub(super) fn inputs(&self) -> i64 {
        self.embedding_width.unwrap_or(self.width)
    }
}

impl Dilated {
    /// Width of the token embeddings.
    pub(super) fn inputs(&self) -> i64 {
        self.embedding_width.unwrap_or(self.width)
    }
}
