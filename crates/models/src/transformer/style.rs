//! Published families of Transformers: what each has where a recipe does not say.

use serde::{Deserialize, Serialize};

use super::plan::Family;
use crate::layers::feed_forward::Activation;
use crate::layers::norm::{Gains, NormKind};

/// A published family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// GPT-2 (Radford et al., 2019) as nanoGPT has it: normalisation before each branch, exact GELU, learned positions.
    #[default]
    Gpt2,
    /// Llama (Touvron et al., 2023): RMS normalisation, rotary positions, a gated feed-forward layer. With `window` it is
    /// Mistral's, with `experts` Mixtral's.
    Llama,
    /// Qwen3 (2025): Llama's with normalised queries and keys.
    Qwen3,
    /// What wins a step at small sizes (modded-nanogpt and nanochat, 2024 and 2025): no gains, normalised queries and keys, squared
    /// ReLU, value embeddings, factors of the residual stream, output projections that begin at zero, capped logits.
    Modern,
    /// BERT (Devlin et al., 2019): an encoder, normalisation after each branch, learned positions and segments.
    Bert,
    /// T5 (Raffel et al., 2020): an encoder-decoder, RMS normalisation before each branch, relative positions.
    T5,
    /// The original (Vaswani et al., 2017): an encoder-decoder, normalisation after each branch, sinusoidal positions.
    Original,
}

/// How a model knows where a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// A learned vector for each place.
    Learned,
    /// Sines and cosines of the place (Vaswani et al., 2017, section 3.5).
    Sinusoidal,
    /// Queries and keys rotated by the place (Su et al., 2021).
    Rotary,
    /// A learned number for each distance and head (Raffel et al., 2020).
    Relative,
    /// It does not, but for what a causal mask shows (Haviv et al., 2022).
    None,
}

impl Positions {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Sinusoidal => "sinusoidal",
            Self::Rotary => "rotary",
            Self::Relative => "relative",
            Self::None => "none",
        }
    }
}

/// How a family's weights begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    /// 0.02 everywhere, branch outputs less by the root of their number (Radford et al., 2019, section 2.3).
    Gpt2,
    /// 0.02 everywhere.
    Plain,
    /// Uniform by the width, outputs at zero (nanochat).
    Modern,
    /// By the inputs of each product (Mesh TensorFlow's).
    T5,
    /// Uniform by inputs and outputs (Glorot and Bengio, 2010).
    Glorot,
}

/// What a family has.
pub(crate) struct Defaults {
    pub(crate) family: Family,
    pub(crate) norm: NormKind,
    pub(crate) epsilon: f64,
    /// Whether a normalisation learns gains.
    pub(crate) gains: bool,
    pub(crate) norm_first: bool,
    pub(crate) activation: Activation,
    pub(crate) positions: Positions,
    pub(crate) rotary_base: f64,
    pub(crate) bias: bool,
    pub(crate) tied_head: bool,
    pub(crate) query_key_norm: bool,
    /// Gains of normalised queries and keys.
    pub(crate) head_gains: Gains,
    pub(crate) logit_cap: Option<f64>,
    /// Value embeddings and residual scalars.
    pub(crate) modern: bool,
    pub(crate) initial: Initial,
}

impl Style {
    pub(crate) fn defaults(self) -> Defaults {
        let gpt2 = Defaults {
            family: Family::Decoder,
            norm: NormKind::LayerNorm,
            epsilon: 1e-5,
            gains: true,
            norm_first: true,
            activation: Activation::Gelu,
            positions: Positions::Learned,
            rotary_base: 10_000.0,
            bias: false,
            tied_head: true,
            query_key_norm: false,
            head_gains: Gains::Weight,
            logit_cap: None,
            modern: false,
            initial: Initial::Gpt2,
        };
        let llama = Defaults {
            norm: NormKind::RmsNorm,
            activation: Activation::Swiglu,
            positions: Positions::Rotary,
            tied_head: false,
            initial: Initial::Plain,
            ..gpt2
        };
        match self {
            Self::Gpt2 => gpt2,
            Self::Llama => llama,
            Self::Qwen3 => Defaults {
                epsilon: 1e-6,
                rotary_base: 1_000_000.0,
                tied_head: true,
                query_key_norm: true,
                ..llama
            },
            Self::Modern => Defaults {
                epsilon: 1e-6,
                gains: false,
                activation: Activation::ReluSquared,
                query_key_norm: true,
                head_gains: Gains::None,
                logit_cap: Some(15.0),
                modern: true,
                initial: Initial::Modern,
                ..llama
            },
            Self::Bert => Defaults {
                family: Family::Encoder,
                epsilon: 1e-12,
                norm_first: false,
                bias: true,
                initial: Initial::Plain,
                ..gpt2
            },
            Self::T5 => Defaults {
                family: Family::EncoderDecoder,
                norm: NormKind::RmsNorm,
                epsilon: 1e-6,
                activation: Activation::Relu,
                positions: Positions::Relative,
                initial: Initial::T5,
                ..gpt2
            },
            Self::Original => Defaults {
                family: Family::EncoderDecoder,
                norm_first: false,
                activation: Activation::Relu,
                positions: Positions::Sinusoidal,
                bias: true,
                initial: Initial::Glorot,
                ..gpt2
            },
        }
    }
}
