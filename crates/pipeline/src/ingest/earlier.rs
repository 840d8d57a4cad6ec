//! The corpora of earlier runs that a recipe compares with: in the search for copies their documents stand before those of
//! this run, and they stay.
//!
//! What is compared are the texts as those corpora store them, with marks made here, so that it does not matter how they
//! looked for copies themselves. A chunk's marks are made once and stored: making them is most of the work.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use kiln_corpus::duplicates::Marker;
use kiln_corpus::{DocumentReader, Part, StoredDocument};
use kiln_recipe::Recipe;
use kiln_run::{Manifest, Progress, RunFolder, StopFlag, Unit, atomic::StagedFile};
use kiln_text::Source;
use rayon::prelude::*;

use crate::Error;
use crate::ingest::{CORPUS, FORMAT_VERSION, Ingested, marks};
use crate::inputs::Inputs;
use crate::stage::finished;

/// What the search for copies keeps of every document in memory.
const DOCUMENT_BYTES: u64 = 8;

/// Every corpus that the recipe names, in its order.
#[derive(Default)]
pub(super) struct Earlier {
    corpora: Vec<EarlierCorpus>,
    chunks: Vec<EarlierChunk>,
    documents: u64,
}

struct EarlierCorpus {
    /// As the recipe writes it.
    name: String,
    folder: PathBuf,
}

/// A file of documents.
struct EarlierChunk {
    /// Place of its corpus among all.
    corpus: usize,
    part: Part,
    path: PathBuf,
}

impl Earlier {
    /// Look at every corpus that the recipe names. `own` is the folder of the one that is made.
    ///
    /// # Errors
    /// What is named is no corpus that is finished and whole, or is named twice, or is `own`.
    pub(super) fn open(
        config: &kiln_corpus::Config,
        recipe: &Recipe,
        own: &Path,
    ) -> Result<Self, Error> {
        let mut earlier = Self::default();
        for (index, name) in config.against().iter().enumerate() {
            let refuse = |problem: String| -> Error {
                let key = format!("duplicates.against.{index}");
                recipe.error_at("corpus", &key, &problem).into()
            };
            let path = recipe.folder().join(name);
            let folder = match RunFolder::is_run(&path) {
                true => RunFolder::open(&path)?.corpus(),
                false => path.clone(),
            };
            // The one that is made may not be there yet; its run is.
            let whole = |folder: &Path| {
                let in_run = || Some(fs::canonicalize(folder.parent()?).ok()?.join(CORPUS));
                fs::canonicalize(folder).ok().or_else(in_run)
            };
            let here = whole(&folder);
            if here.is_some() && here == whole(own) {
                return Err(refuse("is the corpus that is to be made".to_owned()));
            }
            let same = |other: &&EarlierCorpus| here.is_some() && here == whole(&other.folder);
            if let Some(other) = earlier.corpora.iter().find(same) {
                return Err(refuse(format!("is the same corpus as {:?}", other.name)));
            }
            let manifest = manifest(&path, &folder).map_err(|problem| match problem {
                Problem::Refused(problem) => refuse(problem),
                Problem::Error(error) => error,
            })?;
            earlier.add(name, Ingested::read(&folder, &manifest)?);
            let (needed, memory) = (DOCUMENT_BYTES * earlier.documents, config.memory());
            if needed > memory {
                return Err(refuse(format!(
                    "makes {} earlier documents, whose numbers take {needed} bytes of memory; set max_memory in [corpus] \
                     above that (it is {memory})",
                    earlier.documents
                )));
            }
        }
        Ok(earlier)
    }

    fn add(&mut self, name: &str, ingested: Ingested) {
        let corpus = self.corpora.len();
        let chunks = ingested.chunks.into_iter().map(|chunk| EarlierChunk {
            corpus,
            part: chunk.part,
            path: chunk.path,
        });
        self.chunks.extend(chunks);
        self.documents += ingested.counts.documents();
        self.corpora.push(EarlierCorpus {
            name: name.to_owned(),
            folder: ingested.folder,
        });
    }

    /// What these corpora are belongs to what the new one is made from.
    pub(super) fn add_to(&self, inputs: &mut Inputs) -> Result<(), Error> {
        for corpus in &self.corpora {
            inputs.add(&corpus.name, &corpus.folder.join(kiln_run::MANIFEST_NAME))?;
        }
        Ok(())
    }

    /// Make the marks of all documents that have none yet, on all cores, a chunk each.
    pub(super) fn mark(
        &self,
        marker: &Marker,
        records: &Path,
        progress: &dyn Progress,
        stop: &StopFlag,
    ) -> Result<(), Error> {
        if self.chunks.is_empty() {
            return Ok(());
        }
        progress.begin("earlier", Some(self.documents), Unit::Documents);
        let done = AtomicU64::new(0);
        let mark = |(number, chunk): (usize, &EarlierChunk)| -> Result<(), Error> {
            let path = marks_path(records, number);
            if path.exists() {
                done.fetch_add(marks::count(&path, marker.mark_bytes())?, Ordering::Relaxed);
                return Ok(());
            }
            let failed = |error| Error::from(kiln_run::Error::io(&path, error));
            let mut file = std::io::BufWriter::new(StagedFile::new(&path)?);
            let mut documents = DocumentReader::new([chunk.path.clone()]);
            while let Some(document) = documents.next_document()? {
                if stop.requested() {
                    return Err(Error::Interrupted);
                }
                file.write_all(&marker.mark(&document)).map_err(failed)?;
                progress.advance(done.fetch_add(1, Ordering::Relaxed) + 1);
            }
            let file = file.into_inner();
            Ok(file.map_err(|error| failed(error.into_error()))?.commit()?)
        };
        self.chunks.par_iter().enumerate().try_for_each(mark)?;
        progress.end();
        Ok(())
    }

    /// The marks of all documents, in their order and many at a time, once they are made.
    pub(super) fn for_each_marks(
        &self,
        marker: &Marker,
        records: &Path,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for number in 0..self.chunks.len() {
            let path = marks_path(records, number);
            marks::for_each_block(&path, marker.mark_bytes(), &mut take)?;
        }
        Ok(())
    }

    /// For each chunk, how many documents the chunks before it hold, once marks are made.
    pub(super) fn firsts(&self, marker: &Marker, records: &Path) -> Result<Vec<u64>, Error> {
        let mut documents = 0;
        let mut firsts = Vec::with_capacity(self.chunks.len());
        for number in 0..self.chunks.len() {
            firsts.push(documents);
            documents += marks::count(&marks_path(records, number), marker.mark_bytes())?;
        }
        Ok(firsts)
    }

    /// All documents of a chunk in their order, with their part and their corpus as the recipe writes it.
    pub(super) fn for_each(
        &self,
        chunk: usize,
        mut take: impl FnMut(StoredDocument<'_>, Part, &str) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let chunk = &self.chunks[chunk];
        let corpus = &self.corpora[chunk.corpus].name;
        let mut documents = DocumentReader::new([chunk.path.clone()]);
        while let Some(document) = documents.next_stored()? {
            take(document, chunk.part, corpus)?;
        }
        Ok(())
    }
}

fn marks_path(records: &Path, number: usize) -> PathBuf {
    records.join(format!("earlier-{number:05}.bin"))
}

/// Why a corpus cannot be compared with.
enum Problem {
    /// What the recipe names is not what it should be.
    Refused(String),
    /// It is, and is damaged.
    Error(Error),
}

impl<E: Into<Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// The manifest of the corpus in `folder`, which is `path` or lies in it.
fn manifest(path: &Path, folder: &Path) -> Result<Manifest, Problem> {
    let refused = |problem: String| Err(Problem::Refused(problem));
    if !path.is_dir() {
        return refused(format!(
            "{} is no folder; name a run or the corpus of one",
            path.display()
        ));
    }
    let Some(manifest) = finished(folder)? else {
        return refused(match path == folder {
            true => format!(
                "{} is neither a run nor a finished corpus; name one or the other",
                path.display()
            ),
            false => format!(
                "the corpus of {} is not finished; finish it with `kiln ingest` first",
                path.display()
            ),
        });
    };
    if manifest.kind != CORPUS {
        return refused(format!(
            "{} is a {}; name a run or the corpus of one",
            path.display(),
            manifest.kind
        ));
    }
    if manifest.format_version != FORMAT_VERSION {
        return refused(format!(
            "{} has the layout {} of {}; this program knows {FORMAT_VERSION}: ingest it again",
            path.display(),
            manifest.format_version,
            manifest.written_by
        ));
    }
    manifest.check_sizes(folder)?;
    Ok(manifest)
}
