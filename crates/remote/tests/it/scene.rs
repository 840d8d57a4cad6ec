//! A cache and the variables that say how addresses are reached.

use std::path::PathBuf;
use std::time::Duration;

use kiln_remote::{Address, Error, Object, Store};

pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Scene {
    pub(crate) fn new(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let path = folder.path().to_str().unwrap().to_owned();
        let mut variables: Vec<_> = variables.iter().copied().map(own).collect();
        // No token of the person who runs the tests.
        variables.extend([own(("HF_HOME", &path)), own(("KILN_CACHE", &path))]);
        Self { folder, variables }
    }

    /// A process that begins now.
    pub(crate) fn store(&self) -> Store {
        self.store_with(&[])
    }

    pub(crate) fn store_with(&self, further: &[(&str, &str)]) -> Store {
        let further = further
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let variables = further.chain(self.variables.iter().cloned());
        let store = Store::with_variables(variables).unwrap();
        store.with_first_pause(Duration::from_millis(1))
    }

    pub(crate) fn offline(&self) -> Store {
        self.store_with(&[("KILN_OFFLINE", "1")])
    }

    /// All that was written, names and contents.
    pub(crate) fn written(&self) -> String {
        let mut all = String::new();
        for path in self.files() {
            all.push_str(path.to_str().unwrap());
            all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
        all
    }

    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        files.sort();
        files
    }

    /// How many unfinished files there are.
    pub(crate) fn unfinished(&self) -> usize {
        let files = self.files().into_iter();
        files
            .filter(|path| path.extension().is_some_and(|end| end == "partial"))
            .count()
    }
}

pub(crate) fn list(store: &Store, address: &str) -> Result<Vec<Object>, Error> {
    store.list(&Address::parse(address).unwrap())
}

/// Names and sizes of what an address leads to.
pub(crate) fn names(store: &Store, address: &str) -> Vec<(String, u64)> {
    let objects = list(store, address).unwrap();
    let shown = |object: &Object| (object.name().to_owned(), object.bytes());
    objects.iter().map(shown).collect()
}

/// The bytes of an object.
pub(crate) fn fetch(store: &Store, object: &Object) -> Result<Vec<u8>, Error> {
    let mut last = 0;
    let mut advance = |bytes| last = bytes;
    let path = store.fetch(object, &mut advance, &|| true)?.unwrap();
    assert_eq!(last, object.bytes(), "the last that is told is the whole");
    assert_eq!(path, store.path(object));
    Ok(std::fs::read(path).unwrap())
}

pub(crate) fn fetch_only(store: &Store, address: &str) -> Result<Vec<u8>, Error> {
    let objects = list(store, address)?;
    assert_eq!(objects.len(), 1);
    fetch(store, &objects[0])
}

/// Bytes in which no two parts are the same.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    let words = (0..count as u64 / 4 + 1).flat_map(|number| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (mixed as u32).to_le_bytes()
    });
    words.take(count).collect()
}
