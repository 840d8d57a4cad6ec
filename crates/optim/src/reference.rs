//! Updates against PyTorch's optimizers, from a file that scripts/reference/adamw.py writes.

use std::collections::BTreeMap;

use kiln_learn::{Optimizer, Rates, Stateful};
use kiln_tensor::{
    Builder, Device, Draws, Init, Kind, Parameters, Precision, Role, Tensor, no_grad,
};
use serde_json::Value;

use crate::{AdamwConfig, SgdConfig};

fn reference() -> Value {
    serde_json::from_str(include_str!("../tests/reference/optimizers.json")).unwrap()
}

fn tensor(value: &Value) -> Tensor {
    let numbers: Vec<f64> = serde_json::from_value(value.clone()).unwrap();
    Tensor::from_slice(&numbers).to_kind(Kind::Float)
}

fn parameters(reference: &Value) -> Parameters {
    let mut builder = Builder::new(Device::Cpu, Draws::new(0));
    let zero = Init::Constant(0.0);
    let _ = builder.parameter("matrix", &[3, 4], Role::Matrix, zero);
    let _ = builder.parameter("vector", &[5], Role::Vector, zero);
    let mut parameters = builder.finish(Precision::Fp32).unwrap();
    let initial = &reference["initial"];
    let tensors = BTreeMap::from([
        ("matrix".to_owned(), tensor(&initial["matrix"]).view([3, 4])),
        ("vector".to_owned(), tensor(&initial["vector"])),
    ]);
    parameters.load(&tensors).unwrap();
    parameters
}

fn set_gradients(parameters: &Parameters, gradients: &Value) {
    for (name, mut gradient) in parameters.named_gradients() {
        no_grad(|| gradient.copy_(&tensor(&gradients[&name]).view_as(&gradient)));
    }
}

fn check(parameters: &Parameters, expected: &Value, step: usize) {
    for (name, ours) in parameters.named() {
        let theirs = tensor(&expected[&name]).view_as(&ours);
        let distance = f64::try_from((&ours - &theirs).norm() / theirs.norm()).unwrap();
        assert!(distance < 1e-6, "{name} after step {step}: {distance}");
    }
}

/// Twenty steps, saved and loaded into a fresh optimizer half way.
fn follow<O: Optimizer>(run: &Value, build: impl Fn(&Parameters) -> O) {
    let reference = reference();
    let mut parameters = parameters(&reference);
    let mut optimizer = build(&parameters);
    for step in 0..20 {
        if step == 10 {
            let saved = optimizer.save(&parameters);
            let tensors = saved
                .tensors
                .into_iter()
                .map(|(name, t)| (name, t.copy()))
                .collect();
            optimizer = build(&parameters);
            optimizer
                .load(&parameters, &tensors, &saved.values)
                .unwrap();
        }
        set_gradients(&parameters, &reference["gradients"][step]);
        let learning_rate = reference["learning_rates"][step].as_f64().unwrap();
        optimizer
            .step(&mut parameters, &Rates { learning_rate }, None)
            .unwrap();
        check(&parameters, &run["values"][step], step);
    }
}

fn check_cases<O: Optimizer>(name: &str, count: usize, build: impl Fn(&Value, &Parameters) -> O) {
    let reference = reference();
    let cases = reference["cases"].as_array().unwrap();
    let cases: Vec<&Value> = cases.iter().filter(|case| case["name"] == name).collect();
    assert_eq!(cases.len(), count);
    for case in cases {
        follow(case, |parameters| build(case, parameters));
    }
}

#[test]
fn adamw_is_pytorchs() {
    check_cases("adamw", 2, |case, parameters| {
        let config = AdamwConfig {
            learning_rate: 0.0,
            betas: serde_json::from_value(case["betas"].clone()).unwrap(),
            epsilon: case["epsilon"].as_f64().unwrap(),
            weight_decay: case["weight_decay"].as_f64().unwrap(),
        };
        config.build(parameters)
    });
}

#[test]
fn sgd_is_pytorchs() {
    check_cases("sgd", 3, |case, parameters| {
        let config = SgdConfig {
            learning_rate: 0.0,
            momentum: case["momentum"].as_f64().unwrap(),
            nesterov: case["nesterov"].as_bool().unwrap(),
            weight_decay: case["weight_decay"].as_f64().unwrap(),
        };
        config.build(parameters)
    });
}

#[test]
fn a_skipped_step_of_sgd_changes_nothing() {
    let reference = reference();
    let mut parameters = parameters(&reference);
    let config = SgdConfig {
        learning_rate: 0.0,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.0,
    };
    let mut optimizer = config.build(&parameters);
    let _ = parameters.gradients().shallow_clone().fill_(f64::NAN);
    let before = parameters.masters().copy();
    let rates = Rates { learning_rate: 0.1 };
    let skip = Tensor::from_slice(&[1.0f32]);
    optimizer
        .step(&mut parameters, &rates, Some(&skip))
        .unwrap();
    assert_eq!(parameters.masters(), &before);
    let velocity = &optimizer.save(&parameters).tensors[0].1;
    assert_eq!(f64::try_from(velocity.abs().sum(Kind::Float)).unwrap(), 0.0);
}

#[test]
fn clipping_scales_to_the_limit_and_only_down() {
    let reference = reference();
    let mut parameters = parameters(&reference);
    let norm_of = |parameters: &Parameters| f64::try_from(parameters.gradients().norm()).unwrap();
    set_gradients(&parameters, &reference["gradients"][0]);
    let before = norm_of(&parameters);
    let said = f64::try_from(crate::clip_by_norm(&mut parameters, Some(1.0)).unwrap()).unwrap();
    assert!((said - before).abs() < 1e-6 * before);
    assert!((norm_of(&parameters) - 1.0).abs() < 1e-5);
    let _ = crate::clip_by_norm(&mut parameters, Some(10.0)).unwrap();
    assert!((norm_of(&parameters) - 1.0).abs() < 1e-5);
}

#[test]
fn the_state_of_another_optimizer_is_refused() {
    let parameters = parameters(&reference());
    let adamw = AdamwConfig {
        learning_rate: 0.0,
        betas: [0.9, 0.99],
        epsilon: 1e-8,
        weight_decay: 0.0,
    };
    let saved = adamw.build(&parameters).save(&parameters);
    let sgd = SgdConfig {
        learning_rate: 0.0,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.0,
    };
    let error = sgd
        .build(&parameters)
        .load(&parameters, &BTreeMap::new(), &saved.values)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "saved state does not fit: the optimizer is sgd, the saved state is that of adamw"
    );
}
