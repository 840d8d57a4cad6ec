//! The loss over a whole held-out split, and what stands beside it.

use std::sync::Arc;

use kiln_learn::{Context, DeviceBatch, Error, Evaluation, Measures, Network, Objective, Result};
use kiln_tensor::{Kind, Tensor, no_grad};
use kiln_tokens::{BatchSource, SamplePosition, Scale, column};

use crate::measures::{classification, regression};

/// Sum of the loss over the rows of a source that ends, and the number of targets. `see` is given each batch with what the
/// head gave for it, where the objective says so.
///
/// # Errors
/// The data could not be read or does not fit the model.
pub fn held_out(
    network: &Network,
    objective: &dyn Objective,
    source: &dyn BatchSource,
    rows: usize,
    see: &mut dyn FnMut(&DeviceBatch, Option<&Tensor>) -> Result<()>,
) -> Result<(f64, u64)> {
    no_grad(|| {
        let (mut sum, mut targets) = (0.0, 0);
        let mut at = SamplePosition(0);
        loop {
            let batch = source.rows(at, rows).map_err(Error::Data)?;
            if batch.rows() == 0 {
                return Ok((sum, targets));
            }
            let batch = DeviceBatch::new(&batch, network.device())?;
            let output = network.forward(&batch, &Context::evaluation())?;
            let loss = objective.loss(&*network.head, &output, &batch)?;
            see(&batch, loss.outputs.as_ref())?;
            sum += f64::try_from(&loss.sum)?;
            targets += batch.targets();
            at = at + batch.rows() as u64;
        }
    })
}

/// What a task is judged by beside its loss.
pub enum Judged {
    /// Next tokens.
    Tokens {
        /// Bytes of text that the split's tokens stand for.
        bytes: u64,
        /// Negative logarithm of the split's probability under the process that wrote it, in nats, where it is known.
        nats: Option<f64>,
    },
    /// One of this many classes.
    Classes(usize),
    /// Numbers with these units.
    Values(Vec<Scale>),
}

/// An estimate from random windows.
pub struct Sampled {
    /// Random windows of the held-out split.
    pub source: Arc<dyn BatchSource>,
    /// How many of them.
    pub windows: u64,
}

/// The whole held-out split, scored.
pub struct HeldOut {
    /// The split, in an order that ends.
    pub source: Arc<dyn BatchSource>,
    /// Rows that go through the model at once.
    pub rows: usize,
    /// The loss.
    pub objective: Box<dyn Objective>,
    /// What else is measured.
    pub judged: Judged,
    /// nanoGPT's estimate beside it.
    pub sampled: Option<Sampled>,
}

impl Evaluation for HeldOut {
    fn evaluate(&mut self, network: &Network) -> Result<Measures> {
        let mut answers = Answers::default();
        let judged = &self.judged;
        let (sum, targets) = held_out(
            network,
            &*self.objective,
            &*self.source,
            self.rows,
            &mut |batch, outputs| answers.take(judged, batch, outputs),
        )?;
        let loss = sum / targets.max(1) as f64;
        let mut measures = vec![("validation_loss".to_owned(), loss)];
        measures.extend(self.beside(sum, targets, &answers));
        if let Some(sampled) = &self.sampled {
            let loss = self.estimate(network, sampled)?;
            measures.push(("validation_loss_sampled".to_owned(), loss));
        }
        Ok(measures)
    }
}

impl HeldOut {
    fn beside(&self, sum: f64, targets: u64, answers: &Answers) -> Measures {
        match &self.judged {
            Judged::Tokens { bytes, nats } => {
                let mut measures = vec![
                    ("perplexity".to_owned(), (sum / targets.max(1) as f64).exp()),
                    (
                        "bits_per_byte".to_owned(),
                        sum / std::f64::consts::LN_2 / (*bytes).max(1) as f64,
                    ),
                ];
                if let Some(nats) = nats {
                    let entropy = nats / targets.max(1) as f64;
                    measures.push(("true_entropy".to_owned(), entropy));
                    let loss = sum / targets.max(1) as f64;
                    measures.push(("excess_loss".to_owned(), loss - entropy));
                }
                measures
            }
            Judged::Classes(count) => classification(&answers.expected, &answers.chosen, *count),
            Judged::Values(_) => regression(&answers.values, &answers.predicted),
        }
    }

    /// nanoGPT's estimate: the mean loss of batches of random windows.
    fn estimate(&self, network: &Network, sampled: &Sampled) -> Result<f64> {
        no_grad(|| {
            let mut sum = 0.0;
            let mut targets = 0;
            let mut done = 0;
            while done < sampled.windows {
                let rows = (sampled.windows - done).min(self.rows as u64);
                let at = SamplePosition(done);
                let batch = sampled
                    .source
                    .rows(at, rows as usize)
                    .map_err(Error::Data)?;
                done += rows;
                let batch = DeviceBatch::new(&batch, network.device())?;
                let output = network.forward(&batch, &Context::evaluation())?;
                let loss = self.objective.loss(&*network.head, &output, &batch)?;
                sum += f64::try_from(&loss.sum)?;
                targets += batch.targets();
            }
            Ok(sum / targets.max(1) as f64)
        })
    }
}

/// What was expected and what was given, over all rows.
#[derive(Default)]
struct Answers {
    expected: Vec<i64>,
    chosen: Vec<i64>,
    values: Vec<Vec<f64>>,
    predicted: Vec<Vec<f64>>,
}

impl Answers {
    fn take(
        &mut self,
        judged: &Judged,
        batch: &DeviceBatch,
        outputs: Option<&Tensor>,
    ) -> Result<()> {
        let outputs = || {
            outputs.ok_or_else(|| Error::Batch("the objective does not say what it scored".into()))
        };
        match judged {
            Judged::Tokens { .. } => {}
            Judged::Classes(_) => {
                let labels = batch.ids(column::LABELS)?.view([-1]);
                self.expected.extend(Vec::<i64>::try_from(labels)?);
                let chosen = outputs()?.f_argmax(-1, false)?;
                self.chosen.extend(Vec::<i64>::try_from(chosen)?);
            }
            Judged::Values(_) => {
                self.values.extend(rows(batch.column(column::VALUES)?)?);
                self.predicted.extend(rows(outputs()?)?);
            }
        }
        Ok(())
    }
}

fn rows(tensor: &Tensor) -> Result<Vec<Vec<f64>>> {
    Ok(Vec::<Vec<f64>>::try_from(tensor.to_kind(Kind::Double))?)
}
