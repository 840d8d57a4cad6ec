//! Normalisation of hidden states.

use kiln_learn::Result;
use kiln_tensor::{Builder, Init, Kind, Role, Tensor};
use serde::{Deserialize, Serialize};

/// How hidden states are normalised over their last dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Mean 0 and variance 1 (Ba, Kiros and Hinton, 2016).
    LayerNorm,
    /// Root mean square 1 (Zhang and Sennrich, 2019).
    RmsNorm,
}

/// What is learned after normalising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gains {
    None,
    Weight,
    WeightAndBias,
}

/// The shape of a normalisation, without its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NormShape {
    pub(crate) kind: NormKind,
    pub(crate) gains: Gains,
    pub(crate) epsilon: f64,
}

/// Normalisation over the last dimension.
pub(crate) struct Norm {
    shape: NormShape,
    width: i64,
    weight: Option<Tensor>, // [width]
    bias: Option<Tensor>,   // [width]
}

impl NormShape {
    pub(crate) fn build(self, builder: &mut Builder, name: &str, width: i64) -> Norm {
        let mut vector = |part: &str, value| {
            let name = format!("{name}.{part}");
            builder.parameter(&name, &[width], Role::Vector, Init::Constant(value))
        };
        Norm {
            shape: self,
            width,
            weight: (self.gains != Gains::None).then(|| vector("weight", 1.0)),
            bias: (self.gains == Gains::WeightAndBias).then(|| vector("bias", 0.0)),
        }
    }
}

impl Norm {
    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        match self.shape.kind {
            NormKind::LayerNorm => Ok(input.f_layer_norm(
                [self.width],
                self.weight.as_ref(),
                self.bias.as_ref(),
                self.shape.epsilon,
                false,
            )?),
            NormKind::RmsNorm => rms_norm(input, self.weight.as_ref(), self.shape.epsilon),
        }
    }

    pub(crate) fn weight(&self) -> Option<&Tensor> {
        self.weight.as_ref()
    }
}

/// `x / sqrt(mean(x²) + epsilon) * weight` over the last dimension, the mean in fp32 or more.
pub(crate) fn rms_norm(input: &Tensor, weight: Option<&Tensor>, epsilon: f64) -> Result<Tensor> {
    let kind = match input.kind() {
        Kind::Double => Kind::Double,
        _ => Kind::Float,
    };
    // libtorch's `square` is several times slower than a product in bf16 on a CPU.
    let mean = input.f_mul(input)?.f_mean_dim(&[-1i64][..], true, kind)?;
    let scale = mean.f_add_scalar(epsilon)?.f_rsqrt()?;
    // A factor rounded to bf16 would move a whole row by up to 0.4 %.
    let normed = input.f_mul(&scale)?.f_to_kind(input.kind())?;
    Ok(match weight {
        Some(weight) => normed.f_mul(weight)?,
        None => normed,
    })
}
