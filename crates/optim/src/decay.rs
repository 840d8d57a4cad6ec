//! Which parameters weight decay reaches.

use std::ops::Range;

use kiln_tensor::{Parameters, Role, Tensor};

/// The flat ranges with and without weight decay: matrices, tables and heads decay, biases and gains do not.
pub(crate) fn ranges(parameters: &Parameters) -> [(Range<i64>, bool); 2] {
    let vectors = parameters.range(Role::Vector);
    [(0..vectors.start, true), (vectors, false)]
}

/// A range of a flat buffer, as a view.
pub(crate) fn part(flat: &Tensor, range: &Range<i64>) -> Tensor {
    flat.narrow(0, range.start, range.end - range.start)
}
