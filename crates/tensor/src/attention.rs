//! The one door to attention: which kernel, decided by device, kind and length.

use tch::{Device, Kind, Tensor};

use crate::Result;

/// What hides keys from queries. Queries are the last of the keys' places, so that a cache of earlier keys works.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hidden<'a> {
    /// Keys after a query.
    pub future: bool,
    /// Of the keys up to a query, all but so many of the latest, itself among them (Beltagy et al., 2020). Only with `future`.
    pub window: Option<i64>,
    /// Keys past the end of their row: keys of each row that are not padding, `[batch]`. A row of none has one.
    pub lengths: Option<&'a Tensor>,
    /// Keys of other documents than the query's: number of the document of each key, `[batch, keys]`.
    pub documents: Option<&'a Tensor>,
}

/// Which keys a query may see, made once for all layers of a forward pass.
#[derive(Debug)]
pub struct Mask {
    future: bool,
    /// 0 where a query may look and minus infinity where not, `[queries, keys]` or `[batch, 1, queries, keys]`; left out where
    /// nothing is hidden, or only the future from a kernel that knows what that is.
    additive: Option<Tensor>,
}

impl Clone for Mask {
    /// Another handle of the same tensor.
    fn clone(&self) -> Self {
        Self {
            future: self.future,
            additive: self.additive.as_ref().map(Tensor::shallow_clone),
        }
    }
}

impl Mask {
    /// Every key.
    pub fn none() -> Self {
        Self {
            future: false,
            additive: None,
        }
    }

    /// The mask for a number of queries and keys, for scores of a kind on a device.
    ///
    /// # Errors
    /// Shapes do not fit.
    pub fn new(
        hidden: &Hidden<'_>,
        [queries, keys]: [i64; 2],
        (kind, device): (Kind, Device),
    ) -> Result<Self> {
        // One query sees every key before it, and all keys that fit into the window.
        let window = hidden.window.filter(|window| *window < keys);
        let future = hidden.future && (queries > 1 || window.is_some());
        let plain = window.is_none() && hidden.lengths.is_none() && hidden.documents.is_none();
        let known = plain && queries == keys && fused_is_faster(device, kind, keys);
        if !future && plain || future && known {
            return Ok(Self {
                future,
                additive: None,
            });
        }
        let places = Tensor::f_arange(keys, (Kind::Int64, device))?; // [keys]
        let mut seen = None; // [queries, keys] or [batch, 1, queries, keys]
        let mut and = |more: Tensor| -> Result<()> {
            seen = Some(match seen.take() {
                Some(seen) => more.f_logical_and(&seen)?,
                None => more,
            });
            Ok(())
        };
        if future {
            let own = places
                .f_narrow(0, keys - queries, queries)?
                .f_unsqueeze(1)?; // [queries, 1]
            and(places.f_le_tensor(&own)?)?;
            if let Some(window) = window {
                and(places.f_gt_tensor(&own.f_sub_scalar(window)?)?)?;
            }
        }
        if let Some(lengths) = hidden.lengths {
            let ends = lengths.f_clamp_min(1)?.f_view([-1, 1, 1, 1])?;
            and(places.f_lt_tensor(&ends)?)?;
        }
        if let Some(documents) = hidden.documents {
            let own = documents.f_narrow(1, keys - queries, queries)?;
            let same = own
                .f_unsqueeze(2)?
                .f_eq_tensor(&documents.f_unsqueeze(1)?)?;
            and(same.f_unsqueeze(1)?)?; // [batch, 1, queries, keys]
        }
        let additive = match seen {
            Some(seen) => {
                let zeros = Tensor::f_zeros(seen.size(), (kind, device))?;
                Some(zeros.f_masked_fill(&seen.f_logical_not()?, f64::NEG_INFINITY)?)
            }
            None => None,
        };
        Ok(Self { future, additive })
    }
}

/// What is applied to attention weights `[batch, heads, queries, keys]` in training.
pub type Dropout<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

/// How scores become weights.
#[derive(Clone, Copy)]
pub struct Weighing<'a> {
    /// Factor of each product of a query and a key: `1 / sqrt(head width)` in most models.
    pub scale: f64,
    /// Added to the scores, learned: `[1, heads, queries, keys]`.
    pub bias: Option<&'a Tensor>,
    /// Applied to the weights.
    pub dropout: Option<&'a Dropout<'a>>,
}

impl Weighing<'_> {
    /// The scale of Vaswani et al. (2017, eq. 1) for heads of this width, and nothing else.
    pub fn by_width(head_width: i64) -> Self {
        Self {
            scale: 1.0 / (head_width as f64).sqrt(),
            bias: None,
            dropout: None,
        }
    }
}

/// Scaled dot-product attention (Vaswani et al., 2017, eq. 1). `query` is `[batch, heads, queries, head width]`, `key` and
/// `value` are `[batch, key-value heads, keys, head width]`; the result has the query's shape. Where there are fewer key-value
/// heads than heads, as many heads in a row share one (Ainslie et al., 2023).
///
/// # Errors
/// Shapes do not fit.
pub fn attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: &Mask,
    weighing: &Weighing<'_>,
) -> Result<Tensor> {
    let keys = key.size()[2];
    let plain = weighing.dropout.is_none() && weighing.bias.is_none();
    let (kind, device) = (query.kind(), query.device());
    if plain && fused_is_faster(device, kind, keys) {
        let [key, value] = [each_head(key, query)?, each_head(value, query)?];
        let causal = mask.future && mask.additive.is_none();
        return Ok(Tensor::f_scaled_dot_product_attention(
            query,
            &key,
            &value,
            mask.additive.as_ref(),
            0.0,
            causal,
            weighing.scale,
            false,
        )?);
    }
    by_products(query, key, value, mask, weighing)
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

/// Keys or values with one head for each of the queries'.
fn each_head(shared: &Tensor, query: &Tensor) -> Result<Tensor> {
    let (batch, heads, time, width) = shared.size4()?;
    let group = query.size()[1] / heads;
    if group == 1 {
        return Ok(shared.shallow_clone());
    }
    Ok(shared
        .f_unsqueeze(2)?
        .f_expand([batch, heads, group, time, width], false)?
        .f_reshape([batch, heads * group, time, width])?)
}

fn by_products(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: &Mask,
    weighing: &Weighing<'_>,
) -> Result<Tensor> {
    let (batch, heads, queries, width) = query.size4()?;
    let (_, shared, keys, _) = key.size4()?;
    let group = heads / shared;
    // The queries of all heads that share a key lie one below the other: one product for each shared head.
    let query = query.f_reshape([batch * shared, group * queries, width])?;
    let [key, value] = [
        key.f_reshape([batch * shared, keys, width])?,
        value.f_reshape([batch * shared, keys, value.size()[3]])?,
    ];
    let transposed = key.f_transpose(1, 2)?;
    let additive = match (&mask.additive, mask.future) {
        (Some(additive), _) => Some(additive.shallow_clone()),
        (None, true) => Some(hidden_future(queries, keys, &query)?),
        (None, false) => None,
    };
    let flat = additive.as_ref().filter(|additive| additive.dim() == 2);
    let (added, beta) = match flat {
        Some(flat) if group > 1 => (flat.f_repeat([group, 1])?, 1.0),
        Some(flat) => (flat.shallow_clone(), 1.0),
        None => (Tensor::f_zeros([1], (query.kind(), query.device()))?, 0.0),
    };
    let mut scores = added.f_baddbmm(&query, &transposed, beta, weighing.scale)?; // [batch * shared, group * queries, keys]
    let of_heads = [batch, heads, queries, keys];
    if let Some(additive) = additive.as_ref().filter(|additive| additive.dim() > 2) {
        scores = scores.f_view(of_heads)?.f_add(additive)?;
    }
    if let Some(bias) = weighing.bias {
        scores = scores.f_view(of_heads)?.f_add(bias)?;
    }
    let mut weights = scores.f_softmax(-1, None::<Kind>)?;
    if let Some(dropout) = weighing.dropout {
        weights = dropout(&weights.f_view(of_heads)?)?;
    }
    Ok(weights
        .f_view([batch * shared, group * queries, keys])?
        .f_bmm(&value)?
        .f_view([batch, heads, queries, -1])?)
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

    const FUTURE: Hidden<'static> = Hidden {
        future: true,
        window: None,
        lengths: None,
        documents: None,
    };

    fn mask(hidden: &Hidden<'_>, queries: i64, keys: i64) -> Mask {
        Mask::new(hidden, [queries, keys], (Kind::Float, Device::Cpu)).unwrap()
    }

    /// Attention by its definition, a query at a time, over the keys that `sees` names.
    fn by_definition(
        [q, k, v]: [&Tensor; 3],
        sees: &dyn Fn(i64, i64, i64) -> bool,
        bias: Option<&Tensor>,
    ) -> Tensor {
        let (batch, heads, queries, width) = q.size4().unwrap();
        let (group, keys) = (heads / k.size()[1], k.size()[2]);
        let output = q.zeros_like();
        for (row, head, query) in (0..batch)
            .flat_map(|row| (0..heads).map(move |head| (row, head)))
            .flat_map(|(row, head)| (0..queries).map(move |query| (row, head, query)))
        {
            let seen: Vec<i64> = (0..keys).filter(|&key| sees(row, query, key)).collect();
            let seen = Tensor::from_slice(&seen);
            let pick = |t: &Tensor| t.get(row).get(head / group).index_select(0, &seen);
            let mut scores = pick(k).mv(&q.get(row).get(head).get(query)) / (width as f64).sqrt();
            if let Some(bias) = bias {
                scores += bias.get(0).get(head).get(query).index_select(0, &seen);
            }
            let mixed = pick(v).transpose(0, 1).mv(&scores.softmax(-1, Kind::Float));
            output.get(row).get(head).get(query).copy_(&mixed);
        }
        output
    }

    #[test]
    fn every_mask_is_its_definition_by_every_kernel() {
        let documents = Tensor::from_slice(&[
            0i64, 0, 0, 1, 1, 2, 2, 2, 2, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2,
        ])
        .view([2, 10]);
        let lengths = Tensor::from_slice(&[10i64, 4]);
        let number = |row: i64, place: i64| documents.int64_value(&[row, place]);
        let [k, v] = ["k", "v"].map(|name| noise([2, 2, 10, 8], name));
        type Sees<'a> = Box<dyn Fn(i64, i64, i64) -> bool + 'a>;
        for queries in [10i64, 4, 1] {
            let first = 10 - queries;
            let q = noise([2, 4, queries, 8], "q");
            let bias = noise([1, 4, queries, 10], "bias");
            let cases: Vec<(Hidden<'_>, Sees<'_>)> = vec![
                (Hidden::default(), Box::new(|_, _, _| true)),
                (FUTURE, Box::new(move |_, query, key| key <= first + query)),
                (
                    Hidden {
                        window: Some(3),
                        ..FUTURE
                    },
                    Box::new(move |_, query, key| key <= first + query && key > first + query - 3),
                ),
                (
                    Hidden {
                        lengths: Some(&lengths),
                        ..Hidden::default()
                    },
                    Box::new(|row, _, key| key < [10, 4][row as usize]),
                ),
                (
                    Hidden {
                        documents: Some(&documents),
                        ..FUTURE
                    },
                    Box::new(move |row, query, key| {
                        key <= first + query && number(row, key) == number(row, first + query)
                    }),
                ),
            ];
            for (hidden, sees) in cases {
                let mask = mask(&hidden, queries, 10);
                let plain = Weighing::by_width(8);
                let expected = by_definition([&q, &k, &v], &*sees, None);
                close(&by_products(&q, &k, &v, &mask, &plain).unwrap(), &expected);
                close(&attention(&q, &k, &v, &mask, &plain).unwrap(), &expected);
                let fused = Tensor::scaled_dot_product_attention(
                    &q,
                    &each_head(&k, &q).unwrap(),
                    &each_head(&v, &q).unwrap(),
                    mask.additive.as_ref(),
                    0.0,
                    mask.future && mask.additive.is_none(),
                    None,
                    false,
                );
                close(&fused, &expected);
                let biased = Weighing {
                    bias: Some(&bias),
                    ..plain
                };
                let expected = by_definition([&q, &k, &v], &*sees, Some(&bias));
                close(&attention(&q, &k, &v, &mask, &biased).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn both_kernels_agree_on_gradients_above_the_length_where_the_choice_changes() {
        let lengths = Tensor::from_slice(&[150i64]);
        for hidden in [
            FUTURE,
            Hidden {
                lengths: Some(&lengths),
                ..Hidden::default()
            },
        ] {
            let gradients = |fused: bool| {
                let inputs = [("q", 4), ("k", 2), ("v", 2)].map(|(name, heads)| {
                    let leaf = noise([1, heads, 200, 8], name);
                    leaf.set_requires_grad(true)
                });
                let [q, k, v] = &inputs;
                let mask = mask(&hidden, 200, 200);
                let weighing = Weighing::by_width(8);
                let output = if fused {
                    assert!(fused_is_faster(Device::Cpu, Kind::Float, 200));
                    attention(q, k, v, &mask, &weighing).unwrap()
                } else {
                    by_products(q, k, v, &mask, &weighing).unwrap()
                };
                let weights = noise([1, 4, 200, 8], "gradient");
                crate::backward(&(output * weights).sum(Kind::Float)).unwrap();
                inputs.map(|leaf| leaf.grad())
            };
            for (fused, products) in gradients(true).iter().zip(gradients(false)) {
                close(fused, &products);
            }
        }
    }
}
