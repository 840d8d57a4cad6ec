//! One update over a linear model whose gradient is known by hand.

use kiln_learn::{Network, Optimizer, Rates, State, Stateful};
use kiln_tensor::{Device, Draws, Precision, Tensor};
use kiln_tokens::{Batch, Column, IGNORED, SamplePosition, column};

use super::*;
use crate::fixture::{Descent, Products, network, network_in};
use crate::loss_scale::Scaled;
use crate::profile::Stopwatch;

type Update = Vec<(SamplePosition, Batch)>;

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
        watch: &mut Stopwatch::off(),
        measure_part: false,
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
        watch: &mut Stopwatch::off(),
        measure_part: false,
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
            watch: &mut Stopwatch::off(),
            measure_part: false,
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
            watch: &mut Stopwatch::off(),
            measure_part: false,
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

#[test]
fn the_first_micro_batch_is_measured_by_its_own_mean() {
    // Mean gradients: 2 of id 0 in the first row, 4 of id 1 in the second, and (1, 2) in both together.
    let batches = vec![micro(&[0, 0], &[2, 2]), micro(&[1, 1], &[4, 4])];
    let mut network = network(0.5);
    let mut learner = Learner {
        network: &mut network,
        objective: &Products,
        optimizer: &mut Descent,
        draws: Draws::new(0),
        activation_checkpointing: false,
        loss_scale: None,
        clip: &|parameters| Ok(parameters.gradients().norm()),
        watch: &mut Stopwatch::off(),
        measure_part: true,
    };
    let rates = Rates { learning_rate: 1.0 };
    let traces = learner.update(&batches, &mut [], &rates).unwrap();
    let part = traces.part.unwrap();
    assert_eq!(part.rows, (1, 2));
    assert_eq!(part.squared_norm().unwrap(), 4.0);
    let norm = f64::try_from(&traces.norm).unwrap();
    assert!((norm * norm - 5.0).abs() < 1e-6, "{norm}");
}
