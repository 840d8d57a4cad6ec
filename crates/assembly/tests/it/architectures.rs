//! A small network of each architecture, and a training run of it without data or files.

use kiln_assembly::ModelConfig;
use kiln_learn::{Context, DeviceBatch, Network, Objective, Optimizer, Rates};
use kiln_models::Outputs;
use kiln_optim::{AdamwConfig, CrossEntropy, clip_by_norm};
use kiln_tensor::{Builder, Device, Draws, Precision, backward};
use kiln_tokens::{Batch, Column, SamplePosition, column};

pub(crate) const VOCABULARY: i64 = 31;
const CONTEXT: i64 = 12;
const ROWS: usize = 4;
const CLASSES: i64 = 3;

/// What a network of a table below reads and predicts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// The next token.
    Language,
    /// The class of a text.
    Classes,
    /// A text from another one.
    Translation,
}

/// Name, task and `[model]` section of each architecture.
pub(crate) const ARCHITECTURES: &[(&str, Task, &str)] = &[
    (
        "gpt2",
        Task::Language,
        "kind = 'transformer'\nlayers = 2\nheads = 2\nwidth = 16\ndropout = 0.1",
    ),
    (
        "llama",
        Task::Language,
        "kind = 'transformer'\nstyle = 'llama'\nlayers = 2\nheads = 4\nkey_value_heads = 2\nwidth = 16",
    ),
    (
        "qwen3",
        Task::Language,
        "kind = 'transformer'\nstyle = 'qwen3'\nlayers = 2\nheads = 2\nhead_width = 6\nwidth = 16",
    ),
    (
        "modern",
        Task::Language,
        "kind = 'transformer'\nstyle = 'modern'\nlayers = 3\nheads = 2\nwidth = 16\nwindow = 4\nwindow_pattern = 'SL'",
    ),
    (
        "mixtral",
        Task::Language,
        "kind = 'transformer'\nstyle = 'llama'\nlayers = 2\nheads = 2\nwidth = 16\nfeed_forward_width = 24\nexperts = 4",
    ),
    (
        "bert",
        Task::Classes,
        "kind = 'transformer'\nstyle = 'bert'\nlayers = 2\nheads = 2\nwidth = 16\ndropout = 0.1",
    ),
    (
        "t5",
        Task::Translation,
        "kind = 'transformer'\nstyle = 't5'\nlayers = 2\nheads = 2\nwidth = 16\ndropout = 0.1",
    ),
    (
        "original",
        Task::Translation,
        "kind = 'transformer'\nstyle = 'original'\nlayers = 2\nheads = 2\nwidth = 16\ndropout = 0.1",
    ),
    (
        "lstm",
        Task::Language,
        "kind = 'rnn'\nwidth = 16\ndropout = 0.1",
    ),
    (
        "gru",
        Task::Language,
        "kind = 'rnn'\ncell = 'gru'\nwidth = 16\ndropout = 0.1",
    ),
    (
        "elman",
        Task::Language,
        "kind = 'rnn'\ncell = 'elman-tanh'\nwidth = 16\ndropout = 0.1",
    ),
    (
        "awd-lstm",
        Task::Language,
        "kind = 'rnn'\nwidth = 16\ntied_head = true\nweight_drop = 0.5\nhidden_dropout = 0.2\nembedding_dropout = 0.1\nactivation_regularisation = 2.0\ntemporal_activation_regularisation = 1.0",
    ),
    (
        "bilstm",
        Task::Classes,
        "kind = 'rnn'\nbidirectional = true\nwidth = 16\ndropout = 0.1",
    ),
    (
        "kim-cnn",
        Task::Classes,
        "kind = 'cnn'\nfilters = 8\nembedding_width = 16",
    ),
    (
        "zhang-cnn",
        Task::Classes,
        "kind = 'cnn'\nstyle = 'zhang'\nfilters = 8\nkernel_widths = [3, 3]\npools = [2, 1]\nhidden_width = 16\ndropout = 0.0",
    ),
    (
        "gated-cnn",
        Task::Language,
        "kind = 'cnn'\nstyle = 'gated'\nlayers = 2\nwidth = 16\nkernel_width = 3\ndropout = 0.1",
    ),
    (
        "tcn",
        Task::Language,
        "kind = 'cnn'\nstyle = 'dilated'\nlayers = 2\nwidth = 16\nkernel_width = 3\ndropout = 0.1",
    ),
];

/// A training run of fixed seed.
pub(crate) struct Run {
    network: Network,
    objective: CrossEntropy,
    optimizer: Box<dyn Optimizer>,
    task: Task,
    step: u64,
}

impl Run {
    /// Before its first step.
    pub(crate) fn new(task: Task, section: &str) -> Self {
        let config: ModelConfig = toml::from_str(section).unwrap();
        let outputs = match task {
            Task::Language | Task::Translation => Outputs::Tokens,
            Task::Classes => Outputs::Classes(CLASSES),
        };
        let builder = Builder::new(Device::Cpu, Draws::new(1337));
        let draft = config.build(builder, VOCABULARY, CONTEXT, outputs);
        let network = draft.finish(Precision::Fp32).unwrap();
        let optimizer: AdamwConfig = toml::from_str("learning_rate = 1e-2").unwrap();
        Self {
            optimizer: optimizer.build(&network.parameters),
            network,
            objective: match task {
                Task::Language | Task::Translation => CrossEntropy::tokens(),
                Task::Classes => CrossEntropy::classes(),
            },
            task,
            step: 0,
        }
    }

    /// One step; its loss per target.
    pub(crate) fn step(&mut self) -> f64 {
        let batch = batch(self.task, self.step);
        let position = SamplePosition(self.step * ROWS as u64);
        self.step += 1;
        let targets = batch.targets() as f64;
        let batch = DeviceBatch::new(&batch, Device::Cpu).unwrap();
        let context = Context::training(Draws::new(7), position);
        self.network.parameters.clear_gradients().unwrap();
        let output = self.network.forward(&batch, &context).unwrap();
        let scored = self
            .objective
            .loss(&*self.network.head, &output, &batch)
            .unwrap();
        let mut total = scored.sum.shallow_clone();
        for (_, auxiliary) in &output.auxiliary {
            total += auxiliary;
        }
        backward(&(total / targets)).unwrap();
        self.network.parameters.collect_gradients().unwrap();
        let _ = clip_by_norm(&mut self.network.parameters, Some(1.0)).unwrap();
        let rates = Rates {
            learning_rate: 1e-2,
        };
        self.optimizer
            .step(&mut self.network.parameters, &rates, None)
            .unwrap();
        f64::try_from(&scored.sum).unwrap() / targets
    }
}

/// Rows that repeat themselves after three ids, of a sixth of the vocabulary: there is something to learn at once.
fn batch(task: Task, step: u64) -> Batch {
    let mut draws = Draws::new(11).generator("batch", step);
    let mut below = |limit: i64| (draws.bits() % limit.unsigned_abs()) as i64;
    let rows: Vec<[i64; 3]> = (0..ROWS)
        .map(|_| [(); 3].map(|()| below(VOCABULARY / 6)))
        .collect();
    let ids = |from: usize, count: usize| -> Vec<i64> {
        rows.iter()
            .flat_map(|row| (from..from + count).map(|place| row[place % 3]))
            .collect()
    };
    let time = CONTEXT as usize;
    let inputs = Column::ids(ROWS, ids(0, time));
    let lengths: Vec<i64> = (0..ROWS as i64).map(|row| CONTEXT - row).collect();
    match task {
        Task::Classes => Batch::new(ROWS, ROWS as u64)
            .with(column::INPUTS, inputs)
            .with(column::LENGTHS, Column::ids(ROWS, lengths))
            .with(
                column::LABELS,
                Column::ids(ROWS, rows.iter().map(|row| row[0] % CLASSES).collect()),
            ),
        Task::Language | Task::Translation => {
            let batch = Batch::new(ROWS, (ROWS * time) as u64)
                .with(column::INPUTS, inputs)
                .with(column::TARGETS, Column::ids(ROWS, ids(1, time)));
            if task == Task::Language {
                return batch;
            }
            batch
                .with(column::SOURCE, Column::ids(ROWS, ids(0, time)))
                .with(column::SOURCE_LENGTHS, Column::ids(ROWS, lengths))
        }
    }
}
