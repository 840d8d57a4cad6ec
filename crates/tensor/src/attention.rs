//! The one door to attention: which kernel, decided by device, kind and length.

use tch::{Device, Kind, Tensor};

use crate::Result;

/// Which keys a query may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Every key.
    None,
    /// Keys at its own place and before. Queries are the last of the keys' places, so a cache of earlier keys works.
    Causal,
}

/// What is applied to attention weights `[batch, heads, queries, keys]` in training.
pub type Dropout<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

/// Scaled dot-product attention (Vaswani et al., 2017, eq. 1). `query` is `[batch, heads, queries, head width]`, `key` and
/// `value` are `[batch, heads, keys, head width]`; the result has the query's shape. `dropout` is applied to
/// the weights.
///
/// # Errors
/// Shapes do not fit.
pub fn attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Mask,
    dropout: Option<&Dropout<'_>>,
) -> Result<Tensor> {
    let (queries, keys) = (query.size()[2], key.size()[2]);
    // One query sees every key: nothing to mask.
    let mask = if queries == 1 { Mask::None } else { mask };
    let fused = dropout.is_none()
        && fused_is_faster(query.device(), query.kind(), keys)
        && (mask == Mask::None || queries == keys);
    if fused {
        let causal = mask == Mask::Causal;
        return Ok(Tensor::f_scaled_dot_product_attention::<&Tensor>(
            query, key, value, None, 0.0, causal, None, false,
        )?);
    }
    by_products(query, key, value, mask, dropout)
}

/// Measured on two cores with AVX-512, forward and backward: libtorch's fused CPU kernel has a slow backward in bf16, and in fp32 pays
/// only above some length. The product form keeps all weights, so very long contexts take the fused kernel.
fn fused_is_faster(device: Device, kind: Kind, keys: i64) -> bool {
    match (device, kind) {
        (Device::Cpu, Kind::BFloat16) => keys > 1024,
        (Device::Cpu, _) => keys > 192,
        _ => true,
    }
}

fn by_products(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Mask,
    dropout: Option<&Dropout<'_>>,
) -> Result<Tensor> {
    let (batch, heads, queries, width) = query.size4()?;
    let keys = key.size()[2];
    let scale = 1.0 / (width as f64).sqrt();
    let flat = |tensor: &Tensor, length: i64| tensor.f_reshape([batch * heads, length, width]);
    let (query, key, value) = (flat(query, queries)?, flat(key, keys)?, flat(value, keys)?);
    let transposed = key.f_transpose(1, 2)?;
    let scores = match mask {
        Mask::None => query.f_bmm(&transposed)?.f_mul_scalar(scale)?,
        Mask::Causal => {
            hidden_future(queries, keys, &query)?.f_baddbmm(&query, &transposed, 1.0, scale)?
        }
    }; // [batch * heads, queries, keys]
    let mut weights = scores.f_softmax(-1, None::<Kind>)?;
    if let Some(dropout) = dropout {
        let shaped = weights.f_view([batch, heads, queries, keys])?;
        weights = dropout(&shaped)?.f_view([batch * heads, queries, keys])?;
    }
    Ok(weights
        .f_bmm(&value)?
        .f_view([batch, heads, queries, width])?)
}

/// `[queries, keys]`: 0 where a query may look, minus infinity where it may not.
fn hidden_future(queries: i64, keys: i64, like: &Tensor) -> Result<Tensor> {
    let full = Tensor::f_full(
        [queries, keys],
        f64::NEG_INFINITY,
        (like.kind(), like.device()),
    )?;
    Ok(full.f_triu(keys - queries + 1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(shape: [i64; 4], purpose: &str) -> Tensor {
        let count: i64 = shape.iter().product();
        let mut values = vec![0.0; usize::try_from(count).unwrap()];
        crate::Draws::new(11)
            .generator(purpose, 0)
            .fill_normal(&mut values, 1.0);
        Tensor::from_slice(&values).view(shape)
    }

    fn close(a: &Tensor, b: &Tensor) {
        let distance = f64::try_from((a - b).norm() / b.norm()).unwrap();
        assert!(distance < 2e-6, "{distance}");
    }

    #[test]
    fn both_kernels_agree() {
        let [q, k, v] = ["q", "k", "v"].map(|name| noise([2, 3, 10, 8], name));
        for mask in [Mask::None, Mask::Causal] {
            let fused = Tensor::scaled_dot_product_attention::<&Tensor>(
                &q,
                &k,
                &v,
                None,
                0.0,
                mask == Mask::Causal,
                None,
                false,
            );
            close(&by_products(&q, &k, &v, mask, None).unwrap(), &fused);
        }
    }

    #[test]
    fn both_kernels_agree_on_gradients_above_the_length_where_the_choice_changes() {
        let gradients = |fused: bool| {
            let inputs = ["q", "k", "v"].map(|name| {
                let leaf = noise([1, 2, 200, 8], name);
                leaf.set_requires_grad(true)
            });
            let [q, k, v] = &inputs;
            let output = if fused {
                assert!(fused_is_faster(Device::Cpu, Kind::Float, 200));
                attention(q, k, v, Mask::Causal, None).unwrap()
            } else {
                by_products(q, k, v, Mask::Causal, None).unwrap()
            };
            let weights = noise([1, 2, 200, 8], "gradient");
            crate::backward(&(output * weights).sum(Kind::Float)).unwrap();
            inputs.map(|leaf| leaf.grad())
        };
        for (fused, products) in gradients(true).iter().zip(gradients(false)) {
            close(fused, &products);
        }
    }

    #[test]
    fn later_queries_over_a_cache_see_what_they_saw_in_one_go() {
        let [q, k, v] = ["q", "k", "v"].map(|name| noise([1, 2, 7, 4], name));
        let whole = attention(&q, &k, &v, Mask::Causal, None).unwrap();
        let last = attention(&q.narrow(2, 4, 3), &k, &v, Mask::Causal, None).unwrap();
        close(&last, &whole.narrow(2, 4, 3));
        let one = attention(&q.narrow(2, 6, 1), &k, &v, Mask::Causal, None).unwrap();
        close(&one, &whole.narrow(2, 6, 1));
    }
}
