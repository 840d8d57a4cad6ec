//! A run's checkpoints: which there are, which is best, which are kept.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_run::atomic;

use crate::open::read_state;
use crate::save::{Contents, save};
use crate::{Checkpoint, Result};

/// The folder of a run's checkpoints, `step-00000250` and so on.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
}

const PREFIX: &str = "step-";

impl Checkpoints {
    /// The checkpoints in a folder, which need not exist yet.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Steps that have a finished checkpoint, in order.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(kiln_run::Error::io(&self.folder, error).into()),
        };
        let mut steps = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| kiln_run::Error::io(&self.folder, error))?;
            let name = entry.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            steps.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
        steps.sort_unstable();
        Ok(steps)
    }

    /// Save a checkpoint of the state's step; one that is there already is the same and stays.
    ///
    /// # Errors
    /// It could not be written; the ones before are untouched.
    pub fn save(&self, contents: &Contents<'_>) -> Result<PathBuf> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| kiln_run::Error::io(&self.folder, error))?;
        let target = self.path(contents.state.step);
        if !target.exists() {
            save(&target, contents)?;
        }
        Ok(target)
    }

    /// The newest checkpoint that is whole. One that is not is set aside under another name and said so.
    ///
    /// # Errors
    /// The folder or a checkpoint in it cannot be read or changed; all checkpoints are damaged, so that a run would begin anew
    /// in silence.
    pub fn newest(&self) -> Result<Option<Checkpoint>> {
        if self.folder.exists() {
            atomic::remove_leftovers(&self.folder)?;
        }
        let mut damaged = None;
        for step in self.steps()?.into_iter().rev() {
            let path = self.path(step);
            match Checkpoint::verified(&path) {
                Ok(checkpoint) => return Ok(Some(checkpoint)),
                Err(error) if error.is_damage() => {
                    let aside = self.set_aside(&path)?;
                    tracing::warn!(
                        "{error}; moved to {}, going on with the checkpoint before it",
                        aside.display()
                    );
                    damaged = Some(error);
                }
                // A file that cannot be read now may be whole.
                Err(error) => return Err(error),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// The checkpoint with the lowest held-out loss, the newest where none was measured; damaged ones are passed over.
    ///
    /// # Errors
    /// The folder cannot be read, or every checkpoint in it is damaged.
    pub fn best(&self) -> Result<Option<Checkpoint>> {
        let mut damaged = None;
        for step in self.by_quality()? {
            match Checkpoint::verified(&self.path(step)) {
                Ok(checkpoint) => return Ok(Some(checkpoint)),
                Err(error) => {
                    tracing::warn!("{error}; passed over");
                    damaged = Some(error);
                }
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// Remove all but the newest `keep` and the best.
    ///
    /// # Errors
    /// One could not be removed.
    pub fn retain(&self, keep: usize) -> Result<()> {
        let steps = self.steps()?;
        let best = self.by_quality()?.first().copied();
        let old = steps.len().saturating_sub(keep.max(1));
        for &step in &steps[..old] {
            if Some(step) != best {
                let path = self.path(step);
                // Under a temporary name first: a half-removed folder never looks like a checkpoint.
                let doomed = self.folder.join(format!(".tmp-old-{step}"));
                fs::rename(&path, &doomed)
                    .and_then(|()| fs::remove_dir_all(&doomed))
                    .map_err(|error| kiln_run::Error::io(&path, error))?;
            }
        }
        Ok(())
    }

    /// Steps from the best held-out loss on; those without one after those with, newest first.
    fn by_quality(&self) -> Result<Vec<u64>> {
        let mut steps: Vec<(f64, u64)> = self
            .steps()?
            .into_iter()
            .map(|step| {
                let state = read_state(&self.path(step)).ok();
                let loss = state.and_then(|state| state.validation_loss);
                (loss.unwrap_or(f64::INFINITY), step)
            })
            .collect();
        steps.sort_by(|(a, s), (b, t)| a.total_cmp(b).then(t.cmp(s)));
        Ok(steps.into_iter().map(|(_, step)| step).collect())
    }

    fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("{PREFIX}{step:08}"))
    }

    fn set_aside(&self, path: &Path) -> Result<PathBuf> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = (0..)
            .map(|number| self.folder.join(format!("damaged-{number}-{name}")))
            .find(|aside| !aside.exists())
            .unwrap_or_else(|| path.to_owned());
        fs::rename(path, &aside).map_err(|error| kiln_run::Error::io(path, error))?;
        Ok(aside)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kiln_learn::{
        Context, Head, Inputs, LinearView, Model, Network, Output, Snapshot, State, Stateful,
    };
    use kiln_tensor::{Builder, Device, Draws, Init, Parameters, Precision, Role, Tensor};

    use super::*;
    use crate::{Companions, TrainingState};

    struct Nothing;

    impl Model for Nothing {
        fn forward(
            &self,
            inputs: &Inputs,
            _: Option<&mut State>,
            _: &Context,
        ) -> kiln_learn::Result<Output> {
            Ok(Output::of(inputs.ids.shallow_clone()))
        }
        fn new_state(&self, _: i64, _: i64) -> Option<State> {
            None
        }
        fn context_limit(&self) -> Option<i64> {
            None
        }
        fn carries_state(&self) -> bool {
            false
        }
        fn operations_per_token(&self, _: i64) -> f64 {
            0.0
        }
    }

    struct NoHead(Tensor);

    impl Head for NoHead {
        fn linear(&self) -> LinearView<'_> {
            LinearView {
                weight: &self.0,
                bias: None,
                cap: None,
            }
        }
    }

    struct Counter(i64);

    impl Stateful for Counter {
        fn save(&self, _: &Parameters) -> Snapshot {
            Snapshot {
                tensors: vec![("count".to_owned(), Tensor::from_slice(&[self.0]))],
                values: serde_json::Map::new(),
            }
        }
        fn load(
            &mut self,
            _: &Parameters,
            tensors: &BTreeMap<String, Tensor>,
            _: &serde_json::Map<String, serde_json::Value>,
        ) -> kiln_learn::Result<()> {
            self.0 = i64::try_from(&tensors["count"]).unwrap();
            Ok(())
        }
    }

    fn network(value: f64) -> Network {
        let mut builder = Builder::new(Device::Cpu, Draws::new(0));
        let _ = builder.parameter("weight", &[4], Role::Matrix, Init::Constant(value));
        Network {
            trunk: Box::new(Nothing),
            head: Box::new(NoHead(Tensor::new())),
            parameters: builder.finish(Precision::Fp32).unwrap(),
        }
    }

    fn carry(value: f64) -> State {
        State::new(vec![(
            "hidden.0".to_owned(),
            Tensor::from_slice(&[value, value]),
        )])
    }

    fn save(checkpoints: &Checkpoints, step: u64, loss: Option<f64>) {
        let state = TrainingState {
            step,
            validation_loss: loss,
            ..TrainingState::default()
        };
        let companions = Companions::from([("recipe.toml".to_owned(), b"seed = 1\n".to_vec())]);
        let contents = Contents {
            network: &network(step as f64),
            optimizer: &Counter(step as i64),
            carry: &[carry(step as f64)],
            state: &state,
            companions: &companions,
        };
        checkpoints.save(&contents).unwrap();
    }

    fn fresh() -> (tempfile::TempDir, Checkpoints) {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::new(&folder.path().join("checkpoints"));
        (folder, checkpoints)
    }

    #[test]
    fn all_parts_come_back() {
        let (_folder, checkpoints) = fresh();
        assert!(checkpoints.newest().unwrap().is_none());
        save(&checkpoints, 7, Some(1.5));
        let checkpoint = checkpoints.newest().unwrap().unwrap();
        assert_eq!(checkpoint.state().step, 7);
        assert_eq!(checkpoint.companion("recipe.toml").unwrap(), "seed = 1\n");
        let (mut network, mut counter, mut carried) = (network(0.0), Counter(0), [carry(0.0)]);
        checkpoint
            .load_training(&mut network, &mut counter, &mut carried)
            .unwrap();
        assert_eq!(
            network.parameters.named()[0].1,
            Tensor::from_slice(&[7.0f32; 4])
        );
        assert_eq!(counter.0, 7);
        assert_eq!(carried[0].part(0), &Tensor::from_slice(&[7.0, 7.0]));
    }

    #[test]
    fn the_newest_few_and_the_best_are_kept() {
        let (_folder, checkpoints) = fresh();
        for (step, loss) in [
            (1, Some(3.0)),
            (2, Some(1.0)),
            (3, Some(2.0)),
            (4, None),
            (5, Some(2.5)),
        ] {
            save(&checkpoints, step, loss);
            checkpoints.retain(2).unwrap();
        }
        assert_eq!(checkpoints.steps().unwrap(), [2, 4, 5]);
        assert_eq!(checkpoints.best().unwrap().unwrap().state().step, 2);
        assert_eq!(checkpoints.newest().unwrap().unwrap().state().step, 5);
    }

    #[test]
    fn a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used() {
        for name in [
            "model.safetensors",
            "optimizer.safetensors",
            "carry.safetensors",
            "state.json",
            "manifest.json",
        ] {
            for damage in ["cut", "flipped", "gone"] {
                let (_folder, checkpoints) = fresh();
                save(&checkpoints, 1, None);
                save(&checkpoints, 2, None);
                let path = checkpoints.path(2).join(name);
                let mut bytes = fs::read(&path).unwrap();
                match damage {
                    "cut" => bytes.truncate(bytes.len() - 1),
                    "flipped" => bytes[0] ^= 1,
                    _ => fs::remove_file(&path).unwrap(),
                }
                if damage != "gone" {
                    fs::write(&path, bytes).unwrap();
                }
                let used = checkpoints.newest().unwrap().unwrap();
                if name == "manifest.json" && damage == "cut" {
                    // The last byte of the manifest is a line end: nothing is lost.
                    assert_eq!(used.state().step, 2);
                    continue;
                }
                assert_eq!(used.state().step, 1, "{name} {damage}");
                assert_eq!(checkpoints.steps().unwrap(), [1]);
                save(&checkpoints, 2, None); // the place is free again
            }
        }
    }

    #[test]
    fn a_run_whose_checkpoints_are_all_damaged_does_not_begin_anew_in_silence() {
        let (_folder, checkpoints) = fresh();
        save(&checkpoints, 1, None);
        fs::write(checkpoints.path(1).join("model.safetensors"), b"").unwrap();
        let error = checkpoints.newest().unwrap_err().to_string();
        assert!(error.contains("model.safetensors"), "{error}");
        // Said once: the damaged one lies aside, and the next start is a new one.
        assert!(checkpoints.newest().unwrap().is_none());
    }

    #[test]
    fn a_later_format_is_refused_with_both_versions() {
        let (_folder, checkpoints) = fresh();
        save(&checkpoints, 1, None);
        let mut manifest = kiln_run::Manifest::read(&checkpoints.path(1)).unwrap();
        manifest.format_version = 9;
        manifest.write(&checkpoints.path(1)).unwrap();
        let error = checkpoints.newest().unwrap_err().to_string();
        assert!(
            error.contains("a checkpoint of format 9, this kiln reads 1"),
            "{error}"
        );
        assert_eq!(checkpoints.steps().unwrap(), [1]);
    }
}
