//! The gradient noise scale: how large a batch is worth its cost (McCandlish et al., "An Empirical Model of Large-Batch
//! Training", 2018, appendix A.1).

/// What one update measured: squared norms of the mean gradient over few and over all rows of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norms {
    /// Rows of the part and squared norm of its mean gradient.
    pub(crate) part: (f64, f64),
    /// The same of the whole batch.
    pub(crate) whole: (f64, f64),
}

/// Take a measurement into running means of both parts (their ratio would be biased), and give the simple noise scale in rows;
/// `None` while it cannot be told.
pub(crate) fn noise_scale(average: &mut (f64, f64, u64), norms: Norms) -> Option<f64> {
    /// Least share of the newest measurement in the running means.
    const SHARE: f64 = 0.02;
    let Norms {
        part: (few, part),
        whole: (all, whole),
    } = norms;
    if !(few > 0.0 && all > few && part.is_finite() && whole.is_finite()) {
        return None;
    }
    // Equations A.2: unbiased for the squared norm of the true gradient, and for the trace of one row's covariance.
    let squared = (all * whole - few * part) / (all - few);
    let trace = (part - whole) / (1.0 / few - 1.0 / all);
    let (mean_squared, mean_trace, count) = *average;
    let share = SHARE.max(1.0 / (count + 1) as f64);
    *average = (
        mean_squared + share * (squared - mean_squared),
        mean_trace + share * (trace - mean_trace),
        count + 1,
    );
    let (squared, trace, _) = *average;
    (squared > 0.0 && trace >= 0.0).then(|| trace / squared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_norms_give_the_planted_scale() {
        // A true gradient of squared norm 4 and a covariance of trace 100: a batch of B rows has 4 + 100 / B on average.
        let expected = |rows: f64| (rows, 4.0 + 100.0 / rows);
        let mut average = (0.0, 0.0, 0);
        for _ in 0..3 {
            let norms = Norms {
                part: expected(2.0),
                whole: expected(16.0),
            };
            let scale = noise_scale(&mut average, norms).unwrap();
            assert!((scale - 25.0).abs() < 1e-9, "{scale}");
        }
        // What cannot be told: one micro-batch, no numbers.
        let one = Norms {
            part: (8.0, 1.0),
            whole: (8.0, 1.0),
        };
        assert!(noise_scale(&mut average, one).is_none());
        let none = Norms {
            part: (1.0, f64::NAN),
            whole: (8.0, 1.0),
        };
        assert!(noise_scale(&mut average, none).is_none());
        assert_eq!(average.2, 3);
    }

    #[test]
    fn noisy_norms_average_to_the_planted_scale() {
        // Gradients of one number, 1 + noise of variance 3: S = 3. Parts of 2 of 8 rows, many updates, by a fixed generator.
        let mut state = 7u64;
        let mut uniform = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let mut average = (0.0, 0.0, 0);
        let mut scales = Vec::new();
        for _ in 0..20_000 {
            let rows: Vec<f64> = (0..8).map(|_| 1.0 + 6.0 * (uniform() - 0.5)).collect(); // variance 36 / 12
            let mean = |rows: &[f64]| rows.iter().sum::<f64>() / rows.len() as f64;
            let norms = Norms {
                part: (2.0, mean(&rows[..2]).powi(2)),
                whole: (8.0, mean(&rows).powi(2)),
            };
            scales.extend(noise_scale(&mut average, norms));
        }
        scales.sort_by(f64::total_cmp);
        let median = scales[scales.len() / 2];
        assert!((median - 3.0).abs() < 0.5, "{median}");
    }
}
