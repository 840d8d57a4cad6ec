//! Documents that a trained model is scored on, prepared as its own data was.

use std::path::{Path, PathBuf};

use kiln_corpus::{Corpus, SourceConfig};
use kiln_dataset::TaskConfig;
use kiln_run::{StopFlag, atomic::StagedFolder};
use kiln_text::Document;
use kiln_tokens::{LabelSet, TokenId, Tokenizer};

use crate::answers::{Expected, values};
use crate::encode::for_each_encoded;
use crate::shards::Encoding;
use crate::{Error, Plan, SplitCounts};

/// Shards of documents to be scored, in a temporary folder that goes when this is dropped.
pub struct HeldOut {
    /// The shards.
    pub shards: Vec<PathBuf>,
    /// What they hold.
    pub counts: SplitCounts,
    _folder: StagedFolder,
}

/// Read the documents at `data` as the recipe reads its first source (the same columns; the format as the extension says),
/// and encode them.
///
/// # Errors
/// The data cannot be read, is empty, has a class that is not among `labels`, or lacks what the task predicts.
pub fn hold_out(
    plan: &Plan,
    data: &Path,
    tokenizer: &dyn Tokenizer,
    labels: Option<&LabelSet>,
) -> Result<HeldOut, Error> {
    let corpus = Corpus::open(&source(plan, data), Path::new("."))?;
    let expected = match (plan.task, labels) {
        (TaskConfig::Classification, Some(labels)) => Expected::Label(labels.clone()),
        (TaskConfig::Regression, _) => Expected::Values(width(&corpus)?),
        _ => Expected::Nothing,
    };
    let name = format!("kiln-held-out-{}", std::process::id());
    let folder = StagedFolder::new(&std::env::temp_dir().join(name))?;
    let encoding = Encoding::new(plan, &expected, tokenizer);
    let path = folder
        .path()
        .join(format!("held-out.{}", encoding.extension()));
    let mut shard = encoding.begin(&path)?;
    let mut counts = SplitCounts::default();
    let mut take = |document: &Document, ids: &[TokenId]| {
        counts += encoding.push(&mut shard, document, ids)?.counts;
        Ok(())
    };
    for_each_encoded(
        &mut corpus.documents(),
        tokenizer,
        &StopFlag::new(),
        &mut take,
    )?;
    shard.finish()?.commit()?;
    Ok(HeldOut {
        shards: vec![path],
        counts,
        _folder: folder,
    })
}

/// The recipe's first source with another path; nothing of it is split off.
fn source(plan: &Plan, data: &Path) -> kiln_corpus::Config {
    let mut config = plan.corpus.clone();
    let first = config.sources.into_iter().next().unwrap_or_default();
    config.sources = vec![SourceConfig {
        path: Some(data.display().to_string()),
        format: None,
        documents: None,
        seed: None,
        ..first
    }];
    config.validation_sources = Vec::new();
    config.split = kiln_corpus::Split::default();
    config
}

/// Numbers that the first document has.
fn width(corpus: &Corpus) -> Result<usize, Error> {
    use kiln_text::Source;
    match corpus.documents().next_document()? {
        Some(document) => Ok(values(&document)?.len()),
        None => Ok(1),
    }
}
