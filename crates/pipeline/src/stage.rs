//! A stage: a folder that is finished for a key, or gets there part by part.
//!
//! While a stage is unfinished, its folder holds `unfinished/`: the key that it is made for, and a record for each part
//! that is done. A part counts once its record is there; the record is written last, whole. `manifest.json` ends the
//! stage and `unfinished/` goes away, so that an interruption leaves no trace in the result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kiln_run::{Digest, FileEntry, Manifest, RunFolder, atomic};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// The folder with the records of finished parts.
pub(crate) const UNFINISHED: &str = "unfinished";
/// The file in it with the stage's key.
const KEY: &str = "key";
/// The file in it that says that its parts were made elsewhere.
const MERGE: &str = "merge";

/// A stage of one run.
pub(crate) struct Stage {
    /// Name of its folder and kind of its manifest.
    pub(crate) kind: &'static str,
    /// Its folder, in the run's.
    pub(crate) folder: PathBuf,
    /// Hash of its inputs, its configuration and the version of its algorithm.
    pub(crate) key: Digest,
}

/// How far a stage is.
pub(crate) enum State {
    /// Finished for this key.
    Done(Manifest),
    /// Finished for another key.
    Other(Manifest),
    /// To be done, or to be gone on with.
    Unfinished(Unfinished),
}

impl Stage {
    /// Look at the folder; take a finished stage of the same key from a run beside this one; else begin or go on.
    pub(crate) fn open(&self) -> Result<State, Error> {
        if let Some(manifest) = finished(&self.folder)? {
            remove_folder(&self.folder.join(UNFINISHED))?;
            if manifest.key != Some(self.key) {
                return Ok(State::Other(manifest));
            }
            manifest.check_sizes(&self.folder)?;
            return Ok(State::Done(manifest));
        }
        if let Some(manifest) = self.take_from_sibling()? {
            return Ok(State::Done(manifest));
        }
        let records = self.folder.join(UNFINISHED);
        let key = self.key.to_string();
        let stale = match fs::read_to_string(records.join(KEY)) {
            Ok(found) => found != key,
            // Records without a key: what a removal left that was itself interrupted. Nobody knows of which inputs.
            Err(_) => records.exists(),
        };
        if stale {
            tracing::info!(
                stage = self.kind,
                "the inputs changed since the interruption: beginning again"
            );
            remove_folder(&self.folder)?;
        }
        let unfinished = Unfinished {
            folder: self.folder.clone(),
            records,
            key,
        };
        unfinished.begin()?;
        Ok(State::Unfinished(unfinished))
    }

    /// Why a stage that is finished for another key cannot be used. `inputs` are what it would be made from now, as its
    /// manifest names them.
    pub(crate) fn refuse(&self, other: Manifest, inputs: &BTreeMap<String, String>) -> Error {
        let folder = self.folder.clone();
        let changed = |(name, now): (&String, &String)| {
            (other.inputs.get(name) != Some(now)).then(|| format!("the {name} has changed since"))
        };
        match inputs.iter().find_map(changed) {
            Some(change) => Error::InputsChanged { folder, change },
            None => Error::OtherVersion {
                folder,
                written_by: other.written_by,
            },
        }
    }

    /// Put a finished stage of the same key, found in a run in the same parent folder, into this run's place.
    fn take_from_sibling(&self) -> Result<Option<Manifest>, Error> {
        let Some(run) = self.folder.parent() else {
            return Ok(None);
        };
        for sibling in siblings(run) {
            let folder = sibling.join(self.kind);
            // What is damaged or unreadable there is no error here: this run can do the work itself.
            let Ok(manifest) = Manifest::read(&folder) else {
                continue;
            };
            let same = manifest.kind == self.kind && manifest.key == Some(self.key);
            if !same || manifest.check_sizes(&folder).is_err() {
                continue;
            }
            remove_folder(&self.folder)?;
            let staged = atomic::StagedFolder::new(&self.folder)?;
            for file in &manifest.files {
                link_or_copy(&folder.join(&file.name), &staged.path().join(&file.name))?;
            }
            manifest.write(staged.path())?;
            staged.commit()?;
            tracing::info!(stage = self.kind, from = %folder.display(), "taken from another run");
            return Ok(Some(manifest));
        }
        Ok(None)
    }
}

/// The other runs in a run's parent folder, in the order of their names.
pub(crate) fn siblings(run: &Path) -> Vec<PathBuf> {
    let parent = match run.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Vec::new(),
    };
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut folders: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name() != run.file_name() && RunFolder::is_run(path))
        .collect();
    folders.sort();
    folders
}

/// The manifest of a stage that is finished.
pub(crate) fn finished(folder: &Path) -> Result<Option<Manifest>, Error> {
    if !folder.join(kiln_run::MANIFEST_NAME).exists() {
        return Ok(None);
    }
    Ok(Some(Manifest::read(folder)?))
}

/// `target` must not be there.
pub(crate) fn link_or_copy(source: &Path, target: &Path) -> Result<(), Error> {
    let failed = |error| kiln_run::Error::io(target, error);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    // File systems without links, and folders on two file systems.
    if fs::hard_link(source, target).is_err() {
        fs::copy(source, target).map_err(failed)?;
        let copied = fs::File::open(target).map_err(failed)?;
        copied.sync_all().map_err(failed)?;
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(kiln_run::Error::io(folder, error).into())
        }
        _ => Ok(()),
    }
}

/// The folder of a stage that is not finished.
pub(crate) struct Unfinished {
    folder: PathBuf,
    records: PathBuf,
    key: String,
}

/// What is known of a finished part.
pub(crate) trait PartRecord: Serialize + DeserializeOwned {
    /// The files that the part wrote.
    fn files(&self) -> &[FileEntry];
}

impl Unfinished {
    fn begin(&self) -> Result<(), Error> {
        let records = &self.records;
        fs::create_dir_all(records).map_err(|error| kiln_run::Error::io(records, error))?;
        atomic::remove_leftovers(&self.folder)?;
        atomic::remove_leftovers(records)?;
        Ok(atomic::write(&records.join(KEY), self.key.as_bytes())?)
    }

    /// Forget all parts: they will come from elsewhere.
    pub(crate) fn begin_merge(&self) -> Result<(), Error> {
        remove_folder(&self.folder)?;
        self.begin()?;
        Ok(atomic::write(&self.records.join(MERGE), b"")?)
    }

    /// Whether its parts come from elsewhere.
    pub(crate) fn is_merge(&self) -> bool {
        self.records.join(MERGE).exists()
    }

    /// Where the stage's files go.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records of the parts that are done: the first ones without a gap.
    pub(crate) fn parts<R: PartRecord>(&self) -> Result<Vec<R>, Error> {
        self.parts_of("")
    }

    /// The same of a further step of the stage, whose records have `series` before their numbers.
    pub(crate) fn parts_of<R: PartRecord>(&self, series: &str) -> Result<Vec<R>, Error> {
        let mut parts: Vec<R> = Vec::new();
        loop {
            let path = self.record_path(series, parts.len());
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                Err(error) => return Err(kiln_run::Error::io(path, error).into()),
            };
            let Ok(record) = serde_json::from_slice::<R>(&text) else {
                break;
            };
            let whole = |file: &FileEntry| {
                fs::metadata(self.folder.join(&file.name))
                    .is_ok_and(|found| found.len() == file.bytes)
            };
            if !record.files().iter().all(whole) {
                break;
            }
            parts.push(record);
        }
        Ok(parts)
    }

    /// Keep the next part: its files are in place.
    pub(crate) fn keep<R: PartRecord>(&self, index: usize, record: &R) -> Result<(), Error> {
        self.keep_in("", index, record)
    }

    /// The same of a further step of the stage.
    pub(crate) fn keep_in<R: PartRecord>(
        &self,
        series: &str,
        index: usize,
        record: &R,
    ) -> Result<(), Error> {
        let path = self.record_path(series, index);
        let text = serde_json::to_vec(record)
            .map_err(|error| kiln_run::Error::damaged(&path, error.to_string()))?;
        Ok(atomic::write(&path, &text)?)
    }

    /// End the stage.
    pub(crate) fn finish(self, manifest: &Manifest) -> Result<(), Error> {
        manifest.write(&self.folder)?;
        remove_folder(&self.records)
    }

    fn record_path(&self, series: &str, index: usize) -> PathBuf {
        self.records.join(format!("{series}{index:05}.json"))
    }
}
