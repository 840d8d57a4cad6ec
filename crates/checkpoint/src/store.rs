//! A run's checkpoints: which there are, which is best, which are kept.

use std::fs;
use std::path::{Path, PathBuf};

use kiln_run::{Manifest, atomic};

use crate::open::read_state;
use crate::pace::Pace;
use crate::save::Frozen;
use crate::{Checkpoint, Result, Retention};

/// The folder of a run's checkpoints, `step-00000250` and so on.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    pub(crate) folder: PathBuf,
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

    /// Whether there is one of a step.
    pub(crate) fn has(&self, step: u64) -> bool {
        self.path(step).exists()
    }

    /// Write a checkpoint of the state's step; `before` is done before it gets its name. Gives its folder and its bytes.
    pub(crate) fn write(
        &self,
        frozen: &Frozen,
        pace: &Pace,
        before: impl FnOnce() -> std::result::Result<(), kiln_run::Error>,
    ) -> Result<(PathBuf, u64)> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| kiln_run::Error::io(&self.folder, error))?;
        let target = self.path(frozen.state.step);
        let bytes = frozen.write(&target, pace, before)?;
        Ok((target, bytes))
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

    /// The checkpoint with the best measure ([`TrainingState::best`](crate::TrainingState) says which), the newest where none was
    /// made; damaged ones are passed over.
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

    /// Remove all but those that are to stay, and the best.
    ///
    /// # Errors
    /// One could not be removed.
    pub fn retain(&self, retention: Retention) -> Result<()> {
        let best = self.by_quality()?.first().copied();
        for step in retention.old(&self.steps()?, best) {
            let path = self.path(step);
            // Under a temporary name first: a half-removed folder never looks like a checkpoint.
            let doomed = self.folder.join(format!(".tmp-old-{step}"));
            fs::rename(&path, &doomed)
                .and_then(|()| fs::remove_dir_all(&doomed))
                .map_err(|error| kiln_run::Error::io(&path, error))?;
        }
        Ok(())
    }

    /// Steps from the best on, of equals the first; those without a measure after those with, newest first.
    fn by_quality(&self) -> Result<Vec<u64>> {
        let mut steps: Vec<(f64, u64)> = self
            .steps()?
            .into_iter()
            .map(|step| {
                let path = self.path(step);
                let manifest = Manifest::read(&path).ok();
                let state =
                    manifest.and_then(|manifest| read_state(&path, manifest.format_version).ok());
                let rank = state.and_then(|state| state.rank());
                (rank.unwrap_or(f64::INFINITY), step)
            })
            .collect();
        steps.sort_by(|(a, s), (b, t)| {
            let order = if a.is_finite() { s.cmp(t) } else { t.cmp(s) };
            a.total_cmp(b).then(order)
        });
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
    use crate::{Belongings, Best, Companions, Contents, Saver, TrainingState};

    const KEEP_ALL: Retention = Retention {
        newest: 99,
        every_steps: None,
    };

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

    fn state(step: u64, loss: Option<f64>) -> TrainingState {
        TrainingState {
            step,
            measures: loss
                .into_iter()
                .map(|loss| ("validation_loss".to_owned(), loss))
                .collect(),
            best: loss.map(|value| Best {
                measure: "validation_loss".to_owned(),
                higher_is_better: false,
                value,
                step,
            }),
            ..TrainingState::default()
        }
    }

    fn belongings() -> std::sync::Arc<Belongings> {
        std::sync::Arc::new(Belongings {
            companions: Companions::from([("recipe.toml".to_owned(), b"seed = 1\n".to_vec())]),
            origins: BTreeMap::from([("tokenizer".to_owned(), "abc".to_owned())]),
        })
    }

    /// Two micro-batches of two rows.
    fn carries(step: u64) -> [State; 2] {
        [carry(step as f64), carry(step as f64 + 0.5)]
    }

    fn save_with(saver: &mut Saver, step: u64, loss: Option<f64>) {
        let contents = Contents {
            network: &network(step as f64),
            optimizer: &Counter(step as i64),
            carry: &carries(step),
            state: &state(step, loss),
            belongings: &belongings(),
        };
        let earlier = saver.save(&contents, Box::new(|| Ok(()))).unwrap();
        assert!(earlier.is_none_or(|outcome| outcome.is_ok()));
    }

    fn save(checkpoints: &Checkpoints, step: u64, loss: Option<f64>) {
        let mut saver = Saver::new(checkpoints, KEEP_ALL).unwrap();
        save_with(&mut saver, step, loss);
        let saved = saver.wait().unwrap().unwrap();
        assert_eq!(saved.path, checkpoints.path(step));
        assert!(saver.wait().is_none() && saver.poll().is_none());
    }

    /// A checkpoint as the first format had it: held-out loss alone, and a carry for each micro-batch.
    fn write_format_1(checkpoints: &Checkpoints, step: u64) {
        save(checkpoints, step, None);
        let folder = checkpoints.path(step);
        let none = BTreeMap::new();
        let numbered: Vec<(String, Tensor)> = carries(step)
            .iter()
            .enumerate()
            .map(|(index, state)| (format!("{index}.hidden.0"), state.part(0).shallow_clone()))
            .collect();
        kiln_tensor::write_tensors(&folder.join("carry.safetensors"), &numbered, &none).unwrap();
        let old = r#"{"step": 7, "position": 42, "tokens": 99, "seconds": 1.5, "validation_loss": 1.25,
            "best_validation_loss": 1.125, "loss_average": [1.0, 2.0, 3], "data": "d", "tokenizer": "t",
            "written_by": "kiln 0.1.0", "threads": 2, "processor": "p", "arithmetic": "a"}"#;
        fs::write(folder.join("state.json"), old).unwrap();
        fs::remove_file(folder.join("manifest.json")).unwrap();
        let manifest = Manifest::describe(&folder, "checkpoint", 1).unwrap();
        manifest.write(&folder).unwrap();
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
        assert_eq!(checkpoint.origins()["tokenizer"], "abc");
        let mut carried = [carry(0.0), carry(0.0)];
        let (mut network, mut counter) = (network(0.0), Counter(0));
        checkpoint
            .load_training(&mut network, &mut counter, &mut carried)
            .unwrap();
        assert_eq!(
            network.parameters.named()[0].1,
            Tensor::from_slice(&[7.0f32; 4])
        );
        assert_eq!(counter.0, 7);
        assert_eq!(carried[0].part(0), &Tensor::from_slice(&[7.0, 7.0]));
        assert_eq!(carried[1].part(0), &Tensor::from_slice(&[7.5, 7.5]));
    }

    #[test]
    fn a_carry_may_be_cut_otherwise_and_must_have_all_rows() {
        let (_folder, checkpoints) = fresh();
        save(&checkpoints, 7, None);
        let checkpoint = checkpoints.newest().unwrap().unwrap();
        let rows = |count: i64| {
            let zeros = Tensor::zeros([count], (kiln_tensor::Kind::Double, Device::Cpu));
            State::new(vec![("hidden.0".to_owned(), zeros)])
        };
        let load = |carried: &mut [State]| {
            checkpoint.load_training(&mut network(0.0), &mut Counter(0), carried)
        };
        let mut one_by_one = [1, 1, 1, 1].map(rows);
        load(&mut one_by_one).unwrap();
        let values: Vec<f64> = one_by_one
            .iter()
            .map(|state| f64::try_from(state.part(0)).unwrap())
            .collect();
        assert_eq!(values, [7.0, 7.0, 7.5, 7.5]);
        assert!(load(&mut [3, 2].map(rows)).is_err());
    }

    #[test]
    fn a_checkpoint_of_the_first_format_opens() {
        let (_folder, checkpoints) = fresh();
        write_format_1(&checkpoints, 7);
        let checkpoint = checkpoints.newest().unwrap().unwrap();
        let state = checkpoint.state();
        assert_eq!((state.step, state.position, state.threads), (7, 42, 2));
        assert_eq!(state.measures["validation_loss"], 1.25);
        assert_eq!(state.best.as_ref().unwrap().value, 1.125);
        assert_eq!(state.rank(), Some(1.25));
        assert_eq!(state.loss_average, (1.0, 2.0, 3));
        let mut carried = [carry(0.0), carry(0.0)];
        checkpoint
            .load_training(&mut network(0.0), &mut Counter(0), &mut carried)
            .unwrap();
        assert_eq!(carried[1].part(0), &Tensor::from_slice(&[7.5, 7.5]));
        // Best of a run whose newer checkpoints are of the present format.
        save(&checkpoints, 9, Some(2.0));
        assert_eq!(checkpoints.best().unwrap().unwrap().state().step, 7);
    }

    #[test]
    fn contents_are_those_of_the_instant_of_the_save() {
        let (_folder, checkpoints) = fresh();
        let mut saver = Saver::new(&checkpoints, KEEP_ALL).unwrap();
        let network = network(3.0);
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let contents = Contents {
            network: &network,
            optimizer: &Counter(3),
            carry: &[],
            state: &state(3, None),
            belongings: &belongings(),
        };
        let before = Box::new(move || {
            wait.recv().unwrap();
            Ok(())
        });
        saver.reserve(&contents).unwrap();
        saver.save(&contents, before).unwrap();
        assert!(saver.poll().is_none());
        assert!(checkpoints.steps().unwrap().is_empty(), "no name yet");
        let _ = network.parameters.masters().shallow_clone().fill_(4.0);
        go.send(()).unwrap();
        saver.wait().unwrap().unwrap();
        let checkpoint = checkpoints.newest().unwrap().unwrap();
        let mut read = self::network(0.0);
        checkpoint.load_weights(&mut read).unwrap();
        assert_eq!(
            read.parameters.named()[0].1,
            Tensor::from_slice(&[3.0f32; 4])
        );
    }

    #[test]
    fn a_save_that_fails_says_so_later_and_the_next_one_is_written() {
        let (_folder, checkpoints) = fresh();
        let mut saver = Saver::new(&checkpoints, KEEP_ALL).unwrap();
        save_with(&mut saver, 1, None);
        saver.wait().unwrap().unwrap();
        let contents = Contents {
            network: &network(2.0),
            optimizer: &Counter(2),
            carry: &[],
            state: &state(2, None),
            belongings: &belongings(),
        };
        let full = || {
            Err(kiln_run::Error::io(
                "metrics.jsonl",
                std::io::ErrorKind::StorageFull.into(),
            ))
        };
        saver.save(&contents, Box::new(full)).unwrap();
        let failed = saver.wait().unwrap().unwrap_err();
        assert_eq!(failed.step, 2);
        assert!(failed.error.to_string().contains("no space left"));
        // Nothing half-written, the one before is whole, and there is room for the next.
        assert_eq!(fs::read_dir(&checkpoints.folder).unwrap().count(), 1);
        save_with(&mut saver, 3, None);
        drop(saver);
        assert_eq!(checkpoints.steps().unwrap(), [1, 3]);
    }

    #[test]
    fn more_may_be_better() {
        let (_folder, checkpoints) = fresh();
        for (step, accuracy) in [(1, 0.5), (2, 0.75), (3, 0.25), (4, 0.75)] {
            let best = Best {
                measure: "accuracy".to_owned(),
                higher_is_better: true,
                value: 0.75,
                step: 2,
            };
            let state = TrainingState {
                step,
                measures: BTreeMap::from([("accuracy".to_owned(), accuracy)]),
                best: Some(best),
                ..TrainingState::default()
            };
            let contents = Contents {
                network: &network(0.0),
                optimizer: &Counter(0),
                carry: &[],
                state: &state,
                belongings: &belongings(),
            };
            let mut saver = Saver::new(&checkpoints, KEEP_ALL).unwrap();
            saver.save(&contents, Box::new(|| Ok(()))).unwrap();
        }
        assert_eq!(checkpoints.best().unwrap().unwrap().state().step, 2);
    }

    #[test]
    fn the_newest_few_and_the_best_are_kept() {
        let (_folder, checkpoints) = fresh();
        let retention = Retention {
            newest: 2,
            every_steps: None,
        };
        let mut saver = Saver::new(&checkpoints, retention).unwrap();
        for (step, loss) in [
            (1, Some(3.0)),
            (2, Some(1.0)),
            (3, Some(2.0)),
            (4, None),
            (5, Some(2.5)),
        ] {
            save_with(&mut saver, step, loss);
        }
        drop(saver);
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
            error.contains("a checkpoint of format 9, this kiln reads 2"),
            "{error}"
        );
        assert_eq!(checkpoints.steps().unwrap(), [1]);
    }
}
