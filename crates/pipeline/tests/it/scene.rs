//! A place with a recipe, sources and runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kiln_pipeline::{Error, Prepared, open_run, prepare};
use kiln_recipe::Recipe;
use kiln_run::{Progress, Silent, StopFlag};

/// A temporary folder with sources and a recipe.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
    recipe: String,
}

/// A corpus of generated stories, in many small chunks.
pub(crate) const STORIES: &str = r#"
    [corpus]
    sources = [{ format = "stories", documents = 300 }]
    chunk_bytes = 40000
    [tokenizer]
    kind = "bpe"
    vocabulary_size = 300
    [task]
    kind = "language-model"
    [dataset]
    context_length = 16
    [optimizer]
    learning_rate = 1e-3
"#;

impl Scene {
    pub(crate) fn new(recipe: &str) -> Self {
        Self {
            // In memory where there is such a folder: the many syncs to a disk are not what is tested.
            folder: tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap(),
            recipe: recipe.to_owned(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    pub(crate) fn recipe(&self, overrides: &[&str]) -> Recipe {
        self.write("recipe.toml", &self.recipe);
        let overrides: Vec<_> = overrides.iter().map(|text| (*text).to_owned()).collect();
        Recipe::load(&self.path("recipe.toml"), &overrides).unwrap()
    }

    /// Prepare in a run folder of this name.
    pub(crate) fn prepare(&self, run: &str, overrides: &[&str]) -> Result<Prepared, Error> {
        self.prepare_with(run, overrides, &Silent, &StopFlag::new())
    }

    pub(crate) fn prepare_with(
        &self,
        run: &str,
        overrides: &[&str],
        progress: &dyn Progress,
        stop: &StopFlag,
    ) -> Result<Prepared, Error> {
        let recipe = self.recipe(overrides);
        let run = open_run(&recipe, &self.path(run))?;
        prepare(&recipe, &run, progress, stop)
    }
}

/// The contents of all files below a folder, by name.
pub(crate) fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files.remove("lock");
    files
}

/// Names and contents of two folders are the same, to the byte.
pub(crate) fn assert_same_contents(one: &Path, other: &Path) {
    let (one, other) = (contents(one), contents(other));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name} differs");
    }
}
