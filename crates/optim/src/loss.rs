//! `[loss]`: what a model minimises.

use kiln_learn::Objective;
use kiln_tokens::Scale;
use serde::{Deserialize, Serialize};

use crate::{BinaryCrossEntropy, CrossEntropy, Huber, MeanSquaredError};

/// What a loss scores: decided by the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scored {
    /// The token at each place.
    Tokens,
    /// The class of each row.
    Classes,
    /// Any number of classes of each row.
    LabelSets,
    /// Numbers of each row.
    Values,
}

impl Scored {
    /// What messages call it.
    fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Classes => "classes",
            Self::LabelSets => "sets of labels",
            Self::Values => "numbers",
        }
    }

    fn kinds(self) -> &'static [LossKind] {
        match self {
            Self::Tokens | Self::Classes => &[LossKind::CrossEntropy],
            Self::LabelSets => &[LossKind::BinaryCrossEntropy],
            Self::Values => &[LossKind::MeanSquaredError, LossKind::Huber],
        }
    }
}

/// Which loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// [`CrossEntropy`].
    CrossEntropy,
    /// [`BinaryCrossEntropy`].
    BinaryCrossEntropy,
    /// [`MeanSquaredError`].
    MeanSquaredError,
    /// [`Huber`].
    Huber,
}

impl LossKind {
    fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross-entropy",
            Self::BinaryCrossEntropy => "binary-cross-entropy",
            Self::MeanSquaredError => "mean-squared-error",
            Self::Huber => "huber",
        }
    }
}

/// What a recipe says of the loss. Everything may be left out: the task decides then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossConfig {
    /// `cross-entropy` for tokens and classes; `mean-squared-error` or `huber` for numbers; `binary-cross-entropy` for sets of
    /// labels. The first that fits the task if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<LossKind>,
    /// Share of each target's weight that is spread evenly over all classes, in `0.0 .. 1.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// Coefficient of the squared logarithm of the softmax's normaliser; PaLM's is 1e-4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z_loss: Option<f64>,
    /// What a text of each class counts, in the order of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<Vec<f64>>,
    /// What it counts that a text has a label, where it counts 1 that it has not, in the order of the labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_weights: Option<Vec<f64>>,
    /// Where Huber's loss bends, in spreads of the number; 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
}

/// A key of the section and what is wrong with it.
pub type Wrong = (&'static str, String);

impl LossConfig {
    fn kind(&self, scored: Scored) -> LossKind {
        self.kind.unwrap_or(scored.kinds()[0])
    }

    /// Refuse what does not fit the task or is out of range, naming the key.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub fn check(&self, scored: Scored) -> Result<(), Wrong> {
        let kind = self.kind(scored);
        if !scored.kinds().contains(&kind) {
            let known: Vec<String> = scored
                .kinds()
                .iter()
                .map(|kind| format!("\"{}\"", kind.name()))
                .collect();
            let problem = format!(
                "\"{}\" does not score {}: expected {}",
                kind.name(),
                scored.name(),
                known.join(" or ")
            );
            return Err(("kind", problem));
        }
        self.check_keys(scored, kind)?;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let not_negative = |value: f64| value.is_finite() && value >= 0.0;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let all = |weights: &Option<Vec<f64>>, good: fn(f64) -> bool| {
            weights
                .as_ref()
                .is_none_or(|weights| !weights.is_empty() && weights.iter().all(|one| good(*one)))
        };
        let ranges = [
            (
                "label_smoothing",
                self.label_smoothing.is_none_or(share),
                "expected 0 or more and less than 1",
            ),
            (
                "z_loss",
                self.z_loss.is_none_or(not_negative),
                "expected 0 or more",
            ),
            (
                "class_weights",
                all(&self.class_weights, not_negative)
                    && self
                        .class_weights
                        .as_ref()
                        .is_none_or(|weights| weights.iter().any(|one| *one > 0.0)),
                "expected numbers of 0 or more, not all 0",
            ),
            (
                "positive_weights",
                all(&self.positive_weights, positive),
                "expected numbers above 0",
            ),
            (
                "delta",
                self.delta.is_none_or(positive),
                "expected a number above 0",
            ),
        ];
        match ranges.into_iter().find(|(_, good, _)| !good) {
            Some((key, _, expected)) => Err((key, expected.to_owned())),
            None => Ok(()),
        }
    }

    /// Each key belongs to some losses, and weights of classes not to tokens.
    fn check_keys(&self, scored: Scored, kind: LossKind) -> Result<(), Wrong> {
        use LossKind::{BinaryCrossEntropy, CrossEntropy, Huber};
        let keys = [
            (
                "label_smoothing",
                self.label_smoothing.is_some(),
                CrossEntropy,
            ),
            ("z_loss", self.z_loss.is_some(), CrossEntropy),
            ("class_weights", self.class_weights.is_some(), CrossEntropy),
            (
                "positive_weights",
                self.positive_weights.is_some(),
                BinaryCrossEntropy,
            ),
            ("delta", self.delta.is_some(), Huber),
        ];
        for (key, given, of) in keys {
            if given && kind != of {
                let problem = format!(
                    "belongs to \"{}\", and the loss is \"{}\": leave it out",
                    of.name(),
                    kind.name()
                );
                return Err((key, problem));
            }
        }
        if self.class_weights.is_some() && scored == Scored::Tokens {
            let problem =
                "weighs the classes of a classifier, and the task predicts tokens: leave it out";
            return Err(("class_weights", problem.to_owned()));
        }
        Ok(())
    }

    /// What held-out data is scored with: the same kind of loss, without smoothing, z-loss or weights.
    pub fn held_out(&self) -> Self {
        Self {
            kind: self.kind,
            delta: self.delta,
            ..Self::default()
        }
    }

    /// The loss. `classes` is the number of classes or labels where the task has such, `scales` the units of its numbers.
    ///
    /// # Errors
    /// As [`LossConfig::check`]; and weights whose number is not that of the classes.
    pub fn build(
        &self,
        scored: Scored,
        classes: Option<usize>,
        scales: &[Scale],
    ) -> Result<Box<dyn Objective>, Wrong> {
        self.check(scored)?;
        for (key, weights) in [
            ("class_weights", &self.class_weights),
            ("positive_weights", &self.positive_weights),
        ] {
            if let (Some(weights), Some(classes)) = (weights, classes)
                && weights.len() != classes
            {
                let problem = format!("{} numbers for {classes} classes", weights.len());
                return Err((key, problem));
            }
        }
        Ok(match self.kind(scored) {
            LossKind::CrossEntropy => {
                let mut objective = match scored {
                    Scored::Tokens => CrossEntropy::tokens(),
                    _ => CrossEntropy::classes(),
                };
                objective.label_smoothing = self.label_smoothing.unwrap_or(0.0);
                objective.z_loss = self.z_loss.unwrap_or(0.0);
                objective.class_weights = self.class_weights.clone();
                Box::new(objective)
            }
            LossKind::BinaryCrossEntropy => Box::new(BinaryCrossEntropy {
                positive_weights: self.positive_weights.clone(),
            }),
            LossKind::MeanSquaredError => Box::new(MeanSquaredError::new(scales.to_vec())),
            LossKind::Huber => Box::new(Huber::new(scales.to_vec(), self.delta.unwrap_or(1.0))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_by_its_key() {
        let none = LossConfig::default();
        let kind = |kind| LossConfig {
            kind: Some(kind),
            ..LossConfig::default()
        };
        let smoothed = |share| LossConfig {
            label_smoothing: Some(share),
            ..LossConfig::default()
        };
        let weighted = |weights: &[f64]| LossConfig {
            class_weights: Some(weights.to_vec()),
            ..LossConfig::default()
        };
        let huber = |delta| LossConfig {
            kind: Some(LossKind::Huber),
            delta: Some(delta),
            ..LossConfig::default()
        };
        let delta = LossConfig {
            delta: Some(1.0),
            ..LossConfig::default()
        };
        let z_loss = LossConfig {
            z_loss: Some(-1.0),
            ..LossConfig::default()
        };
        let positive = LossConfig {
            positive_weights: Some(vec![1.0, 0.0]),
            ..LossConfig::default()
        };
        use Scored::{Classes, LabelSets, Tokens, Values};
        for (config, scored, key) in [
            (none.clone(), Tokens, None),
            (none.clone(), LabelSets, None),
            (kind(LossKind::Huber), Values, None),
            (kind(LossKind::Huber), Tokens, Some("kind")),
            (kind(LossKind::CrossEntropy), Values, Some("kind")),
            (smoothed(0.1), Tokens, None),
            (smoothed(1.0), Tokens, Some("label_smoothing")),
            (smoothed(f64::NAN), Tokens, Some("label_smoothing")),
            (smoothed(0.1), Values, Some("label_smoothing")),
            (weighted(&[1.0, 2.0]), Classes, None),
            (weighted(&[0.0, 0.0]), Classes, Some("class_weights")),
            (weighted(&[1.0]), Tokens, Some("class_weights")),
            (huber(0.5), Values, None),
            (huber(0.0), Values, Some("delta")),
            (delta, Values, Some("delta")),
            (z_loss, Tokens, Some("z_loss")),
            (positive.clone(), LabelSets, Some("positive_weights")),
            (positive, Classes, Some("positive_weights")),
        ] {
            let found = config.check(scored).err().map(|(key, _)| key);
            assert_eq!(found, key, "{config:?} {scored:?}");
        }
        let wrong = weighted(&[1.0, 2.0]).build(Classes, Some(3), &[]).err();
        let expected = ("class_weights", "2 numbers for 3 classes".to_owned());
        assert_eq!(wrong, Some(expected));
        let problem = kind(LossKind::CrossEntropy).check(Values).unwrap_err().1;
        assert_eq!(
            problem,
            "\"cross-entropy\" does not score numbers: expected \"mean-squared-error\" or \"huber\""
        );
    }
}
