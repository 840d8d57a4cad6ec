//! What a recipe says of a Transformer.

use kiln_tensor::Builder;
use serde::{Deserialize, Serialize};

use super::encoder_decoder::EncoderDecoder;
use super::model::Transformer;
use super::plan::{Family, Plan};
use super::style::{Positions, Style};
use crate::draft::{Draft, Outputs, Wrong, at_least_one, probability};
use crate::layers::feed_forward::Activation;
use crate::layers::norm::NormKind;
use crate::layers::rotary::RotaryScaling;
use crate::pooling::Pooling;

/// A Transformer. `style` chooses a published family; each key that is left out is as that family has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which published family the blocks are of.
    pub style: Style,
    /// Number of blocks; of each stack, in an encoder-decoder.
    pub layers: i64,
    /// Blocks of an encoder-decoder's decoder, if not `layers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder_layers: Option<i64>,
    /// Attention heads in each block.
    pub heads: i64,
    /// Heads of keys and values, each shared by as many of the queries'; divides `heads`. As many as `heads` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_value_heads: Option<i64>,
    /// Width of a head; `width / heads` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_width: Option<i64>,
    /// Width of the residual stream.
    pub width: i64,
    /// Width between the two products of a feed-forward layer. If left out 4 times `width`, or with a gate 8/3 of it, rounded up to
    /// a multiple of 64: about as many weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed_forward_width: Option<i64>,
    /// What a feed-forward layer does between its products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// How hidden states are normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm: Option<NormKind>,
    /// Added to the variance or the mean square before its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm_epsilon: Option<f64>,
    /// Whether a branch's input is normalised, rather than the stream after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm_first: Option<bool>,
    /// How a model knows where a token stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions: Option<Positions>,
    /// Rotary positions: the slowest pair of features turns once in about this many times 6.3 tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotary_base: Option<f64>,
    /// Rotary positions for contexts longer than trained with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotary_scaling: Option<RotaryScaling>,
    /// Relative positions: buckets of distances; 32 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_buckets: Option<i64>,
    /// Relative positions: the distance from which on all share a bucket; 128 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_distance: Option<i64>,
    /// Whether the heads of queries and keys are normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_key_norm: Option<bool>,
    /// Tokens that a layer with a window sees, the newest among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<i64>,
    /// Which layers have the window, repeated over the layers: `S` has it, `L` sees all. All have it if left out. With a
    /// pattern, the last layer sees all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_pattern: Option<String>,
    /// Feed-forward layers in each block, of which a token goes through `experts_per_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experts: Option<i64>,
    /// Experts that a token goes through; 2 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experts_per_token: Option<i64>,
    /// Factor of the loss that keeps experts equally busy; 0.01 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expert_balance: Option<f64>,
    /// Largest magnitude of a logit, reached softly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit_cap: Option<f64>,
    /// Whether every other layer adds a learned vector of each token to its values (Zhou et al., 2024).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_embeddings: Option<bool>,
    /// Places, its own and those before it, that a convolution of each feature reads before attention (Primer: So et al., 2021); 2 does
    /// most. None if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_convolution: Option<i64>,
    /// Rows of tables of a token with the one before it, with the two before it, and so on, added to the tokens' own (Huang et al.,
    /// 2025): as many as there are such sequences at most, and where there are more they share rows. None if left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ngrams: Vec<i64>,
    /// Whether each layer has a factor for the stream and one for the embedding, added anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residual_scalars: Option<bool>,
    /// Probability of dropping, after the embeddings, on attention weights and on each branch's output: 0 or more, less than 1.
    pub dropout: f64,
    /// Whether linear layers (and layer normalisations) have biases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<bool>,
    /// How the states of a text become one where the task is about whole texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pooling: Option<Pooling>,
    /// Whether the head is the token embedding's table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tied_head: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            style: Style::Gpt2,
            layers: 4,
            decoder_layers: None,
            heads: 4,
            key_value_heads: None,
            head_width: None,
            width: 128,
            feed_forward_width: None,
            activation: None,
            norm: None,
            norm_epsilon: None,
            norm_first: None,
            positions: None,
            rotary_base: None,
            rotary_scaling: None,
            relative_buckets: None,
            relative_distance: None,
            query_key_norm: None,
            window: None,
            window_pattern: None,
            experts: None,
            experts_per_token: None,
            expert_balance: None,
            logit_cap: None,
            value_embeddings: None,
            short_convolution: None,
            ngrams: Vec::new(),
            residual_scalars: None,
            dropout: 0.0,
            bias: None,
            pooling: None,
            tied_head: None,
        }
    }
}

impl Config {
    /// Whether it reads a text and writes another one.
    pub fn is_encoder_decoder(&self) -> bool {
        self.plan().family == Family::EncoderDecoder
    }

    /// Whether a place sees those after it.
    pub fn is_encoder(&self) -> bool {
        self.plan().family == Family::Encoder
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan::new(self)
    }

    /// Refuse what cannot be built, naming the key.
    ///
    /// # Errors
    /// A count below one, heads that do not divide, a probability that is none, keys that exclude each other.
    pub fn check(&self) -> Result<(), Wrong> {
        let given = [
            ("layers", Some(self.layers)),
            ("decoder_layers", self.decoder_layers),
            ("heads", Some(self.heads)),
            ("key_value_heads", self.key_value_heads),
            ("head_width", self.head_width),
            ("width", Some(self.width)),
            ("feed_forward_width", self.feed_forward_width),
            ("relative_buckets", self.relative_buckets),
            ("relative_distance", self.relative_distance),
            ("window", self.window),
            ("short_convolution", self.short_convolution),
            ("experts", self.experts),
            ("experts_per_token", self.experts_per_token),
        ];
        let tables = self.ngrams.iter().map(|rows| ("ngrams", *rows));
        let counts: Vec<(&'static str, i64)> = (given.into_iter())
            .filter_map(|(key, count)| Some((key, count?)))
            .chain(tables)
            .collect();
        at_least_one(&counts)?;
        probability("dropout", self.dropout)?;
        self.check_heads()?;
        self.check_positions()?;
        self.check_layers()
    }

    fn check_heads(&self) -> Result<(), Wrong> {
        let (heads, width) = (self.heads, self.width);
        if self.head_width.is_none() && width % heads != 0 {
            let problem =
                format!("{heads} heads do not divide a width of {width}: choose a divisor");
            return Err(Wrong::new("heads", problem));
        }
        if let Some(shared) = self.key_value_heads.filter(|shared| heads % shared != 0) {
            let problem = format!("{shared} do not divide {heads} heads: choose a divisor");
            return Err(Wrong::new("key_value_heads", problem));
        }
        Ok(())
    }

    fn check_positions(&self) -> Result<(), Wrong> {
        let plan = self.plan();
        let head_width = plan.block.attention.head_width;
        let rotary = plan.positions == Positions::Rotary;
        for (key, given, fits) in [
            ("rotary_base", self.rotary_base.is_some(), rotary),
            ("rotary_scaling", self.rotary_scaling.is_some(), rotary),
            (
                "relative_buckets",
                self.relative_buckets.is_some(),
                plan.positions == Positions::Relative,
            ),
            (
                "relative_distance",
                self.relative_distance.is_some(),
                plan.positions == Positions::Relative,
            ),
        ] {
            if given && !fits {
                let problem = format!("this model's positions are {}", plan.positions.name());
                return Err(Wrong::new(key, problem));
            }
        }
        if rotary && head_width % 2 != 0 {
            let problem = format!("heads of an odd width, {head_width}, have no pairs to rotate");
            let key = if self.head_width.is_some() {
                "head_width"
            } else {
                "heads"
            };
            return Err(Wrong::new(key, problem));
        }
        if self
            .rotary_base
            .is_some_and(|base| !base.is_finite() || base <= 1.0)
        {
            return Err(Wrong::new("rotary_base", "expected a number above 1"));
        }
        if let Some(problem) = self.rotary_scaling.and_then(RotaryScaling::problem) {
            return Err(Wrong::new("rotary_scaling", problem));
        }
        let (buckets, furthest) = (plan.relative_buckets, plan.relative_distance);
        if plan.positions == Positions::Relative && (buckets < 4 || furthest <= buckets / 2) {
            let problem = format!(
                "{buckets} with a relative_distance of {furthest}: expected 4 or more, less than twice the distance"
            );
            return Err(Wrong::new("relative_buckets", problem));
        }
        Ok(())
    }

    fn check_layers(&self) -> Result<(), Wrong> {
        let plan = self.plan();
        let wrong = |key, problem: &str| Err(Wrong::new(key, problem));
        if self.decoder_layers.is_some() && plan.family != Family::EncoderDecoder {
            return wrong(
                "decoder_layers",
                "only an encoder-decoder has two stacks: style \"t5\" or \"original\"",
            );
        }
        if let Some(pattern) = &self.window_pattern {
            if pattern.is_empty() || pattern.chars().any(|layer| !"SL".contains(layer)) {
                return wrong(
                    "window_pattern",
                    "expected letters S (a window) and L (all), as \"SSSL\"",
                );
            }
            if self.window.is_none() {
                return wrong(
                    "window_pattern",
                    "says which layers have a window: give `window` too",
                );
            }
        }
        if self.window.is_some() && plan.family != Family::Decoder {
            return wrong(
                "window",
                "hides what is far back from a decoder; this style sees both ways",
            );
        }
        if self
            .norm_epsilon
            .is_some_and(|epsilon| epsilon.is_nan() || epsilon <= 0.0)
        {
            return wrong("norm_epsilon", "expected a number above 0");
        }
        if self.logit_cap.is_some_and(|cap| cap.is_nan() || cap <= 0.0) {
            return wrong(
                "logit_cap",
                "expected a number above 0; leave it out for none",
            );
        }
        if self
            .expert_balance
            .is_some_and(|factor| !factor.is_finite() || factor < 0.0)
        {
            return wrong("expert_balance", "expected 0 or more");
        }
        match (self.experts, self.experts_per_token) {
            (None, Some(_)) => {
                return wrong(
                    "experts_per_token",
                    "there are no experts: give `experts` too",
                );
            }
            (None, None) if self.expert_balance.is_some() => {
                return wrong("expert_balance", "there are no experts: give `experts` too");
            }
            (Some(experts), chosen) if chosen.unwrap_or(2) > experts => {
                let problem = format!("{} of {experts} experts", chosen.unwrap_or(2));
                return Err(Wrong::new("experts_per_token", problem));
            }
            _ => {}
        }
        if plan.block.experts.is_some() && plan.block.feed_forward.bias {
            return wrong("experts", "experts have no biases: set bias = false");
        }
        let modern = [
            ("value_embeddings", plan.value_embeddings),
            ("residual_scalars", plan.residual_scalars),
            ("short_convolution", plan.block.short_convolution > 1),
            ("ngrams", !plan.ngrams.is_empty()),
        ];
        for (key, on) in modern {
            if on && plan.family != Family::Decoder {
                return wrong(key, "belongs to decoders");
            }
        }
        Ok(())
    }

    /// Declare a network that reads ids below `vocabulary`, at most `context_length` in a row. `Outputs::Tokens` scores each place.
    pub fn build(
        &self,
        mut builder: Builder,
        vocabulary: i64,
        context_length: i64,
        outputs: Outputs,
    ) -> Draft {
        let plan = self.plan();
        let sizes = [vocabulary, context_length];
        let pooling = self.pooling.unwrap_or(match plan.family {
            Family::Decoder | Family::EncoderDecoder => Pooling::Last,
            Family::Encoder => Pooling::First,
        });
        if plan.family == Family::EncoderDecoder {
            let trunk = EncoderDecoder::new(&plan, &mut builder, sizes);
            let head = plan.head(&mut builder, trunk.token_table(), outputs);
            return Draft::of_places(Box::new(trunk), head, builder, outputs, pooling);
        }
        let trunk = Transformer::new(&plan, &mut builder, sizes);
        let head = plan.head(&mut builder, trunk.token_table(), outputs);
        Draft::of_places(Box::new(trunk), head, builder, outputs, pooling)
    }
}
