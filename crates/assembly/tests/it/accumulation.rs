//! Micro-batches only cut the work: rows of unequal length, in any cut, give the weights that one large batch gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use kiln_assembly::ModelConfig;
use kiln_checkpoint::{Belongings, Checkpoints, Retention};
use kiln_learn::{Evaluation, Measures, Network, Objective, Rates, Schedule};
use kiln_models::Outputs;
use kiln_optim::{CrossEntropy, SgdConfig, clip_by_norm};
use kiln_run::{RunFolder, Silent, StopFlag};
use kiln_tensor::{Builder, Device, Draws, Precision, Tensor, read_tensors};
use kiln_tokens::{Batch, BatchSource, Column, IGNORED, SamplePosition, column};
use kiln_train::{NotFinite, Parts, Plan, Sizes, Trainer};

const VOCABULARY: i64 = 31;
const CLASSES: i64 = 3;

/// Rows of 1 to 12 ids, filled up to the longest of those that are asked for together: another cut, other padding.
struct Uneven {
    language: bool,
}

impl BatchSource for Uneven {
    fn rows(&self, at: SamplePosition, count: usize) -> Result<Batch, kiln_tokens::Error> {
        let rows: Vec<Vec<i64>> = (at.0..at.0 + count as u64)
            .map(|row| {
                let length = 1 + (row * row + 5 * row) % 12;
                let id = |place| ((3 * row + place * place + 1) % VOCABULARY as u64) as i64;
                (0..=length).map(id).collect()
            })
            .collect();
        let width = rows.iter().map(|row| row.len() - 1).max().unwrap_or(0);
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for row in &rows {
            let fill = width + 1 - row.len();
            inputs.extend(row[..row.len() - 1].iter().copied().chain(vec![0; fill]));
            targets.extend(row[1..].iter().copied().chain(vec![IGNORED; fill]));
        }
        let lengths: Vec<i64> = rows.iter().map(|row| row.len() as i64 - 1).collect();
        let scored = if self.language {
            lengths.iter().sum::<i64>() as u64
        } else {
            count as u64
        };
        let batch = Batch::new(count, scored)
            .with(column::INPUTS, Column::ids(count, inputs))
            .with(column::LENGTHS, Column::ids(count, lengths));
        let labels = (0..count).map(|row| ((at.0 + row as u64) % CLASSES as u64) as i64);
        Ok(if self.language {
            batch.with(column::TARGETS, Column::ids(count, targets))
        } else {
            batch.with(column::LABELS, Column::ids(count, labels.collect()))
        })
    }
    fn rows_per_epoch(&self) -> u64 {
        100
    }
    fn identity(&self) -> String {
        "uneven".to_owned()
    }
}

struct Constant;

impl Schedule for Constant {
    fn rates(&self, _: u64, _: u64) -> Rates {
        Rates { learning_rate: 0.1 }
    }
}

struct Nothing;

impl Evaluation for Nothing {
    fn evaluate(&mut self, _: &Network) -> kiln_learn::Result<Measures> {
        Ok(vec![("validation_loss".to_owned(), 1.0)])
    }
}

/// The weights after six updates of twelve rows, in fp64.
fn trained(model: &str, language: bool, micro_rows: u64) -> BTreeMap<String, Tensor> {
    let config: ModelConfig = toml::from_str(model).unwrap();
    let builder = Builder::new(Device::Cpu, Draws::new(3));
    let (outputs, objective): (_, Box<dyn Objective>) = if language {
        (Outputs::Tokens, Box::new(CrossEntropy::tokens()))
    } else {
        (Outputs::Classes(CLASSES), Box::new(CrossEntropy::classes()))
    };
    let draft = config.build(builder, VOCABULARY, 12, outputs);
    let network = draft.finish(Precision::Fp64).unwrap();
    let sgd = "learning_rate = 0.1\nmomentum = 0.9\nweight_decay = 0.01";
    let sgd: SgdConfig = toml::from_str(sgd).unwrap();
    let parts = Parts {
        objective,
        optimizer: sgd.build(&network.parameters),
        schedule: Box::new(Constant),
        clip: Box::new(|parameters| clip_by_norm(parameters, Some(1.0))),
        source: Arc::new(Uneven { language }),
        evaluation: Box::new(Nothing),
        draws: Draws::new(3),
        belongings: Arc::new(Belongings::default()),
        network,
    };
    let plan = Plan {
        total_steps: 6,
        sizes: Sizes::fixed(12),
        micro_rows,
        carry: false,
        activation_checkpointing: false,
        log_every: 2,
        evaluate_every: None,
        save_every: None,
        save_every_minutes: None,
        retention: Retention {
            newest: 1,
            every_steps: None,
        },
        best: "validation_loss".to_owned(),
        early_stopping: None,
        not_finite: NotFinite::Stop,
        max_rollbacks: 0,
        profile: None,
        tokenizer: String::new(),
        arithmetic: String::new(),
        operations: None,
    };
    let scratch = tempfile::tempdir().unwrap();
    let run = RunFolder::open_or_create(&scratch.path().join("run"), "", |_| None).unwrap();
    let stop = StopFlag::new();
    let trainer = Trainer::new(parts, plan, &run, &Silent, &stop).unwrap();
    assert!(!trainer.run().unwrap().interrupted);
    let checkpoint = Checkpoints::new(&run.checkpoints())
        .newest()
        .unwrap()
        .unwrap();
    let path = checkpoint.path().join("model.safetensors");
    read_tensors(&path, Device::Cpu).unwrap().0
}

#[test]
fn rows_of_unequal_length_in_any_cut_give_the_large_batch() {
    for (model, language) in [
        (
            "kind = 'transformer'\nlayers = 2\nheads = 2\nwidth = 16\ndropout = 0.0",
            true,
        ),
        ("kind = 'rnn'\nlayers = 2\nwidth = 12\ndropout = 0.0", true),
        (
            "kind = 'transformer'\nstyle = 'bert'\nlayers = 1\nheads = 2\nwidth = 16\ndropout = 0.0",
            false,
        ),
        (
            "kind = 'cnn'\nfilters = 4\nembedding_width = 8\ndropout = 0.0",
            false,
        ),
    ] {
        let whole = trained(model, language, 12);
        for micro_rows in [6, 5, 1] {
            let cut = trained(model, language, micro_rows);
            for (name, expected) in &whole {
                let difference = f64::try_from((&cut[name] - expected).norm()).unwrap();
                let size = f64::try_from(expected.norm()).unwrap();
                assert!(
                    difference <= 1e-10 * size.max(1e-3),
                    "{model}, micro-batches of {micro_rows}, {name}: {difference:e} of {size:e}"
                );
            }
        }
    }
}
