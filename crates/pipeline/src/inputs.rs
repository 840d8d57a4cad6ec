//! Which files went into a corpus, and whether they are still the same.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use kiln_corpus::{Corpus, InputFile};
use kiln_run::{Digest, Hasher, Progress, StopFlag, Unit, atomic};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The list, a file a line, in the corpus folder.
pub(crate) const INPUTS: &str = "inputs.jsonl";

/// One file as it was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Input {
    /// Its name in documents.
    name: String,
    /// Where it lay.
    path: String,
    bytes: u64,
    /// Its time stamp, in nanoseconds since 1970.
    modified: u64,
    /// Of a file at an address: its version as the server told it. Its `path` is the address then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    blake3: Digest,
}

/// All files of a corpus, in the order in which they are read.
pub(crate) struct Inputs(Vec<Input>);

impl Inputs {
    /// Identify every file. One that `known` has with the same path, size and time stamp (of an address, the same version)
    /// is not read again, and not fetched for that.
    pub(crate) fn of(
        corpus: &Corpus,
        known: &Known,
        progress: &dyn Progress,
        stop: &StopFlag,
    ) -> Result<Self, Error> {
        if corpus.bytes() == 0 {
            return Ok(Self(Vec::new()));
        }
        let unknown = |file: &InputFile<'_>| known.of_version(file).is_none();
        fetch(corpus, &unknown, progress, stop)?;
        progress.begin("hash", Some(corpus.bytes()), Unit::Bytes);
        let mut inputs = Vec::new();
        let mut done = 0;
        for file in corpus.files() {
            inputs.push(identify(&file, known, stop, &mut |bytes| {
                progress.advance(done + bytes);
            })?);
            done += file.bytes;
            progress.advance(done);
        }
        progress.end();
        Ok(Self(inputs))
    }

    /// Add a file that is no source but decides what becomes of the sources.
    pub(crate) fn add(&mut self, name: &str, path: &Path) -> Result<(), Error> {
        let known = Known::default();
        let read = identify_here(path, name, &known, &StopFlag::new(), &mut |_| ())?;
        self.0.push(read);
        Ok(())
    }

    /// A hash of names and contents.
    pub(crate) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for input in &self.0 {
            hasher.field("name", &input.name);
            hasher.field("blake3", input.blake3.as_bytes());
        }
        hasher.digest()
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(INPUTS);
        let failed = |error| kiln_run::Error::io(&path, error);
        let mut file = BufWriter::new(atomic::StagedFile::new(&path)?);
        for input in &self.0 {
            serde_json::to_writer(&mut file, input).map_err(|error| failed(error.into()))?;
            file.write_all(b"\n").map_err(failed)?;
        }
        let file = file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        Ok(file.commit()?)
    }

    /// What set a stage's files apart from these: the first one that changed, came or went.
    pub(crate) fn change_since(&self, folder: &Path) -> Option<String> {
        let before = read(&folder.join(INPUTS))?;
        let old: HashMap<&str, &Input> = before
            .iter()
            .map(|input| (input.name.as_str(), input))
            .collect();
        for input in &self.0 {
            match old.get(input.name.as_str()) {
                None => return Some(format!("{} is new since", input.path)),
                Some(old) if old.blake3 != input.blake3 => {
                    return Some(format!(
                        "{} has changed since ({} bytes then, {} now)",
                        input.path, old.bytes, input.bytes
                    ));
                }
                Some(_) => {}
            }
        }
        let new: HashMap<&str, ()> = self
            .0
            .iter()
            .map(|input| (input.name.as_str(), ()))
            .collect();
        before
            .iter()
            .find(|input| !new.contains_key(input.name.as_str()))
            .map(|input| format!("{} is gone since", input.path))
    }
}

/// Files that were identified before, by path.
#[derive(Default)]
pub(crate) struct Known(HashMap<String, Input>);

impl Known {
    /// Add what the list of a corpus folder says, if there is one.
    pub(crate) fn add(&mut self, folder: &Path) {
        for input in read(&folder.join(INPUTS)).unwrap_or_default() {
            self.0.insert(input.path.clone(), input);
        }
    }

    /// Add what was just identified.
    pub(crate) fn add_all(&mut self, inputs: &Inputs) {
        for input in &inputs.0 {
            self.0.insert(input.path.clone(), input.clone());
        }
    }

    /// A file at an address that has the same version.
    fn of_version(&self, file: &InputFile<'_>) -> Option<Digest> {
        let known = self.0.get(file.name)?;
        let version = file.version?;
        let same = known.bytes == file.bytes && known.version.as_deref() == Some(version);
        same.then_some(known.blake3)
    }

    fn digest(&self, path: &str, bytes: u64, modified: u64) -> Option<Digest> {
        let known = self.0.get(path)?;
        (known.bytes == bytes && known.modified == modified).then_some(known.blake3)
    }
}

/// A list, or `None` if it is not there or not whole: then the files are read again.
fn read(path: &Path) -> Option<Vec<Input>> {
    let file = BufReader::new(File::open(path).ok()?);
    file.lines()
        .map(|line| serde_json::from_str(&line.ok()?).ok())
        .collect()
}

/// Fetch the files at an address that are `wanted` and not here.
pub(crate) fn fetch(
    corpus: &Corpus,
    wanted: &dyn Fn(&InputFile<'_>) -> bool,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<(), Error> {
    let missing = |file: &InputFile<'_>| file.is_remote && wanted(file) && !corpus.holds(file);
    let files: Vec<_> = corpus.files().filter(missing).collect();
    if files.is_empty() {
        return Ok(());
    }
    let bytes = files.iter().map(|file| file.bytes).sum();
    progress.begin("fetch", Some(bytes), Unit::Bytes);
    let mut done = 0;
    for file in files {
        let mut advance = |bytes| progress.advance(done + bytes);
        if !corpus.fetch(&file, &mut advance, &|| !stop.requested())? {
            return Err(Error::Interrupted);
        }
        done += file.bytes;
    }
    progress.end();
    Ok(())
}

fn identify(
    file: &InputFile<'_>,
    known: &Known,
    stop: &StopFlag,
    advance: &mut dyn FnMut(u64),
) -> Result<Input, Error> {
    if file.is_remote {
        let blake3 = match known.of_version(file) {
            Some(digest) => digest,
            None => hash(&file.path, stop, advance)?,
        };
        return Ok(Input {
            name: file.name.to_owned(),
            path: file.name.to_owned(),
            bytes: file.bytes,
            modified: 0,
            version: file.version.map(str::to_owned),
            blake3,
        });
    }
    identify_here(&file.path, file.name, known, stop, advance)
}

/// A file of this machine.
fn identify_here(
    path: &Path,
    name: &str,
    known: &Known,
    stop: &StopFlag,
    advance: &mut dyn FnMut(u64),
) -> Result<Input, Error> {
    let failed = |error| Error::from(kiln_text::Error::io(path, &error));
    let metadata = fs::metadata(path).map_err(failed)?;
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |time| time.as_nanos() as u64);
    // The same file by whatever way it is named.
    let whole = fs::canonicalize(path)
        .map_err(failed)?
        .to_string_lossy()
        .into_owned();
    let blake3 = match known.digest(&whole, metadata.len(), modified) {
        Some(digest) => digest,
        None => hash(path, stop, advance)?,
    };
    Ok(Input {
        name: name.to_owned(),
        path: whole,
        bytes: metadata.len(),
        modified,
        version: None,
        blake3,
    })
}

/// As [`Digest::of_file`], in pieces between which it can be stopped.
fn hash(path: &Path, stop: &StopFlag, advance: &mut dyn FnMut(u64)) -> Result<Digest, Error> {
    let failed = |error| Error::from(kiln_text::Error::io(path, &error));
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Hasher::new();
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        if stop.requested() {
            return Err(Error::Interrupted);
        }
        let read = match file.read(&mut block) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed)?,
        };
        if read == 0 {
            return Ok(hasher.digest());
        }
        hasher.update(&block[..read]);
        done += read as u64;
        advance(done);
    }
}
