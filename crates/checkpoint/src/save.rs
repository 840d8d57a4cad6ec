//! Writing a checkpoint.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use kiln_learn::{Network, State, Stateful};
use kiln_run::atomic::StagedFolder;
use kiln_run::{Digest, DigestWriter, FileEntry, Manifest};
use kiln_tensor::{HostCopies, Tensor, write_tensors_to};

use crate::migrations::FORMAT_VERSION;
use crate::pace::{Pace, Paced};
use crate::{KIND, Result, TrainingState, file};

/// Files that are the same in every checkpoint of a run, by name: `recipe.toml`, `tokenizer.json`, `labels.json`, ...
pub type Companions = BTreeMap<String, Vec<u8>>;

/// What is the same in every checkpoint of a run.
#[derive(Clone, Debug, Default)]
pub struct Belongings {
    /// What is needed to use the model elsewhere.
    pub companions: Companions,
    /// What the model comes from: the hash or version of each input by name (corpus, tokenizer, recipe, program, libtorch, ...).
    pub origins: BTreeMap<String, String>,
}

/// What a checkpoint is made of.
pub struct Contents<'a> {
    /// The model.
    pub network: &'a Network,
    /// The optimizer.
    pub optimizer: &'a dyn Stateful,
    /// State carried from batch to batch, one for each micro-batch.
    pub carry: &'a [State],
    /// Where the run stands.
    pub state: &'a TrainingState,
    /// What every checkpoint of the run has.
    pub belongings: &'a Arc<Belongings>,
}

/// Contents as they were at one instant, in memory that is used again.
#[derive(Default)]
pub(crate) struct Frozen {
    model: HostCopies,
    optimizer: HostCopies,
    carry: HostCopies,
    values: String,
    pub(crate) state: TrainingState,
    belongings: Arc<Belongings>,
}

impl Frozen {
    /// Memory for contents of this shape.
    pub(crate) fn reserve(&mut self, contents: &Contents<'_>) -> Result<()> {
        let parameters = &contents.network.parameters;
        self.model.reserve(&parameters.named())?;
        let snapshot = contents.optimizer.save(parameters);
        self.optimizer.reserve(&snapshot.tensors)?;
        self.carry.reserve(&carried(contents.carry)?)?;
        Ok(())
    }

    /// Copy everything.
    pub(crate) fn take(&mut self, contents: &Contents<'_>) -> Result<()> {
        let parameters = &contents.network.parameters;
        self.model.take(&parameters.named())?;
        let snapshot = contents.optimizer.save(parameters);
        self.optimizer.take(&snapshot.tensors)?;
        self.values = serde_json::Value::Object(snapshot.values).to_string();
        self.carry.take(&carried(contents.carry)?)?;
        self.state = contents.state.clone();
        self.belongings = Arc::clone(contents.belongings);
        Ok(())
    }

    /// Write it to a folder that does not exist yet: beside it first, hashed as it is written, then renamed into place after
    /// `before` was done. Gives the number of bytes.
    pub(crate) fn write(
        &self,
        target: &Path,
        pace: &Pace,
        before: impl FnOnce() -> std::result::Result<(), kiln_run::Error>,
    ) -> Result<u64> {
        let staged = StagedFolder::new(target)?;
        let mut files = Files {
            folder: staged.path(),
            pace,
            entries: Vec::new(),
        };
        let none = BTreeMap::new();
        let metadata = BTreeMap::from([(OPTIMIZER_VALUES.to_owned(), self.values.clone())]);
        files.tensors(file::MODEL, &self.model, &none)?;
        files.tensors(file::OPTIMIZER, &self.optimizer, &metadata)?;
        if !self.carry.tensors().is_empty() {
            files.tensors(file::CARRY, &self.carry, &none)?;
        }
        for (name, bytes) in &self.belongings.companions {
            files.bytes(name, bytes)?;
        }
        let state = serde_json::to_vec_pretty(&self.state).map_err(|error| {
            kiln_run::Error::damaged(staged.path().join(file::STATE), error.to_string())
        })?;
        files.bytes(file::STATE, &state)?;
        let mut manifest = Manifest::new(KIND, FORMAT_VERSION);
        manifest.inputs = self.belongings.origins.clone();
        manifest.files = files.entries;
        manifest
            .files
            .sort_by(|one, other| one.name.cmp(&other.name));
        let bytes = manifest.files.iter().map(|file| file.bytes).sum();
        manifest.write(staged.path())?;
        before()?;
        staged.commit()?;
        Ok(bytes)
    }
}

/// The files of a folder in the making.
struct Files<'a> {
    folder: &'a Path,
    pace: &'a Pace,
    entries: Vec<FileEntry>,
}

impl Files<'_> {
    fn tensors(
        &mut self,
        name: &str,
        copies: &HostCopies,
        metadata: &BTreeMap<String, String>,
    ) -> Result<()> {
        let path = self.folder.join(name);
        self.write(name, |writer| {
            Ok(write_tensors_to(writer, &path, copies.tensors(), metadata)?)
        })
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        self.write(name, |writer| {
            let written = writer.write_all(bytes);
            Ok(written.map_err(|error| kiln_run::Error::io(&path, error))?)
        })
    }

    fn write(
        &mut self,
        name: &str,
        contents: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        let path = self.folder.join(name);
        let file = File::create(&path).map_err(|error| kiln_run::Error::io(&path, error))?;
        let mut writer = DigestWriter::new(Paced::new(file, self.pace));
        contents(&mut writer)?;
        let (_, bytes, blake3): (_, u64, Digest) = writer.finish();
        self.entries.push(FileEntry {
            name: name.to_owned(),
            bytes,
            blake3,
        });
        Ok(())
    }
}

/// Metadata key of the optimizer's numbers and words.
pub(crate) const OPTIMIZER_VALUES: &str = "values";

/// The state of all rows, whatever the micro-batches that they are in.
fn carried(carry: &[State]) -> Result<Vec<(String, Tensor)>> {
    let Some(first) = carry.first() else {
        return Ok(Vec::new());
    };
    let parts = first.parts().iter().enumerate();
    parts
        .map(|(index, (name, part))| {
            if carry.len() == 1 {
                return Ok((name.clone(), part.shallow_clone()));
            }
            let rows: Vec<&Tensor> = carry.iter().map(|state| state.part(index)).collect();
            let all = Tensor::f_cat(&rows, 0).map_err(kiln_tensor::Error::from)?;
            Ok((name.clone(), all))
        })
        .collect()
}
