//! How fast words are stemmed, on one core: `cargo bench -p kiln-preprocess --bench stem`
//!
//! With `KILN_DATA` the vocabularies of `nlp/snowball` there; without it, the words that the tests hold.
#![allow(clippy::unwrap_used)]

mod cpu_time;

use std::hint::black_box;
use std::path::Path;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_preprocess::stem::{Algorithm, Stemmer};

fn words(language: &str) -> Vec<String> {
    let text = match std::env::var_os("KILN_DATA") {
        Some(folder) => {
            std::fs::read_to_string(Path::new(&folder).join(format!("nlp/snowball/{language}.tsv")))
                .unwrap()
        }
        None => include_str!("../src/stem/snowball.tsv")
            .lines()
            .filter_map(|line| line.strip_prefix(language)?.strip_prefix('\t'))
            .map(|line| format!("{line}\n"))
            .collect(),
    };
    text.lines()
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

fn bench(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("stem");
    let mut run = |name: &str, stemmer: Stemmer, words: &[String]| {
        group.throughput(Throughput::Elements(words.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                words
                    .iter()
                    .map(|word| black_box(stemmer.stem(word)).len())
                    .sum::<usize>()
            });
        });
    };
    for language in ["english", "german", "russian"] {
        run(language, Stemmer::new(language).unwrap(), &words(language));
    }
    let english = words("english");
    for algorithm in [Algorithm::Porter, Algorithm::Lovins, Algorithm::Lancaster] {
        let stemmer = Stemmer::with_algorithm("english", algorithm).unwrap();
        run(algorithm.name(), stemmer, &english);
    }
    let capitals: Vec<String> = english.iter().map(|word| word.to_uppercase()).collect();
    run(
        "english in capitals",
        Stemmer::new("english").unwrap(),
        &capitals,
    );
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = bench
}
criterion_main!(benches);
