//! Matrix products.

use kiln_learn::Result;
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

    /// A matrix between hidden layers, `part` of what `name` names, whose bias begins at zero; or several in one product, with so
    /// many outputs each.
    pub(crate) fn hidden(
        builder: &mut Builder,
        [name, part]: [&str; 2],
        inputs: i64,
        outputs: &[i64],
        init: Init,
        bias: bool,
    ) -> Self {
        let all = outputs.iter().sum();
        let shape = [all, inputs];
        let weight = format!("{name}.{part}.weight");
        Self {
            weight: builder.stacked(&weight, &shape, Role::Matrix, init, outputs),
            bias: bias.then(|| {
                let zero = Init::Constant(0.0);
                builder.parameter(&format!("{name}.{part}.bias"), &[all], Role::Vector, zero)
            }),
        }
    }

    pub(crate) fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_linear(&self.weight, self.bias.as_ref())?)
    }
}
