//! Heads.

use kiln_learn::{Head, LinearView, Result};
use kiln_tensor::{Builder, Init, Role, Tensor};

use crate::layers::Linear;
use crate::layers::norm::{Norm, NormShape};

/// A head: something, and then a matrix product.
pub(crate) struct LinearHead {
    linear: Linear,
    cap: Option<f64>,
    transform: Transform,
}

/// What a head does before its product.
pub(crate) enum Transform {
    None,
    /// Hidden states times a number.
    Scaled(f64),
    /// BERT's for masked tokens: a product, GELU and a normalisation.
    Masked {
        dense: Linear,
        norm: Norm,
    },
    /// BERT's for whole texts: a product and a hyperbolic tangent.
    Pooler(Linear),
}

impl Transform {
    fn dense(builder: &mut Builder, width: i64, init: Init) -> Linear {
        let zero = Some(Init::Constant(0.0));
        Linear::new(
            builder,
            "head.dense",
            [width, width],
            Role::Matrix,
            init,
            zero,
        )
    }

    pub(crate) fn masked(builder: &mut Builder, width: i64, init: Init, norm: NormShape) -> Self {
        Self::Masked {
            dense: Self::dense(builder, width, init),
            norm: norm.build(builder, "head.norm", width),
        }
    }

    pub(crate) fn pooler(builder: &mut Builder, width: i64, init: Init) -> Self {
        Self::Pooler(Self::dense(builder, width, init))
    }
}

impl LinearHead {
    /// A head of its own weights.
    pub(crate) fn new(
        builder: &mut Builder,
        shape: [i64; 2],
        init: Init,
        bias: Option<Init>,
    ) -> Self {
        Self::of(Linear::new(builder, "head", shape, Role::Head, init, bias))
    }

    /// The table of token embeddings read the other way (Press and Wolf, 2017).
    pub(crate) fn tied(builder: &mut Builder, table: &Tensor, bias: Option<Init>) -> Self {
        let outputs = table.size()[0];
        Self::of(Linear {
            weight: table.shallow_clone(),
            bias: bias.map(|init| builder.parameter("head.bias", &[outputs], Role::Vector, init)),
        })
    }

    fn of(linear: Linear) -> Self {
        Self {
            linear,
            cap: None,
            transform: Transform::None,
        }
    }

    /// The same with outputs of at most this magnitude.
    pub(crate) fn capped(self, cap: Option<f64>) -> Self {
        Self { cap, ..self }
    }

    /// The same with something before the product.
    pub(crate) fn after(self, transform: Transform) -> Self {
        Self { transform, ..self }
    }
}

impl Head for LinearHead {
    fn transform(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(match &self.transform {
            Transform::None => hidden.shallow_clone(),
            Transform::Scaled(factor) => hidden.f_mul_scalar(*factor)?,
            Transform::Masked { dense, norm } => {
                norm.forward(&dense.forward(hidden)?.f_gelu("none")?)?
            }
            Transform::Pooler(dense) => dense.forward(hidden)?.f_tanh()?,
        })
    }

    fn linear(&self) -> LinearView<'_> {
        LinearView {
            weight: &self.linear.weight,
            bias: self.linear.bias.as_ref(),
            cap: self.cap,
        }
    }
}
