//! A stack of blocks, with what they share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kiln_learn::{Context, Error, Inputs, Output, Result, State};
use kiln_tensor::{Builder, Device, Hidden, Init, Kind, Mask, Role, Tensor};

use super::plan::{Family, Plan};
use super::style::Positions;
use crate::layers::attention::{AttentionShape, Reading};
use crate::layers::block::{Block, BlockShape, Cache, Memory};
use crate::layers::look_up;
use crate::layers::norm::Norm;
use crate::layers::relative::RelativeBias;
use crate::layers::rotary::{Rotary, Turn};
use crate::pooling::within;

/// Blocks one above the other.
pub(crate) struct Stack {
    /// Shared with what backward computes again.
    blocks: Vec<Arc<Mutex<Block>>>,
    shape: BlockShape,
    /// Whether a place sees those before it alone.
    causal: bool,
    windows: Vec<Option<i64>>,
    norm: Option<Norm>,
    rotary: Option<Rotary>,
    relative: Option<RelativeBias>,
    /// A vector for each token that layers with such add to their values.
    values: Vec<Option<Tensor>>, // [vocabulary, key-value heads * head width]
    residual: Option<Residual>,
}

/// Factors of the residual stream and of the embedding that each layer begins with.
struct Residual {
    stream: Tensor,    // [layers]
    embedding: Tensor, // [layers]
}

/// An encoder's output as a decoder's blocks have it: keys and values of each block, and what hides padding.
pub(crate) struct Remembered {
    pub(crate) key_values: Vec<[Tensor; 2]>,
    pub(crate) mask: Mask,
}

/// Which of a model's stacks.
pub(crate) struct Place {
    /// Before the names of its parameters, with a dot.
    pub(crate) prefix: &'static str,
    pub(crate) layers: i64,
    pub(crate) causal: bool,
    pub(crate) crosses: bool,
}

impl Stack {
    pub(crate) fn new(
        plan: &Plan,
        place: &Place,
        builder: &mut Builder,
        [vocabulary, context_length]: [i64; 2],
        device: Device,
    ) -> Self {
        let shape = BlockShape {
            crosses: place.crosses,
            ..plan.block
        };
        let init = plan.block_init(place.layers);
        let prefix = place.prefix;
        let blocks = (0..place.layers)
            .map(|layer| {
                let name = format!("{prefix}blocks.{layer}");
                Arc::new(Mutex::new(Block::new(&shape, builder, &name, &init)))
            })
            .collect();
        let AttentionShape {
            heads, head_width, ..
        } = shape.attention;
        let relative = (plan.positions == Positions::Relative).then(|| {
            let sizes = [plan.relative_buckets, heads];
            let name = format!("{prefix}relative");
            let init = Init::Normal {
                std: 1.0 / (plan.width() as f64).sqrt(),
            };
            let furthest = plan.relative_distance;
            RelativeBias::new(builder, &name, sizes, furthest, !place.causal, init)
        });
        let values = (0..place.layers)
            .map(|layer| {
                plan.has_values(layer)
                    .then(|| values(plan, builder, vocabulary, layer))
            })
            .collect();
        let residual = plan.residual_scalars.then(|| {
            let mut vector = |part: &str, value: f64| {
                let init = Init::Constant(value);
                builder.parameter(
                    &format!("residual.{part}"),
                    &[place.layers],
                    Role::Vector,
                    init,
                )
            };
            Residual {
                stream: vector("stream", 1.0),
                // nanochat's beginning (2026): a tenth of the embedding goes into each layer.
                embedding: vector("embedding", 0.1),
            }
        });
        let norm = (shape.norm_first).then(|| {
            shape
                .norm
                .build(builder, &format!("{prefix}norm"), plan.width())
        });
        Self {
            blocks,
            shape,
            causal: place.causal,
            windows: match plan.family {
                Family::Decoder => plan.windows(),
                _ => vec![None; usize::try_from(place.layers).unwrap_or(0)],
            },
            norm,
            rotary: (plan.positions == Positions::Rotary).then(|| {
                let (base, scaling) = (plan.rotary_base, plan.rotary_scaling);
                Rotary::new(context_length, head_width, base, scaling, device)
            }),
            relative,
            values,
            residual,
        }
    }

    /// Number of blocks.
    pub(crate) fn layers(&self) -> usize {
        self.blocks.len()
    }

    /// `[batch, time, width]` to the same. `state`, if given, holds each block's keys and values from its first part on.
    pub(crate) fn forward(
        &self,
        embedded: &Tensor,
        inputs: &Inputs,
        mut state: Option<&mut State>,
        remembered: Option<&Remembered>,
        context: &Context,
    ) -> Result<Output> {
        let (_, time, _) = embedded.size3()?;
        let seen = state.as_ref().map_or(0, |state| state.seen());
        if state.is_some() && inputs.documents.is_some() {
            let problem = "packed documents cannot go on from a state";
            return Err(Error::Batch(problem.to_owned()));
        }
        let masks = self.masks(inputs, seen, embedded)?;
        let turn = self.turn(seen, time, embedded.kind())?;
        let relative = self.relative.as_ref();
        let bias = relative
            .map(|bias| bias.forward(time, seen + time))
            .transpose()?;
        let scored = self.scored(inputs, time)?;
        let mut hidden = embedded.shallow_clone();
        let mut balance: Option<Tensor> = None;
        for layer in 0..self.blocks.len() {
            let values = self.values[layer].as_ref();
            let parts = Parts {
                hidden: self.begin(hidden, embedded, layer)?,
                values: values
                    .map(|table| look_up(table, &inputs.ids))
                    .transpose()?,
                bias: bias.as_ref().map(Tensor::shallow_clone),
                memory: remembered
                    .map(|all| all.key_values[layer].each_ref().map(Tensor::shallow_clone)),
            };
            let fixed = Fixed {
                mask: masks[usize::from(self.windows[layer].is_some())].clone(),
                turn: turn.clone(),
                source_mask: remembered.map(|all| all.mask.clone()),
                scored: scored.as_ref().map(Tensor::shallow_clone),
                documents: inputs.documents.as_ref().map(Tensor::shallow_clone),
            };
            let cache = state.as_deref_mut().map(|state| Cache {
                state,
                keys: 2 * layer,
                convolution: 2 * self.blocks.len() + layer,
            });
            let (next, loss) = self.block(layer, parts, fixed, cache, context)?;
            hidden = next;
            balance = match (balance, loss) {
                (Some(sum), Some(loss)) => Some(sum.f_add(&loss)?),
                (sum, loss) => sum.or(loss),
            };
        }
        if let Some(norm) = &self.norm {
            hidden = norm.forward(&hidden)?;
        }
        Ok(Output {
            hidden,
            auxiliary: balance
                .map(|loss| ("expert_balance".to_owned(), loss))
                .into_iter()
                .collect(),
        })
    }

    /// One block; in training its activations may be forgotten and computed again.
    fn block(
        &self,
        layer: usize,
        parts: Parts,
        fixed: Fixed,
        cache: Option<Cache<'_>>,
        context: &Context,
    ) -> Result<(Tensor, Option<Tensor>)> {
        if cache.is_some() || !context.checkpoints() {
            return apply(&self.blocks[layer], &parts, &fixed, cache, context);
        }
        let block = Arc::clone(&self.blocks[layer]);
        let shape = parts.shape();
        let mut outputs = context
            .checkpoint(&parts.list(), move |inputs, context| {
                let parts = Parts::from_list(inputs, shape);
                let (hidden, loss) = apply(&block, &parts, &fixed, None, context)?;
                Ok([Some(hidden), loss].into_iter().flatten().collect())
            })?
            .into_iter();
        let none = || Error::Batch("a block gave nothing".to_owned());
        Ok((outputs.next().ok_or_else(none)?, outputs.next()))
    }

    /// The stream that a layer reads.
    fn begin(&self, hidden: Tensor, embedded: &Tensor, layer: usize) -> Result<Tensor> {
        let Some(residual) = &self.residual else {
            return Ok(hidden);
        };
        let layer = i64::try_from(layer).unwrap_or(i64::MAX);
        let stream = residual.stream.f_select(0, layer)?;
        let first = residual.embedding.f_select(0, layer)?;
        Ok(hidden.f_mul(&stream)?.f_add(&embedded.f_mul(&first)?)?)
    }

    /// The mask of layers without a window, and that of those with one.
    fn masks(&self, inputs: &Inputs, seen: i64, like: &Tensor) -> Result<[Mask; 2]> {
        let time = like.size()[1];
        let mask = |window: Option<i64>| -> Result<Mask> {
            let hidden = Hidden {
                future: self.causal,
                window,
                // Padding stands at a row's end: where no place sees those after it, none that counts sees padding.
                lengths: inputs.lengths.as_ref().filter(|_| !self.causal),
                documents: inputs.documents.as_ref(),
            };
            Ok(Mask::new(
                &hidden,
                [time, seen + time],
                (like.kind(), like.device()),
            )?)
        };
        let window = self.windows.iter().flatten().next().copied();
        let windowed = match window {
            Some(window) => mask(Some(window))?,
            None => Mask::none(),
        };
        Ok([mask(None)?, windowed])
    }

    fn turn(&self, seen: i64, time: i64, kind: Kind) -> Result<Option<Turn>> {
        let rotary = self.rotary.as_ref();
        rotary
            .map(|rotary| rotary.turn(seen, time, kind))
            .transpose()
    }

    /// 1 for the tokens that experts are to be balanced over, if some are padding.
    fn scored(&self, inputs: &Inputs, time: i64) -> Result<Option<Tensor>> {
        match (&inputs.lengths, self.shape.experts) {
            (Some(lengths), Some(_)) => Ok(Some(within(time, lengths)?)),
            _ => Ok(None),
        }
    }

    /// Keys and values of an encoder's output for each block.
    pub(crate) fn remember(&self, memory: &Tensor) -> Result<Vec<[Tensor; 2]>> {
        let each = self.blocks.iter().map(|block| {
            let block = block.lock().unwrap_or_else(PoisonError::into_inner);
            block.remembered(memory)
        });
        Ok(each
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Number of the parts of [`caches`](Self::caches).
    pub(crate) fn cached_parts(&self) -> usize {
        let each = if self.shape.short_convolution > 1 {
            3
        } else {
            2
        };
        each * self.layers()
    }

    /// Empty caches of keys and values for each block.
    pub(crate) fn caches(
        &self,
        rows: i64,
        capacity: i64,
        options: (Kind, Device),
    ) -> Vec<(String, Tensor)> {
        let AttentionShape {
            key_value_heads,
            head_width,
            ..
        } = self.shape.attention;
        let empty = || Tensor::zeros([rows, key_value_heads, capacity, head_width], options);
        let mut parts: Vec<(String, Tensor)> = (0..self.blocks.len())
            .flat_map(|layer| ["key", "value"].map(|part| (format!("{part}.{layer}"), empty())))
            .collect();
        let back = self.shape.short_convolution - 1;
        if back > 0 {
            let sizes = [rows, back, self.shape.attention.width];
            parts.extend((0..self.blocks.len()).map(|layer| {
                let name = format!("short_convolution.{layer}");
                (name, Tensor::zeros(sizes, options))
            }));
        }
        parts
    }

    /// Weights of the matrix products that a token goes through.
    pub(crate) fn weights_per_token(&self) -> f64 {
        let attention = &self.shape.attention;
        let heads = attention.heads + attention.key_value_heads;
        let each = &self.shape.feed_forward;
        let one = (each.first() + each.inner) as f64 * each.width as f64;
        let feed_forward = match self.shape.experts {
            Some(experts) => one * experts.chosen as f64 + (experts.experts * each.width) as f64,
            None => one,
        };
        let attention = (2 * attention.width * heads * attention.head_width) as f64;
        let crossing = if self.shape.crosses { 2.0 } else { 1.0 };
        self.layers() as f64 * (attention * crossing + feed_forward)
    }

    /// Floating-point operations of attention itself, forward and backward, for a token in a context: 12 a layer, feature and
    /// key that it sees, whether or not a mask hides it (PaLM: Chowdhery et al., 2022, appendix B).
    pub(crate) fn attention_per_token(&self, context_length: i64) -> f64 {
        let features = (self.shape.attention.heads * self.shape.attention.head_width) as f64;
        let keys = |window: &Option<i64>| window.unwrap_or(context_length).min(context_length);
        let seen: i64 = self.windows.iter().map(keys).sum();
        12.0 * features * seen as f64
    }
}

/// What gradients flow to from a block.
struct Parts {
    hidden: Tensor,
    values: Option<Tensor>,
    bias: Option<Tensor>,
    memory: Option<[Tensor; 2]>,
}

/// What a block reads that nothing flows to.
struct Fixed {
    mask: Mask,
    turn: Option<Turn>,
    source_mask: Option<Mask>,
    scored: Option<Tensor>,
    documents: Option<Tensor>,
}

impl Parts {
    /// Which parts there are: values, bias, memory.
    fn shape(&self) -> [bool; 3] {
        [
            self.values.is_some(),
            self.bias.is_some(),
            self.memory.is_some(),
        ]
    }

    fn list(&self) -> Vec<&Tensor> {
        let mut list = vec![&self.hidden];
        list.extend(&self.values);
        list.extend(&self.bias);
        list.extend(self.memory.iter().flatten());
        list
    }

    fn from_list(list: &[Tensor], [values, bias, memory]: [bool; 3]) -> Self {
        let mut list = list.iter().map(Tensor::shallow_clone);
        let mut next = || list.next().unwrap_or_default();
        Self {
            hidden: next(),
            values: values.then(&mut next),
            bias: bias.then(&mut next),
            memory: memory.then(|| [next(), next()]),
        }
    }
}

fn apply(
    block: &Mutex<Block>,
    parts: &Parts,
    fixed: &Fixed,
    cache: Option<Cache<'_>>,
    context: &Context,
) -> Result<(Tensor, Option<Tensor>)> {
    // A block has nothing that a panic could leave half-done.
    let block: MutexGuard<'_, Block> = block.lock().unwrap_or_else(PoisonError::into_inner);
    let reading = Reading {
        mask: &fixed.mask,
        turn: fixed.turn.as_ref(),
        bias: parts.bias.as_ref(),
        documents: fixed.documents.as_ref(),
        context,
    };
    let memory = match (&parts.memory, &fixed.source_mask) {
        (Some([key, value]), Some(mask)) => Some(Memory {
            key_value: [key, value],
            reading: Reading {
                mask,
                turn: None,
                bias: None,
                documents: None,
                context,
            },
        }),
        _ => None,
    };
    block.forward(
        &parts.hidden,
        parts.values.as_ref(),
        cache,
        &reading,
        memory.as_ref(),
        fixed.scored.as_ref(),
    )
}

fn values(plan: &Plan, builder: &mut Builder, vocabulary: i64, layer: i64) -> Tensor {
    let attention = &plan.block.attention;
    let sizes = [vocabulary, attention.key_value_heads * attention.head_width];
    let init = plan.block_init(plan.layers).attention.inputs;
    let name = format!("blocks.{layer}.value_embedding.weight");
    builder.parameter(&name, &sizes, Role::Embedding, init)
}
