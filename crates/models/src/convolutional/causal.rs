//! Convolutions that see a place and those before it, and what they must remember to go on.

use kiln_learn::{Result, State};
use kiln_tensor::{Builder, Init, Kind, Role, Tensor};

use crate::layers::computed_in;

/// A causal convolution over time.
///
/// libtorch's own `conv1d`. At 16 rows of 128 places, 192 wide, four places a filter, forward and backward in fp32 on one core take 56 ms
/// by it, 51 ms by one product over shifted copies side by side, 52 ms by a sum of shifted products; on a processor
/// without bf16 arithmetic each takes ten times as long in bf16, so it is computed in fp32 there.
pub(super) struct Causal {
    weight: Tensor,       // [outputs, inputs, kernel]
    gain: Option<Tensor>, // [outputs], the lengths of the filters where weights are normalised
    bias: Tensor,         // [outputs]
    dilation: i64,
}

/// The shape of one.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) inputs: i64,
    pub(super) outputs: i64,
    pub(super) kernel: i64,
    pub(super) dilation: i64,
    pub(super) weight_norm: bool,
}

impl Causal {
    /// Filters begin normal with this standard deviation; normalised ones all at the length that such a filter has on average.
    pub(super) fn new(builder: &mut Builder, name: &str, shape: Shape, std: f64) -> Self {
        let Shape {
            inputs,
            outputs,
            kernel,
            ..
        } = shape;
        let sizes = [outputs, inputs, kernel];
        let weight = format!("{name}.weight");
        let weight = builder.parameter(&weight, &sizes, Role::Matrix, Init::Normal { std });
        let mut vector = |part: &str, value: f64| {
            let name = format!("{name}.{part}");
            builder.parameter(&name, &[outputs], Role::Vector, Init::Constant(value))
        };
        Self {
            weight,
            gain: (shape.weight_norm)
                .then(|| vector("gain", std * ((inputs * kernel) as f64).sqrt())),
            bias: vector("bias", 0.0),
            dilation: shape.dilation,
        }
    }

    /// Places before its own that it sees.
    fn reach(&self) -> i64 {
        (self.weight.size()[2] - 1) * self.dilation
    }

    pub(super) fn weights(&self) -> usize {
        self.weight.numel()
    }

    fn normalised(&self) -> Result<Tensor> {
        let Some(gain) = &self.gain else {
            return Ok(self.weight.shallow_clone());
        };
        let gain = gain.f_view([-1, 1, 1])?;
        Ok(Tensor::f_internal_weight_norm(&self.weight, &gain, 0)?)
    }

    /// `[batch, inputs, time]` to `[batch, outputs, time]`.
    pub(super) fn forward(&self, input: &Tensor, memory: &mut Memory) -> Result<Tensor> {
        let reach = self.reach();
        let seen = memory.extend(input, reach)?; // [batch, inputs, reach + time]
        let (given, computed) = (input.kind(), computed_in(input));
        let output = seen.f_to_kind(computed)?.f_conv1d(
            &self.normalised()?.f_to_kind(computed)?,
            Some(self.bias.f_to_kind(computed)?),
            1,
            0,
            self.dilation,
            1,
        )?;
        Ok(output.f_to_kind(given)?)
    }

    /// What it remembers before anything was read: nothing is as good as zeros.
    pub(super) fn remembers(&self, rows: i64, options: (Kind, kiln_tensor::Device)) -> Tensor {
        Tensor::zeros([rows, self.weight.size()[1], self.reach()], options)
    }
}

/// The last inputs of every convolution of a network, in the order in which a pass asks for them.
pub(super) struct Memory<'a> {
    state: Option<&'a mut State>,
    keep: Option<Tensor>, // [batch, 1, 1]; a forgotten row begins as every row begins: at zero
    asked: usize,
}

impl<'a> Memory<'a> {
    pub(super) fn new(state: Option<&'a mut State>, reset: Option<&Tensor>) -> Result<Self> {
        let keep = match reset {
            Some(reset) => Some(reset.f_eq(0)?.f_view([-1, 1, 1])?),
            None => None,
        };
        Ok(Self {
            state,
            keep,
            asked: 0,
        })
    }

    /// The `reach` inputs before these and these, `[batch, width, reach + time]`; the last of them are remembered.
    fn extend(&mut self, input: &Tensor, reach: i64) -> Result<Tensor> {
        if reach == 0 {
            return Ok(input.shallow_clone());
        }
        let place = self.asked;
        self.asked += 1;
        let Some(state) = &mut self.state else {
            return Ok(input.f_constant_pad_nd([reach, 0])?);
        };
        let before = state.part(place);
        let before = match &self.keep {
            Some(keep) => before.f_where_self(keep, &before.f_zeros_like()?)?,
            None => before.shallow_clone(),
        };
        let seen = Tensor::f_cat(&[before, input.shallow_clone()], 2)?;
        // A copy: the whole of what was seen need not stay.
        let last = seen.f_narrow(2, seen.size()[2] - reach, reach)?;
        state.set_part(place, last.f_contiguous()?);
        Ok(seen)
    }

    /// All convolutions were asked for: count what was read.
    pub(super) fn finish(self, time: i64) {
        if let Some(state) = self.state {
            state.advance(time);
        }
    }
}

/// A state of the memories of these convolutions, in the order in which a pass asks for them.
pub(super) fn new_state<'a>(
    convolutions: impl Iterator<Item = &'a Causal>,
    rows: i64,
    like: &Tensor,
) -> State {
    let options = (like.kind(), like.device());
    let remembering = convolutions.filter(|convolution| convolution.reach() > 0);
    let parts = remembering.enumerate().map(|(place, convolution)| {
        let memory = convolution.remembers(rows, options);
        (format!("inputs.{place}"), memory)
    });
    State::new(parts.collect())
}
