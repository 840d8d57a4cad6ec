//! The character network: parameters and forward pass.

use kiln_learn::{Context, Error, Inputs, Model, Output, Result, State};
use kiln_tensor::{Builder, Init, Kind, Role, Tensor};

use super::Character;
use crate::layers::{Linear, computed_in, look_up, refuse_packed};

/// Convolutions and maxima over one-hot ids, and two fully connected layers.
pub(crate) struct CharacterCnn {
    convolutions: Vec<Convolution>,
    connected: [Linear; 2],
    dropout: f64,
    vocabulary: i64,
    context_length: i64,
    operations: f64,
}

struct Convolution {
    weight: Tensor, // [filters, inputs, kernel]
    bias: Tensor,   // [filters]
    pool: i64,
}

impl CharacterCnn {
    pub(crate) fn new(
        config: &Character,
        builder: &mut Builder,
        vocabulary: i64,
        context_length: i64,
    ) -> Self {
        // By the number of inputs (He et al., 2015). At the paper's widths that is nearly what section 2.3 has, 0.05 for the
        // smaller network and 0.02 for the larger; with fewer filters those would leave nothing of the signal.
        let init = |inputs: i64| Init::Normal {
            std: (2.0 / inputs as f64).sqrt(),
        };
        let zero = Init::Constant(0.0);
        let filters = config.filters;
        let convolutions: Vec<Convolution> = (config.kernel_widths.iter().zip(&config.pools))
            .enumerate()
            .map(|(layer, (&kernel, &pool))| {
                let inputs = if layer == 0 { vocabulary } else { filters };
                let name = |part: &str| format!("convolutions.{layer}.{part}");
                let sizes = [filters, inputs, kernel];
                // Of a one-hot vector one element counts.
                let init = init(if layer == 0 { kernel } else { kernel * inputs });
                Convolution {
                    weight: builder.parameter(&name("weight"), &sizes, Role::Matrix, init),
                    bias: builder.parameter(&name("bias"), &[filters], Role::Vector, zero),
                    pool,
                }
            })
            .collect();
        let places = config.places(context_length);
        let flat = filters * places.last().copied().unwrap_or(0);
        let connected = [(0, flat), (1, config.hidden_width)].map(|(layer, inputs)| {
            let name = format!("connected.{layer}");
            let shape = [inputs, config.hidden_width];
            Linear::new(
                builder,
                &name,
                shape,
                Role::Matrix,
                init(inputs),
                Some(zero),
            )
        });
        Self {
            operations: operations(&convolutions, &connected, context_length),
            convolutions,
            connected,
            dropout: config.dropout,
            vocabulary,
            context_length,
        }
    }

    /// The first convolution, over one-hot vectors, as a sum of looked-up columns: what a place answers is the sum, over the ids that
    /// the filter spans, of the filter's weight for that id there. Gives `[batch, filters, places]`.
    fn first(&self, inputs: &Inputs) -> Result<Tensor> {
        let Convolution { weight, bias, .. } = &self.convolutions[0];
        let (filters, _, kernel) = weight.size3()?;
        let (rows, time) = inputs.ids.size2()?;
        let device = inputs.ids.device();
        let computed = computed_in(weight);
        // Refuses an id beyond the vocabulary, which would be another id of another place below.
        let _ = look_up(&weight.f_select(0, 0)?.f_narrow(1, 0, 1)?, &inputs.ids)?;
        // Row `offset * vocabulary + id` of the table, and one of zeros behind them for padding.
        let nothing = kernel * self.vocabulary;
        let table = weight.f_permute([2, 1, 0])?.f_reshape([nothing, filters])?;
        let zeros = Tensor::f_zeros([1, filters], (weight.kind(), device))?;
        let table = Tensor::f_cat(&[table, zeros], 0)?.f_to_kind(computed)?;
        let ids = inputs
            .ids
            .f_constant_pad_nd([0, self.context_length - time])?;
        let windows = ids.f_unfold(1, kernel, 1)?; // [batch, places, kernel]
        let offsets = Tensor::f_arange(kernel, (Kind::Int64, device))?;
        let columns = windows.f_add(&offsets.f_mul_scalar(self.vocabulary)?)?;
        let places =
            Tensor::f_arange(self.context_length, (Kind::Int64, device))?.f_unsqueeze(0)?;
        let inside = match &inputs.lengths {
            Some(lengths) => places.f_lt_tensor(&lengths.f_unsqueeze(1)?)?,
            None => places.f_lt(time)?.f_expand([rows, -1], false)?,
        };
        let inside = inside.f_unfold(1, kernel, 1)?;
        let nothing = columns.f_full_like(nothing)?;
        let columns = columns.f_where_self(&inside, &nothing)?.f_reshape([-1])?;
        let begins =
            Tensor::f_arange_start_step(0, columns.size()[0], kernel, (Kind::Int64, device))?;
        let (answers, _, _, _) = Tensor::f_embedding_bag::<&Tensor>(
            &table, &columns, &begins, false, SUM, false, None, false,
        )?; // [batch * places, filters]
        let answers = answers.f_add(bias)?.f_view([rows, -1, filters])?;
        Ok(answers.f_transpose(1, 2)?)
    }

    fn check(&self, ids: &Tensor) -> Result<()> {
        let time = ids.size()[1];
        if time > self.context_length {
            return Err(Error::Batch(format!(
                "{time} tokens in a row, the model sees at most {}",
                self.context_length
            )));
        }
        Ok(())
    }
}

/// The way of `embedding_bag` that adds.
const SUM: i64 = 0;

impl Convolution {
    /// What follows a convolution's answers.
    fn rectify(&self, answers: &Tensor) -> Result<Tensor> {
        let heard = answers.f_relu()?;
        if self.pool == 1 {
            return Ok(heard);
        }
        Ok(heard.f_max_pool1d([self.pool], [self.pool], [0i64], [1i64], false)?)
    }
}

impl Model for CharacterCnn {
    fn forward(
        &self,
        inputs: &Inputs,
        _state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        refuse_packed(inputs)?;
        self.check(&inputs.ids)?;
        let given = self.convolutions[0].weight.kind();
        let mut hidden = self.convolutions[0].rectify(&self.first(inputs)?)?;
        for convolution in &self.convolutions[1..] {
            let kind = hidden.kind();
            let weight = convolution.weight.f_to_kind(kind)?;
            let bias = convolution.bias.f_to_kind(kind)?;
            let answers = hidden.f_conv1d(&weight, Some(&bias), 1, 0, 1, 1)?;
            hidden = convolution.rectify(&answers)?; // [batch, filters, places]
        }
        let mut features = hidden.f_to_kind(given)?.f_flatten(1, 2)?; // [batch, filters * places]
        for layer in &self.connected {
            let heard = layer.forward(&features)?.f_relu()?;
            features = context.dropout(&heard, self.dropout)?; // [batch, hidden width]
        }
        Ok(Output::of(features))
    }

    fn new_state(&self, _rows: i64, _capacity: i64) -> Option<State> {
        None
    }

    fn context_limit(&self) -> Option<i64> {
        Some(self.context_length)
    }

    fn carries_state(&self) -> bool {
        false
    }

    fn operations_per_token(&self, _context_length: i64) -> f64 {
        self.operations
    }
}

/// Forward and backward of a row, by its ids. The first convolution only adds.
fn operations(convolutions: &[Convolution], connected: &[Linear], context_length: i64) -> f64 {
    let mut places = context_length;
    let mut row = 0.0;
    for (layer, convolution) in convolutions.iter().enumerate() {
        let (filters, _, kernel) = convolution.weight.size3().unwrap_or((0, 0, 1));
        places = (places - kernel + 1).max(0);
        row += places as f64
            * if layer == 0 {
                2.0 * (filters * kernel) as f64
            } else {
                6.0 * convolution.weight.numel() as f64
            };
        places /= convolution.pool;
    }
    let weights: usize = connected.iter().map(|layer| layer.weight.numel()).sum();
    (row + 6.0 * weights as f64) / context_length as f64
}
