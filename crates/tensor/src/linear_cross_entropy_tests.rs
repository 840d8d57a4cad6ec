//! The chunked path against the whole one, which is libtorch's own, and against finite differences.

use super::*;
use crate::{Draws, backward};

fn numbers(shape: &[i64], name: &str, spread: f64) -> Tensor {
    let mut values = vec![0.0f32; shape.iter().product::<i64>() as usize];
    Draws::new(3)
        .generator(name, 0)
        .fill_normal(&mut values, spread);
    Tensor::from_slice(&values).view(shape)
}

const ROWS: i64 = 37;
const WIDTH: i64 = 16;
const CLASSES: i64 = 53;

/// A loss, and the gradients of hidden states, weight and bias of a mean over 1,000 targets.
fn run(kind: Kind, options: &CrossEntropyOptions<'_>, path: LossPath) -> [Tensor; 4] {
    let leaf = |shape: &[i64], name, spread| {
        numbers(shape, name, spread)
            .to_kind(kind)
            .set_requires_grad(true)
    };
    let hidden = leaf(&[ROWS, WIDTH], "hidden", 1.0);
    let weight = leaf(&[CLASSES, WIDTH], "weight", 0.7);
    let bias = leaf(&[CLASSES], "bias", 0.5);
    let targets: Vec<i64> = (0..ROWS)
        .map(|row| {
            if row % 5 == 3 {
                -100
            } else {
                row * 7 % CLASSES
            }
        })
        .collect();
    let options = CrossEntropyOptions { path, ..*options };
    let targets = Tensor::from_slice(&targets);
    let loss = linear_cross_entropy(&hidden, &weight, Some(&bias), &targets, &options).unwrap();
    backward(&(&loss.sum * 1e-3)).unwrap();
    [loss.sum.detach(), hidden.grad(), weight.grad(), bias.grad()]
}

fn distance(one: &Tensor, other: &Tensor) -> f64 {
    let (one, other) = (one.to_kind(Kind::Double), other.to_kind(Kind::Double));
    f64::try_from((&one - &other).norm() / other.norm()).unwrap()
}

fn class_weights() -> Tensor {
    numbers(&[CLASSES], "class weights", 1.0).abs() + 0.1
}

/// Each option alone and all at once.
fn cases(weights: &Tensor) -> Vec<(&'static str, CrossEntropyOptions<'_>)> {
    let none = CrossEntropyOptions::default();
    let smoothed = CrossEntropyOptions {
        label_smoothing: 0.1,
        ..none
    };
    let z_loss = 0.01;
    let class_weights = Some(weights);
    let cap = Some(2.0);
    vec![
        ("plain", none),
        ("smoothed", smoothed),
        ("z-loss", CrossEntropyOptions { z_loss, ..none }),
        ("capped", CrossEntropyOptions { cap, ..none }),
        (
            "weighted",
            CrossEntropyOptions {
                class_weights,
                ..none
            },
        ),
        (
            "weighted and smoothed",
            CrossEntropyOptions {
                class_weights,
                ..smoothed
            },
        ),
        (
            "all",
            CrossEntropyOptions {
                class_weights,
                cap,
                z_loss,
                ..smoothed
            },
        ),
    ]
}

/// Chunks of 5 rows at most in fp32: 8 of them, the last shorter.
const SMALL: LossPath = LossPath::Chunked {
    bytes: 5 * CLASSES as usize * 4,
};

#[test]
fn chunks_give_what_all_logits_at_once_give() {
    let weights = class_weights();
    for (name, options) in cases(&weights) {
        for (kind, limit) in [(Kind::Double, 1e-12), (Kind::Float, 1e-6)] {
            let whole = run(kind, &options, LossPath::Whole);
            let chunked = run(kind, &options, SMALL);
            for (part, (one, other)) in chunked.iter().zip(&whole).enumerate() {
                let distance = distance(one, other);
                assert!(
                    distance < limit,
                    "{name}, {kind:?}, part {part}: {distance}"
                );
            }
        }
    }
}

#[test]
fn low_precision_stays_near_fp32() {
    let weights = class_weights();
    for (name, options) in cases(&weights) {
        let exact = run(Kind::Float, &options, LossPath::Whole);
        for (kind, limit) in [(Kind::BFloat16, 2e-2), (Kind::Half, 4e-3)] {
            let chunked = run(kind, &options, SMALL);
            assert_eq!(chunked[0].kind(), Kind::Float);
            assert_eq!(chunked[2].kind(), kind);
            for (part, (one, other)) in chunked.iter().zip(&exact).enumerate() {
                let distance = distance(one, other);
                assert!(
                    distance < limit,
                    "{name}, {kind:?}, part {part}: {distance}"
                );
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f64 = 1e-5;
    let weights = class_weights().to_kind(Kind::Double);
    for (name, options) in cases(&weights) {
        let options = CrossEntropyOptions {
            path: SMALL,
            ..options
        };
        let leaf = |shape: &[i64], name| {
            numbers(shape, name, 0.7)
                .to_kind(Kind::Double)
                .set_requires_grad(true)
        };
        let leaves = [
            leaf(&[6, 4], "hidden"),
            leaf(&[CLASSES, 4], "weight"),
            leaf(&[CLASSES], "bias"),
        ];
        let targets = Tensor::from_slice(&[1i64, 50, -100, 3, 3, 0]);
        let loss = |[hidden, weight, bias]: &[Tensor; 3]| {
            linear_cross_entropy(hidden, weight, Some(bias), &targets, &options)
                .unwrap()
                .sum
        };
        backward(&loss(&leaves)).unwrap();
        for (part, leaf) in leaves.iter().enumerate() {
            let direction = numbers(&leaf.size(), "direction", 1.0).to_kind(Kind::Double);
            let moved = |step: f64| {
                tch::no_grad(|| {
                    let mut leaves = [0, 1, 2].map(|place| leaves[place].shallow_clone());
                    leaves[part] = leaf + &direction * step;
                    f64::try_from(loss(&leaves)).unwrap()
                })
            };
            let measured = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            let computed = f64::try_from((leaf.grad() * &direction).sum(Kind::Double)).unwrap();
            let error = (measured - computed).abs() / measured.abs();
            assert!(error < 1e-7, "{name}, part {part}: {measured} {computed}");
        }
    }
}

#[test]
fn a_loss_alone_needs_no_gradient_and_says_the_plain_one_too() {
    let weights = class_weights();
    let (_, all) = cases(&weights).pop().unwrap();
    let hidden = numbers(&[3, WIDTH], "hidden", 1.0);
    let weight = numbers(&[CLASSES, WIDTH], "weight", 0.7).set_requires_grad(true);
    let targets = Tensor::from_slice(&[1i64, -100, 52]);
    let loss = |path, options: &CrossEntropyOptions<'_>| {
        let options = CrossEntropyOptions { path, ..*options };
        tch::no_grad(|| linear_cross_entropy(&hidden, &weight, None, &targets, &options)).unwrap()
    };
    let plain = CrossEntropyOptions {
        cap: all.cap,
        ..CrossEntropyOptions::default()
    };
    for path in [SMALL, LossPath::Whole, LossPath::Measured] {
        let (all, plain) = (loss(path, &all), loss(path, &plain));
        assert!(!all.sum.requires_grad() && !all.plain.requires_grad());
        assert!(distance(&all.plain, &plain.sum) < 1e-6);
        assert!(distance(&all.sum, &plain.sum) > 1e-2);
    }
    let none = Tensor::from_slice(&[-100i64; 3]);
    let nothing = linear_cross_entropy(&hidden, &weight, None, &none, &all).unwrap();
    assert_eq!(f64::try_from(&nothing.sum).unwrap(), 0.0);
    backward(&nothing.sum).unwrap();
}

#[test]
fn wrong_inputs_and_second_derivatives_are_errors() {
    let hidden = numbers(&[3, WIDTH], "hidden", 1.0).set_requires_grad(true);
    let weight = numbers(&[CLASSES, WIDTH], "weight", 0.7);
    let targets = |values: &[i64]| Tensor::from_slice(values);
    let options = CrossEntropyOptions {
        path: SMALL,
        ..CrossEntropyOptions::default()
    };
    for (weight, targets, said) in [
        (
            weight.shallow_clone(),
            targets(&[1, 2, CLASSES]),
            "out of bounds",
        ),
        (
            weight.shallow_clone(),
            targets(&[1, -2, 1]),
            "out of bounds",
        ),
        (
            weight.shallow_clone(),
            targets(&[1, 2]),
            "2 targets for 3 rows",
        ),
        (
            weight.transpose(0, 1),
            targets(&[1, 2, 3]),
            "do not fit a weight",
        ),
        (
            weight.to_kind(Kind::Double),
            targets(&[1, 2, 3]),
            "of kind Double",
        ),
    ] {
        let error = linear_cross_entropy(&hidden, &weight, None, &targets, &options).unwrap_err();
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert_eq!(error.to_string().lines().count(), 1);
    }
    let loss = || {
        linear_cross_entropy(&hidden, &weight, None, &targets(&[1, 2, 3]), &options)
            .unwrap()
            .sum
    };
    let error = Tensor::f_run_backward(&[loss()], &[&hidden], true, true).unwrap_err();
    assert!(
        error.to_string().contains("no second derivative"),
        "{error}"
    );
    let sum = loss();
    Tensor::f_run_backward(&[&sum], &[&hidden], true, false).unwrap();
    let error = backward(&sum).unwrap_err();
    assert!(error.to_string().contains("a second time"), "{error}");
}
