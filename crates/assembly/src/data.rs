//! Prepared data as the sources and scores that a run works with.

use std::sync::Arc;

use kiln_dataset::{
    Examples, Order, TaskConfig, Tokens, examples_permutation, examples_sequential, sequential,
    windows,
};
use kiln_evaluate::{HeldOut, Judged, Sampled};
use kiln_pipeline::{Prepared, SplitCounts};
use kiln_tokens::BatchSource;

use crate::Error;
use crate::design::Design;
use crate::network::Shape;

/// What held-out data is called in messages.
const HELD_OUT: &str = "held-out";

/// The shape of the networks that prepared data needs.
pub(crate) fn shape(prepared: &Prepared) -> Shape {
    Shape {
        vocabulary: prepared.tokenizer.vocabulary_size(),
        classes: prepared.labels.as_ref().map(kiln_tokens::LabelSet::len),
        scales: prepared.scales.clone(),
    }
}

/// The training rows in the recipe's order, and the targets of each.
pub(crate) fn training(
    design: &Design,
    prepared: &Prepared,
) -> Result<(Arc<dyn BatchSource>, u64), Error> {
    let seed = design.data.seed;
    Ok(match prepared.task {
        TaskConfig::LanguageModel => {
            let tokens = Arc::new(Tokens::open("training", &prepared.train)?);
            let lanes = usize::try_from(design.train.batch_size).unwrap_or(usize::MAX);
            let dataset = &design.data.dataset;
            let source = dataset.training(tokens, seed, lanes)?;
            (source, dataset.context_length as u64)
        }
        TaskConfig::Classification | TaskConfig::Regression => {
            let examples = Arc::new(Examples::open("training", &prepared.train)?);
            (Arc::new(examples_permutation(examples, seed)), 1)
        }
    })
}

/// Whether rows go on where the same row of the batch before ended.
pub(crate) fn carries(design: &Design) -> bool {
    design.data.task == TaskConfig::LanguageModel && design.data.dataset.order == Order::Streams
}

/// The score of a held-out split.
pub(crate) fn held_out(
    design: &Design,
    shape: &Shape,
    shards: &[std::path::PathBuf],
    counts: SplitCounts,
) -> Result<HeldOut, Error> {
    /// Tokens, or example rows, that go through the model at once, and logits: 256 MB of them.
    const TOKENS: usize = 16_384;
    const ROWS: usize = 64;
    const LOGITS: usize = 1 << 26;
    let context_length = design.data.dataset.context_length;
    let judged = match (&shape.scales, shape.classes) {
        (Some(scales), _) => Judged::Values(scales.clone()),
        (None, Some(classes)) => Judged::Classes(classes),
        (None, None) => Judged::Tokens {
            bytes: counts.bytes,
            nats: counts.nats,
        },
    };
    let mut sampled = None;
    let (source, rows): (Arc<dyn BatchSource>, usize) = match design.data.task {
        TaskConfig::LanguageModel => {
            let tokens = Arc::new(Tokens::open(HELD_OUT, shards)?);
            let most = LOGITS / (context_length * shape.vocabulary).max(1);
            let rows = (TOKENS / context_length).min(most).max(1);
            if let Some(batches) = design.evaluate.sampled_batches {
                sampled = Some(Sampled {
                    source: Arc::new(windows(tokens.clone(), context_length, design.data.seed)?),
                    windows: batches * design.train.batch_size,
                });
            }
            (Arc::new(sequential(tokens, context_length)?), rows)
        }
        TaskConfig::Classification | TaskConfig::Regression => {
            let examples = Arc::new(Examples::open(HELD_OUT, shards)?);
            (Arc::new(examples_sequential(examples)), ROWS)
        }
    };
    Ok(HeldOut {
        source,
        rows,
        objective: design.held_out_objective(shape)?,
        judged,
        sampled,
    })
}
