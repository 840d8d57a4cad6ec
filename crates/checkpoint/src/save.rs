//! Writing a checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use kiln_learn::{Network, State, Stateful};
use kiln_run::atomic::StagedFolder;
use kiln_run::{Manifest, atomic};
use kiln_tensor::{Tensor, write_tensors};

use crate::{FORMAT_VERSION, KIND, Result, TrainingState, file};

/// Files that are the same in every checkpoint of a run, by name: `recipe.toml`, `tokenizer.json`, `labels.json`, ...
pub type Companions = BTreeMap<String, Vec<u8>>;

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
    /// What is needed to use the model elsewhere.
    pub companions: &'a Companions,
}

/// Write a checkpoint to a folder that does not exist yet: beside it first, then renamed into place.
pub(crate) fn save(target: &Path, contents: &Contents<'_>) -> Result<()> {
    let staged = StagedFolder::new(target)?;
    let folder = staged.path();
    let none = BTreeMap::new();
    let parameters = &contents.network.parameters;
    write_tensors(&folder.join(file::MODEL), &parameters.named(), &none)?;
    let snapshot = contents.optimizer.save(parameters);
    let values = serde_json::Value::Object(snapshot.values).to_string();
    let metadata = BTreeMap::from([(OPTIMIZER_VALUES.to_owned(), values)]);
    write_tensors(&folder.join(file::OPTIMIZER), &snapshot.tensors, &metadata)?;
    if !contents.carry.is_empty() {
        write_tensors(&folder.join(file::CARRY), &carried(contents.carry), &none)?;
    }
    for (name, bytes) in contents.companions {
        atomic::write(&folder.join(name), bytes)?;
    }
    let path = folder.join(file::STATE);
    let state = serde_json::to_vec_pretty(contents.state)
        .map_err(|error| kiln_run::Error::damaged(&path, error.to_string()))?;
    atomic::write(&path, &state)?;
    Manifest::describe(folder, KIND, FORMAT_VERSION)?.write(folder)?;
    staged.commit()?;
    Ok(())
}

/// Metadata key of the optimizer's numbers and words.
pub(crate) const OPTIMIZER_VALUES: &str = "values";

fn carried(carry: &[State]) -> Vec<(String, Tensor)> {
    let states = carry.iter().enumerate();
    states
        .flat_map(|(index, state)| {
            let parts = state.parts().iter();
            parts.map(move |(name, part)| (format!("{index}.{name}"), part.shallow_clone()))
        })
        .collect()
}
