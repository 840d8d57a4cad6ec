//! The gated language model: parameters and forward pass.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Init, Role, Tensor};

use super::Gated;
use super::causal::{Causal, Memory, Shape, new_state};
use crate::draft::Outputs;
use crate::layers::{Linear, look_up, refuse_packed};

/// Gated causal convolutions in residual blocks.
pub(crate) struct GatedCnn {
    embedding: Tensor,        // [vocabulary, embedding width]
    input: Option<Linear>,    // [width, embedding width], where they differ
    blocks: Vec<Vec<Causal>>, // of each block, its convolutions
    dropout: f64,
    head_weights: i64,
}

impl GatedCnn {
    pub(crate) fn new(
        config: &Gated,
        builder: &mut Builder,
        vocabulary: i64,
        outputs: Outputs,
    ) -> Self {
        let (inputs, width) = (config.inputs(), config.width);
        let embedding = builder.parameter(
            "embedding.weight",
            &[vocabulary, inputs],
            Role::Embedding,
            Init::Normal { std: 0.1 }, // as Gehring et al., 2017, section 3.5
        );
        let std = (1.0 / inputs as f64).sqrt();
        let input = (inputs != width).then(|| {
            let init = Init::Normal { std };
            Linear::new(builder, "input", [inputs, width], Role::Matrix, init, None)
        });
        let shapes: Vec<[i64; 3]> = match config.bottleneck {
            None => vec![[width, width, config.kernel_width]],
            Some(narrow) => vec![
                [width, narrow, 1],
                [narrow, narrow, config.kernel_width],
                [narrow, width, 1],
            ],
        };
        let blocks = (0..config.layers)
            .map(|layer| {
                (shapes.iter().enumerate())
                    .map(|(index, &[inputs, outputs, kernel])| {
                        // The gate quarters the variance, dropout takes its share (Gehring et al., 2017, section 3.5).
                        let fan_in = (inputs * kernel) as f64;
                        let std = (4.0 * (1.0 - config.dropout) / fan_in).sqrt();
                        let shape = Shape {
                            inputs,
                            outputs: 2 * outputs,
                            kernel,
                            dilation: 1,
                            weight_norm: config.weight_norm,
                        };
                        let name = format!("blocks.{layer}.convolutions.{index}");
                        Causal::new(builder, &name, shape, std)
                    })
                    .collect()
            })
            .collect();
        Self {
            embedding,
            input,
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

impl Model for GatedCnn {
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        refuse_packed(inputs)?;
        let mut memory = Memory::new(state, inputs.reset.as_ref())?;
        let embedded = look_up(&self.embedding, &inputs.ids)?;
        let first = match &self.input {
            Some(input) => input.forward(&embedded)?,
            None => embedded,
        };
        let mut hidden = first.f_transpose(1, 2)?; // [batch, width, time]
        for block in &self.blocks {
            let mut branch = context.dropout(&hidden, self.dropout)?;
            for convolution in block {
                branch = convolution.forward(&branch, &mut memory)?.f_glu(1)?;
            }
            hidden = hidden.f_add(&branch)?;
        }
        memory.finish(inputs.ids.size()[1]);
        let hidden = context.dropout(&hidden, self.dropout)?;
        Ok(Output::of(hidden.f_transpose(1, 2)?))
    }

    fn new_state(&self, rows: i64, _capacity: i64) -> Option<State> {
        let convolutions = self.blocks.iter().flatten();
        Some(new_state(convolutions, rows, &self.embedding))
    }

    fn context_limit(&self) -> Option<i64> {
        None
    }

    fn carries_state(&self) -> bool {
        true
    }

    fn operations_per_token(&self, _context_length: i64) -> f64 {
        let input = self.input.as_ref().map_or(0, |input| input.weight.numel());
        let blocks: usize = self.blocks.iter().flatten().map(Causal::weights).sum();
        6.0 * ((input + blocks) as f64 + self.head_weights as f64)
    }
}
