//! What AWD-LSTM does against learning by heart (Merity, Keskar and Socher, 2018, "Regularizing and Optimizing LSTM Language
//! Models", section 4).

use kiln_learn::{Context, Result};
use kiln_tensor::{Kind, Tensor};

use crate::layers::look_up;
use crate::pooling::within;

/// The numbers of [`Config`](super::Config) that say how much of each.
pub(super) struct Regularisation {
    pub(super) weight_drop: f64,
    pub(super) input_dropout: f64,
    pub(super) hidden_dropout: f64,
    pub(super) output_dropout: f64,
    pub(super) embedding_dropout: f64,
    pub(super) activation: f64,
    pub(super) temporal_activation: f64,
}

impl Regularisation {
    /// The embeddings of ids, `[batch, time]` to `[batch, time, width]`, without the words that this pass drops.
    pub(super) fn embed(&self, table: &Tensor, ids: &Tensor, context: &Context) -> Result<Tensor> {
        let embedded = look_up(table, ids)?;
        let words = table.f_narrow(1, 0, 1)?; // [vocabulary, 1]
        match context.weight_mask(&words, self.embedding_dropout)? {
            // Of the words read, not of the table: the product is as large as the batch.
            Some(mask) => Ok(embedded.f_mul(&look_up(&mask, ids)?)?),
            None => Ok(embedded),
        }
    }

    /// A hidden-to-hidden matrix without the weights that this pass drops.
    pub(super) fn drop_weights(&self, weight: &Tensor, context: &Context) -> Result<Tensor> {
        match context.weight_mask(weight, self.weight_drop)? {
            Some(mask) => Ok(weight.f_mul(&mask)?),
            None => Ok(weight.shallow_clone()),
        }
    }

    /// What the last layer's output adds to the loss: sums over the batch in fp32 or wider, by name. `raw` is that output and
    /// `dropped` the same after dropout, both `[batch, time, width]`.
    pub(super) fn penalties(
        &self,
        raw: &Tensor,
        dropped: &Tensor,
        lengths: Option<&Tensor>,
    ) -> Result<Vec<(String, Tensor)>> {
        let time = raw.size()[1];
        let sum = |values: &Tensor, from: i64, factor: f64| -> Result<Tensor> {
            let kind = match values.kind() {
                Kind::Double => Kind::Double,
                _ => Kind::Float,
            };
            let means =
                values
                    .f_to_kind(kind)?
                    .f_square()?
                    .f_mean_dim(&[2i64][..], false, None::<Kind>)?; // [batch, time]
            let counted = match lengths {
                Some(lengths) => {
                    let inside = within(time, lengths)?.f_narrow(1, from, time - from)?;
                    means.f_where_self(&inside, &means.f_zeros_like()?)?
                }
                None => means,
            };
            Ok(counted.f_sum(None::<Kind>)?.f_mul_scalar(factor)?)
        };
        let mut penalties = Vec::new();
        if self.activation > 0.0 {
            let alpha = self.activation;
            let name = "activation_regularisation".to_owned();
            penalties.push((name, sum(dropped, 0, alpha)?));
        }
        if self.temporal_activation > 0.0 && time > 1 {
            let beta = self.temporal_activation;
            let later = raw.f_narrow(1, 1, time - 1)?;
            let difference = later.f_sub(&raw.f_narrow(1, 0, time - 1)?)?;
            let name = "temporal_activation_regularisation".to_owned();
            penalties.push((name, sum(&difference, 1, beta)?));
        }
        Ok(penalties)
    }
}
