//! Time of forward and backward of a mixture of experts against the dense model with the same active parameters.
//!
//! ```text
//! cargo run --release -p kiln-models --example experts_step [WIDTH] [BATCH] [CONTEXT]
//! ```
//!
//! Eight experts of which a token goes through two, each half as wide as the dense layer; both models in turn, medians.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::Instant;

use kiln_learn::{Context, Inputs, Network};
use kiln_models::{Outputs, transformer};
use kiln_tensor::{Builder, Device, Draws, Kind, Precision, Tensor, backward};
use kiln_tokens::SamplePosition;

const VOCABULARY: i64 = 512;
const ROUNDS: u64 = 15;

fn step(network: &mut Network, ids: &Tensor, round: u64) -> f64 {
    let began = Instant::now();
    let context = Context::training(Draws::new(1), SamplePosition(round));
    let inputs = Inputs::of(ids.shallow_clone());
    let output = network.trunk.forward(&inputs, None, &context).unwrap();
    let logits = network.head.project(&output.hidden).unwrap();
    let mut loss = logits
        .to_kind(Kind::Float)
        .logsumexp([-1i64], false)
        .sum(Kind::Float);
    for (_, auxiliary) in &output.auxiliary {
        loss += auxiliary;
    }
    backward(&loss).unwrap();
    network.parameters.collect_gradients().unwrap();
    began.elapsed().as_secs_f64() * 1e3
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let mut sizes = std::env::args()
        .skip(1)
        .map(|size| size.parse::<i64>().unwrap());
    let mut next = |usual: i64| sizes.next().unwrap_or(usual);
    let (width, batch, time) = (next(256), next(8), next(256));
    let ids = Tensor::arange(batch * time, (Kind::Int64, Device::Cpu)).remainder(VOCABULARY);
    let ids = ids.view([batch, time]);
    for precision in [Precision::Fp32, Precision::Bf16] {
        let inner = 4 * width;
        let build = |experts: Option<i64>| {
            let config = transformer::Config {
                style: transformer::Style::Llama,
                layers: 4,
                heads: width / 64,
                width,
                feed_forward_width: Some(if experts.is_some() { inner / 2 } else { inner }),
                experts,
                ..transformer::Config::default()
            };
            let builder = Builder::new(Device::Cpu, Draws::new(1));
            let draft = config.build(builder, VOCABULARY, time, Outputs::Tokens);
            draft.finish(precision).unwrap()
        };
        let (mut dense, mut mixed) = (build(None), build(Some(8)));
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            let pair = [step(&mut dense, &ids, round), step(&mut mixed, &ids, round)];
            // The first rounds fill caches.
            if round >= 3 {
                times[0].push(pair[0]);
                times[1].push(pair[1]);
            }
        }
        let [dense, mixed] = times.map(median);
        println!(
            "width {width}, {batch} x {time} tokens, {precision:?}: dense {dense:.1} ms, 8 experts by 2 {mixed:.1} ms, ratio {:.2}",
            mixed / dense
        );
    }
}
