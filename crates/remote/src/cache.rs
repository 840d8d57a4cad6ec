//! The folder in which fetched objects stay: each under a name made from its address and version, whole or not there.
//!
//! What is being fetched lies beside its target as `NAME.partial`, locked by the process that fetches it. After a kill
//! the next process goes on with it: the name says which version its bytes are of.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::object::{Object, Origin};

/// How often a lock is asked for that another process holds.
const ASK_AGAIN: Duration = Duration::from_millis(100);

pub(crate) struct Cache {
    folder: PathBuf,
}

/// What is kept of an object in a list: no URL, which may be signed.
#[derive(Serialize, Deserialize)]
struct Entry {
    name: Box<str>,
    bytes: u64,
    version: Box<str>,
}

/// An unfinished file that this process alone writes.
pub(crate) struct Partial {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where an object lies once it is fetched. The end of its name is kept: it says how the file is compressed.
    pub(crate) fn path(&self, object: &Object) -> PathBuf {
        const LONGEST: usize = 80;
        let identity = format!("{}\n{}\n{}", object.name, object.version, object.bytes);
        let hash = &blake3::hash(identity.as_bytes()).to_hex()[..32];
        let place = object.name.split('?').next().unwrap_or_default();
        let name = place.rsplit('/').next().unwrap_or_default();
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || "._-".contains(c) => c,
            _ => '_',
        };
        let name: String = name.chars().map(plain).collect();
        let name = &name[name.len().saturating_sub(LONGEST)..];
        let file = format!("{hash}-{name}");
        self.folder.join(&hash[..2]).join(file)
    }

    /// Whether the object is there, whole.
    pub(crate) fn holds(&self, object: &Object) -> bool {
        let found = fs::metadata(self.path(object));
        found.is_ok_and(|found| found.is_file() && found.len() == object.bytes)
    }

    /// The unfinished file of a target, once no other process writes it. `None` as soon as `is_there`.
    pub(crate) async fn claim(
        &self,
        target: &Path,
        is_there: &dyn Fn() -> bool,
    ) -> io::Result<Option<Partial>> {
        let mut path = target.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        loop {
            if is_there() {
                return Ok(None);
            }
            let mut options = OpenOptions::new();
            let file = options
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            match file.try_lock() {
                // The process that had the lock may have put the file in place, or removed it, before it let go.
                Ok(()) if is_same(&file, &path)? => return Ok(Some(Partial { file, path })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => tokio::time::sleep(ASK_AGAIN).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn listing(&self, name: &str) -> PathBuf {
        let hash = &blake3::hash(name.as_bytes()).to_hex()[..32];
        self.folder.join("listings").join(format!("{hash}.json"))
    }

    /// Remember what an address led to.
    pub(crate) fn keep_listing(&self, name: &str, objects: &[Object]) -> io::Result<()> {
        let path = self.listing(name);
        let entry = |object: &Object| Entry {
            name: object.name.clone(),
            bytes: object.bytes,
            version: object.version.clone(),
        };
        let entries: Vec<_> = objects.iter().map(entry).collect();
        let text = serde_json::to_vec(&entries)?;
        if fs::read(&path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let staged = path.with_extension(format!("{}.partial", std::process::id()));
        fs::write(&staged, &text)?;
        fs::rename(&staged, &path)
    }

    /// What an address led to when it was last listed.
    pub(crate) fn last_listing(&self, name: &str) -> Option<Vec<Object>> {
        let text = fs::read(self.listing(name)).ok()?;
        let entries: Vec<Entry> = serde_json::from_slice(&text).ok()?;
        let object = |entry: Entry| Object {
            name: entry.name,
            bytes: entry.bytes,
            version: entry.version,
            origin: Origin::Cache,
            checksum: None,
        };
        Some(entries.into_iter().map(object).collect())
    }
}

impl Partial {
    /// Store the contents for good and put the file in place.
    pub(crate) fn commit(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        match target.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn is_same(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
