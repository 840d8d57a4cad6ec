//! What a layer computes at a step, through libtorch's own kernels.
//!
//! Measured on two cores without bf16 arithmetic, forward and backward of two layers of 256 over 16 rows of 64 steps: a loop over time
//! with one product for all inputs and one `addmm` a step takes 145 ms with an LSTM's gates, libtorch's kernel 82 ms (oneDNN); in
//! bf16 both take over 1,400 ms. So every step of time is libtorch's, and on such a processor in fp32.

use kiln_learn::Result;
use kiln_tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::layers::computed_in;

/// A recurrent cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// A simple recurrent network (Elman, 1990): `h' = tanh(W x + b + U h + c)`.
    ElmanTanh,
    /// The same with a rectifier: `h' = max(0, W x + b + U h + c)` (Le, Jaitly and Hinton, 2015, begin it otherwise).
    ElmanRelu,
    /// Gated recurrent unit (Cho et al., 2014), in the form of PyTorch and cuDNN: the reset gate is applied after the product with
    /// the state, and the update gate weighs the old state.
    Gru,
    /// Long short-term memory (Hochreiter and Schmidhuber, 1997), with a forget gate (Gers, Schmidhuber and Cummins, 2000).
    #[default]
    Lstm,
}

/// One direction of one layer. Gates lie one below the other as PyTorch has them: input, forget, cell, output of an LSTM; reset,
/// update, new of a GRU.
pub(super) struct Weights {
    pub(super) input: Tensor,              // [gates * width, inputs]
    pub(super) hidden: Tensor,             // [gates * width, outputs]
    pub(super) input_bias: Tensor,         // [gates * width]
    pub(super) hidden_bias: Tensor,        // [gates * width]
    pub(super) projection: Option<Tensor>, // [outputs, width]
}

impl Weights {
    pub(super) fn all(&self) -> impl Iterator<Item = &Tensor> {
        let own = [
            &self.input,
            &self.hidden,
            &self.input_bias,
            &self.hidden_bias,
        ];
        own.into_iter().chain(&self.projection)
    }
}

impl Cell {
    /// Rows of a weight matrix for each unit.
    pub(super) fn gates(self) -> i64 {
        match self {
            Self::ElmanTanh | Self::ElmanRelu => 1,
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }

    /// What a layer hands from one step to the next, by name.
    pub(super) fn carried(self) -> &'static [&'static str] {
        match self {
            Self::ElmanTanh | Self::ElmanRelu | Self::Gru => &["hidden"],
            Self::Lstm => &["hidden", "cell"],
        }
    }

    /// Layers one upon the other over all steps. `input` is `[batch, time, inputs]`, each part of the carry `[layers, batch, its
    /// width]`; gives `[batch, time, outputs]` and the carry after the last step.
    pub(super) fn run(
        self,
        layers: &[Weights],
        input: &Tensor,
        carry: Vec<Tensor>,
        training: bool,
    ) -> Result<(Tensor, Vec<Tensor>)> {
        let given = input.kind();
        let computed = computed_in(input);
        let weights = (layers.iter().flat_map(Weights::all))
            .map(|weight| weight.f_to_kind(computed))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let carry = (carry.iter())
            .map(|part| part.f_to_kind(computed))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let input = input.f_to_kind(computed)?;
        let count = i64::try_from(layers.len()).unwrap_or(i64::MAX);
        let over_time = match self {
            Self::ElmanTanh => Tensor::f_rnn_tanh,
            Self::ElmanRelu => Tensor::f_rnn_relu,
            Self::Gru => Tensor::f_gru,
            Self::Lstm => {
                let (output, hidden, cell) =
                    if input.size()[1] == 1 && weights.len() == 4 * layers.len() {
                        one_step(&weights, &input, &carry)?
                    } else {
                        input.f_lstm(&carry, &weights, true, count, 0.0, training, false, true)?
                    };
                let carry = [hidden, cell].map(|part| part.f_to_kind(given));
                let [hidden, cell] = carry;
                return Ok((output.f_to_kind(given)?, vec![hidden?, cell?]));
            }
        };
        let (output, hidden) = over_time(
            &input, &carry[0], &weights, true, count, 0.0, training, false, true,
        )?;
        Ok((output.f_to_kind(given)?, vec![hidden.f_to_kind(given)?]))
    }
}

/// One step of LSTM layers without projections: what a decoder asks for. oneDNN packs the weights anew at every call, which for one row
/// and one step of two layers of 256 takes 1.0 ms where the cells take 0.4.
fn one_step(
    weights: &[Tensor],
    input: &Tensor,
    carry: &[Tensor],
) -> Result<(Tensor, Tensor, Tensor)> {
    let mut output = input.f_squeeze_dim(1)?; // [batch, inputs]
    let (mut hidden, mut cells) = (Vec::new(), Vec::new());
    for (layer, weights) in (0i64..).zip(weights.chunks_exact(4)) {
        let before = [carry[0].f_get(layer)?, carry[1].f_get(layer)?];
        let [input_bias, hidden_bias] = [Some(&weights[2]), Some(&weights[3])];
        let (after, cell) = output.f_lstm_cell(
            &before.each_ref(),
            &weights[0],
            &weights[1],
            input_bias,
            hidden_bias,
        )?;
        output = after.shallow_clone();
        hidden.push(after);
        cells.push(cell);
    }
    let (hidden, cells) = (Tensor::f_stack(&hidden, 0)?, Tensor::f_stack(&cells, 0)?);
    Ok((output.f_unsqueeze(1)?, hidden, cells))
}
