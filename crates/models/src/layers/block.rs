//! A Transformer's block: attention and a feed-forward layer, each a branch of the residual stream.

use kiln_learn::{Context, Result, State};
use kiln_tensor::{Builder, Init, Tensor};

use super::attention::{AttentionInit, AttentionShape, CrossAttention, Reading, SelfAttention};
use super::experts::{Experts, ExpertsShape};
use super::feed_forward::{FeedForward, FeedForwardShape};
use super::norm::{Norm, NormShape};
use super::short_convolution::ShortConvolution;

/// The shape of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BlockShape {
    pub(crate) attention: AttentionShape,
    pub(crate) feed_forward: FeedForwardShape,
    pub(crate) experts: Option<ExpertsShape>,
    /// Whether it attends to an encoder's output too.
    pub(crate) crosses: bool,
    pub(crate) norm: NormShape,
    /// Places that a convolution before attention reads; 1 for none.
    pub(crate) short_convolution: i64,
    /// Whether a branch's input is normalised, or what the stream is after it.
    pub(crate) norm_first: bool,
    /// Probability of dropping each feature of a branch's output.
    pub(crate) dropout: f64,
}

/// How a block's matrices begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BlockInit {
    pub(crate) attention: AttentionInit,
    pub(crate) up: Init,
    pub(crate) down: Init,
    pub(crate) router: Init,
}

/// One block.
pub(crate) struct Block {
    attention_norm: Norm,
    convolution: Option<ShortConvolution>,
    attention: SelfAttention,
    cross: Option<(Norm, CrossAttention)>,
    feed_forward_norm: Norm,
    feed_forward: Branch,
    norm_first: bool,
    dropout: f64,
}

enum Branch {
    Dense(FeedForward),
    Experts(Experts),
}

/// Where a block's memory of what was read before lies.
pub(crate) struct Cache<'a> {
    pub(crate) state: &'a mut State,
    /// Keys, and after them values.
    pub(crate) keys: usize,
    /// The last inputs of the convolution, if the block has one.
    pub(crate) convolution: usize,
}

/// Keys and values of an encoder's output, and what hides its padding.
pub(crate) struct Memory<'a> {
    pub(crate) key_value: [&'a Tensor; 2],
    pub(crate) reading: Reading<'a>,
}

impl Block {
    pub(crate) fn new(
        shape: &BlockShape,
        builder: &mut Builder,
        name: &str,
        init: &BlockInit,
    ) -> Self {
        let width = shape.attention.width;
        let part = |part: &str| format!("{name}.{part}");
        let attention =
            SelfAttention::new(shape.attention, builder, &part("attention"), init.attention);
        let convolution = (shape.short_convolution > 1).then(|| {
            let name = part("short_convolution");
            ShortConvolution::new(builder, &name, shape.short_convolution, width)
        });
        let cross = shape.crosses.then(|| {
            let norm = shape
                .norm
                .build(builder, &part("cross_attention_norm"), width);
            let name = part("cross_attention");
            (
                norm,
                CrossAttention::new(shape.attention, builder, &name, init.attention),
            )
        });
        let inits = [init.up, init.down];
        let name = part("feed_forward");
        let feed_forward = match shape.experts {
            Some(experts) => {
                Branch::Experts(Experts::new(experts, builder, &name, init.router, inits))
            }
            None => Branch::Dense(FeedForward::new(shape.feed_forward, builder, &name, inits)),
        };
        Self {
            attention_norm: shape.norm.build(builder, &part("attention_norm"), width),
            convolution,
            attention,
            cross,
            feed_forward_norm: shape.norm.build(builder, &part("feed_forward_norm"), width),
            feed_forward,
            norm_first: shape.norm_first,
            dropout: shape.dropout,
        }
    }

    /// Keys and values of an encoder's output, if this block attends to one.
    pub(crate) fn remembered(&self, memory: &Tensor) -> Result<Option<[Tensor; 2]>> {
        let cross = self.cross.as_ref();
        cross.map(|(_, cross)| cross.remembered(memory)).transpose()
    }

    /// `[batch, time, width]` to the same, and the loss of balance of a mixture of experts. `scored` as in
    /// [`Experts::forward`], the rest as in [`SelfAttention::forward`].
    pub(crate) fn forward(
        &self,
        hidden: &Tensor,
        token_values: Option<&Tensor>,
        mut cache: Option<Cache<'_>>,
        reading: &Reading<'_>,
        memory: Option<&Memory<'_>>,
        scored: Option<&Tensor>,
    ) -> Result<(Tensor, Option<Tensor>)> {
        let context = reading.context;
        let mut hidden = self.branch(hidden, &self.attention_norm, context, |input| {
            let convolved = self.convolution.as_ref().map(|convolution| {
                let state = cache.as_mut();
                let state = state.map(|cache| (&mut *cache.state, cache.convolution));
                convolution.forward(input, reading.documents, state)
            });
            let convolved = convolved.transpose()?;
            let state = cache.map(|cache| (cache.state, cache.keys));
            let input = convolved.as_ref().unwrap_or(input);
            self.attention.forward(input, token_values, state, reading)
        })?;
        if let (Some((norm, cross)), Some(memory)) = (&self.cross, memory) {
            hidden = self.branch(&hidden, norm, context, |input| {
                cross.forward(input, memory.key_value, &memory.reading)
            })?;
        }
        let mut balance = None;
        let hidden = self.branch(
            &hidden,
            &self.feed_forward_norm,
            context,
            |input| match &self.feed_forward {
                Branch::Dense(dense) => dense.forward(input),
                Branch::Experts(experts) => {
                    let (mixed, loss) = experts.forward(input, scored)?;
                    balance = Some(loss);
                    Ok(mixed)
                }
            },
        )?;
        Ok((hidden, balance))
    }

    /// The stream after a branch.
    fn branch(
        &self,
        hidden: &Tensor,
        norm: &Norm,
        context: &Context,
        inner: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let answer = if self.norm_first {
            inner(&norm.forward(hidden)?)?
        } else {
            inner(hidden)?
        };
        let sum = hidden.f_add(&context.dropout(&answer, self.dropout)?)?;
        if self.norm_first {
            Ok(sum)
        } else {
            norm.forward(&sum)
        }
    }
}
