//! One record of metrics: a line of `metrics.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// What is known of a run at a step. What does not apply is `None` and left out of the file; a number that is not
/// finite is `null` there and NaN when read back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Steps of the optimizer that are done.
    pub step: u64,
    /// Steps that the run will have; 0 if that is not known.
    #[serde(default)]
    pub total_steps: u64,
    /// Tokens (or examples, for tasks without token targets) trained on so far.
    pub tokens: u64,
    /// Time spent in training so far, over all processes that worked on the run.
    pub seconds: f64,
    /// Mean loss per target since the last record, in nats.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub train_loss: Option<f64>,
    /// Mean loss per target of the whole held-out split, in nats.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub validation_loss: Option<f64>,
    /// The learning rate of the step.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub learning_rate: Option<f64>,
    /// Euclidean norm of the whole gradient, before clipping.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub gradient_norm: Option<f64>,
    /// Tokens trained on in a second.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub tokens_per_second: Option<f64>,
    /// Most memory in use, of the device or else of the process.
    #[serde(default, skip_serializing_if = "none")]
    pub memory_bytes: Option<u64>,
    /// How much memory there is where `memory_bytes` is used.
    #[serde(default, skip_serializing_if = "none")]
    pub memory_total_bytes: Option<u64>,
    /// Arithmetic of the model in a second over the device's peak, 0 to 1.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub model_flops_utilization: Option<f64>,
    /// Mean time of a step since the last record.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub milliseconds_per_step: Option<f64>,
    /// How far the loss lies from its recent mean, in standard deviations.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub loss_z_score: Option<f64>,
    /// Rows a batch should have at least so that their gradients agree on a direction: the gradient noise scale (McCandlish et
    /// al., 2018, section 2.2), of the training so far with the newest records weighing most.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub gradient_noise_scale: Option<f64>,
    /// Processor time of all threads since the last record over the time that passed, in percent: 200 is two cores.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub cpu_percent: Option<f64>,
    /// Bytes free on the disk that the run lies on.
    #[serde(default, skip_serializing_if = "none")]
    pub disk_free_bytes: Option<u64>,
    /// Share of the time that went into waiting for data, 0 to 1.
    #[serde(default, deserialize_with = "number", skip_serializing_if = "none")]
    pub data_share: Option<f64>,
    /// Further metrics, by name: accuracy, losses of parts. In the file they stand beside the others.
    #[serde(flatten, deserialize_with = "numbers")]
    pub extra: BTreeMap<String, f64>,
}

fn none<T>(value: &Option<T>) -> bool {
    value.is_none()
}

/// A number that is present; JSON's `null` stands for one that is not finite.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or(f64::NAN)))
}

/// All further numbers. What is no number was written by a later version and is passed over.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let all = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    Ok(all
        .into_iter()
        .filter_map(|(name, value)| match value {
            serde_json::Value::Null => Some((name, f64::NAN)),
            value => Some((name, value.as_f64()?)),
        })
        .collect())
}

impl Record {
    /// Every metric that the record has, by the name it has in the file: what is drawn as a curve.
    pub fn scalars(&self) -> impl Iterator<Item = (&str, f64)> {
        let named = [
            ("tokens", Some(self.tokens as f64)),
            ("seconds", Some(self.seconds)),
            ("train_loss", self.train_loss),
            ("validation_loss", self.validation_loss),
            ("learning_rate", self.learning_rate),
            ("gradient_norm", self.gradient_norm),
            ("tokens_per_second", self.tokens_per_second),
            ("memory_bytes", self.memory_bytes.map(|bytes| bytes as f64)),
            ("model_flops_utilization", self.model_flops_utilization),
            ("milliseconds_per_step", self.milliseconds_per_step),
            ("loss_z_score", self.loss_z_score),
            ("gradient_noise_scale", self.gradient_noise_scale),
            ("cpu_percent", self.cpu_percent),
            (
                "disk_free_bytes",
                self.disk_free_bytes.map(|bytes| bytes as f64),
            ),
            ("data_share", self.data_share),
        ];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .chain(
                self.extra
                    .iter()
                    .map(|(name, value)| (name.as_str(), *value)),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_apply_is_left_out() {
        let record = Record {
            step: 3,
            total_steps: 10,
            tokens: 2304,
            seconds: 0.5,
            train_loss: Some(1.25),
            extra: BTreeMap::from([("accuracy".into(), 0.75)]),
            ..Record::default()
        };
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(
            line,
            r#"{"step":3,"total_steps":10,"tokens":2304,"seconds":0.5,"train_loss":1.25,"accuracy":0.75}"#
        );
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
        let names: Vec<_> = record.scalars().map(|(name, _)| name).collect();
        assert_eq!(names, ["tokens", "seconds", "train_loss", "accuracy"]);
    }

    #[test]
    fn a_loss_that_is_not_finite_survives_the_file() {
        let record = Record {
            train_loss: Some(f64::NAN),
            extra: BTreeMap::from([("perplexity".into(), f64::INFINITY)]),
            ..Record::default()
        };
        let line = serde_json::to_string(&record).unwrap();
        let read: Record = serde_json::from_str(&line).unwrap();
        assert!(read.train_loss.unwrap().is_nan());
        assert!(read.extra["perplexity"].is_nan());
        assert_eq!(read.validation_loss, None);
    }

    #[test]
    fn records_of_later_versions_can_be_read() {
        let line = r#"{"step":1,"tokens":2,"seconds":3.0,"phase":"warm-up","new_metric":4}"#;
        let read: Record = serde_json::from_str(line).unwrap();
        assert_eq!(read.extra, BTreeMap::from([("new_metric".into(), 4.0)]));
    }
}
