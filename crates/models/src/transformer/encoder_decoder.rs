//! A Transformer of two stacks: one reads a source, the other writes while it looks at what was read.

use kiln_learn::{Context, Error, Inputs, Model, Output, Result, Source, State};
use kiln_tensor::{Builder, Hidden, Kind, Mask, Tensor};

use super::embedding::Embedding;
use super::plan::Plan;
use super::stack::{Place, Remembered, Stack};

/// An encoder and a decoder over one table of tokens.
pub(crate) struct EncoderDecoder {
    embedding: Embedding,
    encoder: Stack,
    decoder: Stack,
}

impl EncoderDecoder {
    pub(crate) fn new(plan: &Plan, builder: &mut Builder, sizes: [i64; 2]) -> Self {
        let embedding = Embedding::new(plan, builder, sizes);
        let device = embedding.device();
        let mut stack = |prefix, layers, decodes| {
            let place = Place {
                prefix,
                layers,
                causal: decodes,
                crosses: decodes,
            };
            Stack::new(plan, &place, builder, sizes, device)
        };
        Self {
            encoder: stack("encoder.", plan.layers, false),
            decoder: stack("decoder.", plan.decoder_layers, true),
            embedding,
        }
    }

    pub(crate) fn token_table(&self) -> &Tensor {
        self.embedding.table()
    }

    /// What the encoder makes of a source: `[batch, source time, width]`, and its losses.
    fn encode(&self, source: &Source, context: &Context) -> Result<Output> {
        let read = Inputs {
            lengths: source.lengths.as_ref().map(Tensor::shallow_clone),
            ..Inputs::of(source.ids.shallow_clone())
        };
        let embedded = self.embedding.forward(&read, 0, None, context)?;
        self.encoder.forward(&embedded, &read, None, None, context)
    }

    /// What hides a source's padding from so many queries.
    fn source_mask(&self, lengths: Option<&Tensor>, sizes: [i64; 2], kind: Kind) -> Result<Mask> {
        let hidden = Hidden {
            lengths,
            ..Hidden::default()
        };
        Ok(Mask::new(&hidden, sizes, (kind, self.embedding.device()))?)
    }

    /// Where a state keeps the decoder's view of the source: after its own keys and values.
    fn first_source_part(&self) -> usize {
        2 * self.decoder.layers()
    }

    /// Read a source into a state that has seen nothing.
    fn keep(&self, state: &mut State, source: &Source, key_values: &[[Tensor; 2]]) {
        let first = self.first_source_part();
        for (part, tensor) in key_values.iter().flatten().enumerate() {
            state.set_part(first + part, tensor.shallow_clone());
        }
        let (rows, time) = (source.ids.size()[0], source.ids.size()[1]);
        let lengths = match &source.lengths {
            Some(lengths) => lengths.shallow_clone(),
            None => Tensor::full([rows], time, (Kind::Int64, source.ids.device())),
        };
        state.set_part(first + 2 * key_values.len(), lengths);
    }

    /// What a state kept of its source: keys and values of each block, and the length of each row.
    fn kept(&self, state: &State) -> (Vec<[Tensor; 2]>, Tensor) {
        let first = self.first_source_part();
        let layers = self.decoder.layers();
        let part = |index: usize| state.part(first + index).shallow_clone();
        let key_values = (0..layers).map(|layer| [part(2 * layer), part(2 * layer + 1)]);
        (key_values.collect(), part(2 * layers))
    }
}

impl Model for EncoderDecoder {
    fn forward(
        &self,
        inputs: &Inputs,
        mut state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        let seen = state.as_ref().map_or(0, |state| state.seen());
        let mut auxiliary = Vec::new();
        let (key_values, lengths) = match (&inputs.source, &state) {
            (Some(source), _) if seen == 0 => {
                let memory = self.encode(source, context)?;
                auxiliary = memory.auxiliary;
                let key_values = self.decoder.remember(&memory.hidden)?;
                if let Some(state) = state.as_deref_mut() {
                    self.keep(state, source, &key_values);
                }
                (
                    key_values,
                    source.lengths.as_ref().map(Tensor::shallow_clone),
                )
            }
            (_, Some(state)) if seen > 0 => {
                let (key_values, lengths) = self.kept(state);
                (key_values, Some(lengths))
            }
            _ => {
                let problem = "an encoder-decoder reads a source, and there is none";
                return Err(Error::Batch(problem.to_owned()));
            }
        };
        let time = inputs.ids.size()[1];
        let source_time = key_values.first().map_or(0, |[key, _]| key.size()[2]);
        let kind = self.embedding.kind();
        let remembered = Remembered {
            mask: self.source_mask(lengths.as_ref(), [time, source_time], kind)?,
            key_values,
        };
        let embedded = self.embedding.forward(inputs, seen, None, context)?;
        let mut output = self.decoder.forward(
            &embedded,
            inputs,
            state.as_deref_mut(),
            Some(&remembered),
            context,
        )?;
        output.auxiliary.extend(auxiliary);
        if let Some(state) = state {
            state.advance(time);
        }
        Ok(output)
    }

    fn new_state(&self, rows: i64, capacity: i64) -> Option<State> {
        let capacity = capacity.min(self.embedding.context_length());
        let options = (self.embedding.kind(), self.embedding.device());
        let mut parts = self.decoder.caches(rows, capacity, options);
        // Filled with the first ids, when the source is read.
        let source = self.decoder.caches(rows, 0, options).into_iter();
        parts.extend(source.map(|(name, empty)| (format!("source.{name}"), empty)));
        let lengths = Tensor::zeros([rows], (Kind::Int64, options.1));
        parts.push(("source.lengths".to_owned(), lengths));
        Some(State::new(parts))
    }

    fn context_limit(&self) -> Option<i64> {
        Some(self.embedding.context_length())
    }

    fn carries_state(&self) -> bool {
        false
    }

    /// For a target token with a source token beside it.
    fn operations_per_token(&self, context_length: i64) -> f64 {
        let head: i64 = self.token_table().size().iter().product();
        let stacks = [&self.encoder, &self.decoder];
        let weights: f64 = stacks.iter().map(|stack| stack.weights_per_token()).sum();
        let attention: f64 = (stacks.iter())
            .map(|stack| stack.attention_per_token(context_length))
            .sum();
        6.0 * (weights + head as f64) + attention
    }
}
