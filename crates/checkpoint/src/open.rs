//! Reading a checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kiln_learn::{Network, State, Stateful};
use kiln_run::{Manifest, RunFolder};
use kiln_tensor::{Device, Tensor, read_tensors};

use crate::migrations::{self, FORMAT_VERSION};
use crate::save::OPTIMIZER_VALUES;
use crate::{Checkpoints, Error, KIND, Result, TrainingState, file};

/// A checkpoint whose files have been found whole.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    state: TrainingState,
    manifest: Manifest,
}

impl Checkpoint {
    /// The checkpoint in a folder, or the best one of a run's folder.
    ///
    /// # Errors
    /// There is none, or its files are not what was written.
    pub fn open(path: &Path) -> Result<Self> {
        if RunFolder::is_run(path) {
            let run = RunFolder::open(path)?;
            return Checkpoints::new(&run.checkpoints())
                .best()?
                .ok_or_else(|| Error::None {
                    path: path.to_owned(),
                    problem: "this run has no checkpoint yet: train it first".to_owned(),
                });
        }
        Self::verified(path)
    }

    /// The checkpoint of exactly this folder, every file checked against its checksum.
    pub(crate) fn verified(path: &Path) -> Result<Self> {
        let manifest = Manifest::read(path)?;
        if manifest.kind != KIND {
            return Err(Error::None {
                path: path.to_owned(),
                problem: format!("this is a {}, not a checkpoint", manifest.kind),
            });
        }
        if !migrations::is_known(manifest.format_version) {
            return Err(Error::Version {
                path: path.to_owned(),
                found: manifest.format_version,
                known: FORMAT_VERSION,
                writer: manifest.written_by,
            });
        }
        manifest.verify(path)?;
        Ok(Self {
            state: read_state(path, manifest.format_version)?,
            path: path.to_owned(),
            manifest,
        })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the run stood.
    pub fn state(&self) -> &TrainingState {
        &self.state
    }

    /// What it comes from, by name, as it was written down: [`Belongings::origins`](crate::Belongings).
    pub fn origins(&self) -> &BTreeMap<String, String> {
        &self.manifest.inputs
    }

    /// A file that every checkpoint of the run holds, as text: `recipe.toml`.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn companion(&self, name: &str) -> Result<String> {
        let path = self.path.join(name);
        Ok(fs::read_to_string(&path).map_err(|error| kiln_run::Error::io(&path, error))?)
    }

    /// Whether it holds a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.path.join(name).is_file()
    }

    /// Put the weights into a network of the same recipe.
    ///
    /// # Errors
    /// They do not fit it.
    pub fn load_weights(&self, network: &mut Network) -> Result<()> {
        let device = network.device();
        let (tensors, _) = read_tensors(&self.path.join(file::MODEL), device)?;
        network
            .parameters
            .load(&tensors)
            .map_err(|source| Error::State {
                path: self.path.clone(),
                source: source.into(),
            })
    }

    /// Put weights, optimizer state and carry into the parts of a run of the same recipe.
    ///
    /// # Errors
    /// They do not fit.
    pub fn load_training(
        &self,
        network: &mut Network,
        optimizer: &mut dyn Stateful,
        carry: &mut [State],
    ) -> Result<()> {
        self.load_weights(network)?;
        let misfit = |source| Error::State {
            path: self.path.clone(),
            source,
        };
        let path = self.path.join(file::OPTIMIZER);
        let (tensors, metadata) = read_tensors(&path, network.device())?;
        let values = metadata.get(OPTIMIZER_VALUES).map_or("{}", String::as_str);
        let values = serde_json::from_str(values).map_err(|error| {
            kiln_run::Error::damaged(&path, format!("its metadata is no JSON object: {error}"))
        })?;
        optimizer
            .load(&network.parameters, &tensors, &values)
            .map_err(misfit)?;
        // An optimizer whose model is an average puts the weights that it trains into the masters.
        let refreshed = network.parameters.refresh();
        refreshed.map_err(|source| misfit(source.into()))?;
        if carry.is_empty() {
            return Ok(());
        }
        let path = self.path.join(file::CARRY);
        let (carried, _) = read_tensors(&path, Device::Cpu)?;
        let carried = migrations::carry(self.manifest.format_version, carried)?;
        let mut first = 0;
        for state in carry.iter_mut() {
            let rows = state.rows().unwrap_or(0);
            let own: BTreeMap<String, Tensor> = carried
                .iter()
                .filter(|(_, part)| part.size().first().is_some_and(|all| first + rows <= *all))
                .map(|(name, part)| (name.clone(), part.narrow(0, first, rows)))
                .collect();
            state.load(&own, network.device()).map_err(misfit)?;
            first += rows;
        }
        Ok(())
    }
}

/// The small part of a checkpoint, unchecked.
pub(crate) fn read_state(folder: &Path, version: u32) -> Result<TrainingState> {
    let path = folder.join(file::STATE);
    let bytes = fs::read(&path).map_err(|error| kiln_run::Error::io(&path, error))?;
    let damaged = |error: serde_json::Error| {
        kiln_run::Error::damaged(&path, format!("not a training state: {error}"))
    };
    let mut state = serde_json::from_slice(&bytes).map_err(damaged)?;
    migrations::state(version, &mut state);
    Ok(serde_json::from_value(state.into()).map_err(damaged)?)
}
