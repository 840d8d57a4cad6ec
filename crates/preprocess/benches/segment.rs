//! How fast sentences and words are found, on one core: `cargo bench -p kiln-preprocess --bench segment`
//!
//! With `KILN_DATA` the paragraphs of UD English-EWT's development split there; without it, prose that stands here.
#![allow(clippy::unwrap_used)]

mod cpu_time;

use std::hint::black_box;
use std::path::Path;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_preprocess::conllu;
use kiln_preprocess::segment::{Segmenter, read_gold};

const PROSE: &str = "The morning ferry did not leave the harbour, because the fog was thick, and the captain (who knew \
    the route) couldn't see the pier. \"Are we late?\" asked Mrs. Hill at 9.30 a.m., looking at the U.S. flag. Nobody \
    answered... It cost $3.50 to wait, and 1,200 people did!";

fn paragraphs() -> Vec<String> {
    match std::env::var_os("KILN_DATA") {
        Some(folder) => {
            let path = Path::new(&folder).join("nlp/ud/en_ewt-dev.conllu");
            let gold = read_gold(conllu::open(&path).unwrap()).unwrap();
            gold.into_iter().map(|paragraph| paragraph.text).collect()
        }
        None => vec![PROSE.to_owned(); 100],
    }
}

fn bench(criterion: &mut Criterion<CpuTime>) {
    let paragraphs = paragraphs();
    let bytes: usize = paragraphs.iter().map(String::len).sum();
    let mut group = criterion.benchmark_group("segment");
    group.throughput(Throughput::Bytes(bytes as u64));
    let segmenters = [
        #[cfg(feature = "english")]
        ("english", Segmenter::english()),
        ("unicode", Segmenter::unicode()),
    ];
    for (name, segmenter) in segmenters {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                paragraphs
                    .iter()
                    .map(|paragraph| black_box(segmenter.segment(paragraph)).tokens.len())
                    .sum::<usize>()
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = bench
}
criterion_main!(benches);
