//! The third stage: from stored documents to shards of tokens or examples, one for each file of documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kiln_corpus::{DocumentReader, Part};
use kiln_dataset::{Answer, Answers, ExampleShardWriter, Separator, TaskConfig, TokenShardWriter};
use kiln_run::{
    Digest, FileEntry, Hasher, Manifest, Progress, RunFolder, StopFlag, Unit, atomic,
    atomic::StagedFile,
};
use kiln_text::Document;
use kiln_tokens::{TokenId, Tokenizer};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::answers::{self, Expected};
use crate::counts::{Moments, SplitCounts};
use crate::encode::for_each_encoded;
use crate::ingest::{DocumentChunk, Ingested, config_text};
use crate::ledger::split_name;
use crate::plan::Plan;
use crate::stage::{PartRecord, Stage, State, Unfinished};
use crate::vocabulary::Vocabulary;

/// Kind of the stage's manifest and name of its folder.
pub(crate) const DATASET: &str = "dataset";

/// Name of the file with the classes.
pub(crate) const LABELS_FILE: &str = "labels.json";

/// Counted up with every change after which the same documents would give other shards.
const VERSION: u32 = 1;

/// Layout of the folder.
const FORMAT_VERSION: u32 = 1;

/// Make the shards in `RUN/dataset`, or go on with them, or find them done.
pub(crate) fn shards(
    plan: &Plan,
    corpus: &Ingested,
    vocabulary: &Vocabulary,
    run: &RunFolder,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Manifest, Error> {
    let tokenizer = vocabulary.tokenizer.as_ref();
    let inputs = BTreeMap::from([
        ("corpus".to_owned(), corpus.key.to_string()),
        ("tokenizer".to_owned(), tokenizer.identity().to_owned()),
    ]);
    let stage = Stage {
        kind: DATASET,
        key: key(plan, &inputs)?,
        folder: run.dataset(),
    };
    let unfinished = match stage.open()? {
        State::Done(manifest) => return Ok(manifest),
        State::Other(manifest) => return Err(stage.refuse(manifest, &inputs)),
        State::Unfinished(unfinished) => unfinished,
    };
    let expected = Expected::of(plan.task, corpus, stop)?;
    let mut files = Vec::new();
    if let Some(labels) = expected.labels() {
        let path = stage.folder.join(LABELS_FILE);
        atomic::write(&path, config_text(labels)?.as_bytes())?;
        files.push(FileEntry::of(&stage.folder, LABELS_FILE)?);
    }
    let running = Running {
        encoding: Encoding::new(plan, &expected, tokenizer),
        unfinished: &unfinished,
        progress,
        stop,
    };
    let parts = running.run(corpus)?;
    let mut manifest = describe(plan, vocabulary, &stage, &parts);
    manifest.inputs = inputs;
    files.extend(parts.into_iter().flat_map(|part| part.files));
    files.sort_by(|one, other| one.name.cmp(&other.name));
    manifest.files = files;
    unfinished.finish(&manifest)?;
    Ok(manifest)
}

/// Only what decides the shards: a language model's windows and their order are cut from the same ids.
fn key(plan: &Plan, inputs: &BTreeMap<String, String>) -> Result<Digest, Error> {
    let mut hasher = Hasher::new();
    hasher.field("stage", DATASET);
    hasher.field("version", VERSION.to_le_bytes());
    hasher.field("task", config_text(&plan.task)?);
    match plan.task {
        TaskConfig::LanguageModel => {
            hasher.field("separator", config_text(&plan.dataset.separator)?)
        }
        TaskConfig::Classification | TaskConfig::Regression => {
            hasher.field("context_length", config_text(&plan.dataset.context_length)?)
        }
    };
    for (name, identity) in inputs {
        hasher.field(name, identity);
    }
    Ok(hasher.digest())
}

fn separator(plan: &Plan, tokenizer: &dyn Tokenizer) -> Option<TokenId> {
    match plan.dataset.separator {
        Separator::Auto => tokenizer.end_of_text(),
        Separator::None => None,
    }
}

fn describe(
    plan: &Plan,
    vocabulary: &Vocabulary,
    stage: &Stage,
    parts: &[ShardRecord],
) -> Manifest {
    let mut manifest = Manifest::new(DATASET, FORMAT_VERSION);
    manifest.key = Some(stage.key);
    let mut splits = BTreeMap::new();
    let mut moments = Moments::default();
    for part in parts {
        *splits
            .entry(split_name(part.part))
            .or_insert_with(SplitCounts::default) += part.counts;
        if part.part == Part::Train
            && let Some(more) = &part.moments
        {
            moments.merge(more);
        }
    }
    for (split, counts) in &splits {
        for (what, count) in [
            ("documents", counts.documents),
            ("bytes", counts.bytes),
            ("characters", counts.characters),
            ("tokens", counts.tokens),
            ("cut_examples", counts.cut_examples),
            ("skipped_examples", counts.skipped_examples),
        ] {
            manifest.counts.insert(format!("{split}_{what}"), count);
        }
    }
    let scales = moments.scales();
    manifest.details = json!({
        "algorithm_version": VERSION,
        "task": plan.task,
        "config": plan.dataset,
        "vocabulary_size": vocabulary.tokenizer.vocabulary_size(),
        "splits": splits,
    });
    if !scales.is_empty() {
        manifest.details["scales"] = json!(scales);
    }
    manifest
}

/// What is known of a finished shard.
#[derive(Serialize, Deserialize)]
struct ShardRecord {
    part: Part,
    files: Vec<FileEntry>,
    counts: SplitCounts,
    moments: Option<Moments>,
}

impl PartRecord for ShardRecord {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }
}

/// A running preparation.
struct Running<'a> {
    encoding: Encoding<'a>,
    unfinished: &'a Unfinished,
    progress: &'a dyn Progress,
    stop: &'a StopFlag,
}

impl Running<'_> {
    fn run(&self, corpus: &Ingested) -> Result<Vec<ShardRecord>, Error> {
        let mut parts: Vec<ShardRecord> = self.unfinished.parts()?;
        let mut done = parts.iter().map(|part| part.counts.documents).sum();
        self.progress
            .begin("encode", Some(corpus.counts.documents()), Unit::Documents);
        for chunk in corpus.chunks.iter().skip(parts.len()) {
            let record = self.shard(chunk, &mut done)?;
            self.unfinished.keep(parts.len(), &record)?;
            parts.push(record);
        }
        self.progress.end();
        Ok(parts)
    }

    /// The shard of one file of documents.
    fn shard(&self, chunk: &DocumentChunk, done: &mut u64) -> Result<ShardRecord, Error> {
        let extension = self.encoding.extension();
        let name = format!("{}-{:05}.{extension}", split_name(chunk.part), chunk.number);
        let path = self.unfinished.folder().join(&name);
        let mut counts = SplitCounts::default();
        let mut moments = Moments::default();
        let mut shard = self.encoding.begin(&path)?;
        let mut take = |document: &Document, ids: &[TokenId]| {
            let taken = self.encoding.push(&mut shard, document, ids)?;
            if let Some(values) = &taken.values {
                moments.add(values);
            }
            counts += taken.counts;
            *done += 1;
            self.progress.advance(*done);
            Ok(())
        };
        let mut documents = DocumentReader::new([chunk.path.clone()]);
        for_each_encoded(
            &mut documents,
            self.encoding.tokenizer,
            self.stop,
            &mut take,
        )?;
        shard.finish()?.commit()?;
        Ok(ShardRecord {
            part: chunk.part,
            files: vec![FileEntry::of(self.unfinished.folder(), &name)?],
            counts,
            moments: matches!(self.encoding.expected, Expected::Values(_)).then_some(moments),
        })
    }
}

/// How documents become rows of shards.
pub(crate) struct Encoding<'a> {
    context_length: usize,
    separator: Option<TokenId>,
    expected: &'a Expected,
    tokenizer: &'a dyn Tokenizer,
}

impl<'a> Encoding<'a> {
    pub(crate) fn new(plan: &Plan, expected: &'a Expected, tokenizer: &'a dyn Tokenizer) -> Self {
        Self {
            context_length: plan.dataset.context_length,
            separator: separator(plan, tokenizer),
            expected,
            tokenizer,
        }
    }

    /// What the names of its shards end in.
    pub(crate) fn extension(&self) -> &'static str {
        match self.expected {
            Expected::Nothing => "tokens",
            Expected::Label(_) | Expected::Values(_) => "examples",
        }
    }

    pub(crate) fn begin(&self, path: &Path) -> Result<ShardWriter, Error> {
        let file = StagedFile::new(path)?;
        let (size, identity) = (self.tokenizer.vocabulary_size(), self.tokenizer.identity());
        let answers = match self.expected {
            Expected::Nothing => {
                let writer = TokenShardWriter::new(file, path, size, identity)?;
                return Ok(ShardWriter::Tokens(writer));
            }
            Expected::Label(labels) => Answers::Labels {
                classes: labels.len(),
            },
            Expected::Values(width) => Answers::Values { width: *width },
        };
        let context_length = self.context_length;
        let writer = ExampleShardWriter::new(file, path, size, identity, context_length, answers)?;
        Ok(ShardWriter::Examples(writer))
    }

    pub(crate) fn push(
        &self,
        shard: &mut ShardWriter,
        document: &Document,
        ids: &[TokenId],
    ) -> Result<Taken, Error> {
        let bytes = document.text.len() as u64;
        let mut taken = Taken {
            counts: SplitCounts {
                documents: 1,
                bytes,
                characters: document.text.chars().count() as u64,
                nats: document.log_probability().map(|nats| -nats),
                ..SplitCounts::default()
            },
            values: None,
        };
        let before = shard.tokens();
        match shard {
            ShardWriter::Tokens(writer) => {
                writer.push(ids, bytes)?;
                if !document.continues() {
                    if let Some(separator) = self.separator {
                        writer.push(&[separator], 0)?;
                    }
                    writer.end_document();
                }
            }
            ShardWriter::Examples(_) if ids.is_empty() => {
                tracing::warn!(
                    document = document.id,
                    "no tokens: the document is no example"
                );
                taken.counts.skipped_examples = 1;
            }
            ShardWriter::Examples(writer) => {
                let cut = match self.expected {
                    Expected::Label(labels) => {
                        let label = self.class(labels, document)?;
                        writer.push(ids, Answer::Label(label), bytes)?
                    }
                    Expected::Values(width) => {
                        let values = self.numbers(*width, document)?;
                        let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
                        taken.values = Some(values);
                        writer.push(ids, Answer::Values(&narrow), bytes)?
                    }
                    Expected::Nothing => false,
                };
                taken.counts.cut_examples = cut.into();
            }
        }
        taken.counts.tokens = shard.tokens() - before;
        Ok(taken)
    }

    fn class(&self, labels: &kiln_tokens::LabelSet, document: &Document) -> Result<u32, Error> {
        let name = answers::label(document)?;
        let index = labels
            .index(name)
            .and_then(|index| u32::try_from(index).ok());
        index.ok_or_else(|| Error::Answer {
            document: document.id.clone(),
            found: format!(
                "the label {name:?}, which is none of the {} known classes",
                labels.len()
            ),
            advice: "use data of the classes that are trained on",
        })
    }

    fn numbers(&self, width: usize, document: &Document) -> Result<Vec<f64>, Error> {
        let values = answers::values(document)?;
        if values.len() == width {
            return Ok(values);
        }
        Err(Error::Answer {
            document: document.id.clone(),
            found: format!("{} values, the first document has {width}", values.len()),
            advice: "give all sources in [corpus] the same number of columns under `value`",
        })
    }
}

/// What a document came to.
pub(crate) struct Taken {
    pub(crate) counts: SplitCounts,
    values: Option<Vec<f64>>,
}

/// A shard of either kind, in the making.
pub(crate) enum ShardWriter {
    Tokens(TokenShardWriter<StagedFile>),
    Examples(ExampleShardWriter<StagedFile>),
}

impl ShardWriter {
    fn tokens(&self) -> u64 {
        match self {
            Self::Tokens(writer) => writer.tokens(),
            Self::Examples(writer) => writer.tokens(),
        }
    }

    pub(crate) fn finish(self) -> Result<StagedFile, Error> {
        Ok(match self {
            Self::Tokens(writer) => writer.finish()?.0,
            Self::Examples(writer) => writer.finish()?.0,
        })
    }
}

/// The shards of a part, in order.
pub(crate) fn shard_paths(folder: &Path, manifest: &Manifest, part: Part) -> Vec<PathBuf> {
    let prefix = format!("{}-", split_name(part));
    let mut numbered: Vec<(usize, PathBuf)> = manifest
        .files
        .iter()
        .filter_map(|file| {
            let (number, _) = file.name.strip_prefix(&prefix)?.split_once('.')?;
            Some((number.parse().ok()?, folder.join(&file.name)))
        })
        .collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}
