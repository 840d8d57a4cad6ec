//! What a folder holds, what it was made from, and the checksum of every file: `manifest.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, WRITTEN_BY, atomic};

/// The name of the file in the folder that it describes.
pub const MANIFEST_NAME: &str = "manifest.json";

/// The description of a finished folder: a stage's results, a checkpoint, an exported model. It is written last, so a
/// folder that has one is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What the folder is: `corpus`, `checkpoint`, ...
    pub kind: String,
    /// Version of the folder's layout, counted by whoever owns the kind.
    pub format_version: u32,
    /// Hash of everything that decided the contents: inputs, configuration, version of the algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// The program and version that wrote it.
    pub written_by: String,
    /// The identity of each input, by name.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// What was counted while it was made.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
    /// Whatever else the kind's owner records: its resolved configuration, what was measured.
    #[serde(default)]
    pub details: serde_json::Value,
    /// The folder's files, by name.
    pub files: Vec<FileEntry>,
}

/// One file of a described folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path below the folder, parts separated by `/`.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The digest of its contents.
    pub blake3: Digest,
}

impl FileEntry {
    /// Measure and hash a file; `name` is its path below `folder`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(folder: &Path, name: &str) -> Result<Self, Error> {
        let path = folder.join(name);
        let bytes = fs::metadata(&path)
            .map_err(|error| Error::io(&path, error))?
            .len();
        Ok(Self {
            name: name.to_owned(),
            bytes,
            blake3: Digest::of_file(&path)?,
        })
    }
}

impl Manifest {
    /// A manifest without inputs, counts and files yet, for those who hash their files as they write them.
    pub fn new(kind: &str, format_version: u32) -> Self {
        Self {
            kind: kind.to_owned(),
            format_version,
            key: None,
            written_by: WRITTEN_BY.to_owned(),
            inputs: BTreeMap::new(),
            counts: BTreeMap::new(),
            details: serde_json::Value::Null,
            files: Vec::new(),
        }
    }

    /// A manifest of all files that lie in a folder and below it, in the order of their names.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn describe(folder: &Path, kind: &str, format_version: u32) -> Result<Self, Error> {
        let mut names = Vec::new();
        list(folder, "", &mut names)?;
        names.sort();
        let mut manifest = Self::new(kind, format_version);
        for name in names {
            manifest.files.push(FileEntry::of(folder, &name)?);
        }
        Ok(manifest)
    }

    /// Write `manifest.json` into the folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(MANIFEST_NAME);
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::damaged(&path, error.to_string()))?;
        text.push(b'\n');
        atomic::write(&path, &text)
    }

    /// Read the manifest of a folder.
    ///
    /// # Errors
    /// There is none, or it is not a manifest.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST_NAME);
        let text = fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound if folder.is_dir() => Error::NoManifest {
                path: folder.to_owned(),
            },
            std::io::ErrorKind::NotFound => Error::io(folder, error),
            _ => Error::io(&path, error),
        })?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| {
            Error::damaged(
                &path,
                format!(
                    "not a manifest ({}); the folder is damaged: make it again",
                    one_line(&error.to_string())
                ),
            )
        })?;
        for file in &manifest.files {
            // A manifest says nothing about what lies outside its folder.
            let mut parts = Path::new(&file.name).components();
            if file.name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
                return Err(Error::damaged(
                    &path,
                    format!("{:?} is not the name of a file in the folder", file.name),
                ));
            }
        }
        Ok(manifest)
    }

    /// Check that every file is there with its length: cheap, and finds what was cut short.
    ///
    /// # Errors
    /// The first file that is missing or has another length, with both lengths.
    pub fn check_sizes(&self, folder: &Path) -> Result<(), Error> {
        self.files
            .iter()
            .try_for_each(|file| check_size(folder, file))
    }

    /// Check that every file is there with its contents, by reading all of them.
    ///
    /// # Errors
    /// The first file that is missing or has other contents.
    pub fn verify(&self, folder: &Path) -> Result<(), Error> {
        for file in &self.files {
            check_size(folder, file)?;
            let path = folder.join(&file.name);
            let found = Digest::of_file(&path)?;
            if found != file.blake3 {
                return Err(Error::damaged(
                    &path,
                    format!(
                        "damaged: its BLAKE3 is {found}, the manifest says {}",
                        file.blake3
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The entry of a file.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }
}

fn check_size(folder: &Path, file: &FileEntry) -> Result<(), Error> {
    let path = folder.join(&file.name);
    let bytes = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::damaged(
                &path,
                "the manifest lists this file, but it is missing",
            ));
        }
        Err(error) => return Err(Error::io(&path, error)),
    };
    if bytes == file.bytes {
        return Ok(());
    }
    let change = if bytes < file.bytes {
        "cut short"
    } else {
        "grown"
    };
    Err(Error::damaged(
        &path,
        format!(
            "{change}: {bytes} bytes, the manifest says {}; make it again",
            file.bytes
        ),
    ))
}

fn list(folder: &Path, below: &str, names: &mut Vec<String>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(|error| Error::io(folder, error))? {
        let entry = entry.map_err(|error| Error::io(folder, error))?;
        let path = entry.path();
        if atomic::is_temporary(&entry.file_name()) {
            continue;
        }
        let Ok(name) = entry.file_name().into_string() else {
            return Err(Error::damaged(&path, "the name is not UTF-8"));
        };
        if path.is_dir() {
            list(&path, &format!("{below}{name}/"), names)?;
        } else if !(below.is_empty() && name == MANIFEST_NAME) {
            names.push(format!("{below}{name}"));
        }
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with_files() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/b.bin"), b"bytes").unwrap();
        fs::write(folder.path().join("a.txt"), b"text").unwrap();
        fs::write(folder.path().join(".tmp-c"), b"half").unwrap();
        folder
    }

    #[test]
    fn describes_all_finished_files_and_reads_back() {
        let folder = folder_with_files();
        let mut manifest = Manifest::describe(folder.path(), "test", 3).unwrap();
        let names: Vec<_> = manifest.files.iter().map(|file| &file.name).collect();
        assert_eq!(names, ["a.txt", "sub/b.bin"]);
        manifest.key = Some(Digest::of(b"key"));
        manifest.counts.insert("documents".into(), 2);
        manifest.details = serde_json::json!({"mean": 0.1});
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
        manifest.verify(folder.path()).unwrap();
        // The manifest does not describe itself.
        let again = Manifest::describe(folder.path(), "test", 3).unwrap();
        assert_eq!(again.files, manifest.files);
    }

    #[test]
    fn every_damage_names_its_file() {
        for (case, size_is_right, words) in [
            (
                "cut short",
                false,
                "cut short: 4 bytes, the manifest says 5",
            ),
            ("missing", false, "missing"),
            ("one byte changed", true, "its BLAKE3 is"),
        ] {
            let folder = folder_with_files();
            let manifest = Manifest::describe(folder.path(), "test", 1).unwrap();
            let file = folder.path().join("sub/b.bin");
            match case {
                "cut short" => fs::write(&file, b"byte").unwrap(),
                "missing" => fs::remove_file(&file).unwrap(),
                _ => fs::write(&file, b"bytez").unwrap(),
            }
            assert_eq!(
                manifest.check_sizes(folder.path()).is_ok(),
                size_is_right,
                "{case}"
            );
            let message = manifest.verify(folder.path()).unwrap_err().to_string();
            assert!(
                message.contains("sub/b.bin") && message.contains(words),
                "{case}: {message}"
            );
        }
    }

    #[test]
    fn what_is_not_a_manifest_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Manifest::read(folder.path()).unwrap_err();
        assert!(matches!(read(), Error::NoManifest { .. }));
        let path = folder.path().join(MANIFEST_NAME);
        for text in [
            "",
            "{",
            "{\n\"kind\": 1}",
            r#"{"kind":"x","format_version":1,"written_by":"k","files":[{"name":"../../etc/passwd","bytes":1,"blake3":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}]}"#,
        ] {
            fs::write(&path, text).unwrap();
            let message = read().to_string();
            assert!(
                matches!(read(), Error::Damaged { .. }) && !message.contains('\n'),
                "{message}"
            );
        }
    }
}
