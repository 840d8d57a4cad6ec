//! A recipe's keys and its family's defaults, put together: every shape decided.

use kiln_learn::Head;
use kiln_tensor::{Builder, Init, Tensor};

use super::Config;
use super::style::{Initial, Positions};
use crate::draft::Outputs;
use crate::head::{LinearHead, Transform};
use crate::layers::attention::{AttentionInit, AttentionShape};
use crate::layers::block::{BlockInit, BlockShape};
use crate::layers::experts::ExpertsShape;
use crate::layers::feed_forward::{Activation, FeedForwardShape};
use crate::layers::norm::{Gains, NormKind, NormShape};
use crate::layers::rotary::RotaryScaling;

/// What a Transformer reads and sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// One text, each place those before it.
    Decoder,
    /// One text, each place all others.
    Encoder,
    /// One text whole, then another one, each place those before it.
    EncoderDecoder,
}

/// A Transformer with everything decided but the vocabulary and the context length.
pub(crate) struct Plan {
    pub(crate) family: Family,
    pub(crate) layers: i64,
    pub(crate) decoder_layers: i64,
    pub(crate) block: BlockShape,
    pub(crate) positions: Positions,
    pub(crate) rotary_base: f64,
    pub(crate) rotary_scaling: Option<RotaryScaling>,
    pub(crate) relative_buckets: i64,
    pub(crate) relative_distance: i64,
    window: Option<i64>,
    window_pattern: Option<String>,
    pub(crate) value_embeddings: bool,
    pub(crate) residual_scalars: bool,
    /// Most rows of the tables of two tokens, of three, and so on.
    pub(crate) ngrams: Vec<i64>,
    pub(crate) logit_cap: Option<f64>,
    pub(crate) tied_head: bool,
    pub(crate) initial: Initial,
    /// Whether embeddings are normalised.
    pub(crate) embedding_norm: bool,
    /// Factor of token embeddings.
    pub(crate) embedding_scale: f64,
    /// Segments that are told apart.
    pub(crate) segments: i64,
    /// Factor of hidden states before a tied head.
    head_scale: Option<f64>,
}

impl Plan {
    pub(crate) fn new(config: &Config) -> Self {
        let defaults = config.style.defaults();
        let width = config.width;
        let head_width = config
            .head_width
            .unwrap_or(width / config.heads.max(1))
            .max(1);
        let activation = config.activation.unwrap_or(defaults.activation);
        let bias = config.bias.unwrap_or(defaults.bias);
        let kind = config.norm.unwrap_or(defaults.norm);
        let epsilon = config.norm_epsilon.unwrap_or(defaults.epsilon);
        let gains = match (defaults.gains, kind) {
            (false, _) => Gains::None,
            (true, NormKind::LayerNorm) if bias => Gains::WeightAndBias,
            (true, _) => Gains::Weight,
        };
        let value_embeddings = config.value_embeddings.unwrap_or(defaults.modern);
        let t5 = defaults.initial == Initial::T5;
        let attention = AttentionShape {
            width,
            heads: config.heads,
            key_value_heads: config.key_value_heads.unwrap_or(config.heads),
            head_width,
            bias,
            // T5's beginning makes the factor needless.
            scale: if t5 {
                1.0
            } else {
                1.0 / (head_width as f64).sqrt()
            },
            dropout: config.dropout,
            query_key_norm: (config.query_key_norm.unwrap_or(defaults.query_key_norm))
                .then_some((defaults.head_gains, epsilon)),
            value_gate: value_embeddings,
        };
        let feed_forward = FeedForwardShape {
            width,
            inner: config
                .feed_forward_width
                .unwrap_or_else(|| inner_width(width, activation)),
            activation,
            bias,
        };
        let experts = config.experts.map(|experts| ExpertsShape {
            each: feed_forward,
            experts,
            chosen: config.experts_per_token.unwrap_or(2),
            balance: config.expert_balance.unwrap_or(0.01),
        });
        let tied_head = config.tied_head.unwrap_or(defaults.tied_head);
        let glorot = defaults.initial == Initial::Glorot;
        Self {
            family: defaults.family,
            layers: config.layers,
            decoder_layers: config.decoder_layers.unwrap_or(config.layers),
            block: BlockShape {
                attention,
                feed_forward,
                experts,
                crosses: false,
                norm: NormShape {
                    kind,
                    gains,
                    epsilon,
                },
                short_convolution: config.short_convolution.unwrap_or(1),
                norm_first: config.norm_first.unwrap_or(defaults.norm_first),
                dropout: config.dropout,
            },
            positions: config.positions.unwrap_or(defaults.positions),
            rotary_base: config.rotary_base.unwrap_or(defaults.rotary_base),
            rotary_scaling: config.rotary_scaling,
            relative_buckets: config.relative_buckets.unwrap_or(32),
            relative_distance: config.relative_distance.unwrap_or(128),
            window: config.window,
            window_pattern: config.window_pattern.clone(),
            value_embeddings,
            residual_scalars: config.residual_scalars.unwrap_or(defaults.modern),
            ngrams: config.ngrams.clone(),
            logit_cap: config.logit_cap.or(defaults.logit_cap),
            tied_head,
            initial: defaults.initial,
            embedding_norm: defaults.family == Family::Encoder || defaults.modern,
            embedding_scale: if glorot { (width as f64).sqrt() } else { 1.0 },
            segments: if defaults.family == Family::Encoder {
                2
            } else {
                0
            },
            head_scale: (t5 && tied_head).then(|| 1.0 / (width as f64).sqrt()),
        }
    }

    pub(crate) fn width(&self) -> i64 {
        self.block.attention.width
    }

    /// The window of each of a decoder's layers, if it has one.
    pub(crate) fn windows(&self) -> Vec<Option<i64>> {
        let layers = usize::try_from(self.layers).unwrap_or(0);
        let Some(pattern) = &self.window_pattern else {
            return vec![self.window; layers];
        };
        let letters = pattern.chars().cycle().take(layers);
        let mut windows: Vec<Option<i64>> = letters
            .map(|letter| self.window.filter(|_| letter == 'S'))
            .collect();
        if let Some(last) = windows.last_mut() {
            *last = None;
        }
        windows
    }

    /// Whether a layer adds token vectors to its values: every other one, the last among them.
    pub(crate) fn has_values(&self, layer: i64) -> bool {
        self.value_embeddings && layer % 2 == (self.layers - 1) % 2
    }

    /// How the table of tokens begins.
    pub(crate) fn embedding_init(&self) -> Init {
        match self.initial {
            Initial::Gpt2 | Initial::Plain => Init::Normal { std: 0.02 },
            Initial::Modern | Initial::T5 => Init::Normal { std: 1.0 },
            // Times the root of the width it has the size of the positions.
            Initial::Glorot => Init::Normal {
                std: 1.0 / (self.width() as f64).sqrt(),
            },
        }
    }

    /// How a product of so many inputs and outputs begins.
    fn matrix_init(&self, inputs: i64, outputs: i64) -> Init {
        let by_inputs = 1.0 / (inputs as f64).sqrt();
        match self.initial {
            Initial::Gpt2 | Initial::Plain => Init::Normal { std: 0.02 },
            // The same variance as a normal of one over the root of the width.
            Initial::Modern => Init::Uniform {
                bound: 3f64.sqrt() / (self.width() as f64).sqrt(),
            },
            Initial::T5 => Init::Normal { std: by_inputs },
            Initial::Glorot => Init::Uniform {
                bound: (6.0 / (inputs + outputs) as f64).sqrt(),
            },
        }
    }

    /// How the matrices of a block begin, one of `layers`.
    pub(crate) fn block_init(&self, layers: i64) -> BlockInit {
        let width = self.width();
        let attention = &self.block.attention;
        let feed_forward = &self.block.feed_forward;
        let heads = attention.heads * attention.head_width;
        let output = |inputs: i64| match self.initial {
            Initial::Gpt2 => Init::Normal {
                std: 0.02 / (2.0 * layers as f64).sqrt(),
            },
            Initial::Modern => Init::Constant(0.0),
            _ => self.matrix_init(inputs, width),
        };
        BlockInit {
            attention: AttentionInit {
                inputs: self.matrix_init(width, heads),
                output: output(heads),
            },
            up: self.matrix_init(width, feed_forward.inner),
            down: output(feed_forward.inner),
            router: self.matrix_init(width, 1),
        }
    }

    /// The head for what is to be predicted, over the table of tokens where it is tied.
    pub(crate) fn head(
        &self,
        builder: &mut Builder,
        table: &Tensor,
        outputs: Outputs,
    ) -> Box<dyn Head> {
        let width = self.width();
        let zero = Init::Constant(0.0);
        let small = match self.initial {
            Initial::Modern => Init::Normal { std: 0.001 },
            Initial::T5 | Initial::Glorot => self.matrix_init(width, width),
            Initial::Gpt2 | Initial::Plain => Init::Normal { std: 0.02 },
        };
        let encoder = self.family == Family::Encoder;
        let head = match outputs {
            Outputs::Tokens => {
                // BERT's own bias, of a vocabulary's length.
                let bias = encoder.then_some(zero);
                let head = if self.tied_head {
                    LinearHead::tied(builder, table, bias)
                } else {
                    LinearHead::new(builder, [width, table.size()[0]], small, bias)
                };
                head.capped(self.logit_cap)
            }
            Outputs::Classes(count) | Outputs::Values(count) => {
                LinearHead::new(builder, [width, count], small, Some(zero))
            }
        };
        let dense = self.matrix_init(width, width);
        let transform = match (outputs, self.head_scale) {
            (Outputs::Tokens, Some(scale)) => Transform::Scaled(scale),
            (Outputs::Tokens, None) if encoder => {
                Transform::masked(builder, width, dense, self.block.norm)
            }
            (Outputs::Classes(_) | Outputs::Values(_), _) if encoder => {
                Transform::pooler(builder, width, dense)
            }
            _ => Transform::None,
        };
        Box::new(head.after(transform))
    }
}

/// Four times the width, or about as many weights with a gate.
fn inner_width(width: i64, activation: Activation) -> i64 {
    const MULTIPLE: i64 = 64;
    if activation.is_gated() {
        (width as f64 * 8.0 / (3 * MULTIPLE) as f64).ceil() as i64 * MULTIPLE
    } else {
        4 * width
    }
}
