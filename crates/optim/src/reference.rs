//! Updates against PyTorch's optimizers and written-out formulas in fp64, from a file that scripts/reference/optimizers.py writes.

use std::collections::BTreeMap;

use kiln_learn::Rates;
use kiln_tensor::{
    Builder, Device, Draws, Init, Kind, Parameters, Precision, Role, Tensor, no_grad,
};
use serde_json::{Value, json};

use crate::OptimizerConfig;

fn reference() -> Value {
    serde_json::from_str(include_str!("../tests/reference/optimizers.json")).unwrap()
}

fn tensor(value: &Value) -> Tensor {
    let numbers: Vec<f64> = serde_json::from_value(value.clone()).unwrap();
    Tensor::from_slice(&numbers)
}

fn parameters(reference: &Value, precision: Precision) -> Parameters {
    let mut builder = Builder::new(Device::Cpu, Draws::new(0));
    let zero = Init::Constant(0.0);
    let _ = builder.parameter("matrix", &[6, 4], Role::Matrix, zero);
    let _ = builder.parameter("table", &[3, 5], Role::Embedding, zero);
    let _ = builder.parameter("vector", &[5], Role::Vector, zero);
    let mut parameters = builder.finish(precision).unwrap();
    let initial = &reference["initial"];
    let values = parameters.named().into_iter();
    let values: BTreeMap<String, Tensor> = values
        .map(|(name, now)| {
            let value = tensor(&initial[&name]).view_as(&now);
            (name, value.to_kind(now.kind()))
        })
        .collect();
    parameters.load(&values).unwrap();
    parameters
}

fn set_gradients(parameters: &Parameters, gradients: &Value) {
    for (name, mut gradient) in parameters.named_gradients() {
        no_grad(|| gradient.copy_(&tensor(&gradients[&name]).view_as(&gradient)));
    }
}

fn check(parameters: &Parameters, expected: &Value, limit: f64, what: &str) {
    for (name, ours) in parameters.named() {
        let theirs = tensor(&expected[&name]).view_as(&ours);
        let ours = ours.to_kind(Kind::Double);
        let distance = f64::try_from((&ours - &theirs).norm() / theirs.norm()).unwrap();
        assert!(distance < limit, "{what}: {name}: {distance}");
    }
}

/// All steps of a case; saved and loaded into a fresh optimizer half way.
fn follow(reference: &Value, case: &Value, precision: Precision, limit: f64) {
    let mut config = case["config"].clone();
    if config["kind"] == "muon" {
        config["adamw"] = json!({ "learning_rate": config["learning_rate"] });
    }
    let config: OptimizerConfig = serde_json::from_value(config).unwrap();
    let mut parameters = parameters(reference, precision);
    let mut optimizer = config.build(&parameters, None);
    let gradients = reference["gradients"].as_array().unwrap();
    let every = usize::try_from(reference["every"].as_u64().unwrap()).unwrap();
    for (step, gradients) in gradients.iter().enumerate() {
        if step == every * 5 / 2 {
            let saved = optimizer.save(&parameters);
            let tensors = saved.tensors.into_iter();
            let tensors = tensors.map(|(name, t)| (name, t.copy())).collect();
            optimizer = config.build(&parameters, None);
            optimizer
                .load(&parameters, &tensors, &saved.values)
                .unwrap();
        }
        set_gradients(&parameters, gradients);
        let learning_rate = reference["learning_rates"][step].as_f64().unwrap();
        let rates = Rates { learning_rate };
        optimizer.step(&mut parameters, &rates, None).unwrap();
        if (step + 1) % every == 0 {
            let what = format!("{config:?} {precision:?} after step {step}");
            check(&parameters, &case["values"][step / every], limit, &what);
        }
    }
    if let Some(average) = case.get("average") {
        optimizer.begin_evaluation(&mut parameters).unwrap();
        check(&parameters, average, limit, "the average");
    }
}

#[test]
fn every_optimizer_is_pytorchs_or_its_formula_over_fifty_steps() {
    let reference = reference();
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        follow(&reference, case, Precision::Fp64, 1e-6);
    }
}

/// With room for rounding: what tiny gradients do under Adam is decided by the last bits.
#[test]
fn in_single_precision_they_are_the_same() {
    let reference = reference();
    // Adafactor's least square is that of the precision, and some gradients here lie between both.
    let cases = reference["cases"].as_array().unwrap().iter();
    for case in cases.filter(|case| case["config"]["kind"] != "adafactor") {
        follow(&reference, case, Precision::Fp32, 2e-5);
    }
}

#[test]
fn clipping_scales_to_the_limit_and_only_down() {
    let reference = reference();
    let mut parameters = parameters(&reference, Precision::Fp32);
    let norm_of = |parameters: &Parameters| f64::try_from(parameters.gradients().norm()).unwrap();
    set_gradients(&parameters, &reference["gradients"][0]);
    let before = norm_of(&parameters);
    let said = f64::try_from(crate::clip_by_norm(&mut parameters, Some(1.0)).unwrap()).unwrap();
    assert!((said - before).abs() < 1e-6 * before);
    assert!((norm_of(&parameters) - 1.0).abs() < 1e-5);
    let _ = crate::clip_by_norm(&mut parameters, Some(10.0)).unwrap();
    assert!((norm_of(&parameters) - 1.0).abs() < 1e-5);
}
