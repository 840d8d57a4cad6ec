//! The recurrent trunk: parameters and forward pass.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Init, Role, Tensor};

use super::cell::Weights;
use super::direction::Reversal;
use super::regularisation::Regularisation;
use super::{Cell, Config};
use crate::draft::Outputs;
use crate::layers::refuse_packed;

/// A stack of recurrent layers, in one direction or both.
pub(crate) struct Recurrent {
    embedding: Tensor,             // [vocabulary, embedding width]
    directions: Vec<Vec<Weights>>, // of each direction, each layer
    cell: Cell,
    width: i64,
    output_width: i64, // of one direction
    dropout: f64,
    regularisation: Regularisation,
    head_weights: i64,
}

impl Recurrent {
    pub(crate) fn new(
        config: &Config,
        builder: &mut Builder,
        vocabulary: i64,
        outputs: Outputs,
    ) -> Self {
        let embedding = builder.parameter(
            "embedding.weight",
            &[vocabulary, config.inputs()],
            Role::Embedding,
            Init::Uniform { bound: 0.1 },
        );
        let directions = (config.directions().iter())
            .map(|direction| {
                (0..config.layers)
                    .map(|layer| weights(config, builder, layer, direction))
                    .collect()
            })
            .collect();
        Self {
            embedding,
            directions,
            cell: config.cell,
            width: config.width,
            output_width: config.direction_width(),
            dropout: config.dropout,
            regularisation: config.regularisation(),
            head_weights: match outputs {
                Outputs::Tokens => vocabulary * config.output_width(),
                Outputs::Classes(_) | Outputs::Values(_) => 0, // once a row
            },
        }
    }

    pub(crate) fn token_table(&self) -> &Tensor {
        &self.embedding
    }

    fn layers(&self) -> usize {
        self.directions[0].len()
    }

    /// Width of a part of the carry: the first is the output, an LSTM's second its cell.
    fn part_width(&self, part: usize) -> i64 {
        if part == 0 {
            self.output_width
        } else {
            self.width
        }
    }

    /// Where a part of a layer's carry lies in a state.
    fn place(&self, layer: usize, part: usize) -> usize {
        layer * self.cell.carried().len() + part
    }
}

/// PyTorch's beginning: uniform within one over the root of the width.
fn weights(config: &Config, builder: &mut Builder, layer: i64, direction: &str) -> Weights {
    let bound = 1.0 / (config.width as f64).sqrt();
    let inputs = if layer == 0 {
        config.inputs()
    } else {
        config.output_width()
    };
    let (rows, outputs) = (config.cell.gates() * config.width, config.direction_width());
    let mut parameter = |part: &str, shape: &[i64], role, matrices: &[i64]| {
        let name = format!("layers.{layer}.{direction}{part}");
        builder.stacked(&name, shape, role, Init::Uniform { bound }, matrices)
    };
    let gates = vec![config.width; usize::try_from(config.cell.gates()).unwrap_or(1)];
    let mut matrix =
        |part: &str, shape: [i64; 2], rows: &[i64]| parameter(part, &shape, Role::Matrix, rows);
    let input = matrix("input.weight", [rows, inputs], &gates);
    let hidden = matrix("hidden.weight", [rows, outputs], &gates);
    let projection = (config.projection)
        .map(|width| matrix("projection.weight", [width, config.width], &[width]));
    Weights {
        input,
        hidden,
        input_bias: parameter("input.bias", &[rows], Role::Vector, &[rows]),
        hidden_bias: parameter("hidden.bias", &[rows], Role::Vector, &[rows]),
        projection,
    }
}

/// The state that rows bring with them.
struct Carried<'a> {
    state: Option<&'a mut State>,
    keep: Option<Tensor>, // [batch, 1]; a forgotten row begins as every row begins: at zero
}

impl Carried<'_> {
    /// A part of the carry, `[batch, width]`.
    fn take(&self, place: usize, width: i64, like: &Tensor) -> Result<Tensor> {
        let Some(state) = &self.state else {
            let options = (like.kind(), like.device());
            return Ok(Tensor::f_zeros([like.size()[0], width], options)?);
        };
        let carried = state.part(place);
        Ok(match &self.keep {
            Some(keep) => carried.f_where_self(keep, &carried.f_zeros_like()?)?,
            None => carried.shallow_clone(),
        })
    }

    fn put(&mut self, place: usize, part: Tensor) {
        if let Some(state) = &mut self.state {
            state.set_part(place, part);
        }
    }
}

impl Recurrent {
    /// Some layers of one direction over all steps: `[batch, time, inputs]` to `[batch, time, output width]`.
    fn run(
        &self,
        layers: &[Weights],
        first: usize,
        input: &Tensor,
        carried: &mut Carried,
        context: &Context,
    ) -> Result<Tensor> {
        let parts = self.cell.carried().len();
        let numbers = first..first + layers.len();
        let carry = (0..parts)
            .map(|part| {
                let each = numbers.clone().map(|layer| {
                    carried.take(self.place(layer, part), self.part_width(part), input)
                });
                Ok(Tensor::f_stack(&each.collect::<Result<Vec<_>>>()?, 0)?)
            })
            .collect::<Result<Vec<_>>>()?; // [layers, batch, width] each
        let training = context.is_training();
        let (output, carry) = self.cell.run(layers, input, carry, training)?;
        for (part, values) in carry.iter().enumerate() {
            for (values, layer) in values.unbind(0).into_iter().zip(numbers.clone()) {
                carried.put(self.place(layer, part), values);
            }
        }
        Ok(output)
    }

    /// The layers of a direction as a pass uses them, without the weights that it drops.
    fn dropped(&self, layers: &[Weights], context: &Context) -> Result<Vec<Weights>> {
        (layers.iter())
            .map(|layer| {
                Ok(Weights {
                    input: layer.input.shallow_clone(),
                    hidden: (self.regularisation).drop_weights(&layer.hidden, context)?,
                    input_bias: layer.input_bias.shallow_clone(),
                    hidden_bias: layer.hidden_bias.shallow_clone(),
                    projection: layer.projection.as_ref().map(Tensor::shallow_clone),
                })
            })
            .collect()
    }

    /// Layers that nothing stands between, so that one call runs them: all, or one at a time.
    fn together(&self, context: &Context) -> usize {
        let drops = self.dropout > 0.0 || self.regularisation.hidden_dropout > 0.0;
        if self.directions.len() > 1 || (drops && context.is_training()) {
            1
        } else {
            self.layers()
        }
    }
}

impl Model for Recurrent {
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        refuse_packed(inputs)?;
        let (_, time) = inputs.ids.size2()?;
        let rules = &self.regularisation;
        let lengths = inputs.lengths.as_ref();
        let mut carried = Carried {
            state,
            keep: inputs.reset.as_ref().map(|reset| reset.eq(0).unsqueeze(1)),
        };
        let embedded = rules.embed(&self.embedding, &inputs.ids, context)?;
        let mut hidden = context.dropout(&embedded, self.dropout)?;
        hidden = context.variational_dropout(&hidden, rules.input_dropout)?;
        let directions = (self.directions.iter())
            .map(|layers| self.dropped(layers, context))
            .collect::<Result<Vec<_>>>()?;
        let step = self.together(context);
        let mut raw = hidden.shallow_clone();
        for first in (0..self.layers()).step_by(step) {
            let run = |direction: usize, input: &Tensor, carried: &mut Carried| {
                let layers = &directions[direction][first..first + step];
                self.run(layers, first, input, carried, context)
            };
            raw = run(0, &hidden, &mut carried)?; // [batch, time, output width]
            if directions.len() > 1 {
                let reversal = Reversal::new(lengths, time)?;
                let backward = run(1, &reversal.apply(&hidden)?, &mut carried)?;
                raw = Tensor::f_cat(&[raw, reversal.apply(&backward)?], 2)?;
            }
            let probability = if first + step == self.layers() {
                rules.output_dropout
            } else {
                rules.hidden_dropout
            };
            hidden = context.dropout(&raw, self.dropout)?;
            hidden = context.variational_dropout(&hidden, probability)?;
        }
        if let Some(state) = carried.state {
            state.advance(time);
        }
        let auxiliary = if context.is_training() {
            rules.penalties(&raw, &hidden, lengths)?
        } else {
            Vec::new()
        };
        Ok(Output { hidden, auxiliary })
    }

    /// None for a network that reads both ways.
    fn new_state(&self, rows: i64, _capacity: i64) -> Option<State> {
        if self.directions.len() > 1 {
            return None;
        }
        let options = (self.embedding.kind(), self.embedding.device());
        let parts = (0..self.layers()).flat_map(|layer| {
            let names = self.cell.carried().iter().enumerate();
            names.map(move |(part, name)| {
                let zeros = Tensor::zeros([rows, self.part_width(part)], options);
                (format!("{name}.{layer}"), zeros)
            })
        });
        Some(State::new(parts.collect()))
    }

    fn context_limit(&self) -> Option<i64> {
        None
    }

    fn carries_state(&self) -> bool {
        self.directions.len() == 1
    }

    fn operations_per_token(&self, _context_length: i64) -> f64 {
        let matrices = (self.directions.iter().flatten())
            .flat_map(|layer| {
                [
                    Some(&layer.input),
                    Some(&layer.hidden),
                    layer.projection.as_ref(),
                ]
            })
            .flatten();
        let weights: usize = matrices.map(Tensor::numel).sum();
        6.0 * (weights as f64 + self.head_weights as f64)
    }
}
