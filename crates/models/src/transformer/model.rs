//! A Transformer of one stack: a decoder or an encoder.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Kind, Tensor};

use super::embedding::Embedding;
use super::plan::{Family, Plan};
use super::stack::{Place, Stack};

/// A decoder or an encoder.
pub(crate) struct Transformer {
    embedding: Embedding,
    stack: Stack,
    is_decoder: bool,
}

impl Transformer {
    pub(crate) fn new(plan: &Plan, builder: &mut Builder, sizes: [i64; 2]) -> Self {
        let embedding = Embedding::new(plan, builder, sizes);
        let is_decoder = plan.family == Family::Decoder;
        let place = Place {
            prefix: "",
            layers: plan.layers,
            causal: is_decoder,
            crosses: false,
        };
        Self {
            stack: Stack::new(plan, &place, builder, sizes, embedding.device()),
            embedding,
            is_decoder,
        }
    }

    pub(crate) fn token_table(&self) -> &Tensor {
        self.embedding.table()
    }

    /// Where a state holds the ids before, if the embedding reads them.
    fn previous(&self) -> Option<usize> {
        (self.embedding.before() > 0).then(|| self.stack.cached_parts())
    }
}

impl Model for Transformer {
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        // An encoder's places see later ones, so that nothing read before would be right.
        let mut state = state.filter(|_| self.is_decoder);
        let seen = state.as_ref().map_or(0, |state| state.seen());
        let last = self.previous();
        let previous = state
            .as_ref()
            .zip(last)
            .map(|(state, last)| state.part(last));
        let embedded = self.embedding.forward(inputs, seen, previous, context)?;
        let output = self
            .stack
            .forward(&embedded, inputs, state.as_deref_mut(), None, context)?;
        if let Some(state) = state {
            let time = inputs.ids.size()[1];
            if let Some(last) = last {
                let all = Tensor::f_cat(&[state.part(last), &inputs.ids], 1)?;
                state.set_part(last, all.f_narrow(1, time, self.embedding.before())?);
            }
            state.advance(time);
        }
        Ok(output)
    }

    fn new_state(&self, rows: i64, capacity: i64) -> Option<State> {
        let capacity = capacity.min(self.embedding.context_length());
        let options = (self.embedding.kind(), self.embedding.device());
        self.is_decoder.then(|| {
            let mut parts = self.stack.caches(rows, capacity, options);
            if self.embedding.before() > 0 {
                let none = (Kind::Int64, options.1);
                let sizes = [rows, self.embedding.before()];
                let none = Tensor::full(sizes, Embedding::NONE, none);
                parts.push(("previous".to_owned(), none));
            }
            State::new(parts)
        })
    }

    fn context_limit(&self) -> Option<i64> {
        Some(self.embedding.context_length())
    }

    fn carries_state(&self) -> bool {
        false
    }

    /// 6 for each weight of a matrix product, the head's among them, and attention's own.
    fn operations_per_token(&self, context_length: i64) -> f64 {
        let head: i64 = self.token_table().size().iter().product();
        let weights = self.stack.weights_per_token() + head as f64;
        6.0 * weights + self.stack.attention_per_token(context_length)
    }
}
