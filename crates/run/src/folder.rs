//! The folder of a run: one recipe, one process at a time.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{Digest, Error, atomic};

/// The resolved recipe of the run.
const RECIPE: &str = "recipe.toml";
/// Locked by the process that works in the folder; holds its id.
const LOCK: &str = "lock";
/// Shards of the corpus, each a run of its own, which may be there before the run is.
const SHARDS: &str = "shards";

/// A run folder and, if it was opened for work, the lock on it: held until this is dropped or the process ends.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _lock: Option<File>,
}

impl RunFolder {
    /// Open the folder for work, or make it. `resolved_recipe` is stored in a new folder; in an old one `difference`
    /// is asked what sets the stored recipe apart (`None` if the two mean the same).
    ///
    /// # Errors
    /// Another process works in it; it belongs to another recipe; it holds other things than a run; it cannot be
    /// written.
    pub fn open_or_create(
        path: &Path,
        resolved_recipe: &str,
        difference: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(|error| match error.kind() {
            // A file in the folder's place.
            ErrorKind::AlreadyExists => Error::io(path, ErrorKind::NotADirectory.into()),
            _ => Error::io(path, error),
        })?;
        let recipe = path.join(RECIPE);
        if !Self::is_run(path) {
            // Nothing is put into a folder that is somebody else's or a checkpoint's, not even a lock.
            refuse_foreign(path)?;
        }
        let lock = lock(path)?;
        atomic::remove_leftovers(path)?;
        match fs::read_to_string(&recipe) {
            Ok(stored) => {
                if let Some(difference) = difference(&stored) {
                    return Err(Error::OtherRecipe {
                        path: path.to_owned(),
                        difference,
                    });
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                atomic::write(&recipe, resolved_recipe.as_bytes())?;
            }
            Err(error) => return Err(Error::io(recipe, error)),
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: Some(lock),
        })
    }

    /// Open an existing run to read from it: no lock is taken.
    ///
    /// # Errors
    /// There is no run there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        fs::metadata(path).map_err(|error| Error::io(path, error))?;
        if !Self::is_run(path) {
            return Err(Error::NoRun {
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: None,
        })
    }

    /// Whether a run is there.
    pub fn is_run(path: &Path) -> bool {
        // A checkpoint holds a recipe too, but beside a manifest of its own.
        path.join(RECIPE).is_file() && !path.join(crate::MANIFEST_NAME).exists()
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved recipe, with the origin of each value.
    pub fn recipe(&self) -> PathBuf {
        self.path.join(RECIPE)
    }

    /// What ingestion makes: documents and their ledger.
    pub fn corpus(&self) -> PathBuf {
        self.path.join("corpus")
    }

    /// The folder of the shards in which the corpus is read, in a run at `run`.
    pub fn shards(run: &Path) -> PathBuf {
        run.join(SHARDS)
    }

    /// The tokenizer's folder.
    pub fn tokenizer(&self) -> PathBuf {
        self.path.join("tokenizer")
    }

    /// What preparation makes: shards of tokens or examples.
    pub fn dataset(&self) -> PathBuf {
        self.path.join("dataset")
    }

    /// The folder of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The metrics, one JSON object a line.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The folder of TensorBoard's event files.
    pub fn tensorboard(&self) -> PathBuf {
        self.path.join("tensorboard")
    }

    /// Where a step's time goes, as JSON.
    pub fn profile(&self) -> PathBuf {
        self.path.join("profile.json")
    }

    /// The hash of each stage's description by the stage's name (`corpus`, `tokenizer`, `dataset`), and of the recipe: what a model
    /// of this run comes from. Stages that are not there are left out.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn origins(&self) -> Result<BTreeMap<String, String>, Error> {
        let manifest = |folder: PathBuf| folder.join(crate::MANIFEST_NAME);
        let files = [
            ("recipe", self.recipe()),
            ("corpus", manifest(self.corpus())),
            ("tokenizer", manifest(self.tokenizer())),
            ("dataset", manifest(self.dataset())),
        ];
        let there = files.into_iter().filter(|(_, path)| path.exists());
        there
            .map(|(name, path)| Ok((name.to_owned(), Digest::of_file(&path)?.to_string())))
            .collect()
    }

    /// The report for a person.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The model as other tools read it.
    pub fn model(&self) -> PathBuf {
        self.path.join("model")
    }
}

fn refuse_foreign(path: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(path).map_err(|error| Error::io(path, error))? {
        let name = entry.map_err(|error| Error::io(path, error))?.file_name();
        if name != LOCK && name != RECIPE && name != SHARDS && !atomic::is_temporary(&name) {
            return Err(Error::Foreign {
                path: path.to_owned(),
            });
        }
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, Error> {
    let path = folder.join(LOCK);
    let failed = |error| Error::io(&path, error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match patiently(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder = match file.read_to_string(&mut text) {
                Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
                _ => "another process".to_owned(),
            };
            return Err(Error::InUse {
                path: folder.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            tracing::warn!(
                path = %path.display(),
                "this file system has no locks: do not let two processes work in one run folder"
            );
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(file)
}

/// A process that was just killed holds its lock until the system has taken its memory back.
fn patiently(file: &File) -> Result<(), TryLockError> {
    const PATIENCE: Duration = Duration::from_secs(1);
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn one_process_at_a_time_and_the_holder_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("deep/run");
        let run = RunFolder::open_or_create(&path, "a = 1\n", same).unwrap();
        let refused = RunFolder::open_or_create(&path, "a = 1\n", same).unwrap_err();
        assert!(refused.is_mistake());
        assert!(
            refused
                .to_string()
                .contains(&format!("is in use by process {}", std::process::id())),
            "{refused}"
        );
        // Readers need no lock.
        RunFolder::open(&path).unwrap();
        drop(run);
        RunFolder::open_or_create(&path, "a = 1\n", same).unwrap();
    }

    #[test]
    fn a_run_folder_belongs_to_one_recipe() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("run");
        drop(RunFolder::open_or_create(&path, "a = 1\n", same).unwrap());
        let compare = |wanted: &'static str| {
            move |stored: &str| (stored != wanted).then(|| format!("{stored:?} there"))
        };
        drop(RunFolder::open_or_create(&path, "other text\n", compare("a = 1\n")).unwrap());
        let refused = RunFolder::open_or_create(&path, "a = 2\n", compare("a = 2\n")).unwrap_err();
        let message = refused.to_string();
        assert!(
            message.contains("run") && message.contains(r#""a = 1\n" there"#),
            "{message}"
        );
        assert_eq!(fs::read_to_string(path.join(RECIPE)).unwrap(), "a = 1\n");
    }

    #[test]
    fn origins_are_the_hashes_of_what_is_there() {
        let scratch = tempfile::tempdir().unwrap();
        let run = RunFolder::open_or_create(&scratch.path().join("run"), "a = 1\n", same).unwrap();
        fs::create_dir(run.corpus()).unwrap();
        fs::write(run.corpus().join(crate::MANIFEST_NAME), "{}").unwrap();
        let origins = run.origins().unwrap();
        assert_eq!(origins["corpus"], Digest::of(b"{}").to_string());
        assert_eq!(origins["recipe"], Digest::of(b"a = 1\n").to_string());
        assert_eq!(origins.len(), 2);
    }

    #[test]
    fn folders_of_others_are_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("thesis.txt"), "").unwrap();
        let refused = RunFolder::open_or_create(scratch.path(), "", same).unwrap_err();
        assert!(matches!(refused, Error::Foreign { .. }));
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        assert!(matches!(
            RunFolder::open(scratch.path()),
            Err(Error::NoRun { .. })
        ));
        assert!(RunFolder::open(&scratch.path().join("missing")).is_err());
    }

    #[test]
    fn a_checkpoint_is_not_taken_for_a_run() {
        let scratch = tempfile::tempdir().unwrap();
        for name in [RECIPE, crate::MANIFEST_NAME, "model.safetensors"] {
            fs::write(scratch.path().join(name), "a = 1\n").unwrap();
        }
        let refused = RunFolder::open_or_create(scratch.path(), "a = 1\n", same).unwrap_err();
        assert!(matches!(refused, Error::Foreign { .. }), "{refused}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_a_mistake() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("notes.txt");
        fs::write(&path, "").unwrap();
        for path in [path.clone(), path.join("run")] {
            let refused = RunFolder::open_or_create(&path, "", same).unwrap_err();
            assert!(refused.is_mistake(), "{refused}");
            assert_eq!(
                refused.to_string(),
                format!("{}: not a folder", path.display())
            );
        }
    }

    #[test]
    fn a_start_that_was_killed_goes_on() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join(LOCK), "99999\n").unwrap();
        fs::write(scratch.path().join(".tmp-recipe.toml"), "a =").unwrap();
        let run = RunFolder::open_or_create(scratch.path(), "a = 1\n", same).unwrap();
        assert_eq!(fs::read_to_string(run.recipe()).unwrap(), "a = 1\n");
        assert!(!scratch.path().join(".tmp-recipe.toml").exists());
    }
}
