//! Documents that a trained model is scored on, prepared as its own data was.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use kiln_corpus::{Corpus, Format, SourceConfig};
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

/// Read the documents at `data` as the recipe reads its first source (the same columns; the format that the extension says,
/// or else the source's), and encode them.
///
/// # Errors
/// The data cannot be read, is empty, has a class that is not among `labels`, or lacks what the task predicts.
pub fn hold_out(
    plan: &Plan,
    data: &Path,
    tokenizer: &dyn Tokenizer,
    labels: Option<&LabelSet>,
) -> Result<HeldOut, Error> {
    if plan.task == TaskConfig::Classification {
        check_classes(plan, data)?;
    }
    let corpus = Corpus::open(&source(plan, data), Path::new("."))?;
    let expected = match (plan.task, labels) {
        (TaskConfig::Classification, Some(labels)) => Expected::Label(labels.clone()),
        (TaskConfig::Regression, _) => Expected::Values(width(&corpus)?),
        _ => Expected::Nothing,
    };
    // One process may hold several.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("kiln-held-out-{}-{number}", std::process::id());
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

/// Where the sources of the recipe are one class each, nothing says which of them the documents at `data` are.
fn check_classes(plan: &Plan, data: &Path) -> Result<(), Error> {
    let mut classes = plan.corpus.sources.iter().map(|source| &source.label_is);
    let first = classes.next().and_then(Option::as_ref);
    if first.is_none() || classes.all(|class| class.as_ref() == first) {
        return Ok(());
    }
    Err(Error::Answer {
        document: data.display().to_string(),
        found: "no label of its own: the sources of the recipe get theirs from `label_is`"
            .to_owned(),
        advice: "leave out --data to score the run's held-out split, or see with `kiln predict` what becomes of each text",
    })
}

/// The recipe's first source with another path; nothing of it is split off.
fn source(plan: &Plan, data: &Path) -> kiln_corpus::Config {
    let mut config = plan.corpus.clone();
    let first = config.sources.into_iter().next().unwrap_or_default();
    let path = data.display().to_string();
    let format = match (first.format, Format::of_file_name(&path)) {
        // Files of lines have the extension of running text, or none.
        (Some(Format::Lines), None | Some(Format::Text)) => Some(Format::Lines),
        (Some(Format::Stories), _) | (_, Some(_)) => None,
        // A file whose name says nothing; of a folder's files, those are left out.
        (format, None) => format.filter(|_| data.is_file()),
    };
    config.sources = vec![SourceConfig {
        path: Some(path),
        format,
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
