//! What a recipe says of training and of checkpoints.

use serde::{Deserialize, Serialize};

/// Length, batches and arithmetic of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Length in updates. Give this, `epochs` or `tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Length in passes over the training split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Length in training tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Rows (sequences or examples) in the global batch of an update.
    pub batch_size: u64,
    /// Rows that go through the model at once; their gradients add up to the global batch's. The global batch if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<u64>,
    /// `fp32`, `bf16` (compute in bf16 over fp32 weights), `fp16` (the same in fp16, with a scaled loss) or `auto` (bf16 where the device has arithmetic for it).
    pub precision: String,
    /// Whether blocks of layers forget what their backward needs and compute it again there: less memory for a forward pass more.
    pub activation_checkpointing: bool,
    /// `auto`, `cpu`, `cuda` or `cuda:INDEX`.
    pub device: String,
    /// Threads of each operation on a CPU; all cores if left out. Results are the same to the bit for an equal number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Largest norm of the gradients; larger ones are scaled down. No clipping if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Updates from one line of the log to the next.
    pub log_every_steps: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            steps: None,
            epochs: None,
            tokens: None,
            batch_size: 16,
            micro_batch_size: None,
            precision: "fp32".to_owned(),
            activation_checkpointing: false,
            device: "auto".to_owned(),
            threads: None,
            clip_norm: None,
            log_every_steps: 10,
        }
    }
}

impl Config {
    /// Updates of the whole run, for a training split of `rows` rows an epoch with `targets` targets each.
    pub fn total_steps(&self, rows: u64, targets: u64) -> u64 {
        match (self.steps, self.epochs, self.tokens) {
            (Some(steps), _, _) => steps,
            (_, Some(epochs), _) => (epochs * rows as f64 / self.batch_size as f64).round() as u64,
            (_, _, tokens) => tokens
                .unwrap_or(0)
                .div_ceil(self.batch_size * targets.max(1)),
        }
    }

    /// Rows of a micro-batch.
    pub fn micro_rows(&self) -> u64 {
        self.micro_batch_size.unwrap_or(self.batch_size)
    }

    /// Refuse what cannot be run, naming the key.
    ///
    /// # Errors
    /// No length or two of them, a count of zero, a micro-batch that does not divide the batch.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let lengths = [
            ("steps", self.steps.is_some()),
            ("epochs", self.epochs.is_some()),
            ("tokens", self.tokens.is_some()),
        ];
        let given: Vec<&str> = lengths
            .iter()
            .filter(|(_, is)| *is)
            .map(|(key, _)| *key)
            .collect();
        match given.as_slice() {
            [_] => {}
            [] => return Err(("steps", "missing: give steps, epochs or tokens".to_owned())),
            [_, second, ..] => {
                let problem = format!(
                    "the length is given twice, as {}: keep one",
                    given.join(" and ")
                );
                let key = lengths.iter().find(|(key, _)| key == second);
                return Err((key.map_or("steps", |(key, _)| key), problem));
            }
        }
        for (key, nothing) in [
            ("steps", self.steps == Some(0)),
            ("tokens", self.tokens == Some(0)),
        ] {
            if nothing {
                return Err((key, "0: expected 1 or more".to_owned()));
            }
        }
        if self
            .epochs
            .is_some_and(|epochs| !epochs.is_finite() || epochs <= 0.0)
        {
            return Err(("epochs", "expected a number above 0".to_owned()));
        }
        let micro = self.micro_rows();
        if self.batch_size == 0 {
            return Err(("batch_size", "0: expected 1 or more".to_owned()));
        }
        if micro == 0 || !self.batch_size.is_multiple_of(micro) {
            let problem = format!(
                "{micro} does not divide the batch of {}: choose a divisor",
                self.batch_size
            );
            return Err(("micro_batch_size", problem));
        }
        if self.log_every_steps == 0 {
            return Err(("log_every_steps", "0: expected 1 or more".to_owned()));
        }
        if self.threads == Some(0) {
            return Err(("threads", "0: expected 1 or more".to_owned()));
        }
        if self
            .clip_norm
            .is_some_and(|norm| norm.is_nan() || norm <= 0.0)
        {
            return Err((
                "clip_norm",
                "expected a number above 0; leave it out for no clipping".to_owned(),
            ));
        }
        Ok(())
    }
}

/// When checkpoints are written and how many stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Updates from one checkpoint to the next; only at the end (and where held-out loss is lowest) if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// How many of the newest stay. The best stays too.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every_steps: None,
            keep: 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let of = |steps, epochs, tokens| Config {
            steps,
            epochs,
            tokens,
            batch_size: 12,
            ..Config::default()
        };
        assert_eq!(of(Some(2000), None, None).total_steps(1, 1), 2000);
        assert_eq!(of(None, Some(0.5), None).total_steps(240, 64), 10);
        assert_eq!(of(None, None, Some(1_536_000)).total_steps(1, 64), 2000);
        assert!(of(Some(1), None, None).check().is_ok());
        assert_eq!(of(None, None, None).check().unwrap_err().0, "steps");
        let twice = of(Some(1), None, Some(2)).check().unwrap_err();
        assert_eq!(twice.0, "tokens");
        assert!(twice.1.contains("steps and tokens"), "{}", twice.1);
    }

    #[test]
    fn micro_batches_divide_the_batch() {
        let config = |micro| Config {
            steps: Some(1),
            batch_size: 12,
            micro_batch_size: Some(micro),
            ..Config::default()
        };
        assert!(config(4).check().is_ok());
        assert_eq!(config(5).check().unwrap_err().0, "micro_batch_size");
        assert_eq!(config(0).check().unwrap_err().0, "micro_batch_size");
    }
}
