//! Relative positions as a bias on attention scores, in buckets of distance (T5: Raffel et al., 2020, section 2.1).

use kiln_learn::Result;
use kiln_tensor::{Builder, Init, Role, Tensor};

use super::look_up;

/// A learned number for each head and bucket of distances, shared by all layers of a stack.
pub(crate) struct RelativeBias {
    table: Tensor, // [buckets, heads]
    furthest: i64,
    both_ways: bool,
}

impl RelativeBias {
    /// `both_ways`: half of the buckets is for keys after the query.
    pub(crate) fn new(
        builder: &mut Builder,
        name: &str,
        [buckets, heads]: [i64; 2],
        furthest: i64,
        both_ways: bool,
        init: Init,
    ) -> Self {
        let name = format!("{name}.weight");
        Self {
            table: builder.parameter(&name, &[buckets, heads], Role::Embedding, init),
            furthest,
            both_ways,
        }
    }

    /// `[1, heads, queries, keys]`; queries are the last of the keys' places.
    pub(crate) fn forward(&self, queries: i64, keys: i64) -> Result<Tensor> {
        let buckets: Vec<i64> = (keys - queries..keys)
            .flat_map(|query| (0..keys).map(move |key| (query, key)))
            .map(|(query, key)| self.bucket(key - query))
            .collect();
        let buckets = Tensor::f_from_slice(&buckets)?
            .f_view([queries, keys])?
            .f_to_device(self.table.device())?;
        let bias = look_up(&self.table, &buckets)?; // [queries, keys, heads]
        Ok(bias.f_permute([2, 0, 1])?.f_unsqueeze(0)?)
    }

    /// Each near distance has a bucket of its own, further ones share by their logarithm.
    fn bucket(&self, ahead: i64) -> i64 {
        let all = self.table.size()[0];
        let (buckets, first, distance) = if self.both_ways {
            let half = all / 2;
            (half, if ahead > 0 { half } else { 0 }, ahead.abs())
        } else {
            (all, 0, (-ahead).max(0))
        };
        let near = (buckets / 2).max(1);
        if distance < near {
            return first + distance;
        }
        let share =
            (distance as f64 / near as f64).ln() / (self.furthest as f64 / near as f64).ln();
        let far = near + (share * (buckets - near) as f64) as i64;
        first + far.min(buckets - 1)
    }
}
