//! The part of a block that works on each place alone.

use kiln_learn::Result;
use kiln_tensor::{Builder, Init, Tensor};
use serde::{Deserialize, Serialize};

use super::Linear;

/// What a feed-forward layer does between its two products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Gaussian error linear unit (Hendrycks and Gimpel, 2016), exact.
    Gelu,
    /// The same by its approximation with a hyperbolic tangent, as GPT-2 has it.
    GeluTanh,
    /// Rectified linear unit.
    Relu,
    /// Its square (So et al., 2021).
    ReluSquared,
    /// Sigmoid linear unit as a gate of a second product (Shazeer, 2020).
    Swiglu,
    /// Approximated Gaussian error linear unit as a gate of a second product (Shazeer, 2020).
    Geglu,
}

impl Activation {
    /// Whether one half of the first product gates the other.
    pub(crate) fn is_gated(self) -> bool {
        matches!(self, Self::Swiglu | Self::Geglu)
    }

    /// `[.., inner]` to the same, or `[.., 2 * inner]`, the gate first, to `[.., inner]`.
    pub(crate) fn apply(self, input: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Gelu => input.f_gelu("none")?,
            Self::GeluTanh => input.f_gelu("tanh")?,
            Self::Relu => input.f_relu()?,
            Self::ReluSquared => {
                let positive = input.f_relu()?;
                positive.f_mul(&positive)?
            }
            Self::Swiglu | Self::Geglu => {
                let halves = input.f_chunk(2, -1)?;
                let gate = match self {
                    Self::Swiglu => halves[0].f_silu()?,
                    _ => halves[0].f_gelu("tanh")?,
                };
                gate.f_mul(&halves[1])?
            }
        })
    }
}

/// The shape of a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FeedForwardShape {
    pub(crate) width: i64,
    pub(crate) inner: i64,
    pub(crate) activation: Activation,
    pub(crate) bias: bool,
}

impl FeedForwardShape {
    /// Outputs of the first product.
    pub(crate) fn first(&self) -> i64 {
        self.inner * if self.activation.is_gated() { 2 } else { 1 }
    }
}

/// Two products with an activation between.
pub(crate) struct FeedForward {
    up: Linear, // where gated, rows: all gates, all values
    down: Linear,
    activation: Activation,
}

impl FeedForward {
    pub(crate) fn new(
        shape: FeedForwardShape,
        builder: &mut Builder,
        name: &str,
        [up, down]: [Init; 2],
    ) -> Self {
        let mut linear = |part: &str, inputs: i64, outputs: &[i64], init| {
            Linear::hidden(builder, [name, part], inputs, outputs, init, shape.bias)
        };
        let inner = shape.inner;
        let up = if shape.activation.is_gated() {
            linear("gate_up", shape.width, &[inner, inner], up)
        } else {
            linear("up", shape.width, &[inner], up)
        };
        Self {
            up,
            down: linear("down", inner, &[shape.width], down),
            activation: shape.activation,
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let inner = self.activation.apply(&self.up.forward(input)?)?;
        self.down.forward(&inner)
    }
}
