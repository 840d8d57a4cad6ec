//! Time and peak memory of the loss of a language model's head, with all logits at once and in chunks.
//!
//! ```sh
//! cargo run --release -p kiln-optim --example chunked_loss                 # all sizes, minutes
//! cargo run --release -p kiln-optim --example chunked_loss -- 50304 768 8192 fp32 whole
//! cargo run --release -p kiln-optim --example chunked_loss -- 50304 768 8192 fp32 measured
//! cargo run --release -p kiln-optim --example chunked_loss -- 2048 128 4096 bf16 chunked 16 10
//! ```
//!
//! CLASSES WIDTH ROWS KIND PATH [MIB [TIMES]]. Each line is measured in a process of its own, which runs this program again:
//! the peak is the most resident memory of that process above what it held before the first loss.
#![allow(clippy::print_stdout)] // A program.

use std::time::Instant;

use kiln_tensor::{
    CrossEntropyOptions, Device, Draws, Kind, LossPath, Tensor, backward, forget_peak,
    linear_cross_entropy, peak_resident_bytes, resident_bytes,
};

/// Classes, width, rows, how often. The last is 8 windows of 1,024 tokens of GPT-2 small.
const SIZES: [[i64; 4]; 7] = [
    [65, 64, 8192, 50],
    [512, 64, 4096, 30],
    [2048, 64, 4096, 15],
    [8192, 256, 4096, 3],
    [50304, 64, 1024, 3],
    [50304, 768, 2048, 1],
    [50304, 768, 8192, 1],
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        return all();
    }
    let number = |place: usize| words.get(place).and_then(|word| word.parse::<i64>().ok());
    let (Some(classes), Some(width), Some(rows)) = (number(0), number(1), number(2)) else {
        return Err(
            "expected CLASSES WIDTH ROWS fp32|bf16|fp16 whole|chunked|measured [MIB [TIMES]]"
                .into(),
        );
    };
    let kind = match words.get(3).map(String::as_str) {
        Some("bf16") => Kind::BFloat16,
        Some("fp16") => Kind::Half,
        _ => Kind::Float,
    };
    let path = match (words.get(4).map(String::as_str), number(5)) {
        (Some("whole"), _) => LossPath::Whole,
        (Some("chunked"), Some(mib)) => LossPath::Chunked {
            bytes: usize::try_from(mib)? << 20,
        },
        _ => LossPath::Measured,
    };
    measure([classes, width, rows], kind, path, number(6).unwrap_or(3))
}

fn all() -> Result<(), Box<dyn std::error::Error>> {
    println!("classes width rows kind path: ms (best), MiB above the start");
    for [classes, width, rows, times] in SIZES {
        for path in ["whole 0", "measured 0"] {
            let words = format!("{classes} {width} {rows} fp32 {path} {times}");
            let status = std::process::Command::new(std::env::current_exe()?)
                .args(words.split(' '))
                .status()?;
            if !status.success() {
                return Err(format!("{words}: {status}").into());
            }
        }
    }
    Ok(())
}

fn measure(
    [classes, width, rows]: [i64; 3],
    kind: Kind,
    path: LossPath,
    times: i64,
) -> Result<(), Box<dyn std::error::Error>> {
    let leaf = |name: &str, shape: [i64; 2], spread: f64| {
        let mut values = vec![0.0f32; usize::try_from(shape[0] * shape[1]).unwrap_or(0)];
        Draws::new(1)
            .generator(name, 0)
            .fill_normal(&mut values, spread);
        Tensor::from_slice(&values)
            .view(shape)
            .to_kind(kind)
            .set_requires_grad(true)
    };
    let hidden = leaf("hidden", [rows, width], 1.0);
    let weight = leaf("weight", [classes, width], 0.02);
    let targets = Tensor::arange(rows, (Kind::Int64, Device::Cpu)).remainder(classes);
    let options = CrossEntropyOptions {
        path,
        ..CrossEntropyOptions::default()
    };
    let start = resident_bytes().unwrap_or(0);
    forget_peak();
    let mut fastest = f64::INFINITY;
    let mut value = 0.0;
    for _ in 0..times {
        let began = Instant::now();
        let (mut hidden, mut weight) = (hidden.shallow_clone(), weight.shallow_clone());
        let loss = linear_cross_entropy(&hidden, &weight, None, &targets, &options)?;
        backward(&(&loss.sum / rows as f64))?;
        fastest = fastest.min(began.elapsed().as_secs_f64());
        value = f64::try_from(&loss.sum)? / rows as f64;
        hidden.zero_grad();
        weight.zero_grad();
    }
    let peak = peak_resident_bytes().unwrap_or(0).saturating_sub(start);
    println!(
        "{classes} {width} {rows} {kind:?} {path:?}: {:.2} ms, {} MiB, loss {value:.5}",
        fastest * 1e3,
        peak >> 20
    );
    Ok(())
}
