//! What a recipe says of training and of checkpoints.

use serde::{Deserialize, Serialize};

use crate::{EarlyStopping, NotFinite, Sizes, Warmup};

/// A key that is wrong, and how.
pub type Wrong = (&'static str, String);

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
    /// Largest magnitude of an element of the gradients, which are cut off there before their norm is clipped. None if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,
    /// Let the batch begin with fewer rows and grow by a straight line; a multiple of `micro_batch_size` at each step. The learning
    /// rate does not follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size_warmup: Option<Warmup>,
    /// Let rows begin with fewer tokens and grow by a straight line, in steps of 8: what stands behind is not learned from in these
    /// updates. Of language models alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_warmup: Option<Warmup>,
    /// End before the last step where a measure of the evaluations gets no better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// What happens where a loss or a gradient is no number: `skip` the update, `rollback` to the last checkpoint and pass over the
    /// batch, or `stop`.
    pub not_finite: NotFinite,
    /// How often a run goes back before it gives up.
    pub max_rollbacks: u64,
    /// Updates from one line of the log to the next.
    pub log_every_steps: u64,
    /// Say after so many updates where the time of a step goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<u64>,
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
            clip_value: None,
            batch_size_warmup: None,
            context_warmup: None,
            early_stopping: None,
            not_finite: NotFinite::Skip,
            max_rollbacks: 5,
            log_every_steps: 10,
            profile: None,
        }
    }
}

impl Config {
    /// Updates of the whole run, for a training split of `rows` rows an epoch with `targets` targets each.
    pub fn total_steps(&self, rows: u64, targets: u64) -> u64 {
        let sizes = self.sizes(targets);
        match (self.steps, self.epochs, self.tokens) {
            (Some(steps), _, _) => steps,
            (_, Some(epochs), _) => sizes.steps_for_rows(epochs * rows as f64),
            (_, _, tokens) => sizes.steps_for_targets(tokens.unwrap_or(0)),
        }
    }

    /// The sizes of all batches, for rows of so many targets.
    pub fn sizes(&self, targets: u64) -> Sizes {
        Sizes {
            rows: self.batch_size,
            rows_warmup: self.batch_size_warmup,
            rows_multiple: self.micro_batch_size.unwrap_or(1),
            context: targets.max(1),
            context_warmup: self.context_warmup,
        }
    }

    /// Rows of a micro-batch.
    pub fn micro_rows(&self) -> u64 {
        self.micro_batch_size.unwrap_or(self.batch_size)
    }

    /// Refuse what cannot be run, naming the key.
    ///
    /// # Errors
    /// No length or two of them, a count of zero, a micro-batch that does not divide the batch, a size that does not grow.
    pub fn check(&self) -> Result<(), Wrong> {
        self.check_length()?;
        self.check_batches()?;
        self.check_limits()
    }

    fn check_length(&self) -> Result<(), Wrong> {
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
        Ok(())
    }

    fn check_batches(&self) -> Result<(), Wrong> {
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
        if let Some(warmup) = self.batch_size_warmup {
            let first = warmup.from;
            if first == 0 || first > self.batch_size {
                let problem = format!(
                    "from = {first}: expected 1 up to the batch of {}",
                    self.batch_size
                );
                return Err(("batch_size_warmup", problem));
            }
            if let Some(micro) = self.micro_batch_size
                && !first.is_multiple_of(micro)
            {
                let problem =
                    format!("from = {first}: expected a multiple of micro_batch_size, {micro}");
                return Err(("batch_size_warmup", problem));
            }
        }
        if self.context_warmup.is_some_and(|warmup| warmup.from == 0) {
            let problem = "from = 0: expected 1 token or more".to_owned();
            return Err(("context_warmup", problem));
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Wrong> {
        for (key, count) in [
            ("log_every_steps", Some(self.log_every_steps)),
            ("threads", self.threads.map(|threads| threads as u64)),
            ("profile", self.profile),
            (
                "early_stopping",
                self.early_stopping.as_ref().map(|rule| rule.patience),
            ),
        ] {
            if count == Some(0) {
                let of = if key == "early_stopping" {
                    "patience = "
                } else {
                    ""
                };
                return Err((key, format!("{of}0: expected 1 or more")));
            }
        }
        for (key, limit) in [
            ("clip_norm", self.clip_norm),
            ("clip_value", self.clip_value),
        ] {
            if limit.is_some_and(|limit| limit.is_nan() || limit <= 0.0) {
                let problem = "expected a number above 0; leave it out for no clipping";
                return Err((key, problem.to_owned()));
            }
        }
        let delta = self.early_stopping.as_ref().map(|rule| rule.min_delta);
        if delta.is_some_and(|delta| !delta.is_finite() || delta < 0.0) {
            let problem = "min_delta: expected 0 or more".to_owned();
            return Err(("early_stopping", problem));
        }
        Ok(())
    }
}

/// When checkpoints are written and how many stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Updates from one checkpoint to the next. There is always one at the end and one where the best measure is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// Minutes from one checkpoint to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<f64>,
    /// How many of the newest stay. The best stays too.
    pub keep: usize,
    /// A checkpoint of every so many updates is written and stays for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_every_steps: Option<u64>,
    /// The measure of the evaluations that decides which is best: `validation_loss`, `accuracy`, `pearson`, ...
    pub best: String,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            every_steps: None,
            every_minutes: None,
            keep: 2,
            keep_every_steps: None,
            best: EarlyStopping::usual_metric(),
        }
    }
}

impl CheckpointConfig {
    /// Refuse what cannot be, naming the key.
    ///
    /// # Errors
    /// A count of zero, a time that is none.
    pub fn check(&self) -> Result<(), Wrong> {
        let expected = |key, problem: &str| Err((key, problem.to_owned()));
        if self.keep == 0 {
            return expected("keep", "0: expected 1 or more");
        }
        if self.every_steps == Some(0) {
            return expected("every_steps", "0: expected 1 or more");
        }
        if self.keep_every_steps == Some(0) {
            return expected("keep_every_steps", "0: expected 1 or more");
        }
        if self
            .every_minutes
            .is_some_and(|minutes| !minutes.is_finite() || minutes <= 0.0)
        {
            return expected("every_minutes", "expected a number above 0");
        }
        Ok(())
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

    #[test]
    fn what_cannot_be_is_refused_with_its_key() {
        let warmup = |from| {
            Some(Warmup {
                from,
                over_steps: 10,
            })
        };
        let good = Config {
            steps: Some(1),
            batch_size: 12,
            micro_batch_size: Some(4),
            ..Config::default()
        };
        let check = |change: &dyn Fn(&mut Config), key: &str, words: &str| {
            let mut config = good.clone();
            change(&mut config);
            let (found, problem) = config.check().unwrap_err();
            assert_eq!(found, key);
            assert!(problem.contains(words), "{problem}");
        };
        check(
            &|c| c.batch_size_warmup = warmup(16),
            "batch_size_warmup",
            "up to the batch of 12",
        );
        check(
            &|c| c.batch_size_warmup = warmup(6),
            "batch_size_warmup",
            "multiple of micro_batch_size, 4",
        );
        check(
            &|c| c.context_warmup = warmup(0),
            "context_warmup",
            "from = 0",
        );
        check(&|c| c.clip_value = Some(0.0), "clip_value", "above 0");
        check(&|c| c.profile = Some(0), "profile", "1 or more");
        let rule = EarlyStopping {
            metric: "accuracy".to_owned(),
            patience: 0,
            min_delta: 0.0,
        };
        check(
            &|c| c.early_stopping = Some(rule.clone()),
            "early_stopping",
            "patience = 0",
        );
        let checkpoint = CheckpointConfig {
            every_minutes: Some(-1.0),
            ..CheckpointConfig::default()
        };
        assert_eq!(checkpoint.check().unwrap_err().0, "every_minutes");
        assert!(CheckpointConfig::default().check().is_ok());
    }
}
