//! Layers that more than one architecture uses.

use kiln_learn::{Error, Result};
use kiln_tensor::{Builder, Init, Role, Tensor};

/// A matrix product with an optional bias: `[.., in]` to `[.., out]`.
pub(crate) struct Linear {
    pub(crate) weight: Tensor,       // [out, in]
    pub(crate) bias: Option<Tensor>, // [out]
}

impl Linear {
    pub(crate) fn new(
        builder: &mut Builder,
        name: &str,
        [inputs, outputs]: [i64; 2],
        role: Role,
        init: Init,
        bias: Option<Init>,
    ) -> Self {
        Self {
            weight: builder.parameter(&format!("{name}.weight"), &[outputs, inputs], role, init),
            bias: bias.map(|init| {
                builder.parameter(&format!("{name}.bias"), &[outputs], Role::Vector, init)
            }),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_linear(&self.weight, self.bias.as_ref())?)
    }
}

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

/// Rows of a table by number: `[batch, time]` to `[batch, time, width]`.
pub(crate) fn look_up(table: &Tensor, ids: &Tensor) -> Result<Tensor> {
    Tensor::f_embedding(table, ids, -1, false, false).map_err(|error| {
        let largest = i64::try_from(ids.max()).unwrap_or(-1);
        let rows = table.size()[0];
        if largest < rows {
            return error.into();
        }
        Error::Batch(format!(
            "token {largest} is beyond the model's vocabulary of {rows}: its tokenizer is another one"
        ))
    })
}
