//! How long a copy of weights and optimizer state holds a training: `cargo run --release -p kiln-tensor --example host_copies -- 124`
//! copies three times so many million numbers, in pieces as a model has them, into memory that is new, reserved, and used again
//! (five times, or as often as a second number says).
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use kiln_tensor::{Device, HostCopies, Kind, Tensor, threads};

fn main() {
    let millions: i64 = std::env::args()
        .nth(1)
        .map_or(124, |word| word.parse().unwrap());
    let piece = 590_000; // a matrix of 768 x 768
    let flats = [(); 3].map(|()| Tensor::ones([1_000_000 * millions], (Kind::Float, Device::Cpu)));
    let mut tensors = Vec::new();
    for (number, flat) in flats.iter().enumerate() {
        for index in 0..1_000_000 * millions / piece {
            tensors.push((
                format!("{number}.{index}"),
                flat.narrow(0, index * piece, piece),
            ));
        }
    }
    let bytes = 12e6 * millions as f64;
    println!("{:.2} GB, {} threads", bytes / 1e9, threads());
    let time = |what: &str, work: &mut dyn FnMut()| {
        let began = Instant::now();
        work();
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{what}: {:.0} ms, {:.1} GB/s",
            1e3 * seconds,
            bytes / 1e9 / seconds
        );
    };
    let mut copies = HostCopies::new();
    time("into new memory", &mut || copies.take(&tensors).unwrap());
    let rounds = std::env::args()
        .nth(2)
        .map_or(5, |word| word.parse().unwrap());
    for _ in 0..rounds {
        time("again", &mut || copies.take(&tensors).unwrap());
    }
    let mut reserved = HostCopies::new();
    drop(copies);
    time("reserve", &mut || reserved.reserve(&tensors).unwrap());
    time("into reserved memory", &mut || {
        reserved.take(&tensors).unwrap()
    });
}
