//! The temporal convolutional network: parameters and forward pass.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Init, Role, Tensor};

use super::Dilated;
use super::causal::{Causal, Memory, Shape, new_state};
use crate::draft::Outputs;
use crate::layers::{Linear, look_up, refuse_packed};

/// Residual blocks of two dilated causal convolutions.
pub(crate) struct DilatedCnn {
    embedding: Tensor, // [vocabulary, embedding width]
    blocks: Vec<Block>,
    dropout: f64,
    head_weights: i64,
}

struct Block {
    convolutions: [Causal; 2],
    residual: Option<Linear>, // [width, inputs], where they differ
}

impl DilatedCnn {
    pub(crate) fn new(
        config: &Dilated,
        builder: &mut Builder,
        vocabulary: i64,
        outputs: Outputs,
    ) -> Self {
        let width = config.width;
        let embedding = builder.parameter(
            "embedding.weight",
            &[vocabulary, config.inputs()],
            Role::Embedding,
            Init::Normal { std: 0.1 },
        );
        let blocks = (0..config.layers)
            .map(|layer| Block::new(config, builder, layer))
            .collect();
        Self {
            embedding,
            blocks,
            dropout: config.dropout,
            head_weights: match outputs {
                Outputs::Tokens => vocabulary * width,
                Outputs::Classes(_) | Outputs::Values(_) => 0, // once a row
            },
        }
    }

    pub(crate) fn token_table(&self) -> &Tensor {
        &self.embedding
    }
}

impl Block {
    fn new(config: &Dilated, builder: &mut Builder, layer: i64) -> Self {
        let width = config.width;
        let inputs = if layer == 0 { config.inputs() } else { width };
        let convolutions = [(0, inputs), (1, width)].map(|(index, inputs)| {
            let shape = Shape {
                inputs,
                outputs: width,
                kernel: config.kernel_width,
                dilation: 1 << layer,
                weight_norm: config.weight_norm,
            };
            // A rectifier halves the variance (He et al., 2015, equation 10).
            let std = (2.0 / (inputs * config.kernel_width) as f64).sqrt();
            let name = format!("blocks.{layer}.convolutions.{index}");
            Causal::new(builder, &name, shape, std)
        });
        let residual = (inputs != width).then(|| {
            let name = format!("blocks.{layer}.residual");
            let std = (1.0 / inputs as f64).sqrt();
            let (init, zero) = (Init::Normal { std }, Some(Init::Constant(0.0)));
            Linear::new(builder, &name, [inputs, width], Role::Matrix, init, zero)
        });
        Self {
            convolutions,
            residual,
        }
    }

    /// `[batch, inputs, time]` to `[batch, width, time]`.
    fn forward(
        &self,
        input: &Tensor,
        memory: &mut Memory,
        context: &Context,
        dropout: f64,
    ) -> Result<Tensor> {
        let mut branch = input.shallow_clone();
        for convolution in &self.convolutions {
            let heard = convolution.forward(&branch, memory)?.f_relu()?;
            // Whole channels of a row: a mask that is the same at all places.
            let places = heard.f_transpose(1, 2)?;
            branch = context
                .variational_dropout(&places, dropout)?
                .f_transpose(1, 2)?;
        }
        let straight = match &self.residual {
            Some(residual) => residual
                .forward(&input.f_transpose(1, 2)?)?
                .f_transpose(1, 2)?,
            None => input.shallow_clone(),
        };
        Ok(straight.f_add(&branch)?.f_relu()?)
    }
}

impl Model for DilatedCnn {
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        refuse_packed(inputs)?;
        let mut memory = Memory::new(state, inputs.reset.as_ref())?;
        let embedded = look_up(&self.embedding, &inputs.ids)?;
        let first = context.dropout(&embedded, self.dropout)?;
        let mut hidden = first.f_transpose(1, 2)?; // [batch, width, time]
        for block in &self.blocks {
            hidden = block.forward(&hidden, &mut memory, context, self.dropout)?;
        }
        memory.finish(inputs.ids.size()[1]);
        Ok(Output::of(hidden.f_transpose(1, 2)?))
    }

    fn new_state(&self, rows: i64, _capacity: i64) -> Option<State> {
        let convolutions = self.blocks.iter().flat_map(|block| &block.convolutions);
        Some(new_state(convolutions, rows, &self.embedding))
    }

    fn context_limit(&self) -> Option<i64> {
        None
    }

    fn carries_state(&self) -> bool {
        true
    }

    fn operations_per_token(&self, _context_length: i64) -> f64 {
        let blocks = self.blocks.iter().map(|block| {
            let convolutions: usize = block.convolutions.iter().map(Causal::weights).sum();
            convolutions + (block.residual.as_ref()).map_or(0, |residual| residual.weight.numel())
        });
        6.0 * (blocks.sum::<usize>() as f64 + self.head_weights as f64)
    }
}
