//! Trunks, heads, and the two together with their parameters.

use kiln_tensor::{Device, Parameters, Tensor};

use crate::{Context, DeviceBatch, Inputs, Result, State};

/// A trunk: ids to hidden states.
pub trait Model: Send {
    /// Hidden states of `inputs`. With a state, the rows go on from it and it is brought up to date; models without one
    /// ignore it.
    ///
    /// # Errors
    /// The inputs do not fit: longer than the model can see, ids beyond its vocabulary.
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output>;

    /// The state before anything was read, for a number of rows, with room for `capacity` ids where it grows; `None` for
    /// models that keep none.
    fn new_state(&self, rows: i64, capacity: i64) -> Option<State>;

    /// Ids that a row can hold at most, if there is a limit.
    fn context_limit(&self) -> Option<i64>;

    /// Whether a training run over contiguous streams hands the state of one batch to the next, as for recurrent models.
    fn carries_state(&self) -> bool;

    /// Floating-point operations of forward and backward for one id, at a context length.
    fn operations_per_token(&self, context_length: i64) -> f64;
}

/// What a trunk gives.
pub struct Output {
    /// Hidden states, `[batch, time, width]`; `[batch, width]` for a trunk that reads a row as a whole.
    pub hidden: Tensor,
    /// Losses of the trunk's own (a router's balance), each a sum over the batch, by name.
    pub auxiliary: Vec<(String, Tensor)>,
}

impl Output {
    /// Hidden states with no further losses.
    pub fn of(hidden: Tensor) -> Self {
        Self {
            hidden,
            auxiliary: Vec::new(),
        }
    }
}

/// Hidden states to outputs: logits of tokens or classes, or values. Whatever comes before, the last part is one matrix
/// product, so that a loss can fuse with it and never hold all outputs.
pub trait Head: Send {
    /// What comes before the product: `[.., width]` to `[.., width]`.
    ///
    /// # Errors
    /// Widths do not fit.
    fn transform(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(hidden.shallow_clone())
    }

    /// The product.
    fn linear(&self) -> LinearView<'_>;

    /// All of it: `[.., width]` to `[.., outputs]`.
    ///
    /// # Errors
    /// Widths do not fit.
    fn project(&self, hidden: &Tensor) -> Result<Tensor> {
        self.linear().project(&self.transform(hidden)?)
    }
}

/// The matrix product that ends a head.
pub struct LinearView<'a> {
    /// `[outputs, width]`.
    pub weight: &'a Tensor,
    /// `[outputs]`.
    pub bias: Option<&'a Tensor>,
    /// Largest magnitude of an output: each is `cap * tanh(output / cap)` (Gemma 2, 2024, section 2).
    pub cap: Option<f64>,
}

impl LinearView<'_> {
    /// `[.., width]` to `[.., outputs]`.
    ///
    /// # Errors
    /// Widths do not fit.
    pub fn project(&self, hidden: &Tensor) -> Result<Tensor> {
        let outputs = hidden.f_linear(self.weight, self.bias)?;
        Ok(match self.cap {
            Some(cap) => outputs.f_div_scalar(cap)?.f_tanh()?.f_mul_scalar(cap)?,
            None => outputs,
        })
    }
}

/// A trunk and a head over one parameter store: what is trained, saved and used.
pub struct Network {
    /// Ids to hidden states.
    pub trunk: Box<dyn Model>,
    /// Hidden states to outputs.
    pub head: Box<dyn Head>,
    /// All weights of both.
    pub parameters: Parameters,
}

impl Network {
    /// Trunk and head in one: `[batch, time, outputs]` or `[batch, outputs]`.
    ///
    /// # Errors
    /// The inputs do not fit the model.
    pub fn outputs(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Tensor> {
        let output = self.trunk.forward(inputs, state, context)?;
        self.head.project(&output.hidden)
    }

    /// The trunk's output for a batch that needs no state.
    ///
    /// # Errors
    /// The batch does not fit the model.
    pub fn forward(&self, batch: &DeviceBatch, context: &Context) -> Result<Output> {
        self.trunk.forward(&batch.inputs()?, None, context)
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.parameters.device()
    }
}
