//! Heads.

use kiln_learn::{Head, LinearView};
use kiln_tensor::{Builder, Init, Role, Tensor};

use crate::layers::Linear;

/// A head that is one matrix product.
pub(crate) struct LinearHead(Linear);

impl LinearHead {
    /// A head of its own weights.
    pub(crate) fn new(
        builder: &mut Builder,
        shape: [i64; 2],
        init: Init,
        bias: Option<Init>,
    ) -> Self {
        Self(Linear::new(builder, "head", shape, Role::Head, init, bias))
    }

    /// The table of token embeddings read the other way (Press and Wolf, 2017).
    pub(crate) fn tied(table: &Tensor) -> Self {
        Self(Linear {
            weight: table.shallow_clone(),
            bias: None,
        })
    }
}

impl Head for LinearHead {
    fn linear(&self) -> LinearView<'_> {
        LinearView {
            weight: &self.0.weight,
            bias: self.0.bias.as_ref(),
            cap: None,
        }
    }
}
