//! The first stage: from the recipe's sources to stored documents, each in its part of the split.
//!
//! Documents are written in chunks. A chunk is a file of training documents, one of held-out documents and the ledger of
//! both, put in place together with the position in the sources after it; an interrupted ingestion goes on behind its
//! last chunk and gives the same bytes.

mod agreeing;
mod chunk;
mod draft;
mod earlier;
mod marks;
mod read;
mod repeats;
mod resolve;
mod settle;
mod shard;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kiln_corpus::duplicates::Marker;
use kiln_corpus::{Corpus, Counts, Judge, Part};
use kiln_recipe::Recipe;
use kiln_run::{Digest, FileEntry, Hasher, Manifest, Progress, RunFolder, StopFlag};
use serde::Serialize;
use serde_json::json;

use crate::Error;
use crate::ingest::chunk::{Tally, parse_chunk_name};
use crate::ingest::draft::{Drafts, is_draft};
use crate::ingest::earlier::Earlier;
use crate::ingest::read::{ChunkRecord, Ingestion};
use crate::ingest::repeats::{RepeatsDecision, Struck};
use crate::ingest::resolve::{Resolution, Resolved};
use crate::ingest::settle::{SettledRecord, Settlement};
use crate::ingest::shard::Merge;
use crate::inputs::{INPUTS, Inputs, Known, fetch};
use crate::ledger::split_name;
use crate::plan::{in_recipe, read_corpus};
use crate::stage::{PartRecord, Stage, State, Unfinished, siblings};

pub(crate) use settle::DUPLICATE;
pub use shard::{Shard, ingest_shard, merge_shards};

/// Kind of the stage's manifest and name of its folder.
pub(crate) const CORPUS: &str = "corpus";

/// Counted up with every change after which the same sources would give other documents or another split.
const VERSION: u32 = 2;

/// Layout of the folder.
const FORMAT_VERSION: u32 = 1;

/// An ingested corpus.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// Its folder in the run.
    pub folder: PathBuf,
    /// What it holds.
    pub counts: Counts,
    /// Hash of the sources' names and contents, the configuration and the version of this stage.
    pub key: Digest,
    /// The chunks, in order.
    pub(crate) chunks: Vec<DocumentChunk>,
}

/// A file of documents.
#[derive(Clone, Debug)]
pub(crate) struct DocumentChunk {
    pub(crate) part: Part,
    /// Number of the chunk, which the names of all files made from it have.
    pub(crate) number: usize,
    pub(crate) path: PathBuf,
}

impl Ingested {
    /// The files with the documents of a part.
    pub fn documents(&self, part: Part) -> Vec<PathBuf> {
        let chunks = self.chunks.iter().filter(|chunk| chunk.part == part);
        chunks.map(|chunk| chunk.path.clone()).collect()
    }

    /// From the manifest of a finished corpus.
    pub(crate) fn read(folder: &Path, manifest: &Manifest) -> Result<Self, Error> {
        let lacks = |missing: &str| Error::Manifest {
            folder: folder.to_owned(),
            missing: missing.to_owned(),
        };
        let counts = manifest
            .details
            .get("counts")
            .and_then(|counts| serde_json::from_value(counts.clone()).ok())
            .ok_or_else(|| lacks("the counts of documents"))?;
        let mut chunks: Vec<_> = manifest
            .files
            .iter()
            .filter_map(|file| {
                let (part, number) = parse_chunk_name(&file.name)?;
                Some(DocumentChunk {
                    part,
                    number,
                    path: folder.join(&file.name),
                })
            })
            .collect();
        // Names are in the order of their numbers only up to 99999.
        chunks.sort_by_key(|chunk| (chunk.part == Part::HeldOut, chunk.number));
        Ok(Self {
            folder: folder.to_owned(),
            counts,
            key: manifest.key.ok_or_else(|| lacks("its key"))?,
            chunks,
        })
    }
}

/// Read the recipe's sources into `RUN/corpus`, or go on with it, or find it done.
///
/// # Errors
/// A source that cannot be read or is not what its format promises; sources that changed since the corpus was made; a
/// disk that is full; [`Error::Interrupted`] after `stop` was set.
pub fn ingest(
    recipe: &Recipe,
    run: &RunFolder,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Ingested, Error> {
    make(recipe, run, None, progress, stop)
}

fn make(
    recipe: &Recipe,
    run: &RunFolder,
    merge: Option<Merge<'_>>,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Ingested, Error> {
    let (_, config) = read_corpus(recipe)?;
    let corpus =
        Corpus::open(&config, recipe.folder()).map_err(|error| in_recipe(error, recipe))?;
    let judge = config
        .judge(recipe.folder())
        .map_err(|error| in_recipe(error, recipe))?;
    let mut known = Known::default();
    for sibling in siblings(run.path()) {
        known.add(&sibling.join(CORPUS));
    }
    let folder = run.corpus();
    known.add(&folder);
    if let Some(merge) = &merge {
        merge.add_known(&mut known)?;
    }
    let earlier = Earlier::open(&config, recipe, &folder)?;
    let mut inputs = Inputs::of(&corpus, &known, progress, stop)?;
    earlier.add_to(&mut inputs)?;
    let stage = Stage {
        kind: CORPUS,
        key: key(&config, &inputs)?,
        folder: folder.clone(),
    };
    let manifest = match stage.open()? {
        State::Done(manifest) => manifest,
        State::Other(manifest) => return Err(changed(&folder, &inputs, manifest)),
        State::Unfinished(unfinished) => {
            match &merge {
                Some(merge) => {
                    known.add_all(&inputs);
                    merge.put_into(&unfinished, &config, &corpus, &known, progress, stop)?;
                }
                None => fetch(&corpus, &|_| true, progress, stop)?,
            }
            inputs.write(&folder)?;
            let work = Work {
                config: &config,
                corpus: &corpus,
                judge,
                marker: config.marker()?,
                earlier: &earlier,
                unfinished: &unfinished,
                progress,
                stop,
            };
            let (counts, dropped, mut files) = work.run()?;
            files.push(FileEntry::of(&folder, INPUTS)?);
            files.sort_by(|one, other| one.name.cmp(&other.name));
            let mut manifest = describe(&config, &corpus, &stage, &inputs, &counts, files);
            let all_dropped = dropped.values().sum();
            manifest
                .counts
                .insert("dropped_documents".to_owned(), all_dropped);
            manifest.details["dropped"] = json!(dropped);
            unfinished.finish(&manifest)?;
            manifest
        }
    };
    Ingested::read(&folder, &manifest)
}

fn key(config: &kiln_corpus::Config, inputs: &Inputs) -> Result<Digest, Error> {
    let mut hasher = Hasher::new();
    hasher.field("stage", CORPUS);
    hasher.field("version", VERSION.to_le_bytes());
    hasher.field("config", config_text(config)?);
    hasher.field("inputs", inputs.digest().as_bytes());
    Ok(hasher.digest())
}

/// A configuration as the text that keys are made of.
pub(crate) fn config_text<T: Serialize>(config: &T) -> Result<String, Error> {
    serde_json::to_string(config).map_err(|error| Error::Output(error.into()))
}

fn changed(folder: &Path, inputs: &Inputs, manifest: Manifest) -> Error {
    match inputs.change_since(folder) {
        Some(change) => Error::InputsChanged {
            folder: folder.to_owned(),
            change,
        },
        None => Error::OtherVersion {
            folder: folder.to_owned(),
            written_by: manifest.written_by,
        },
    }
}

fn describe(
    config: &kiln_corpus::Config,
    corpus: &Corpus,
    stage: &Stage,
    inputs: &Inputs,
    counts: &Counts,
    files: Vec<FileEntry>,
) -> Manifest {
    let mut manifest = Manifest::new(CORPUS, FORMAT_VERSION);
    manifest.key = Some(stage.key);
    manifest
        .inputs
        .insert(INPUTS.to_owned(), inputs.digest().to_string());
    for part in Part::ALL {
        let (name, of) = (split_name(part), counts.of(part));
        for (what, count) in [
            ("documents", of.documents),
            ("characters", of.characters),
            ("bytes", of.bytes),
        ] {
            manifest.counts.insert(format!("{name}_{what}"), count);
        }
    }
    let skipped = &counts.skipped;
    for (what, count) in [
        ("skipped_empty_files", skipped.empty_files),
        ("skipped_empty_texts", skipped.empty_texts),
    ] {
        manifest.counts.insert(what.to_owned(), count);
    }
    manifest.details = json!({
        "algorithm_version": VERSION,
        "config": config,
        "split_method": corpus.split_method(),
        "counts": counts,
    });
    manifest.files = files;
    manifest
}

/// How many documents were dropped, by reason.
type DroppedCounts = BTreeMap<String, u64>;

/// The work of an ingestion that is not finished.
struct Work<'a> {
    config: &'a kiln_corpus::Config,
    corpus: &'a Corpus,
    judge: Judge,
    marker: Option<Marker>,
    earlier: &'a Earlier,
    unfinished: &'a Unfinished,
    progress: &'a dyn Progress,
    stop: &'a StopFlag,
}

impl Work<'_> {
    /// What the corpus holds, how many documents were dropped for which reason, and the files.
    fn run(&self) -> Result<(Counts, DroppedCounts, Vec<FileEntry>), Error> {
        let compared = self.marker.is_some() || self.config.repeats.is_some();
        let drafted = compared || self.unfinished.is_merge();
        let ingestion = Ingestion {
            corpus: self.corpus,
            judge: &self.judge,
            marker: self.marker.as_ref(),
            drafts: drafted.then_some(Drafts::Unfinished),
            chunk_bytes: self.config.chunk_bytes,
            unfinished: self.unfinished,
            progress: self.progress,
            stop: self.stop,
        };
        let read = ingestion.run()?;
        let (tally, files) = match drafted {
            false => gather(read.parts, |part| &part.tally),
            true => {
                let settled = self.settle(&read.parts)?;
                let (tally, mut files) = gather(settled, |part| &part.tally);
                // What could not be read is there since the sources were read.
                let written = read.parts.iter().flat_map(|part| &part.files);
                files.extend(written.filter(|file| !is_draft(file)).cloned());
                (tally, files)
            }
        };
        let counts = Counts {
            train: tally.train,
            held_out: tally.held_out,
            ..read.counts
        };
        Ok((counts, tally.dropped, files))
    }

    /// From drafts to the corpus, once all documents are there.
    fn settle(&self, drafts: &[ChunkRecord]) -> Result<Vec<SettledRecord>, Error> {
        let folder = self.unfinished.folder();
        let (progress, stop) = (self.progress, self.stop);
        let max_memory = self.config.memory() / 4;
        let remove = self.config.removes_copies();
        let mut documents = 0;
        let firsts: Vec<u64> = drafts
            .iter()
            .map(|draft| {
                let first = documents;
                documents += draft.tally.documents();
                first
            })
            .collect();
        let resolved = match &self.marker {
            None => Resolved::default(),
            Some(marker) => Resolution {
                folder,
                firsts: &firsts,
                marker,
                earlier: self.earlier,
                max_memory,
                progress,
                stop,
            }
            .run()?,
        };
        let struck = match &self.config.repeats {
            None => None,
            Some(config) => {
                let decision = RepeatsDecision {
                    folder,
                    drafts: drafts.len(),
                    config,
                    with_copies: !remove,
                    max_memory,
                    progress,
                    stop,
                };
                decision.run(&resolved)?;
                Some(Struck::open(folder)?)
            }
        };
        let settlement = Settlement {
            unfinished: self.unfinished,
            firsts: &firsts,
            remove,
            may_drop: self.marker.is_some() || struck.is_some() || self.judge.may_drop(),
            progress,
            stop,
        };
        settlement.run(&resolved, struck)
    }
}

/// The sum of all parts and their files.
fn gather<R: PartRecord>(parts: Vec<R>, tally: impl Fn(&R) -> &Tally) -> (Tally, Vec<FileEntry>) {
    let mut sum = Tally::default();
    let mut files = Vec::new();
    for part in &parts {
        sum += tally(part);
        files.extend(part.files().iter().cloned());
    }
    (sum, files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chunk::chunk_name;

    #[test]
    fn chunks_are_in_the_order_of_their_numbers_however_many() {
        let mut manifest = Manifest::new(CORPUS, FORMAT_VERSION);
        manifest.key = Some(Digest::of(b""));
        manifest.details = json!({ "counts": Counts::default() });
        let mut names: Vec<_> = [0, 9, 10_000, 10_001, 99_999, 100_000, 123_456]
            .into_iter()
            .flat_map(|number| Part::ALL.map(|part| chunk_name(part, number)))
            .collect();
        let ordered = |part: Part| -> Vec<PathBuf> {
            let of_part = names
                .iter()
                .filter(|name| name.starts_with(split_name(part)));
            of_part.map(|name| Path::new("corpus").join(name)).collect()
        };
        let expected = Part::ALL.map(ordered);
        names.sort();
        manifest.files = names
            .into_iter()
            .map(|name| FileEntry {
                name,
                bytes: 0,
                blake3: Digest::of(b""),
            })
            .collect();
        let ingested = Ingested::read(Path::new("corpus"), &manifest).unwrap();
        assert_eq!(Part::ALL.map(|part| ingested.documents(part)), expected);
        let shards =
            Part::ALL.map(|part| crate::shards::shard_paths(Path::new("corpus"), &manifest, part));
        assert_eq!(shards, expected);
    }
}
