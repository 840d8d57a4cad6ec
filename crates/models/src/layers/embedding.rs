//! Tables of rows.

use kiln_learn::{Error, Result};
use kiln_tensor::Tensor;

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
