//! The GPT-2 decoder: parameters and forward pass.

use kiln_learn::{Context, Error, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Device, Init, Mask, Role, Tensor, attention, no_grad};

use super::Config;
use crate::layers::{LayerNorm, Linear, look_up};

/// A decoder Transformer.
pub(crate) struct Transformer {
    embedding: Tensor, // [vocabulary, width]
    position: Tensor,  // [context, width]
    blocks: Vec<Block>,
    norm: LayerNorm,
    dropout: f64,
    device: Device,
}

struct Block {
    attention_norm: LayerNorm,
    attention: SelfAttention,
    feed_forward_norm: LayerNorm,
    up: Linear,
    down: Linear,
    dropout: f64,
}

struct SelfAttention {
    query_key_value: Linear,
    output: Linear,
    heads: i64,
    dropout: f64,
}

impl Transformer {
    pub(crate) fn new(
        config: &Config,
        builder: &mut Builder,
        vocabulary: i64,
        context_length: i64,
    ) -> Self {
        let width = config.width;
        let normal = Init::Normal { std: 0.02 };
        let embedding = builder.parameter(
            "embedding.weight",
            &[vocabulary, width],
            Role::Embedding,
            normal,
        );
        let position = builder.parameter(
            "position.weight",
            &[context_length, width],
            Role::Embedding,
            normal,
        );
        let blocks = (0..config.layers)
            .map(|layer| Block::new(config, builder, layer))
            .collect();
        Self {
            device: embedding.device(),
            embedding,
            position,
            blocks,
            norm: LayerNorm::new(builder, "norm", width, config.bias),
            dropout: config.dropout,
        }
    }

    pub(crate) fn token_table(&self) -> &Tensor {
        &self.embedding
    }

    fn context_length(&self) -> i64 {
        self.position.size()[0]
    }

    fn width(&self) -> i64 {
        self.position.size()[1]
    }
}

impl Model for Transformer {
    fn forward(
        &self,
        inputs: &Inputs,
        mut state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        let time = inputs.ids.size()[1];
        let seen = state.as_ref().map_or(0, |state| state.seen());
        let limit = self.context_length();
        if seen + time > limit {
            return Err(Error::Batch(format!(
                "{} tokens in a row, the model sees at most {limit}",
                seen + time
            )));
        }
        let tokens = look_up(&self.embedding, &inputs.ids)?; // [batch, time, width]
        let positions = self.position.narrow(0, seen, time); // [time, width]
        let embedded = tokens.f_add(&positions)?;
        let mut hidden = context.dropout(&embedded, self.dropout)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            hidden = block.forward(&hidden, layer, state.as_deref_mut(), context)?;
        }
        if let Some(state) = state {
            state.advance(time);
        }
        Ok(Output::of(self.norm.forward(&hidden)?))
    }

    fn new_state(&self, rows: i64, capacity: i64) -> Option<State> {
        let heads = self.blocks.first()?.attention.heads;
        let capacity = capacity.min(self.context_length());
        let shape = [rows, heads, capacity, self.width() / heads];
        let empty = || Tensor::zeros(shape, (self.embedding.kind(), self.device));
        let parts = (0..self.blocks.len())
            .flat_map(|layer| ["key", "value"].map(|part| (format!("{part}.{layer}"), empty())));
        Some(State::new(parts.collect()))
    }

    fn context_limit(&self) -> Option<i64> {
        Some(self.context_length())
    }

    fn carries_state(&self) -> bool {
        false
    }

    /// 6 for each weight of a matrix product, and 12 x layers x width x context for attention (PaLM, appendix B).
    fn operations_per_token(&self, context_length: i64) -> f64 {
        let width = self.width() as f64;
        let layers = self.blocks.len() as f64;
        let vocabulary = self.embedding.size()[0] as f64;
        let weights = layers * 12.0 * width * width + vocabulary * width;
        6.0 * weights + 12.0 * layers * width * context_length as f64
    }
}

impl Block {
    fn new(config: &Config, builder: &mut Builder, layer: i64) -> Self {
        let width = config.width;
        let name = format!("blocks.{layer}");
        let bias = config.bias.then_some(Init::Constant(0.0));
        let mut linear = |part: &str, shape: [i64; 2], std: f64| {
            let name = format!("{name}.{part}");
            Linear::new(
                builder,
                &name,
                shape,
                Role::Matrix,
                Init::Normal { std },
                bias,
            )
        };
        // Branch outputs add up in the residual stream: their scale shrinks with their number (GPT-2, section 2.3).
        let residual = 0.02 / (2.0 * config.layers as f64).sqrt();
        let query_key_value = linear("attention.query_key_value", [width, 3 * width], 0.02);
        let output = linear("attention.output", [width, width], residual);
        let up = linear("feed_forward.up", [width, 4 * width], 0.02);
        let down = linear("feed_forward.down", [4 * width, width], residual);
        let mut norm =
            |part: &str| LayerNorm::new(builder, &format!("{name}.{part}"), width, config.bias);
        Self {
            attention_norm: norm("attention_norm"),
            attention: SelfAttention {
                query_key_value,
                output,
                heads: config.heads,
                dropout: config.dropout,
            },
            feed_forward_norm: norm("feed_forward_norm"),
            up,
            down,
            dropout: config.dropout,
        }
    }

    fn forward(
        &self,
        hidden: &Tensor, // [batch, time, width]
        layer: usize,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Tensor> {
        let normed = self.attention_norm.forward(hidden)?;
        let attended = self.attention.forward(&normed, layer, state, context)?;
        let hidden = hidden + context.dropout(&attended, self.dropout)?;
        let inner = self.up.forward(&self.feed_forward_norm.forward(&hidden)?)?; // [batch, time, 4 * width]
        let fed = self.down.forward(&inner.gelu("none"))?;
        Ok(hidden + context.dropout(&fed, self.dropout)?)
    }
}

impl SelfAttention {
    fn forward(
        &self,
        input: &Tensor, // [batch, time, width]
        layer: usize,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Tensor> {
        let (batch, time, width) = input.size3()?;
        let joint = self.query_key_value.forward(input)?; // [batch, time, 3 * width]
        let split = |part: i64| {
            joint
                .narrow(2, part * width, width)
                .view([batch, time, self.heads, width / self.heads])
                .transpose(1, 2) // [batch, heads, time, head width]
        };
        let [query, mut key, mut value] = [0, 1, 2].map(split);
        if let Some(state) = state {
            key = remember(state, 2 * layer, &key)?;
            value = remember(state, 2 * layer + 1, &value)?;
        }
        let drop = |weights: &Tensor| {
            context
                .dropout(weights, self.dropout)
                .map_err(|error| match error {
                    Error::Tensor(error) => error,
                    other => kiln_tensor::Error::Torch(other.to_string()),
                })
        };
        let dropping = context.is_training() && self.dropout > 0.0;
        let attended = attention(
            &query,
            &key,
            &value,
            Mask::Causal,
            dropping.then_some(&drop),
        )?; // [batch, heads, time, head width]
        let joined = attended.transpose(1, 2).reshape([batch, time, width]);
        self.output.forward(&joined)
    }
}

/// Write the newest keys or values into the cache and give all so far, `[batch, heads, seen + time, head width]`.
fn remember(state: &mut State, part: usize, newest: &Tensor) -> Result<Tensor> {
    let seen = state.seen();
    let time = newest.size()[2];
    let cache = state.part(part);
    if seen + time > cache.size()[2] {
        return Err(Error::Batch(format!(
            "{} tokens in a cache made for {}",
            seen + time,
            cache.size()[2]
        )));
    }
    let mut place = cache.narrow(2, seen, time);
    no_grad(|| place.f_copy_(newest))?;
    Ok(cache.narrow(2, 0, seen + time).to_kind(newest.kind()))
}
