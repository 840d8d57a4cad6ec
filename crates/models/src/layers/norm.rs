//! Normalisation of hidden states.

use kiln_learn::Result;
use kiln_tensor::{Builder, Init, Role, Tensor};

/// Layer normalisation (Ba, Kiros and Hinton, 2016) over the last dimension.
pub(crate) struct LayerNorm {
    weight: Tensor,       // [width]
    bias: Option<Tensor>, // [width]
}

impl LayerNorm {
    pub(crate) fn new(builder: &mut Builder, name: &str, width: i64, bias: bool) -> Self {
        let mut vector = |part: &str, value| {
            let name = format!("{name}.{part}");
            builder.parameter(&name, &[width], Role::Vector, Init::Constant(value))
        };
        Self {
            weight: vector("weight", 1.0),
            bias: bias.then(|| vector("bias", 0.0)),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        const EPSILON: f64 = 1e-5;
        Ok(input.f_layer_norm(
            self.weight.size(),
            Some(&self.weight),
            self.bias.as_ref(),
            EPSILON,
            false,
        )?)
    }
}
