//! A stack of layers with dropout, whole and checkpointed.

use std::sync::atomic::{AtomicUsize, Ordering};

use tch::{Kind, no_grad};

use super::*;
use crate::{Draws, backward};

/// A residual layer with two matrices and keyed dropout.
struct Layer {
    up: Tensor,   // [4 * width, width]
    down: Tensor, // [width, 4 * width]
    number: u64,
}

fn numbers(shape: &[i64], name: &str) -> Tensor {
    let mut values = vec![0.0f32; shape.iter().product::<i64>() as usize];
    Draws::new(3)
        .generator(name, 0)
        .fill_normal(&mut values, 0.3);
    Tensor::from_slice(&values).view(shape)
}

impl Layer {
    fn new(width: i64, number: u64) -> Self {
        let leaf = |part: &str, shape: [i64; 2]| {
            numbers(&shape, &format!("{part}.{number}")).set_requires_grad(true)
        };
        Self {
            up: leaf("up", [4 * width, width]),
            down: leaf("down", [width, 4 * width]),
            number,
        }
    }

    fn handles(&self) -> Self {
        Self {
            up: self.up.shallow_clone(),
            down: self.down.shallow_clone(),
            number: self.number,
        }
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let inner = input.f_linear(&self.up, None::<&Tensor>)?.f_gelu("none")?;
        let mask = Draws::new(1).key("dropout").with(self.number);
        let inner = inner.f_mul(&mask.dropout_mask(&inner, 0, 0.2)?)?;
        Ok(input.f_add(&inner.f_linear(&self.down, None::<&Tensor>)?)?)
    }
}

fn gradients(checkpointed: bool, input_needs_one: bool) -> Vec<Tensor> {
    let layers: Vec<Layer> = (0..4).map(|number| Layer::new(8, number)).collect();
    let input = numbers(&[5, 8], "input").set_requires_grad(input_needs_one);
    // Twice, so that gradients are added to others.
    for _ in 0..2 {
        let mut hidden = input.shallow_clone();
        for layer in &layers {
            hidden = if checkpointed {
                let layer = layer.handles();
                let body = move |inputs: &[Tensor]| -> Result<Vec<Tensor>> {
                    Ok(vec![layer.forward(&inputs[0])?])
                };
                checkpoint(&[&hidden], body).unwrap().remove(0)
            } else {
                layer.forward(&hidden).unwrap()
            };
        }
        backward(&hidden.square().sum(Kind::Float)).unwrap();
    }
    let leaves = layers.iter().flat_map(|layer| [&layer.up, &layer.down]);
    let mut all: Vec<Tensor> = leaves.map(Tensor::grad).collect();
    if input_needs_one {
        all.push(input.grad());
    }
    all
}

#[test]
fn gradients_are_the_same_to_the_bit_with_dropout() {
    for input_needs_one in [true, false] {
        let (whole, again) = (
            gradients(false, input_needs_one),
            gradients(true, input_needs_one),
        );
        assert_eq!(whole.len(), 8 + usize::from(input_needs_one));
        for (one, other) in whole.iter().zip(&again) {
            assert!(f64::try_from(one.abs().sum(Kind::Float)).unwrap() > 0.0);
            assert_eq!(one, other);
        }
    }
}

/// The input times a number, counted; fails or panics from a given run on.
fn counted(
    runs: &Arc<AtomicUsize>,
    fails_from: usize,
    how: fn() -> Error,
) -> impl FnMut(&[Tensor]) -> Result<Vec<Tensor>> + Send + 'static + use<> {
    let runs = Arc::clone(runs);
    move |inputs| {
        if runs.fetch_add(1, Ordering::Relaxed) >= fails_from {
            return Err(how());
        }
        Ok(vec![&inputs[0] * 2.0, &inputs[0] * 3.0])
    }
}

#[test]
fn the_body_runs_again_in_backward_and_only_there() {
    let runs = Arc::new(AtomicUsize::new(0));
    let never = || Error::Torch("never".to_owned());
    let input = Tensor::from_slice(&[1.0f32, 2.0]).set_requires_grad(true);
    let outputs = checkpoint(&[&input], counted(&runs, 9, never)).unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(Arc::strong_count(&runs), 2, "the graph holds the body");
    backward(&outputs[1].sum(Kind::Float)).unwrap(); // one output of two is enough
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(Vec::<f32>::try_from(input.grad()).unwrap(), [3.0, 3.0]);
    drop(outputs);
    assert_eq!(Arc::strong_count(&runs), 1, "the body goes with the graph");
    let plain = no_grad(|| checkpoint(&[&input], counted(&runs, 9, never))).unwrap();
    assert!(!plain[0].requires_grad());
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(Arc::strong_count(&runs), 1);
}

#[test]
fn errors_and_panics_of_the_body_are_errors() {
    let input = Tensor::from_slice(&[1.0f32]).set_requires_grad(true);
    let own: fn() -> Error = || Error::Mismatch("a word of its own".to_owned());
    let panics: fn() -> Error = || panic!("a panic of its own");
    for (how, said) in [(own, "a word of its own"), (panics, "a panic of its own")] {
        let first = checkpoint(&[&input], counted(&Arc::default(), 0, how)).unwrap_err();
        assert!(first.to_string().contains(said), "{first}");
        let outputs = checkpoint(&[&input], counted(&Arc::default(), 1, how)).unwrap();
        let second = backward(&outputs[0].sum(Kind::Float)).unwrap_err();
        assert!(second.to_string().contains(said), "{second}");
        assert_eq!(second.to_string().lines().count(), 1);
    }
    let first = checkpoint(&[&input], counted(&Arc::default(), 0, own)).unwrap_err();
    assert!(
        matches!(first, Error::Mismatch(_)),
        "its own kind: {first:?}"
    );
}

#[test]
fn backward_through_backward_is_refused() {
    let input = Tensor::from_slice(&[1.0f32]).set_requires_grad(true);
    let square = |inputs: &[Tensor]| -> Result<Vec<Tensor>> { Ok(vec![inputs[0].f_square()?]) };
    let output = checkpoint(&[&input], square).unwrap().remove(0);
    let error = Tensor::f_run_backward(&[&output], &[&input], true, true).unwrap_err();
    assert!(
        error.to_string().contains("no second derivative"),
        "{error}"
    );
}

#[test]
fn a_hook_hears_of_each_gradient_and_the_newest_hook_alone() {
    let leaf = Tensor::from_slice(&[1.0f32, 2.0]).set_requires_grad(true);
    let heard = Arc::new(Mutex::new(Vec::new()));
    on_gradient(&leaf, |_| Err(Error::Torch("an older hook".to_owned()))).unwrap();
    let error = backward(&leaf.sum(Kind::Float)).unwrap_err();
    assert_eq!(error.to_string(), "libtorch: libtorch: an older hook");
    let list = Arc::clone(&heard);
    on_gradient(&leaf, move |leaf| {
        let sum = f64::try_from(leaf.grad().sum(Kind::Float))?;
        list.lock().unwrap().push(sum);
        Ok(())
    })
    .unwrap();
    for _ in 0..2 {
        backward(&leaf.sum(Kind::Float)).unwrap();
    }
    assert_eq!(*heard.lock().unwrap(), [4.0, 6.0]); // the first backward, the failed one, had added already
    let sum = leaf.sum(Kind::Float);
    let error = on_gradient(&sum, |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("only a leaf"), "{error}");
}
