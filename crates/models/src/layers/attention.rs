//! Attention of a sequence to itself and to another one.

use kiln_learn::{Context, Error, Result, State};
use kiln_tensor::{Builder, Init, Mask, Role, Tensor, Weighing, attention, no_grad};

use super::Linear;
use super::norm::{Gains, Norm, NormKind, NormShape, rms_norm};
use super::rotary::Turn;

/// The shape of attention in a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AttentionShape {
    pub(crate) width: i64,
    pub(crate) heads: i64,
    pub(crate) key_value_heads: i64,
    pub(crate) head_width: i64,
    pub(crate) bias: bool,
    /// Factor of the scores.
    pub(crate) scale: f64,
    /// Probability of dropping an attention weight.
    pub(crate) dropout: f64,
    /// Whether queries and keys are normalised a head at a time (Henry et al., 2020), and with which gains.
    pub(crate) query_key_norm: Option<(Gains, f64)>,
    /// Whether values are mixed with a vector for each token, by a gate for each head.
    pub(crate) value_gate: bool,
}

/// How matrices of attention begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AttentionInit {
    pub(crate) inputs: Init,
    pub(crate) output: Init,
}

/// What a pass through a layer needs beside the hidden states.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) mask: &'a Mask,
    /// Rotation of queries and keys by their positions.
    pub(crate) turn: Option<&'a Turn>,
    /// Added to the scores, `[1, heads, queries, keys]`.
    pub(crate) bias: Option<&'a Tensor>,
    /// Which document each place is of, `[batch, time]`, where a row holds several.
    pub(crate) documents: Option<&'a Tensor>,
    pub(crate) context: &'a Context,
}

/// Attention of a sequence to itself.
pub(crate) struct SelfAttention {
    shape: AttentionShape,
    query_key_value: Linear, // rows: all queries' heads, all keys', all values'
    output: Linear,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    value_gate: Option<Tensor>, // [key-value heads, GATE_INPUTS]
}

/// Features that a gate of values reads; nanochat's number (2025).
const GATE_INPUTS: i64 = 32;

/// Normalisation of single heads, kept as two so that a family's names map one to one.
fn head_norms(shape: &AttentionShape, builder: &mut Builder, name: &str) -> [Option<Norm>; 2] {
    ["query_norm", "key_norm"].map(|part| {
        let (gains, epsilon) = shape.query_key_norm?;
        let norm = NormShape {
            kind: NormKind::RmsNorm,
            gains,
            epsilon,
        };
        Some(norm.build(builder, &format!("{name}.{part}"), shape.head_width))
    })
}

impl SelfAttention {
    pub(crate) fn new(
        shape: AttentionShape,
        builder: &mut Builder,
        name: &str,
        init: AttentionInit,
    ) -> Self {
        let mut linear = |part: &str, inputs: i64, outputs: &[i64], init| {
            Linear::hidden(builder, [name, part], inputs, outputs, init, shape.bias)
        };
        let [inner, shared] =
            [shape.heads, shape.key_value_heads].map(|heads| heads * shape.head_width);
        let outputs = [inner, shared, shared];
        let query_key_value = linear("query_key_value", shape.width, &outputs, init.inputs);
        let output = linear("output", inner, &[shape.width], init.output);
        let [query_norm, key_norm] = head_norms(&shape, builder, name);
        let value_gate = shape.value_gate.then(|| {
            let sizes = [shape.key_value_heads, shape.width.min(GATE_INPUTS)];
            // At zero the gate is 1: half of sigmoid's range, doubled.
            let zero = Init::Constant(0.0);
            builder.parameter(
                &format!("{name}.value_gate.weight"),
                &sizes,
                Role::Matrix,
                zero,
            )
        });
        Self {
            shape,
            query_key_value,
            output,
            query_norm,
            key_norm,
            value_gate,
        }
    }

    /// `[batch, time, width]` to the same. `state` holds the cache of this layer's keys and values at two places from the
    /// number beside it; `token_values` is added to the values, `[batch, time, key-value heads * head width]`.
    pub(crate) fn forward(
        &self,
        input: &Tensor,
        token_values: Option<&Tensor>,
        state: Option<(&mut State, usize)>,
        reading: &Reading<'_>,
    ) -> Result<Tensor> {
        let (batch, time, _) = input.size3()?;
        let AttentionShape {
            heads,
            key_value_heads: shared,
            head_width,
            ..
        } = self.shape;
        let joint = self.query_key_value.forward(input)?;
        let parts = joint.f_view([batch, time, heads + 2 * shared, head_width])?;
        let (query, mut key) = self.turned(&parts, reading)?;
        let mut value = parts.f_narrow(2, heads + shared, shared)?;
        if let (Some(gate), Some(more)) = (&self.value_gate, token_values) {
            value = value.f_add(&self.gated(input, gate, more)?)?;
        }
        let mut value = value.f_transpose(1, 2)?; // [batch, key-value heads, time, head width]
        if let Some((state, part)) = state {
            key = remember(state, part, &key)?;
            value = remember(state, part + 1, &value)?;
        }
        let attended = weigh(&self.shape, [&query, &key, &value], reading)?;
        self.output.forward(&attended)
    }

    /// Queries and keys, normalised and rotated: `[batch, heads, time, head width]` each.
    fn turned(&self, parts: &Tensor, reading: &Reading<'_>) -> Result<(Tensor, Tensor)> {
        let (heads, shared) = (self.shape.heads, self.shape.key_value_heads);
        // Queries and keys go through the same operations at once.
        let mut both = parts.f_narrow(2, 0, heads + shared)?;
        if let Some((_, epsilon)) = self.shape.query_key_norm {
            both = rms_norm(&both, self.head_gains()?.as_ref(), epsilon)?;
        }
        if let Some(turn) = reading.turn {
            both = turn.apply(&both)?;
        }
        Ok((
            both.f_narrow(2, 0, heads)?.f_transpose(1, 2)?,
            both.f_narrow(2, heads, shared)?.f_transpose(1, 2)?,
        ))
    }

    /// The gains of queries' and keys' heads, `[heads + key-value heads, head width]`.
    fn head_gains(&self) -> Result<Option<Tensor>> {
        let of = |norm: &Option<Norm>, heads: i64| -> Result<Option<Tensor>> {
            let weight = norm.as_ref().and_then(Norm::weight);
            let spread =
                weight.map(|weight| weight.f_expand([heads, self.shape.head_width], false));
            Ok(spread.transpose()?)
        };
        let query = of(&self.query_norm, self.shape.heads)?;
        let key = of(&self.key_norm, self.shape.key_value_heads)?;
        Ok(match (query, key) {
            (Some(query), Some(key)) => Some(Tensor::f_cat(&[query, key], 0)?),
            _ => None,
        })
    }

    /// `[batch, time, key-value heads, head width]`: each token's own vector times its gate of 0 to 2.
    fn gated(&self, input: &Tensor, gate: &Tensor, more: &Tensor) -> Result<Tensor> {
        let (batch, time, _) = input.size3()?;
        let seen = input.f_narrow(2, 0, gate.size()[1])?;
        let gates = seen
            .f_linear::<&Tensor>(gate, None)?
            .f_sigmoid()?
            .f_mul_scalar(2.0)?;
        let sizes = [
            batch,
            time,
            self.shape.key_value_heads,
            self.shape.head_width,
        ];
        Ok(more.f_view(sizes)?.f_mul(&gates.f_unsqueeze(3)?)?)
    }
}

/// Attention of a sequence to another one, whose keys and values are made once.
pub(crate) struct CrossAttention {
    shape: AttentionShape,
    query: Linear,
    key_value: Linear, // rows: all keys' heads, all values'
    output: Linear,
}

impl CrossAttention {
    pub(crate) fn new(
        shape: AttentionShape,
        builder: &mut Builder,
        name: &str,
        init: AttentionInit,
    ) -> Self {
        let mut linear = |part: &str, inputs: i64, outputs: &[i64], init| {
            Linear::hidden(builder, [name, part], inputs, outputs, init, shape.bias)
        };
        let [inner, shared] =
            [shape.heads, shape.key_value_heads].map(|heads| heads * shape.head_width);
        Self {
            shape,
            query: linear("query", shape.width, &[inner], init.inputs),
            key_value: linear("key_value", shape.width, &[shared, shared], init.inputs),
            output: linear("output", inner, &[shape.width], init.output),
        }
    }

    /// Keys and values of what is attended to, `[batch, source time, width]`: `[batch, key-value heads, source time, head
    /// width]` each.
    pub(crate) fn remembered(&self, memory: &Tensor) -> Result<[Tensor; 2]> {
        let (batch, time, _) = memory.size3()?;
        let AttentionShape {
            key_value_heads: shared,
            head_width,
            ..
        } = self.shape;
        let joint = self.key_value.forward(memory)?;
        let parts = joint.f_view([batch, time, 2 * shared, head_width])?;
        Ok([
            parts.f_narrow(2, 0, shared)?.f_transpose(1, 2)?,
            parts.f_narrow(2, shared, shared)?.f_transpose(1, 2)?,
        ])
    }

    /// `[batch, time, width]` to the same.
    pub(crate) fn forward(
        &self,
        input: &Tensor,
        [key, value]: [&Tensor; 2],
        reading: &Reading<'_>,
    ) -> Result<Tensor> {
        let (batch, time, _) = input.size3()?;
        let query = self.query.forward(input)?;
        let query = query
            .f_view([batch, time, self.shape.heads, self.shape.head_width])?
            .f_transpose(1, 2)?;
        let attended = weigh(&self.shape, [&query, key, value], reading)?;
        self.output.forward(&attended)
    }
}

/// Attention, and the heads side by side again: `[batch, time, heads * head width]`.
fn weigh(
    shape: &AttentionShape,
    [query, key, value]: [&Tensor; 3],
    reading: &Reading<'_>,
) -> Result<Tensor> {
    let context = reading.context;
    let drop = |weights: &Tensor| {
        context
            .dropout(weights, shape.dropout)
            .map_err(|error| match error {
                Error::Tensor(error) => error,
                other => kiln_tensor::Error::Torch(other.to_string()),
            })
    };
    let dropping = context.is_training() && shape.dropout > 0.0;
    let weighing = Weighing {
        scale: shape.scale,
        bias: reading.bias,
        dropout: dropping.then_some(&drop),
    };
    let attended = attention(query, key, value, reading.mask, &weighing)?;
    let (batch, _, time, _) = attended.size4()?;
    Ok(attended.f_transpose(1, 2)?.f_reshape([batch, time, -1])?)
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
