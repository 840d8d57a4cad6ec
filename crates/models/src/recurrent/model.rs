//! The LSTM: parameters and forward pass.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Init, Role, Tensor};

use super::Config;
use crate::layers::look_up;

/// A stack of LSTM layers.
pub(crate) struct Recurrent {
    embedding: Tensor, // [vocabulary, embedding width]
    layers: Vec<Layer>,
    width: i64,
    dropout: f64,
}

/// Gates in the order input, forget, cell, output, each `width` rows, as PyTorch has them.
struct Layer {
    input_weight: Tensor,  // [4 * width, inputs]
    hidden_weight: Tensor, // [4 * width, width]
    input_bias: Tensor,    // [4 * width]
    hidden_bias: Tensor,   // [4 * width]
}

impl Recurrent {
    pub(crate) fn new(config: &Config, builder: &mut Builder, vocabulary: i64) -> Self {
        let inputs = config.inputs();
        let embedding = builder.parameter(
            "embedding.weight",
            &[vocabulary, inputs],
            Role::Embedding,
            Init::Uniform { bound: 0.1 },
        );
        let layers = (0..config.layers)
            .map(|layer| {
                let inputs = if layer == 0 { inputs } else { config.width };
                Layer::new(builder, layer, inputs, config.width)
            })
            .collect();
        Self {
            embedding,
            layers,
            width: config.width,
            dropout: config.dropout,
        }
    }

    pub(crate) fn token_table(&self) -> &Tensor {
        &self.embedding
    }
}

impl Layer {
    fn new(builder: &mut Builder, layer: i64, inputs: i64, width: i64) -> Self {
        let bound = 1.0 / (width as f64).sqrt();
        let mut parameter = |part: &str, shape: &[i64], role| {
            let name = format!("layers.{layer}.{part}");
            builder.parameter(&name, shape, role, Init::Uniform { bound })
        };
        Self {
            input_weight: parameter("input.weight", &[4 * width, inputs], Role::Matrix),
            hidden_weight: parameter("hidden.weight", &[4 * width, width], Role::Matrix),
            input_bias: parameter("input.bias", &[4 * width], Role::Vector),
            hidden_bias: parameter("hidden.bias", &[4 * width], Role::Vector),
        }
    }

    /// One layer over all steps: `[batch, time, inputs]` and `[batch, width]` twice to `[batch, time, width]` and the same.
    fn forward(
        &self,
        input: &Tensor,
        [hidden, cell]: [Tensor; 2],
        training: bool,
    ) -> Result<(Tensor, [Tensor; 2])> {
        let carry = [hidden.unsqueeze(0), cell.unsqueeze(0)];
        let weights = [
            &self.input_weight,
            &self.hidden_weight,
            &self.input_bias,
            &self.hidden_bias,
        ];
        let (output, hidden, cell) = input.f_lstm(
            &carry.each_ref(),
            &weights,
            true,
            1,
            0.0,
            training,
            false,
            true,
        )?;
        Ok((output, [hidden.squeeze_dim(0), cell.squeeze_dim(0)]))
    }
}

impl Model for Recurrent {
    fn forward(
        &self,
        inputs: &Inputs,
        mut state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        let (rows, time) = inputs.ids.size2()?;
        let embedded = look_up(&self.embedding, &inputs.ids)?;
        let mut hidden = context.dropout(&embedded, self.dropout)?;
        // A forgotten row begins as every row begins: at zero.
        let keep = inputs.reset.as_ref().map(|reset| reset.eq(0).unsqueeze(1)); // [batch, 1]
        for (index, layer) in self.layers.iter().enumerate() {
            let carry = [2 * index, 2 * index + 1].map(|part| match (&state, &keep) {
                (Some(state), Some(keep)) => {
                    let carried = state.part(part);
                    carried.where_self(keep, &carried.zeros_like())
                }
                (Some(state), None) => state.part(part).shallow_clone(),
                (None, _) => Tensor::zeros([rows, self.width], (hidden.kind(), hidden.device())),
            });
            let (output, carry) = layer.forward(&hidden, carry, context.is_training())?;
            if let Some(state) = state.as_deref_mut() {
                for (offset, part) in carry.into_iter().enumerate() {
                    state.set_part(2 * index + offset, part);
                }
            }
            hidden = context.dropout(&output, self.dropout)?; // [batch, time, width]
        }
        if let Some(state) = state {
            state.advance(time);
        }
        Ok(Output::of(hidden))
    }

    fn new_state(&self, rows: i64, _capacity: i64) -> Option<State> {
        let zeros = || {
            let options = (self.embedding.kind(), self.embedding.device());
            Tensor::zeros([rows, self.width], options)
        };
        let parts = (0..self.layers.len())
            .flat_map(|layer| ["hidden", "cell"].map(|part| (format!("{part}.{layer}"), zeros())));
        Some(State::new(parts.collect()))
    }

    fn context_limit(&self) -> Option<i64> {
        None
    }

    fn carries_state(&self) -> bool {
        true
    }

    fn operations_per_token(&self, _context_length: i64) -> f64 {
        let layers: usize = self
            .layers
            .iter()
            .map(|layer| layer.input_weight.numel() + layer.hidden_weight.numel())
            .sum();
        let head = self.embedding.size()[0] * self.width;
        6.0 * (layers as f64 + head as f64)
    }
}
