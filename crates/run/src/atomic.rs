//! Files and folders that appear whole or not at all.
//!
//! Everything is written under the name `.tmp-NAME` beside its target, synced, and renamed into place; then the folder
//! is synced, so that the name survives a loss of power too. A killed process leaves at most `.tmp-` names behind,
//! which [`remove_leftovers`] clears.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::describe;

/// How the names of unfinished files and folders begin.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// Write a file whole, replacing what is there.
///
/// # Errors
/// The file cannot be written; what was there is unchanged.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut staged = StagedFile::new(path)?;
    staged
        .write_all(bytes)
        .map_err(|error| Error::io(path, error))?;
    staged.commit()
}

/// A file in the making: `.tmp-NAME` beside its target until it is committed, removed if it is dropped before.
#[derive(Debug)]
pub struct StagedFile {
    target: PathBuf,
    temporary: PathBuf,
    file: Option<BufWriter<File>>,
}

impl StagedFile {
    /// Begin a file; the folder it goes in must exist.
    ///
    /// # Errors
    /// The temporary file cannot be made.
    pub fn new(target: &Path) -> Result<Self, Error> {
        let temporary = temporary_name(target)?;
        let file = File::create(&temporary).map_err(|error| Error::io(target, error))?;
        Ok(Self {
            target: target.to_owned(),
            temporary,
            file: Some(BufWriter::with_capacity(1 << 16, file)),
        })
    }

    /// Where it will be.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Store the contents for good and give the file its name, replacing what is there.
    ///
    /// # Errors
    /// The contents cannot be stored; what was there is unchanged.
    pub fn commit(mut self) -> Result<(), Error> {
        self.store()
            .map_err(|error| Error::io(&self.target, error))?;
        fs::rename(&self.temporary, &self.target)
            .map_err(|error| Error::io(&self.target, error))?;
        sync_parent(&self.target)
    }

    fn store(&mut self) -> io::Result<()> {
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let stored = file.flush().and_then(|()| file.get_ref().sync_all());
        if stored.is_err() {
            // Dropping the buffer would try, and fail, to write the rest once more.
            drop(file.into_parts());
        }
        stored
    }

    fn writer(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::other("the file is closed"))
    }
}

impl Write for StagedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.writer()?.write(buffer).map_err(plainer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer()?.flush().map_err(plainer)
    }
}

impl Seek for StagedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer()?.seek(to).map_err(plainer)
    }
}

/// The error in this room's words, for those who know the file only as a writer and pass the words on.
fn plainer(error: io::Error) -> io::Error {
    let words = describe(&error);
    io::Error::new(error.kind(), words)
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            drop(file.into_parts());
        }
        // After a commit there is nothing under this name.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// A folder in the making: `.tmp-NAME` beside its target until it is committed, removed if it is dropped before.
#[derive(Debug)]
pub struct StagedFolder {
    target: PathBuf,
    temporary: PathBuf,
}

impl StagedFolder {
    /// Begin an empty folder; the folder it goes in must exist.
    ///
    /// # Errors
    /// The temporary folder cannot be made.
    pub fn new(target: &Path) -> Result<Self, Error> {
        let temporary = temporary_name(target)?;
        remove(&temporary)?;
        fs::create_dir(&temporary).map_err(|error| Error::io(target, error))?;
        Ok(Self {
            target: target.to_owned(),
            temporary,
        })
    }

    /// Where its files are written now.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Store all contents for good and give the folder its name.
    ///
    /// # Errors
    /// The target exists already (nothing is replaced), or the contents cannot be stored.
    pub fn commit(self) -> Result<(), Error> {
        if fs::symlink_metadata(&self.target).is_ok() {
            return Err(Error::Exists {
                path: self.target.clone(),
            });
        }
        sync_tree(&self.temporary)?;
        fs::rename(&self.temporary, &self.target)
            .map_err(|error| Error::io(&self.target, error))?;
        sync_parent(&self.target)
    }
}

impl Drop for StagedFolder {
    fn drop(&mut self) {
        // After a commit there is nothing under this name.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

/// Remove what killed processes left half-written in a folder (not in the folders below it).
///
/// # Errors
/// The folder cannot be read, or something in it cannot be removed.
pub fn remove_leftovers(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let entry = entry.map_err(|error| Error::io(folder, error))?;
        if is_temporary(&entry.file_name()) {
            tracing::debug!(path = %entry.path().display(), "removing what an interrupted process left");
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Store a folder's list of names for good, after files in it were renamed or linked.
///
/// # Errors
/// The folder cannot be synced.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| Error::io(folder, error))
}

/// Whether a name is that of an unfinished file or folder.
pub(crate) fn is_temporary(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(TEMPORARY_PREFIX)
}

fn temporary_name(target: &Path) -> Result<PathBuf, Error> {
    let Some(name) = target.file_name() else {
        return Err(Error::io(
            target,
            io::Error::new(io::ErrorKind::IsADirectory, "is not the name of a file"),
        ));
    };
    let mut temporary = std::ffi::OsString::from(TEMPORARY_PREFIX);
    temporary.push(name);
    Ok(target.with_file_name(temporary))
}

fn remove(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

fn sync_tree(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            sync_folder(&path)?;
        }
    }
    sync_folder(folder)
}

fn sync_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_by_a_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write(&path, b"old").unwrap();
        let mut staged = StagedFile::new(&path).unwrap();
        staged.write_all(b"half of the ne").unwrap();
        assert_eq!(names(folder.path()), [".tmp-a.txt", "a.txt"]);
        drop(staged);
        assert_eq!(names(folder.path()), ["a.txt"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_staged_file_can_go_back_to_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut staged = StagedFile::new(&path).unwrap();
        staged.write_all(b"....body").unwrap();
        staged.seek(SeekFrom::Start(0)).unwrap();
        staged.write_all(b"head").unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"headbody");
    }

    #[test]
    fn a_folder_appears_whole_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("stage");
        drop(StagedFolder::new(&target).unwrap());
        assert!(names(folder.path()).is_empty());
        for attempt in 0..2 {
            let staged = StagedFolder::new(&target).unwrap();
            fs::create_dir(staged.path().join("sub")).unwrap();
            write(&staged.path().join("sub/x"), b"x").unwrap();
            assert_eq!(staged.commit().is_ok(), attempt == 0);
        }
        assert_eq!(names(folder.path()), ["stage"]);
        assert_eq!(fs::read(target.join("sub/x")).unwrap(), b"x");
    }

    #[test]
    fn leftovers_of_killed_processes_are_cleared() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".tmp-x"), b"half").unwrap();
        fs::create_dir_all(folder.path().join(".tmp-stage/deep")).unwrap();
        fs::write(folder.path().join("kept"), b"").unwrap();
        remove_leftovers(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["kept"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write(Path::new("/nowhere/at/all/a.txt"), b"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nowhere/at/all/a.txt: no such file or folder"
        );
    }
}
