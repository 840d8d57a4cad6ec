//! Reading a row from its end.

use kiln_learn::Result;
use kiln_tensor::{Kind, Tensor};

/// Rows read from their own ends: the ids that are not padding stand in reverse order, and padding stays behind them. Twice is once
/// forth and back.
pub(super) struct Reversal {
    order: Option<Tensor>, // [batch, time], the place that each place takes its value from
}

impl Reversal {
    /// For rows of `time` places, of which `lengths` are not padding.
    pub(super) fn new(lengths: Option<&Tensor>, time: i64) -> Result<Self> {
        let Some(lengths) = lengths else {
            return Ok(Self { order: None });
        };
        let places = Tensor::f_arange(time, (Kind::Int64, lengths.device()))?.f_unsqueeze(0)?;
        let lengths = lengths.f_unsqueeze(1)?; // [batch, 1]
        let mirrored = lengths.f_sub_scalar(1)?.f_sub(&places)?;
        let inside = places.f_lt_tensor(&lengths)?;
        let order = Some(mirrored.f_where_self(&inside, &places)?);
        Ok(Self { order })
    }

    /// `[batch, time, width]` to the same.
    pub(super) fn apply(&self, values: &Tensor) -> Result<Tensor> {
        let Some(order) = &self.order else {
            return Ok(values.f_flip([1i64])?);
        };
        let order = order.f_unsqueeze(2)?.f_expand(values.size(), false)?;
        Ok(values.f_gather(1, &order, false)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_turns_about_its_own_end() {
        let values =
            Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]).view([3, 3, 1]);
        for (lengths, expected) in [
            (None, [3.0f32, 2.0, 1.0, 6.0, 5.0, 4.0, 9.0, 8.0, 7.0]),
            (
                Some([3i64, 2, 0]),
                [3.0, 2.0, 1.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0],
            ),
        ] {
            let lengths = lengths.map(|lengths| Tensor::from_slice(&lengths));
            let reversal = Reversal::new(lengths.as_ref(), 3).unwrap();
            let turned = reversal.apply(&values).unwrap();
            assert_eq!(turned, Tensor::from_slice(&expected).view([3, 3, 1]));
            assert_eq!(reversal.apply(&turned).unwrap(), values);
        }
    }
}
