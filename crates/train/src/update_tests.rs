//! One update over a linear model whose gradient is known by hand.

use kiln_learn::{
    Context, DeviceBatch, Head, Inputs, LinearView, LossSum, Model, Network, Objective, Optimizer,
    Output, Rates, Snapshot, State, Stateful,
};
use kiln_tensor::{Builder, Device, Draws, Init, Kind, Parameters, Precision, Role, Tensor};
use kiln_tokens::{Batch, Column, IGNORED, SamplePosition, column};

use super::*;
use crate::loss_scale::Scaled;

/// One number for each id: the loss of a target is that number times the target.
struct Table(Tensor);

impl Model for Table {
    fn forward(&self, inputs: &Inputs, state: Option<&mut State>, _: &Context) -> Result<Output> {
        if let Some(state) = state {
            let carried = state.part(0) + self.0.sum(Kind::Float).detach();
            state.set_part(0, carried);
        }
        Ok(Output::of(self.0.index_select(0, &inputs.ids.view([-1]))))
    }
    fn new_state(&self, rows: i64, _: i64) -> Option<State> {
        let zeros = Tensor::zeros([rows], (Kind::Float, Device::Cpu));
        Some(State::new(vec![("sum".to_owned(), zeros)]))
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

/// A product with one: `[1, 1]`.
struct Same(Tensor);

impl Head for Same {
    fn linear(&self) -> LinearView<'_> {
        LinearView {
            weight: &self.0,
            bias: None,
            cap: None,
        }
    }
}

struct Products;

impl Objective for Products {
    fn loss(&self, _: &dyn Head, output: &Output, batch: &DeviceBatch) -> Result<LossSum> {
        let targets = batch.ids(column::TARGETS)?.view([-1]);
        let scored = targets.ne(IGNORED).to_kind(Kind::Float);
        let sum = (&output.hidden * targets * scored).sum(Kind::Float);
        let outputs = None;
        Ok(LossSum { sum, outputs })
    }
}

/// Takes the gradient away, at a rate of one.
struct Descent;

impl Stateful for Descent {
    fn save(&self, _: &Parameters) -> Snapshot {
        Snapshot::default()
    }
    fn load(
        &mut self,
        _: &Parameters,
        _: &std::collections::BTreeMap<String, Tensor>,
        _: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        Ok(())
    }
}

impl Optimizer for Descent {
    fn step(
        &mut self,
        parameters: &mut Parameters,
        _: &Rates,
        skip: Option<&Tensor>,
    ) -> Result<()> {
        let skip = f64::try_from(skip.expect("the loop says whether to skip"))?;
        if skip == 0.0 {
            let _ = parameters
                .masters()
                .shallow_clone()
                .f_sub_(parameters.gradients())?;
        }
        Ok(())
    }
}

fn network(value: f64) -> Network {
    network_in(value, Precision::Fp32)
}

fn network_in(value: f64, precision: Precision) -> Network {
    let mut builder = Builder::new(Device::Cpu, Draws::new(0));
    let table = builder.parameter("table", &[3], Role::Embedding, Init::Constant(value));
    Network {
        trunk: Box::new(Table(table)),
        head: Box::new(Same(Tensor::ones([1, 1], (Kind::Float, Device::Cpu)))),
        parameters: builder.finish(precision).unwrap(),
    }
}

/// A micro-batch of one row.
fn micro(ids: &[i64], targets: &[i64]) -> (SamplePosition, Batch) {
    let scored = targets.iter().filter(|target| **target != IGNORED).count();
    let batch = Batch::new(1, scored as u64)
        .with(column::INPUTS, Column::ids(1, ids.to_vec()))
        .with(column::TARGETS, Column::ids(1, targets.to_vec()));
    (SamplePosition(0), batch)
}

fn update(network: &mut Network, batches: &Update, carry: &mut [State]) -> Traces {
    let mut learner = Learner {
        network,
        objective: &Products,
        optimizer: &mut Descent,
        draws: Draws::new(0),
        activation_checkpointing: false,
        loss_scale: None,
        clip: &|parameters| Ok(parameters.gradients().norm()),
    };
    let rates = Rates { learning_rate: 1.0 };
    learner.update(batches, carry, &rates).unwrap()
}

fn gradient(network: &Network) -> Vec<f32> {
    Vec::try_from(&network.parameters.named_gradients()[0].1).unwrap()
}

#[test]
fn micro_batches_of_unequal_targets_weigh_what_they_do_in_one_batch() {
    // Four targets in all: 2, 3 and 4 with ids 0, 1 and 1, and 5 with id 2; one micro-batch has none.
    let cut = vec![
        micro(&[0, 1, 1], &[2, 3, 4]),
        micro(&[2, 2, 2], &[IGNORED, 5, IGNORED]),
        micro(&[0, 1, 2], &[IGNORED, IGNORED, IGNORED]),
    ];
    let whole = vec![micro(&[0, 1, 1, 2, 2, 2], &[2, 3, 4, IGNORED, 5, IGNORED])];
    for batches in [cut, whole] {
        let mut network = network(0.5);
        let traces = update(&mut network, &batches, &mut []);
        assert_eq!(traces.targets, 4);
        assert_eq!(f64::try_from(&traces.loss).unwrap(), 0.5 * 14.0);
        assert_eq!(gradient(&network), [0.5, 1.75, 1.25]);
        let weights = Vec::<f32>::try_from(&network.parameters.named()[0].1).unwrap();
        assert_eq!(weights, [0.0, -1.25, -0.75]);
    }
}

#[test]
fn an_update_without_numbers_changes_no_weight_and_leaves_no_state() {
    let mut network = network(0.5);
    let batches = vec![micro(&[0], &[1])];
    let mut carry = [network.trunk.new_state(1, 0).unwrap()];
    let mut learner = Learner {
        network: &mut network,
        objective: &Products,
        optimizer: &mut Descent,
        draws: Draws::new(0),
        activation_checkpointing: false,
        loss_scale: None,
        clip: &|parameters| Ok(parameters.gradients().norm() * f64::NAN),
    };
    let rates = Rates { learning_rate: 1.0 };
    let traces = learner.update(&batches, &mut carry, &rates).unwrap();
    assert_eq!(f64::try_from(&traces.skipped).unwrap(), 1.0);
    assert_eq!(f64::try_from(carry[0].part(0)).unwrap(), 0.0);
    let weights = Vec::<f32>::try_from(&network.parameters.named()[0].1).unwrap();
    assert_eq!(weights, [0.5; 3]);
}

#[test]
fn a_carried_state_goes_from_update_to_update() {
    let mut network = network(0.5);
    let mut carry = [network.trunk.new_state(1, 0).unwrap()];
    update(&mut network, &vec![micro(&[0], &[0])], &mut carry);
    update(&mut network, &vec![micro(&[0], &[0])], &mut carry);
    assert_eq!(f64::try_from(carry[0].part(0)).unwrap(), 3.0);
}

#[test]
fn fp16_overflows_are_skipped_and_halve_the_scale() {
    let mut network = network_in(0.5, Precision::Fp16);
    let scale = LossScale::new(Device::Cpu);
    let mut optimizer = Scaled {
        optimizer: Box::new(Descent),
        scale: scale.handle(),
    };
    // One target: 3 times the first number of the table. 3 x 65,536 and 3 x 32,768 are beyond half, 3 x 16,384 is not.
    let batches = vec![micro(&[0], &[3])];
    let rates = Rates { learning_rate: 1.0 };
    for (skipped, after, weight) in [
        (1.0, 32_768.0, 0.5),
        (1.0, 16_384.0, 0.5),
        (0.0, 16_384.0, -2.5),
    ] {
        let mut learner = Learner {
            network: &mut network,
            objective: &Products,
            optimizer: &mut optimizer,
            draws: Draws::new(0),
            activation_checkpointing: false,
            loss_scale: Some(&scale),
            clip: &|parameters| Ok(parameters.gradients().norm()),
        };
        let traces = learner.update(&batches, &mut [], &rates).unwrap();
        assert_eq!(f64::try_from(&traces.skipped).unwrap(), skipped);
        let saved = optimizer.save(&network.parameters).values;
        assert_eq!(saved["loss_scale"], after);
        let weights = Vec::<f32>::try_from(&network.parameters.named()[0].1).unwrap();
        assert_eq!(weights[0], weight);
    }
    assert_eq!(gradient(&network), [3.0, 0.0, 0.0]); // of the loss itself
}

#[test]
fn a_scale_grows_after_many_good_updates_and_comes_back_from_a_checkpoint() {
    let network = network_in(0.5, Precision::Fp16);
    let scaled = || Scaled {
        optimizer: Box::new(Descent),
        scale: LossScale::new(Device::Cpu),
    };
    let values = |optimizer: &Scaled| {
        let saved = optimizer.save(&network.parameters).values;
        ["loss_scale", "loss_scale_good_updates"].map(|name| saved[name].as_f64().unwrap())
    };
    let mut parameters = network_in(0.5, Precision::Fp16).parameters;
    let rates = Rates { learning_rate: 0.0 };
    let mut step = |optimizer: &mut Scaled, skipped: f32| {
        let skip = Tensor::from_slice(&[skipped]);
        optimizer
            .step(&mut parameters, &rates, Some(&skip))
            .unwrap();
    };
    let mut optimizer = scaled();
    for _ in 0..1_999 {
        step(&mut optimizer, 0.0);
    }
    assert_eq!(values(&optimizer), [65_536.0, 1_999.0]);
    let saved = optimizer.save(&network.parameters);
    let mut again = scaled();
    let none = std::collections::BTreeMap::new();
    again
        .load(&network.parameters, &none, &saved.values)
        .unwrap();
    for optimizer in [&mut optimizer, &mut again] {
        step(optimizer, 0.0);
        assert_eq!(values(optimizer), [131_072.0, 0.0]);
        step(optimizer, 0.0);
        step(optimizer, 1.0);
        assert_eq!(values(optimizer), [65_536.0, 0.0]);
    }
}

#[test]
fn small_gradients_survive_in_fp16_because_the_loss_is_scaled() {
    // Of a mean over a hundred million targets: a part of 1e-8, where half's smallest number is 6e-8.
    let batch = Batch::new(1, 100_000_000)
        .with(column::INPUTS, Column::ids(1, vec![0, 1, 1]))
        .with(column::TARGETS, Column::ids(1, vec![1, 2, 5]));
    let batches = vec![(SamplePosition(0), batch)];
    let run = |precision| {
        let mut network = network_in(1e-3, precision);
        let scale = LossScale::new(Device::Cpu);
        let mut optimizer = Scaled {
            optimizer: Box::new(Descent),
            scale: scale.handle(),
        };
        let mut learner = Learner {
            network: &mut network,
            objective: &Products,
            optimizer: &mut optimizer,
            draws: Draws::new(0),
            activation_checkpointing: false,
            loss_scale: (precision == Precision::Fp16).then_some(&scale),
            clip: &|parameters| Ok(parameters.gradients().norm()),
        };
        let rates = Rates { learning_rate: 0.0 };
        learner.update(&batches, &mut [], &rates).unwrap();
        gradient(&network)
    };
    let (half, whole) = (run(Precision::Fp16), run(Precision::Fp32));
    assert!(whole[0] > 0.0 && whole[1] > whole[0]);
    for (one, other) in half.iter().zip(&whole) {
        assert!((one - other).abs() <= 2e-3 * other, "{half:?} {whole:?}");
    }
}
