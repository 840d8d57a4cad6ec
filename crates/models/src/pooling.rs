//! One state for a row from the states of its places, so that a trunk that reads tokens can classify and measure whole texts.

use kiln_learn::{Context, Inputs, Model, Output, Result, State};
use kiln_tensor::{Kind, Tensor};
use serde::{Deserialize, Serialize};

/// How the states of a row's places become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The state at the first place, which has seen the whole row only in a bidirectional trunk.
    First,
    /// The state at the last place that is not padding.
    Last,
    /// The mean over places that are not padding.
    Mean,
    /// The largest value of each feature over places that are not padding.
    Max,
}

impl Pooling {
    /// `[batch, time, width]` and the ids of each row that are not padding, `[batch]`, to `[batch, width]`.
    ///
    /// # Errors
    /// libtorch refused: the shapes do not fit.
    pub fn pool(self, hidden: &Tensor, lengths: Option<&Tensor>) -> Result<Tensor> {
        let time = hidden.size()[1];
        match (self, lengths) {
            (Self::First, _) => Ok(hidden.f_select(1, 0)?),
            (Self::Last, None) => Ok(hidden.f_select(1, time - 1)?),
            (Self::Last, Some(lengths)) => {
                let (batch, _, width) = hidden.size3()?;
                let last = lengths.f_sub_scalar(1)?.f_clamp_min(0)?;
                let place = last
                    .f_view([batch, 1, 1])?
                    .f_expand([batch, 1, width], false)?;
                Ok(hidden.f_gather(1, &place, false)?.f_squeeze_dim(1)?)
            }
            (Self::Mean, None) => Ok(hidden.f_mean_dim(&[1i64][..], false, None::<Kind>)?),
            (Self::Mean, Some(lengths)) => {
                let inside = within(time, lengths)?.f_unsqueeze(2)?; // [batch, time, 1]
                // Not a product: padding may hold anything.
                let kept = hidden.f_where_self(&inside, &hidden.f_zeros_like()?)?;
                let sum = kept.f_sum_dim_intlist(&[1i64][..], false, None::<Kind>)?;
                let count = lengths.f_clamp_min(1)?.f_to_kind(hidden.kind())?;
                Ok(sum.f_div(&count.f_unsqueeze(1)?)?)
            }
            (Self::Max, None) => Ok(hidden.f_amax(&[1i64][..], false)?),
            (Self::Max, Some(lengths)) => {
                let inside = within(time, lengths)?.f_unsqueeze(2)?;
                let least = hidden.f_full_like(f64::NEG_INFINITY)?;
                Ok(hidden
                    .f_where_self(&inside, &least)?
                    .f_amax(&[1i64][..], false)?)
            }
        }
    }
}

/// `[batch, time]`: whether a place comes before its row's end. A row of no ids has its first place.
pub(crate) fn within(time: i64, lengths: &Tensor) -> Result<Tensor> {
    let places = Tensor::f_arange(time, (Kind::Int64, lengths.device()))?;
    let ends = lengths.f_clamp_min(1)?.f_unsqueeze(1)?;
    Ok(places.f_lt_tensor(&ends)?)
}

/// A trunk whose states are pooled: `[batch, width]`.
pub(crate) struct Pooled {
    pub(crate) trunk: Box<dyn Model>,
    pub(crate) pooling: Pooling,
}

impl Model for Pooled {
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Result<Output> {
        let Output { hidden, auxiliary } = self.trunk.forward(inputs, state, context)?;
        Ok(Output {
            hidden: self.pooling.pool(&hidden, inputs.lengths.as_ref())?,
            auxiliary,
        })
    }

    /// None: a row is read as a whole.
    fn new_state(&self, _rows: i64, _capacity: i64) -> Option<State> {
        None
    }

    fn context_limit(&self) -> Option<i64> {
        self.trunk.context_limit()
    }

    fn carries_state(&self) -> bool {
        false
    }

    fn operations_per_token(&self, context_length: i64) -> f64 {
        self.trunk.operations_per_token(context_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_not_pooled() {
        // Two rows of three places and two features; the second row's last place is padding.
        let hidden = Tensor::from_slice(&[
            1.0f32,
            -1.0,
            3.0,
            -2.0,
            2.0,
            -3.0, //
            5.0,
            -5.0,
            7.0,
            -9.0,
            f32::NAN,
            100.0,
        ])
        .view([2, 3, 2]);
        let lengths = Tensor::from_slice(&[3i64, 2]);
        for (pooling, expected) in [
            (Pooling::First, [1.0f32, -1.0, 5.0, -5.0]),
            (Pooling::Last, [2.0, -3.0, 7.0, -9.0]),
            (Pooling::Mean, [2.0, -2.0, 6.0, -7.0]),
            (Pooling::Max, [3.0, -1.0, 7.0, -5.0]),
        ] {
            let expected = Tensor::from_slice(&expected).view([2, 2]);
            assert_eq!(
                pooling.pool(&hidden, Some(&lengths)).unwrap(),
                expected,
                "{pooling:?}"
            );
            let first = hidden.narrow(0, 0, 1);
            assert_eq!(
                pooling.pool(&first, None).unwrap(),
                expected.narrow(0, 0, 1),
                "{pooling:?}"
            );
        }
    }
}
