//! One corpus read on several machines: each reads a shard of the sources into drafts, and one puts the drafts together,
//! removes the copies, and has the corpus.
//!
//! A shard is a run of its own in `RUN/shards/`, so that any number can be made at a time and in any place; what matters is
//! that all lie there when they are put together.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kiln_corpus::{Config, Corpus, Counts};
use kiln_recipe::Recipe;
use kiln_run::{FileEntry, Hasher, Manifest, Progress, RunFolder, StopFlag, atomic};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::ingest::chunk::Tally;
use crate::ingest::draft::{Drafts, renumbered};
use crate::ingest::read::{ChunkRecord, Ingestion};
use crate::ingest::{Ingested, changed, make};
use crate::inputs::{INPUTS, Inputs, Known, fetch};
use crate::plan::{in_recipe, open_run_to_ingest, read_corpus};
use crate::stage::{Stage, State, UNFINISHED, Unfinished, finished, link_or_copy, siblings};

/// Kind of a shard's manifest and name of its folder in the shard's run.
const DRAFTS: &str = "drafts";

/// Where no shard is.
const NO_SHARDS: &str = "there are no shards to merge; make them with --shard 0/N to --shard N-1/N";

/// Layout of a shard's folder.
const FORMAT_VERSION: u32 = 1;

/// One share of a corpus that is read on several machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl FromStr for Shard {
    type Err = String;

    /// `3/16`: the fourth of sixteen.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = || {
            let (index, count) = text.split_once('/')?;
            Some((index.parse().ok()?, count.parse().ok()?))
        };
        match numbers() {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            Some((index, count)) => Err(format!(
                "there is no shard {index} of {count}: they are counted from 0"
            )),
            None => Err("expected two numbers, such as 0/16 for the first of sixteen".to_owned()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Shard {
    /// Where its run lies.
    fn folder(self, run: &Path) -> PathBuf {
        let name = format!("{:05}-of-{:05}", self.index, self.count);
        RunFolder::shards(run).join(name)
    }

    fn of_folder(name: &str) -> Option<Self> {
        let (index, count) = name.split_once("-of-")?;
        let (index, count) = (index.parse().ok()?, count.parse().ok()?);
        (index < count).then_some(Self { index, count })
    }

    fn stage(self, run: &Path, config: &Config, inputs: &Inputs) -> Result<Stage, Error> {
        let mut hasher = Hasher::new();
        hasher.field("stage", DRAFTS);
        hasher.field("shard", self.to_string());
        hasher.field("corpus", super::key(config, inputs)?.as_bytes());
        Ok(Stage {
            kind: DRAFTS,
            key: hasher.digest(),
            folder: self.folder(run).join(DRAFTS),
        })
    }
}

/// Read the files of one shard of a recipe's sources into `RUN/shards/`, or go on with it, or find it done.
///
/// # Errors
/// As for [`ingest`](crate::ingest), and a split that no shard can make.
pub fn ingest_shard(
    recipe: &Recipe,
    run: &Path,
    shard: Shard,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<(), Error> {
    let own = open_run_to_ingest(recipe, &shard.folder(run))?;
    let (_, config) = read_corpus(recipe)?;
    let wrong = |error| in_recipe(error, recipe);
    let corpus = Corpus::open(&config, recipe.folder()).map_err(wrong)?;
    let corpus = corpus.shard(shard.index, shard.count).map_err(wrong)?;
    let judge = config.judge(recipe.folder()).map_err(wrong)?;
    let marker = config.marker()?;
    let mut known = Known::default();
    for other in siblings(own.path()) {
        known.add(&other.join(DRAFTS));
    }
    let folder = own.path().join(DRAFTS);
    known.add(&folder);
    let inputs = Inputs::of(&corpus, &known, progress, stop)?;
    let stage = shard.stage(run, &config, &inputs)?;
    let unfinished = match stage.open()? {
        State::Done(_) => return Ok(()),
        State::Other(manifest) => return Err(changed(&folder, &inputs, manifest)),
        State::Unfinished(unfinished) => unfinished,
    };
    fetch(&corpus, &|_| true, progress, stop)?;
    inputs.write(&folder)?;
    let ingestion = Ingestion {
        corpus: &corpus,
        judge: &judge,
        marker: marker.as_ref(),
        drafts: Some(Drafts::Shard),
        chunk_bytes: config.chunk_bytes,
        unfinished: &unfinished,
        progress,
        stop,
    };
    let read = ingestion.run()?;
    let parts: Vec<DraftRecord> = read.parts.into_iter().map(DraftRecord::of).collect();
    let mut manifest = Manifest::new(DRAFTS, FORMAT_VERSION);
    manifest.key = Some(stage.key);
    let files = parts.iter().flat_map(|part| part.files.iter().cloned());
    manifest.files = files.collect();
    manifest.files.push(FileEntry::of(&folder, INPUTS)?);
    manifest
        .files
        .sort_by(|one, other| one.name.cmp(&other.name));
    manifest.details = json!({
        "shard": shard.to_string(),
        "counts": read.counts,
        "drafts": parts,
    });
    unfinished.finish(&manifest)
}

/// A draft of a shard, in its manifest.
#[derive(Serialize, Deserialize)]
struct DraftRecord {
    files: Vec<FileEntry>,
    tally: Tally,
}

impl DraftRecord {
    fn of(record: ChunkRecord) -> Self {
        Self {
            files: record.files,
            tally: record.tally,
        }
    }
}

/// Make `RUN/corpus` of the shards in `RUN/shards/`, or find it done. It holds the documents that [`ingest`](crate::ingest) would
/// give, in the same order and with the same parts; where one file of them ends and the next begins is another matter.
///
/// # Errors
/// A shard is missing, not finished, or was made of other sources or with another recipe.
pub fn merge_shards(
    recipe: &Recipe,
    run: &RunFolder,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<Ingested, Error> {
    make(recipe, run, Some(Merge { recipe, run }), progress, stop)
}

/// What puts shards together.
pub(super) struct Merge<'a> {
    recipe: &'a Recipe,
    run: &'a RunFolder,
}

/// A shard that is finished.
struct Finished {
    folder: PathBuf,
    counts: Counts,
    drafts: Vec<DraftRecord>,
}

impl Merge<'_> {
    /// What the shards know of the sources' files.
    pub(super) fn add_known(&self, known: &mut Known) -> Result<(), Error> {
        for shard in self.shards()? {
            known.add(&shard.folder(self.run.path()).join(DRAFTS));
        }
        Ok(())
    }

    /// Have the drafts of all shards as those of the corpus, as if all had been read here.
    pub(super) fn put_into(
        &self,
        unfinished: &Unfinished,
        config: &Config,
        corpus: &Corpus,
        known: &Known,
        progress: &dyn Progress,
        stop: &StopFlag,
    ) -> Result<(), Error> {
        if unfinished.is_merge() && !unfinished.parts::<ChunkRecord>()?.is_empty() {
            return Ok(());
        }
        let mut shards = Vec::new();
        for shard in self.shards()? {
            let part = corpus.shard(shard.index, shard.count);
            let part = part.map_err(|error| in_recipe(error, self.recipe))?;
            let inputs = Inputs::of(&part, known, progress, stop)?;
            let stage = shard.stage(self.run.path(), config, &inputs)?;
            shards.push(read_finished(shard, stage)?);
        }
        unfinished.begin_merge()?;
        let mut counts = Counts::default();
        let mut records = Vec::new();
        for shard in shards {
            counts += &shard.counts;
            for (number, draft) in shard.drafts.into_iter().enumerate() {
                if stop.requested() {
                    return Err(Error::Interrupted);
                }
                let mut files = Vec::with_capacity(draft.files.len());
                for file in draft.files {
                    let name = renumbered(&file.name, number, records.len()).ok_or_else(|| {
                        kiln_run::Error::damaged(&shard.folder, "it lists a file that no draft has")
                    })?;
                    link_or_copy(
                        &shard.folder.join(&file.name),
                        &unfinished.folder().join(&name),
                    )?;
                    files.push(FileEntry { name, ..file });
                }
                records.push((files, draft.tally));
            }
        }
        atomic::sync_folder(unfinished.folder())?;
        atomic::sync_folder(&unfinished.folder().join(UNFINISHED))?;
        // The first record last: until it is there, the others do not count.
        for (number, (files, tally)) in records.into_iter().enumerate().rev() {
            let cursor = corpus.end(counts.clone());
            unfinished.keep(
                number,
                &ChunkRecord {
                    cursor,
                    files,
                    tally,
                },
            )?;
        }
        Ok(())
    }

    /// All that there have to be, in order.
    fn shards(&self) -> Result<Vec<Shard>, Error> {
        let folder = RunFolder::shards(self.run.path());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Shards {
                    folder,
                    problem: NO_SHARDS.to_owned(),
                });
            }
            Err(error) => return Err(kiln_run::Error::io(folder, error).into()),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry
                .map_err(|error| kiln_run::Error::io(&folder, error))?
                .file_name();
            found.extend(name.to_str().and_then(Shard::of_folder));
        }
        found.sort_by_key(|shard| (shard.count, shard.index));
        let problem = match (found.first(), found.last()) {
            (Some(first), Some(last)) if first.count != last.count => format!(
                "there are shards of {} and shards of {}; remove those that do not belong here",
                first.count, last.count
            ),
            (Some(first), _) => {
                let all = (0..first.count).map(|index| Shard { index, ..*first });
                let missing: Vec<_> = all
                    .filter(|shard| !found.contains(shard))
                    .map(|shard| shard.to_string())
                    .collect();
                if missing.is_empty() {
                    return Ok(found);
                }
                missing_shards(&missing)
            }
            (None, _) => NO_SHARDS.to_owned(),
        };
        Err(Error::Shards { folder, problem })
    }
}

fn missing_shards(missing: &[String]) -> String {
    const NAMED: usize = 8;
    let named = missing[..missing.len().min(NAMED)].join(", ");
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("not made yet: {named}{more}; make each with --shard")
}

fn read_finished(shard: Shard, stage: Stage) -> Result<Finished, Error> {
    let Some(manifest) = finished(&stage.folder)? else {
        return Err(Error::Shards {
            problem: format!("it is not finished; go on with --shard {shard}"),
            folder: stage.folder,
        });
    };
    if manifest.key != Some(stage.key) {
        return Err(Error::Shards {
            problem: format!(
                "it was made of other sources or with another recipe or version; remove it and make it again with --shard {shard}"
            ),
            folder: stage.folder,
        });
    }
    manifest.check_sizes(&stage.folder)?;
    let damaged = || kiln_run::Error::damaged(&stage.folder, "its manifest lacks the drafts");
    let read = |what: &str| manifest.details.get(what).cloned().ok_or_else(damaged);
    let (counts, drafts) = (read("counts")?, read("drafts")?);
    Ok(Finished {
        counts: serde_json::from_value(counts).map_err(|_| damaged())?,
        drafts: serde_json::from_value(drafts).map_err(|_| damaged())?,
        folder: stage.folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_two_numbers() {
        let check = |text: &str, expected: Result<(u32, u32), &str>| {
            let read: Result<Shard, _> = text.parse();
            match (read, expected) {
                (Ok(shard), Ok(expected)) => assert_eq!((shard.index, shard.count), expected),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{problem}"),
                (read, _) => panic!("{text}: {read:?}"),
            }
        };
        check("0/1", Ok((0, 1)));
        check("3/16", Ok((3, 16)));
        check("16/16", Err("counted from 0"));
        check("0/0", Err("no shard 0 of 0"));
        check("1", Err("two numbers"));
        check("-1/4", Err("two numbers"));
        check("1/4/2", Err("two numbers"));
        for (name, expected) in [
            (
                "00003-of-00016",
                Some(Shard {
                    index: 3,
                    count: 16,
                }),
            ),
            ("00016-of-00016", None),
            ("notes", None),
        ] {
            assert_eq!(Shard::of_folder(name), expected);
        }
    }
}
