//! Choosing the next token.

use kiln_tensor::{Draws, Generator};

use crate::Error;

/// How the next token is drawn from the model's distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Logits are divided by this; 0 always takes the likeliest token.
    pub temperature: f64,
    /// Only this many of the likeliest tokens (Fan, Lewis and Dauphin, 2018).
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that together have this probability (Holtzman et al., 2020), 0 to 1.
    pub top_p: Option<f64>,
    /// Decides all draws.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            top_k: None,
            top_p: None,
            seed: 0,
        }
    }
}

impl Sampling {
    /// Refuse numbers that draw nothing sensible.
    ///
    /// # Errors
    /// A temperature below 0, a `top_k` of 0, a `top_p` outside 0 to 1.
    pub fn check(&self) -> Result<(), Error> {
        let refused = |key, problem: String| Err(Error::Sampling { key, problem });
        if !self.temperature.is_finite() || self.temperature < 0.0 {
            return refused(
                "temperature",
                format!("{}: expected 0 or more", self.temperature),
            );
        }
        if self.top_k == Some(0) {
            return refused("top_k", "0: expected 1 or more".to_owned());
        }
        if let Some(share) = self.top_p
            && !(0.0..=1.0).contains(&share)
        {
            return refused("top_p", format!("{share}: expected 0 to 1"));
        }
        Ok(())
    }

    /// Begin to draw.
    pub fn sampler(&self) -> Sampler {
        Sampler {
            generator: Draws::new(self.seed).generator("sampling", 0),
            sampling: self.clone(),
        }
    }
}

/// Draws one token after another.
pub struct Sampler {
    sampling: Sampling,
    generator: Generator,
}

impl Sampler {
    /// The number of the chosen logit. Of equal ones the first counts as likelier, so equal inputs give equal choices.
    ///
    /// # Panics
    /// If there are no logits.
    pub fn choose(&mut self, logits: &[f32]) -> usize {
        assert!(!logits.is_empty(), "a choice among nothing");
        let mut order: Vec<usize> = (0..logits.len()).collect();
        let likelier = |a: &usize, b: &usize| logits[*b].total_cmp(&logits[*a]).then(a.cmp(b));
        if self.sampling.temperature <= 0.0 {
            return order.into_iter().min_by(likelier).unwrap_or(0);
        }
        let kept = self
            .sampling
            .top_k
            .unwrap_or(usize::MAX)
            .clamp(1, order.len());
        if kept < order.len() {
            order.select_nth_unstable_by(kept - 1, likelier);
            order.truncate(kept);
        }
        order.sort_unstable_by(likelier);
        let highest = f64::from(logits[order[0]]);
        let mut weights: Vec<f64> = order
            .iter()
            .map(|&token| ((f64::from(logits[token]) - highest) / self.sampling.temperature).exp())
            .collect();
        if let Some(share) = self.sampling.top_p {
            keep_share(&mut weights, share);
        }
        let mut left = self.generator.uniform() * weights.iter().sum::<f64>();
        for (weight, &token) in weights.iter().zip(&order) {
            left -= weight;
            if left < 0.0 {
                return token;
            }
        }
        order[weights.len() - 1] // rounding left a crumb
    }
}

/// Cut descending weights where their sum first reaches a share of the whole.
fn keep_share(weights: &mut Vec<f64>, share: f64) {
    let enough = share * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let count = weights
        .iter()
        .position(|weight| {
            sum += weight;
            sum >= enough
        })
        .map_or(weights.len(), |last| last + 1);
    weights.truncate(count.max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(sampling: &Sampling, logits: &[f32]) -> Vec<f64> {
        const DRAWS: u32 = 20_000;
        let mut sampler = sampling.sampler();
        let mut counts = vec![0u32; logits.len()];
        for _ in 0..DRAWS {
            counts[sampler.choose(logits)] += 1;
        }
        counts
            .into_iter()
            .map(|count| f64::from(count) / f64::from(DRAWS))
            .collect()
    }

    fn check(sampling: &Sampling, expected: [f64; 4]) {
        // Probabilities .4, .3, .2, .1, out of order.
        let logits = [0.1f32, 0.4, 0.2, 0.3].map(f32::ln);
        for (share, expected) in shares(sampling, &logits).iter().zip(expected) {
            // Five standard errors of 20,000 draws.
            assert!(
                (share - expected).abs() < 0.018,
                "{share}, not {expected}, of {sampling:?}"
            );
        }
    }

    #[test]
    fn draws_follow_the_distribution_that_was_asked_for() {
        let base = Sampling {
            temperature: 1.0,
            ..Sampling::default()
        };
        check(&base, [0.1, 0.4, 0.2, 0.3]);
        check(
            &Sampling {
                top_k: Some(2),
                ..base.clone()
            },
            [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0],
        );
        check(
            &Sampling {
                top_p: Some(0.65),
                ..base.clone()
            },
            [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0],
        );
        check(
            &Sampling {
                top_p: Some(0.0),
                ..base.clone()
            },
            [0.0, 1.0, 0.0, 0.0],
        );
        // Temperature one half squares the probabilities: .01, .16, .04, .09 of .3.
        check(
            &Sampling {
                temperature: 0.5,
                ..base.clone()
            },
            [1.0 / 30.0, 16.0 / 30.0, 4.0 / 30.0, 9.0 / 30.0],
        );
        check(
            &Sampling {
                temperature: 0.0,
                ..base
            },
            [0.0, 1.0, 0.0, 0.0],
        );
    }

    #[test]
    fn senseless_numbers_are_refused() {
        let base = Sampling::default();
        for (sampling, words) in [
            (
                Sampling {
                    temperature: f64::NAN,
                    ..base.clone()
                },
                "temperature: NaN: expected 0 or more",
            ),
            (
                Sampling {
                    top_k: Some(0),
                    ..base.clone()
                },
                "top_k: 0: expected 1 or more",
            ),
            (
                Sampling {
                    top_p: Some(1.5),
                    ..base.clone()
                },
                "top_p: 1.5: expected 0 to 1",
            ),
        ] {
            assert_eq!(sampling.check().unwrap_err().to_string(), words);
        }
        assert!(base.check().is_ok());
    }

    #[test]
    fn a_seed_decides_all_draws() {
        let draw = |seed| {
            let mut sampler = Sampling {
                seed,
                ..Sampling::default()
            }
            .sampler();
            [(); 20].map(|()| sampler.choose(&[0.0; 50]))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
