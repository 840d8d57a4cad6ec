//! Time and peak memory of a stack of feed-forward layers, kept and checkpointed.
//!
//! ```sh
//! cargo run --release -p kiln-tensor --example checkpoint_memory      # 12 layers of width 256, 4,096 rows
//! ```
//!
//! Each line is measured in a process of its own, which runs this program again.
#![allow(clippy::print_stdout)] // A program.

use std::time::Instant;

use kiln_tensor::{
    Device, Draws, Error, Kind, Result, Tensor, backward, checkpoint, forget_peak,
    peak_resident_bytes, resident_bytes,
};

const LAYERS: u64 = 12;
const WIDTH: i64 = 256;
const ROWS: i64 = 4096;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1).as_deref() {
        Some(word) => measure(word == "checkpointed"),
        None => {
            for word in ["kept", "checkpointed"] {
                let status = std::process::Command::new(std::env::current_exe()?)
                    .arg(word)
                    .status()?;
                if !status.success() {
                    return Err(format!("{word}: {status}").into());
                }
            }
            Ok(())
        }
    }
}

fn numbers(shape: &[i64], name: &str, part: u64) -> Tensor {
    let mut values = vec![0.0f32; usize::try_from(shape.iter().product::<i64>()).unwrap_or(0)];
    Draws::new(1)
        .generator(name, part)
        .fill_normal(&mut values, 0.05);
    Tensor::from_slice(&values)
        .view(shape)
        .set_requires_grad(true)
}

fn layer(input: &Tensor, up: &Tensor, down: &Tensor, number: u64) -> Result<Tensor> {
    let inner = input.f_linear(up, None::<&Tensor>)?.f_gelu("none")?; // [rows, 4 * width]
    let mask = Draws::new(1).key("dropout").with(number);
    let inner = inner.f_mul(&mask.dropout_mask(&inner, 0, 0.1)?)?;
    Ok(input.f_add(&inner.f_linear(down, None::<&Tensor>)?)?)
}

fn measure(checkpointed: bool) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let layers: Vec<[Tensor; 2]> = (0..LAYERS)
        .map(|part| {
            [
                numbers(&[4 * WIDTH, WIDTH], "up", part),
                numbers(&[WIDTH, 4 * WIDTH], "down", part),
            ]
        })
        .collect();
    let input = numbers(&[ROWS, WIDTH], "input", 0);
    let start = resident_bytes().unwrap_or(0);
    forget_peak();
    let began = Instant::now();
    let mut hidden = input.shallow_clone();
    for (number, [up, down]) in (0..).zip(&layers) {
        hidden = if checkpointed {
            let (up, down) = (up.shallow_clone(), down.shallow_clone());
            checkpoint(&[&hidden], move |inputs| {
                Ok::<_, Error>(vec![layer(&inputs[0], &up, &down, number)?])
            })?
            .remove(0)
        } else {
            layer(&hidden, up, down, number)?
        };
    }
    backward(&hidden.square().sum(Kind::Float))?;
    let seconds = began.elapsed().as_secs_f64();
    let peak = peak_resident_bytes().unwrap_or(0).saturating_sub(start);
    let sum: f64 = layers
        .iter()
        .flatten()
        .map(|leaf| f64::try_from(leaf.grad().abs().sum(Kind::Double)).unwrap_or(f64::NAN))
        .sum();
    println!(
        "checkpointed {checkpointed}: {} MiB above the start, {:.0} ms, gradients {sum:.6}; on {:?}",
        peak >> 20,
        seconds * 1e3,
        Device::Cpu
    );
    Ok(())
}
