//! In what kind of number an operation is quick.

use kiln_tensor::{Kind, Precision, PrecisionChoice, Tensor};

/// The kind to compute many small products or convolutions in: fp32 for bf16 on a processor that has no arithmetic for it, where they
/// are ten times as slow; else as it is.
pub(crate) fn computed_in(input: &Tensor) -> Kind {
    let native = PrecisionChoice::Auto.resolve(input.device()) == Precision::Bf16;
    match input.kind() {
        Kind::BFloat16 if !native => Kind::Float,
        kind => kind,
    }
}
