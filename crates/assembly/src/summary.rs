//! How a run ended, for a person or as JSON.

use std::fmt;
use std::path::PathBuf;

use kiln_learn::Measures;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// Scores by name, in order; as JSON an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores(pub Measures);

impl Scores {
    /// What an evaluation gives, under the names that it has outside training: `loss` with the context length that it holds for.
    pub(crate) fn new(measures: Measures, context_length: usize) -> Self {
        let renamed = measures.into_iter().map(|(name, value)| {
            let name = name.strip_prefix("validation_").unwrap_or(&name);
            (name.to_owned(), value)
        });
        let mut scores: Measures = renamed.collect();
        scores.push(("context_length".to_owned(), context_length as f64));
        Self(scores)
    }
}

impl Serialize for Scores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (index, (name, value)) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let name = name.replace('_', " ");
            if value.fract() == 0.0 && value.abs() >= 1.0 {
                write!(f, "  {name:<width$}  {value:.0}")?;
            } else {
                write!(f, "  {name:<width$}  {value:.4}")?;
            }
        }
        Ok(())
    }
}

/// A text that the model wrote.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// The text.
    pub text: String,
    /// Share of its words that lie in a run of eight words which stands in the training text, 0 to 1.
    pub copied_share: f64,
    /// Most words in a row that are covered by such runs.
    pub longest_copied: usize,
}

/// A finished or interrupted run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Its folder.
    pub run: PathBuf,
    /// Updates done.
    pub step: u64,
    /// Updates that it will have.
    pub total_steps: u64,
    /// Targets trained on.
    pub tokens: u64,
    /// Seconds of training, over all processes.
    pub seconds: f64,
    /// Trained values of the model.
    pub parameters: u64,
    /// Tokens of a row in training and in scores.
    pub context_length: usize,
    /// Whether it was asked to stop.
    pub interrupted: bool,
    /// The best checkpoint.
    pub checkpoint: Option<PathBuf>,
    /// Its scores on the held-out split.
    pub scores: Scores,
    /// What it writes, for a language model.
    pub samples: Vec<Sample>,
    /// Commands to try now.
    pub next: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.interrupted {
            writeln!(
                f,
                "stopped after step {} of {}, everything is saved in {}",
                self.step,
                self.total_steps,
                self.run.display()
            )?;
        } else {
            writeln!(
                f,
                "trained {} parameters for {} steps on {} targets in {:.0} s",
                self.parameters, self.step, self.tokens, self.seconds
            )?;
            for (number, sample) in self.samples.iter().enumerate() {
                writeln!(f, "\nsample {}:\n{}", number + 1, sample.text.trim())?;
                writeln!(
                    f,
                    "({:.0} % of its words stand in the training text in runs of 8 or more, the longest of {} words)",
                    100.0 * sample.copied_share,
                    sample.longest_copied
                )?;
            }
            writeln!(
                f,
                "\nheld out, in windows of {} tokens (best checkpoint):\n{}",
                self.context_length, self.scores
            )?;
        }
        write!(f, "\nnext:")?;
        for command in &self.next {
            write!(f, "\n  {command}")?;
        }
        Ok(())
    }
}
