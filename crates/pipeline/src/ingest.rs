//! The first stage: from the recipe's sources to stored documents, each in its part of the split.
//!
//! Documents are written in chunks. A chunk is a file of training documents, one of held-out documents and the ledger of
//! both, put in place together with the position in the sources after it; an interrupted ingestion goes on behind its
//! last chunk and gives the same bytes.

use std::path::{Path, PathBuf};

use kiln_corpus::{ChunkWriter, Corpus, Counts, Cursor, Method, Part, SplitDocuments};
use kiln_recipe::Recipe;
use kiln_run::{
    Digest, DigestWriter, FileEntry, Hasher, Manifest, Progress, RunFolder, StopFlag, Unit,
    atomic::StagedFile,
};
use kiln_text::Document;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::inputs::{INPUTS, Inputs, Known};
use crate::ledger::{self, LedgerWriter, split_name};
use crate::plan::{in_recipe, read_corpus};
use crate::stage::{PartRecord, Stage, State, Unfinished, siblings};

/// Kind of the stage's manifest and name of its folder.
pub(crate) const CORPUS: &str = "corpus";

/// Counted up with every change after which the same sources would give other documents or another split.
const VERSION: u32 = 1;

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

fn chunk_name(part: Part, number: usize) -> String {
    format!("{}-{number:05}.jsonl.zst", split_name(part))
}

fn ledger_name(number: usize) -> String {
    format!("ledger-{number:05}.jsonl.zst")
}

fn parse_chunk_name(name: &str) -> Option<(Part, usize)> {
    let (split, number) = name.strip_suffix(".jsonl.zst")?.split_once('-')?;
    let part = Part::ALL
        .into_iter()
        .find(|part| split_name(*part) == split)?;
    Some((part, number.parse().ok()?))
}

/// What is known after a chunk.
#[derive(Serialize, Deserialize)]
struct ChunkRecord {
    cursor: Cursor,
    files: Vec<FileEntry>,
}

impl PartRecord for ChunkRecord {
    fn files(&self) -> &[FileEntry] {
        &self.files
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
    let (_, config) = read_corpus(recipe)?;
    let corpus =
        Corpus::open(&config, recipe.folder()).map_err(|error| in_recipe(error, recipe))?;
    let mut known = Known::default();
    for sibling in siblings(run.path()) {
        known.add(&sibling.join(CORPUS));
    }
    let folder = run.corpus();
    known.add(&folder);
    let inputs = Inputs::of(&corpus, &known, progress, stop)?;
    let stage = Stage {
        kind: CORPUS,
        key: key(&config, &inputs)?,
        folder: folder.clone(),
    };
    let manifest = match stage.open()? {
        State::Done(manifest) => manifest,
        State::Other(manifest) => return Err(changed(&folder, &inputs, manifest)),
        State::Unfinished(unfinished) => {
            inputs.write(&folder)?;
            let ingestion = Ingestion {
                corpus: &corpus,
                chunk_bytes: config.chunk_bytes,
                unfinished: &unfinished,
                progress,
                stop,
            };
            let (counts, mut files) = ingestion.run()?;
            files.push(FileEntry::of(&folder, INPUTS)?);
            files.sort_by(|one, other| one.name.cmp(&other.name));
            let manifest = describe(&config, &corpus, &stage, &inputs, &counts, files);
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

/// A running ingestion.
struct Ingestion<'a> {
    corpus: &'a Corpus,
    chunk_bytes: u64,
    unfinished: &'a Unfinished,
    progress: &'a dyn Progress,
    stop: &'a StopFlag,
}

impl Ingestion<'_> {
    fn run(&self) -> Result<(Counts, Vec<FileEntry>), Error> {
        let mut parts: Vec<ChunkRecord> = self.unfinished.parts()?;
        let Some(mut documents) = self.documents(parts.last())? else {
            return Err(Error::Interrupted);
        };
        let (total, unit) = self.extent();
        self.progress.begin("ingest", Some(total), unit);
        loop {
            let (chunk, ended) = self.fill(&mut documents, parts.len(), unit)?;
            if let Some(chunk) = chunk {
                let record = ChunkRecord {
                    files: chunk.commit()?,
                    cursor: documents.cursor(),
                };
                self.unfinished.keep(parts.len(), &record)?;
                parts.push(record);
            }
            if ended {
                break;
            }
        }
        self.progress.advance(total);
        self.progress.end();
        let files = parts.into_iter().flat_map(|part| part.files).collect();
        Ok((documents.counts().clone(), files))
    }

    /// The documents after the last chunk; `None` if a stop was asked for while they were counted.
    fn documents(&self, last: Option<&ChunkRecord>) -> Result<Option<SplitDocuments>, Error> {
        if let Some(last) = last {
            self.progress.note(&format!(
                "going on with {} documents that are stored already",
                last.cursor.counts().documents()
            ));
            return Ok(Some(self.corpus.resume(&last.cursor)?));
        }
        let counting = self.corpus.split_method() == Method::Tail;
        if counting {
            let total = Some(self.corpus.bytes());
            self.progress.begin("count", total, Unit::Bytes);
        }
        let documents = self.corpus.split(&mut |bytes| {
            self.progress.advance(bytes);
            !self.stop.requested()
        })?;
        if counting {
            self.progress.end();
        }
        Ok(documents)
    }

    /// What is counted for a person: bytes of files, or stories where there are no files.
    fn extent(&self) -> (u64, Unit) {
        match self.corpus.bytes() {
            0 => (self.corpus.stories(), Unit::Documents),
            bytes => (bytes, Unit::Bytes),
        }
    }

    /// Documents until the chunk is full, or all that are left.
    fn fill(
        &self,
        documents: &mut SplitDocuments,
        number: usize,
        unit: Unit,
    ) -> Result<(Option<Chunk>, bool), Error> {
        let mut chunk: Option<Chunk> = None;
        loop {
            if self.stop.requested() {
                return Err(Error::Interrupted);
            }
            let Some((part, document)) = documents.next_document()? else {
                return Ok((chunk, true));
            };
            self.progress.advance(match unit {
                Unit::Bytes => documents.bytes_read(),
                _ => documents.counts().documents(),
            });
            let filled = match &mut chunk {
                Some(chunk) => chunk,
                empty => empty.insert(Chunk::new(self.unfinished.folder(), number)?),
            };
            filled.take(part, &document)?;
            if filled.bytes() >= self.chunk_bytes {
                return Ok((chunk, false));
            }
        }
    }
}

/// A chunk in the making.
struct Chunk {
    folder: PathBuf,
    number: usize,
    ledger: LedgerWriter,
    /// In the order of [`Part::ALL`]; a part without documents has no file.
    parts: [Option<ChunkWriter<DigestWriter<StagedFile>>>; 2],
}

impl Chunk {
    fn new(folder: &Path, number: usize) -> Result<Self, Error> {
        Ok(Self {
            folder: folder.to_owned(),
            number,
            ledger: LedgerWriter::new(&folder.join(ledger_name(number)))?,
            parts: [None, None],
        })
    }

    fn take(&mut self, part: Part, document: &Document) -> Result<(), Error> {
        let slot = &mut self.parts[usize::from(part == Part::HeldOut)];
        let writer = match slot {
            Some(writer) => writer,
            empty => {
                let path = self.folder.join(chunk_name(part, self.number));
                let file = DigestWriter::new(StagedFile::new(&path)?);
                empty.insert(ChunkWriter::new(file, path)?)
            }
        };
        writer.write(document)?;
        self.ledger.keep(document, part)
    }

    /// Bytes of documents before compression.
    fn bytes(&self) -> u64 {
        let writers = self.parts.iter().flatten();
        writers.map(ChunkWriter::uncompressed_bytes).sum()
    }

    fn commit(self) -> Result<Vec<FileEntry>, Error> {
        let mut files = Vec::new();
        for (part, writer) in Part::ALL.into_iter().zip(self.parts) {
            if let Some(writer) = writer {
                let name = chunk_name(part, self.number);
                files.push(ledger::commit(writer.finish()?, &name)?);
            }
        }
        files.push(self.ledger.commit(&ledger_name(self.number))?);
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
