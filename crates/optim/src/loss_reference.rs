//! Losses and their gradients against PyTorch's, from a file that scripts/reference/losses.py writes.

use kiln_learn::{DeviceBatch, Head, LinearView, Output};
use kiln_tensor::{Device, Kind, Tensor, backward};
use kiln_tokens::{Batch, Column, Scale, column};
use serde_json::Value;

use crate::{LossConfig, Scored};

fn floats(value: &Value) -> Vec<f32> {
    let numbers: Vec<f64> = serde_json::from_value(value.clone()).unwrap();
    numbers.into_iter().map(|number| number as f32).collect()
}

fn leaf(value: &Value, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&floats(value))
        .view(shape)
        .set_requires_grad(true)
}

struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Head for Linear {
    fn linear(&self) -> LinearView<'_> {
        LinearView {
            weight: &self.weight,
            bias: Some(&self.bias),
            cap: None,
        }
    }
}

const ROWS: usize = 7;
const WIDTH: i64 = 5;

fn batch(reference: &Value) -> DeviceBatch {
    let ids = |name: &str| {
        Column::ids(
            ROWS,
            serde_json::from_value(reference[name].clone()).unwrap(),
        )
    };
    let numbers = |name: &str| Column::floats(ROWS, floats(&reference[name]));
    let batch = Batch::new(ROWS, ROWS as u64)
        .with(column::TARGETS, ids("targets"))
        .with(column::LABELS, ids("labels"))
        .with(column::LABEL_SET, numbers("label_set"))
        .with(column::VALUES, numbers("values"));
    DeviceBatch::new(&batch, Device::Cpu).unwrap()
}

fn distance(ours: &Tensor, theirs: &Value) -> f64 {
    let numbers: Vec<f64> = serde_json::from_value(theirs.clone()).unwrap();
    let theirs = Tensor::from_slice(&numbers);
    let ours = ours.to_kind(Kind::Double).view([-1]);
    f64::try_from((&ours - &theirs).norm() / theirs.norm()).unwrap()
}

#[test]
fn losses_are_pytorchs() {
    let reference: Value =
        serde_json::from_str(include_str!("../tests/reference/losses.json")).unwrap();
    let scales: Vec<Scale> = serde_json::from_value(reference["scales"].clone()).unwrap();
    let batch = batch(&reference);
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let count = case["outputs"].as_i64().unwrap();
        let head = &reference["heads"][count.to_string()];
        let head = Linear {
            weight: leaf(&head["weight"], &[count, WIDTH]),
            bias: leaf(&head["bias"], &[count]),
        };
        let hidden = leaf(&reference["hidden"], &[ROWS as i64, WIDTH]);
        let scored = match case["scored"].as_str().unwrap() {
            "tokens" => Scored::Tokens,
            "classes" => Scored::Classes,
            "label-sets" => Scored::LabelSets,
            _ => Scored::Values,
        };
        let config: LossConfig = serde_json::from_value(case["config"].clone()).unwrap();
        let objective = config.build(scored, None, &scales).unwrap();
        let output = Output::of(hidden.shallow_clone());
        let loss = objective.loss(&head, &output, &batch).unwrap();
        assert_eq!(loss.outputs.is_some(), scored != Scored::Tokens);
        backward(&loss.sum).unwrap();
        let sum = f64::try_from(&loss.sum).unwrap();
        let expected = case["loss"].as_f64().unwrap();
        assert!((sum - expected).abs() < 1e-6 * expected, "{case}: {sum}");
        for (name, leaf) in [
            ("hidden", &hidden),
            ("weight", &head.weight),
            ("bias", &head.bias),
        ] {
            let distance = distance(&leaf.grad(), &case[name]);
            assert!(distance < 1e-6, "{}, {name}: {distance}", case["config"]);
        }
    }
}

#[test]
fn held_out_data_is_scored_without_smoothing_z_loss_or_weights() {
    let config = LossConfig {
        label_smoothing: Some(0.1),
        z_loss: Some(1e-3),
        class_weights: Some(vec![1.0, 2.0]),
        ..LossConfig::default()
    };
    assert_eq!(config.held_out(), LossConfig::default());
}
