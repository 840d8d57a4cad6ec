//! Rotary position embedding (Su et al., 2021) and its ways to longer contexts.

use std::f64::consts::TAU;

use kiln_learn::Result;
use kiln_tensor::{Device, Kind, Tensor};
use serde::{Deserialize, Serialize};

/// How a model reads further than it was trained to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RotaryScaling {
    /// All positions divided by a factor (Chen et al., 2023).
    Linear {
        /// The context grows by this factor: 1 or more.
        factor: f64,
    },
    /// Slow frequencies divided, fast ones kept (Llama 3.1, 2024).
    Llama3 {
        /// The context grows by this factor: 1 or more.
        factor: f64,
        /// A frequency of fewer turns than this in the original context is divided by the factor.
        #[serde(default = "one")]
        low_frequency_factor: f64,
        /// A frequency of more turns than this in the original context stays.
        #[serde(default = "four")]
        high_frequency_factor: f64,
        /// Context length before.
        original_context_length: i64,
    },
    /// Between both by a ramp over frequencies, with warmer attention (Peng et al., 2023, section 3).
    Yarn {
        /// The context grows by this factor: 1 or more.
        factor: f64,
        /// Turns in the original context above which a frequency stays.
        #[serde(default = "thirty_two")]
        beta_fast: f64,
        /// Turns in the original context below which a frequency is divided.
        #[serde(default = "one")]
        beta_slow: f64,
        /// Context length before.
        original_context_length: i64,
    },
}

fn one() -> f64 {
    1.0
}

fn four() -> f64 {
    4.0
}

fn thirty_two() -> f64 {
    32.0
}

impl RotaryScaling {
    /// What is wrong with it, if something is.
    pub(crate) fn problem(self) -> Option<&'static str> {
        let (factor, original) = match self {
            Self::Linear { factor } => (factor, 1),
            Self::Llama3 {
                factor,
                original_context_length,
                low_frequency_factor: low,
                high_frequency_factor: high,
            } => {
                if low.is_nan() || high.is_nan() || low <= 0.0 || high <= low {
                    return Some(
                        "expected low_frequency_factor above 0 and high_frequency_factor above it",
                    );
                }
                (factor, original_context_length)
            }
            Self::Yarn {
                factor,
                original_context_length,
                beta_fast,
                beta_slow,
            } => {
                if beta_slow.is_nan()
                    || beta_fast.is_nan()
                    || beta_slow <= 0.0
                    || beta_fast <= beta_slow
                {
                    return Some("expected beta_slow above 0 and beta_fast above it");
                }
                (factor, original_context_length)
            }
        };
        if !factor.is_finite() || factor < 1.0 {
            return Some("expected a factor of 1 or more");
        }
        (original < 1).then_some("expected an original_context_length of 1 or more")
    }
}

/// Angle a position turns each pair of features by, and what sine and cosine are multiplied by.
fn frequencies(width: i64, base: f64, scaling: Option<RotaryScaling>) -> (Vec<f64>, f64) {
    let pairs = 0..width / 2;
    let plain: Vec<f64> = pairs
        .map(|pair| base.powf(-2.0 * pair as f64 / width as f64))
        .collect();
    match scaling {
        None => (plain, 1.0),
        Some(RotaryScaling::Linear { factor }) => {
            (plain.iter().map(|angle| angle / factor).collect(), 1.0)
        }
        Some(RotaryScaling::Llama3 {
            factor,
            low_frequency_factor: low,
            high_frequency_factor: high,
            original_context_length,
        }) => {
            let scaled = plain.iter().map(|angle| {
                let turns = original_context_length as f64 * angle / TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                angle * (kept + (1.0 - kept) / factor)
            });
            (scaled.collect(), 1.0)
        }
        Some(RotaryScaling::Yarn {
            factor,
            beta_fast,
            beta_slow,
            original_context_length,
        }) => {
            // The pair that makes so many turns in the original context (equation 17's inverse).
            let pair_of = |turns: f64| {
                width as f64 * (original_context_length as f64 / (turns * TAU)).ln()
                    / (2.0 * base.ln())
            };
            let last = (width - 1) as f64;
            let low = pair_of(beta_fast).floor().max(0.0);
            let high = pair_of(beta_slow).ceil().min(last);
            // A ramp of no length would divide by zero.
            let length = if high > low { high - low } else { 0.001 };
            let scaled = plain.iter().enumerate().map(|(pair, angle)| {
                let divided = ((pair as f64 - low) / length).clamp(0.0, 1.0);
                angle * (1.0 - divided + divided / factor)
            });
            (scaled.collect(), 0.1 * factor.ln() + 1.0)
        }
    }
}

/// Sines and cosines for all positions that a model sees.
pub(crate) struct Rotary {
    cosine: Tensor, // [context, head width / 2]
    sine: Tensor,   // [context, head width / 2]
}

/// Those of the positions that are read.
pub(crate) struct Turn {
    cosine: Tensor, // [time, 1, head width / 2]
    sine: Tensor,   // [time, 1, head width / 2]
}

impl Rotary {
    /// For heads of an even width.
    pub(crate) fn new(
        context_length: i64,
        head_width: i64,
        base: f64,
        scaling: Option<RotaryScaling>,
        device: Device,
    ) -> Self {
        let (angles, size) = frequencies(head_width, base, scaling);
        let positions = Tensor::arange(context_length, (Kind::Double, Device::Cpu));
        let angles = positions.outer(&Tensor::from_slice(&angles));
        let stored = |table: Tensor| (table * size).to_kind(Kind::Float).to_device(device);
        Self {
            cosine: stored(angles.cos()),
            sine: stored(angles.sin()),
        }
    }

    /// Positions `start .. start + time`, in the kind that the model computes in.
    pub(crate) fn turn(&self, start: i64, time: i64, kind: Kind) -> Result<Turn> {
        let part = |table: &Tensor| -> Result<Tensor> {
            Ok(table
                .f_narrow(0, start, time)?
                .f_unsqueeze(1)?
                .f_to_kind(kind)?)
        };
        Ok(Turn {
            cosine: part(&self.cosine)?,
            sine: part(&self.sine)?,
        })
    }
}

impl Clone for Turn {
    /// Another handle of the same tensors.
    fn clone(&self) -> Self {
        Self {
            cosine: self.cosine.shallow_clone(),
            sine: self.sine.shallow_clone(),
        }
    }
}

impl Turn {
    /// `[batch, time, heads, head width]`, the first half of the features against the second, as Llama's published weights
    /// have it.
    pub(crate) fn apply(&self, heads: &Tensor) -> Result<Tensor> {
        let halves = heads.f_chunk(2, -1)?;
        let [first, second] = [&halves[0], &halves[1]];
        let turned = [
            first
                .f_mul(&self.cosine)?
                .f_sub(&second.f_mul(&self.sine)?)?,
            second
                .f_mul(&self.cosine)?
                .f_add(&first.f_mul(&self.sine)?)?,
        ];
        Ok(Tensor::f_cat(&turned, -1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_turned_heads_depend_on_the_distance_alone() {
        let rotary = Rotary::new(12, 8, 10_000.0, None, Device::Cpu);
        let [query, key] = ["query", "key"]
            .map(|name| crate::checks::some_numbers(&[1, 1, 1, 8], Kind::Float, name));
        let product = |query_at: i64, key_at: i64| {
            let turned = |head: &Tensor, at| {
                rotary
                    .turn(at, 1, Kind::Float)
                    .unwrap()
                    .apply(head)
                    .unwrap()
            };
            f64::try_from((turned(&query, query_at) * turned(&key, key_at)).sum(Kind::Float))
                .unwrap()
        };
        for distance in 0..6 {
            let here = product(distance, 0);
            assert!((product(distance + 5, 5) - here).abs() < 1e-5);
        }
        assert!((product(0, 0) - product(3, 0)).abs() > 1e-3);
    }

    #[test]
    fn longer_contexts_slow_the_slow_frequencies() {
        let (plain, _) = frequencies(16, 10_000.0, None);
        for scaling in [
            RotaryScaling::Llama3 {
                factor: 8.0,
                low_frequency_factor: 1.0,
                high_frequency_factor: 4.0,
                original_context_length: 128,
            },
            RotaryScaling::Yarn {
                factor: 8.0,
                beta_fast: 32.0,
                beta_slow: 1.0,
                original_context_length: 128,
            },
        ] {
            let (scaled, _) = frequencies(16, 10_000.0, Some(scaling));
            assert_eq!(scaled[0], plain[0], "{scaling:?}");
            assert!((scaled[7] - plain[7] / 8.0).abs() < 1e-12, "{scaling:?}");
            assert!(scaled.windows(2).all(|pair| pair[0] > pair[1]));
        }
    }
}
