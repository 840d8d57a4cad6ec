//! Whole runs over a linear model: what goes wrong is planted, and what should come of it is known.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use kiln_checkpoint::{Belongings, Retention};
use kiln_learn::{
    Context, DeviceBatch, Error as LearnError, Evaluation, Head, Inputs, LossSum, Model, Network,
    Objective, Output, Result as Learned, Schedule, State,
};
use kiln_run::{Record, Unit, read_metrics};
use kiln_tensor::{Draws, Kind, Tensor};
use kiln_tokens::{Batch, BatchSource, Column, SamplePosition, column};

use super::*;
use crate::fixture::{Descent, Products, network};
use crate::{EarlyStopping, Sizes, Warmup};

/// A row has four ids; its number of targets and their values depend on its place.
struct Rows;

impl BatchSource for Rows {
    fn rows(&self, at: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let (mut ids, mut targets) = (Vec::new(), Vec::new());
        let mut scored = 0;
        for row in at.0..at.0 + count as u64 {
            for place in 0..4 {
                ids.push(((row + place) % 3) as i64);
                let used = place <= row % 4;
                scored += u64::from(used);
                let value = 1 + ((7 * row + place) % 5) as i64;
                targets.push(if used { value } else { kiln_tokens::IGNORED });
            }
        }
        Ok(Batch::new(count, scored)
            .with(column::INPUTS, Column::ids(count, ids))
            .with(column::TARGETS, Column::ids(count, targets)))
    }
    fn rows_per_epoch(&self) -> u64 {
        1000
    }
    fn identity(&self) -> String {
        "rows".to_owned()
    }
}

/// The same rows without some: what a run should learn from that passes over them.
struct Without(std::ops::Range<u64>);

impl BatchSource for Without {
    fn rows(&self, at: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let gap = self.0.end - self.0.start;
        let moved = if at.0 >= self.0.start {
            at.0 + gap
        } else {
            at.0
        };
        Rows.rows(SamplePosition(moved), count)
    }
    fn rows_per_epoch(&self) -> u64 {
        1000
    }
    fn identity(&self) -> String {
        "rows".to_owned()
    }
}

/// The loss, and none where a batch's first row is one that is marked: as a function of the data.
struct Planted {
    /// Sum of inputs and targets of the marked batch.
    marks: Vec<i64>,
}

fn sum_of(batch: &Batch) -> i64 {
    let of = |name| {
        batch
            .column(name)
            .unwrap()
            .as_ids()
            .unwrap()
            .iter()
            .sum::<i64>()
    };
    of(column::INPUTS) * 1_000_003 + of(column::TARGETS)
}

impl Planted {
    fn at(rows: &[(u64, usize)]) -> Self {
        let marks = rows.iter().map(|(at, count)| {
            let batch = Rows.rows(SamplePosition(*at), *count).unwrap();
            sum_of(&batch)
        });
        Self {
            marks: marks.collect(),
        }
    }
}

impl Objective for Planted {
    fn loss(&self, head: &dyn Head, output: &Output, batch: &DeviceBatch) -> Learned<LossSum> {
        let of = |name| i64::try_from(&batch.ids(name)?.sum(Kind::Int64)).map_err(LearnError::from);
        let sum = of(column::INPUTS)? * 1_000_003 + of(column::TARGETS)?;
        let mut loss = Products.loss(head, output, batch)?;
        if self.marks.contains(&sum) {
            loss.sum *= f64::NAN;
        }
        Ok(loss)
    }
}

/// A model that has no memory for more than so many rows.
struct Narrow {
    model: Box<dyn Model>,
    most: i64,
    passes: Arc<AtomicU64>,
}

impl Model for Narrow {
    fn forward(
        &self,
        inputs: &Inputs,
        state: Option<&mut State>,
        context: &Context,
    ) -> Learned<Output> {
        self.passes.fetch_add(1, Ordering::Relaxed);
        let output = self.model.forward(inputs, state, context)?;
        // Late in the pass, when the state has changed already.
        if inputs.ids.size()[0] > self.most {
            let said = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes";
            return Err(kiln_tensor::Error::Torch(said.to_owned()).into());
        }
        Ok(output)
    }
    fn new_state(&self, rows: i64, capacity: i64) -> Option<State> {
        self.model.new_state(rows, capacity)
    }
    fn context_limit(&self) -> Option<i64> {
        None
    }
    fn carries_state(&self) -> bool {
        true
    }
    fn operations_per_token(&self, _: i64) -> f64 {
        0.0
    }
}

struct Falling;

impl Schedule for Falling {
    fn rates(&self, step: u64, total: u64) -> Rates {
        Rates {
            learning_rate: 1.0 - step as f64 / total as f64,
        }
    }
}

/// Held-out losses in order, the last one again and again.
struct Scores(Vec<f64>, usize);

impl Evaluation for Scores {
    fn evaluate(&mut self, _: &Network) -> Learned<Measures> {
        let loss = self.0.get(self.1).or(self.0.last()).copied();
        self.1 += 1;
        Ok(vec![
            ("validation_loss".to_owned(), loss.unwrap_or(1.0)),
            ("accuracy".to_owned(), 0.5),
        ])
    }
}

/// What a run said.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn begin(&self, _: &str, _: Option<u64>, _: Unit) {}
    fn advance(&self, _: u64) {}
    fn record(&self, _: &Record) {}
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
    fn end(&self) {}
}

/// A run to be made, in a folder of its own.
struct Case {
    folder: tempfile::TempDir,
    heard: Heard,
    plan: Plan,
    marks: Vec<(u64, usize)>,
    source: Arc<dyn BatchSource>,
    scores: Vec<f64>,
    most_rows: i64,
    passes: Arc<AtomicU64>,
    stop: StopFlag,
}

impl Case {
    fn new(total_steps: u64) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            heard: Heard::default(),
            plan: Plan {
                total_steps,
                sizes: Sizes {
                    context: 4,
                    ..Sizes::fixed(4)
                },
                micro_rows: 2,
                carry: true,
                activation_checkpointing: false,
                log_every: 1,
                evaluate_every: None,
                save_every: Some(3),
                save_every_minutes: None,
                retention: Retention {
                    newest: 9,
                    every_steps: None,
                },
                best: "validation_loss".to_owned(),
                early_stopping: None,
                not_finite: NotFinite::Skip,
                max_rollbacks: 2,
                profile: None,
                tokenizer: "t".to_owned(),
                arithmetic: "a".to_owned(),
                operations: None,
            },
            marks: Vec::new(),
            source: Arc::new(Rows),
            scores: vec![1.0],
            most_rows: 99,
            passes: Arc::default(),
            stop: StopFlag::new(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("run").join(name)
    }

    fn run(&self) -> Result<Finished, Error> {
        let path = self.path("");
        let run = RunFolder::open_or_create(&path, "", |_| None).unwrap();
        let mut network = network(0.5);
        network.trunk = Box::new(Narrow {
            model: network.trunk,
            most: self.most_rows,
            passes: Arc::clone(&self.passes),
        });
        let parts = Parts {
            network,
            objective: Box::new(Planted::at(&self.marks)),
            optimizer: Box::new(Descent),
            schedule: Box::new(Falling),
            clip: Box::new(|parameters| Ok(parameters.gradients().f_norm()?)),
            source: self.source.clone(),
            evaluation: Box::new(Scores(self.scores.clone(), 0)),
            draws: Draws::new(1),
            belongings: Arc::new(Belongings::default()),
        };
        Trainer::new(parts, self.plan.clone(), &run, &self.heard, &self.stop)?.run()
    }

    fn said(&self, words: &str) -> usize {
        let heard = self.heard.0.lock().unwrap();
        heard.iter().filter(|line| line.contains(words)).count()
    }

    fn steps(&self) -> Vec<u64> {
        Checkpoints::new(&self.path("checkpoints")).steps().unwrap()
    }

    /// Weights and carried state of the newest checkpoint.
    fn end(&self) -> BTreeMap<String, Vec<f32>> {
        let checkpoints = Checkpoints::new(&self.path("checkpoints"));
        let newest = checkpoints.newest().unwrap().unwrap();
        let mut end = BTreeMap::new();
        for file in ["model.safetensors", "carry.safetensors"] {
            let path = newest.path().join(file);
            let (tensors, _) = kiln_tensor::read_tensors(&path, kiln_tensor::Device::Cpu).unwrap();
            for (name, tensor) in tensors {
                end.insert(name, Vec::try_from(tensor).unwrap());
            }
        }
        end
    }

    fn state(&self) -> TrainingState {
        let checkpoints = Checkpoints::new(&self.path("checkpoints"));
        checkpoints.newest().unwrap().unwrap().state().clone()
    }
}

/// Run the case with a stop after each of some records, going on each time.
fn in_pieces(case: &Case, stops: &[u64]) {
    for &step in stops {
        let whole = case.plan.total_steps;
        assert!(step < whole);
        std::thread::scope(|scope| {
            // The file is there before its step: the run obeys at the step after it sees it.
            let metrics = case.path("metrics.jsonl");
            let ask = case.path("stop");
            let (done, over) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || {
                while over.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    let text = std::fs::read_to_string(&metrics).unwrap_or_default();
                    if text.lines().count() as u64 >= step {
                        std::fs::write(&ask, "").unwrap();
                        return;
                    }
                }
            });
            case.run().unwrap();
            let _ = done.send(());
        });
        let _ = std::fs::remove_file(case.path("stop"));
    }
    let finished = case.run().unwrap();
    assert!(!finished.interrupted);
}

#[test]
fn a_skipped_update_changes_nothing_and_is_told_of_once_by_name() {
    let mut case = Case::new(8);
    case.marks = vec![(8, 2), (14, 2)]; // in steps 3 and 4: one event
    case.run().unwrap();
    assert_eq!(
        case.said("step 3: the loss is not finite, from the batch at row 8"),
        1
    );
    assert_eq!(case.said("is not finite, from"), 1);
    let records = read_metrics(&case.path("metrics.jsonl")).unwrap();
    assert_eq!(
        records
            .iter()
            .filter(|r| r.extra.contains_key("skipped_steps"))
            .count(),
        2
    );
    let mut stops = Case::new(8);
    stops.marks = vec![(8, 2)];
    stops.plan.not_finite = NotFinite::Stop;
    stops.plan.save_every = Some(2);
    let error = stops.run().unwrap_err();
    assert!(!error.is_mistake());
    let message = error.to_string();
    assert!(
        message.starts_with("step 3: the loss is not finite, from the batch at row 8;")
            && message.contains("up to step 2 are intact"),
        "{message}"
    );
    assert_eq!(stops.steps(), [2]);
}

#[test]
fn after_a_rollback_a_run_is_one_that_never_saw_the_rows() {
    let mut case = Case::new(9);
    case.plan.not_finite = NotFinite::Rollback;
    case.plan.carry = false; // rows that are passed over are missing in a carried state
    case.marks = vec![(16, 2)]; // step 5, rows 16 to 19; the checkpoint before is that of step 3
    case.run().unwrap();
    assert_eq!(case.said("back to step 3, and rows 16 to 19"), 1);
    assert_eq!(case.state().excluded, [(16, 20)]);
    assert_eq!(case.state().position, 40);
    let mut clean = Case::new(9);
    clean.plan.carry = false;
    clean.source = Arc::new(Without(16..20));
    clean.run().unwrap();
    let weights = |case: &Case| {
        let newest = Checkpoints::new(&case.path("checkpoints"))
            .newest()
            .unwrap()
            .unwrap();
        std::fs::read(newest.path().join("model.safetensors")).unwrap()
    };
    assert!(weights(&case) == weights(&clean));
    let losses = |case: &Case| -> Vec<(u64, Option<f64>)> {
        let records = read_metrics(&case.path("metrics.jsonl")).unwrap();
        records
            .iter()
            .map(|record| (record.step, record.train_loss))
            .collect()
    };
    assert_eq!(losses(&case), losses(&clean));
}

#[test]
fn a_run_that_goes_back_too_often_gives_up_and_says_how_often() {
    let mut case = Case::new(9);
    case.plan.not_finite = NotFinite::Rollback;
    case.marks = vec![(4, 2), (8, 2), (12, 2)];
    let error = case.run().unwrap_err().to_string();
    assert!(error.contains(", after 2 rollbacks"), "{error}");
    assert_eq!(case.said("back to step 0"), 2);
}

#[test]
fn out_of_memory_halves_the_micro_batch_and_changes_no_sum() {
    let mut wide = Case::new(7);
    wide.plan.micro_rows = 4;
    wide.run().unwrap();
    for most in [1, 3] {
        let mut narrow = Case::new(7);
        narrow.plan.micro_rows = 4;
        narrow.most_rows = most;
        narrow.run().unwrap();
        let (one, other) = (wide.end(), narrow.end());
        assert_eq!(
            one.keys().collect::<Vec<_>>(),
            other.keys().collect::<Vec<_>>()
        );
        for (name, values) in &one {
            for (a, b) in values.iter().zip(&other[name]) {
                assert!((a - b).abs() < 1e-4 * a.abs().max(1.0), "{name}: {a} {b}");
            }
        }
        let rows = if most == 1 { 1 } else { 2 };
        assert_eq!(narrow.state().micro_rows, Some(rows));
        assert_eq!(
            narrow.said("not enough memory"),
            if most == 1 { 2 } else { 1 }
        );
        // The next process begins with what is known to fit.
        let passes = narrow.passes.load(Ordering::Relaxed);
        narrow.plan.total_steps = 8;
        narrow.run().unwrap();
        assert_eq!(narrow.passes.load(Ordering::Relaxed) - passes, 4 / rows);
    }
    let mut hopeless = Case::new(7);
    hopeless.most_rows = 0;
    let error = hopeless.run().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("step 1: one row needs more memory than there is"),
        "{error}"
    );
    assert!(!error.is_mistake());
}

#[test]
fn stopped_and_continued_under_all_warm_ups_it_ends_with_the_same_bits() {
    let case = || {
        let mut case = Case::new(40);
        case.plan.carry = false;
        case.plan.sizes = Sizes {
            rows: 12,
            rows_warmup: Some(Warmup {
                from: 2,
                over_steps: 21,
            }),
            rows_multiple: 2,
            context: 4,
            context_warmup: Some(Warmup {
                from: 2,
                over_steps: 30,
            }),
        };
        case.plan.save_every = None;
        case
    };
    let (whole, pieces) = (case(), case());
    whole.run().unwrap();
    in_pieces(&pieces, &[3, 17]);
    let weights = |case: &Case| {
        let newest = Checkpoints::new(&case.path("checkpoints"))
            .newest()
            .unwrap()
            .unwrap();
        std::fs::read(newest.path().join("model.safetensors")).unwrap()
    };
    assert!(weights(&whole) == weights(&pieces));
    assert_eq!(whole.state().position, pieces.state().position);
    let rows: u64 = (0..40).map(|step| whole.plan.sizes.rows(step)).sum();
    assert_eq!(whole.state().position, rows);
    let records = read_metrics(&whole.path("metrics.jsonl")).unwrap();
    // Two rows of two ids: row 0 has one target, row 1 two.
    assert_eq!(records[0].tokens, 3);
}

#[test]
fn a_run_that_gets_no_better_ends_early_and_stays_ended() {
    let mut case = Case::new(30);
    case.plan.evaluate_every = Some(2);
    case.plan.early_stopping = Some(EarlyStopping {
        metric: "validation_loss".to_owned(),
        patience: 3,
        min_delta: 0.0,
    });
    case.scores = vec![3.0, 2.0, 2.5, 2.25, 2.0, 1.0];
    let finished = case.run().unwrap();
    assert_eq!((finished.state.step, finished.interrupted), (10, false));
    assert_eq!(case.said("stopped early at step 10 of 30: validation_loss has not got better than 2.0000, at step 4"), 1);
    // Stopped and continued in between it counts the same evaluations. Each process has its own evaluation here.
    let again = case.run().unwrap();
    assert_eq!((again.state.step, again.interrupted), (10, false));
    let mut wrong = Case::new(4);
    wrong.plan.best = "f1".to_owned();
    wrong.plan.evaluate_every = Some(2);
    let error = wrong.run().unwrap_err();
    assert!(error.is_mistake());
    assert!(
        error.to_string().contains("only validation_loss, accuracy"),
        "{error}"
    );
}

#[test]
fn checkpoints_are_written_when_the_plan_or_a_person_says() {
    let mut case = Case::new(20);
    case.plan.save_every = Some(7);
    case.plan.retention = Retention {
        newest: 1,
        every_steps: Some(5),
    };
    case.run().unwrap();
    assert_eq!(case.steps(), [5, 10, 15, 20]);
    // A time that has always passed: one at each step.
    let mut often = Case::new(5);
    often.plan.save_every = None;
    often.plan.save_every_minutes = Some(1e-9);
    often.run().unwrap();
    assert_eq!(often.steps(), [1, 2, 3, 4, 5]);
    // A flag, and a file, that ask to stop before the first step: what there is is saved.
    let mut stopped = Case::new(5);
    stopped.plan.save_every = None;
    stopped.stop.request();
    let finished = stopped.run().unwrap();
    assert!(finished.interrupted);
    assert_eq!(stopped.steps(), [0]);
}

#[test]
fn a_profile_says_where_the_time_goes() {
    let mut case = Case::new(12);
    case.plan.profile = Some(8);
    case.plan.evaluate_every = Some(4);
    case.run().unwrap();
    assert_eq!(case.said("profile of 8 steps"), 1);
    let text = std::fs::read(case.path("profile.json")).unwrap();
    let profile: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let phases = profile["phases"].as_array().unwrap();
    let steps = |name: &str| {
        let found = phases.iter().find(|phase| phase["phase"] == name);
        found.map(|phase| phase["steps"].as_u64().unwrap())
    };
    assert_eq!(steps("forward"), Some(8));
    assert_eq!(steps("evaluation"), Some(2)); // steps 4 and 8 of steps 2 to 9
    assert_eq!(steps("save"), Some(4)); // 3, 6, 9, and the best at 4
    let shares: f64 = phases
        .iter()
        .map(|phase| phase["share"].as_f64().unwrap())
        .sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    // Durations are of the monotonic clock; the wall clock only names files. One from the future does not stop a run.
    let case = Case::new(4);
    std::fs::create_dir_all(case.path("tensorboard")).unwrap();
    let run = RunFolder::open_or_create(&case.folder.path().join("other"), "", |_| None).unwrap();
    drop(run);
    std::fs::write(case.path("recipe.toml"), "").unwrap();
    std::fs::write(
        case.path("tensorboard/events.out.tfevents.9999999999.000.kiln"),
        "",
    )
    .unwrap();
    let finished = case.run().unwrap();
    assert!(finished.state.seconds >= 0.0 && finished.state.seconds < 60.0);
    let names = std::fs::read_dir(case.path("tensorboard")).unwrap().count();
    assert_eq!(names, 2);
    let _ = Tensor::new();
}
