//! How fast the built-in way tells a text's language, on one core: `cargo bench -p kiln-corpus --bench language`
//!
//! Over the short texts of `src/pii/cases.tsv` (some 30 languages), with the crate whatlang beside it, which says the same, and
//! over long ones, of which eight pieces are read; with `KILN_DATA` over the plain text files of that folder too. Times are of all
//! texts of a kind; divide by the number in its name.

mod cpu_time;
mod texts;

use std::hint::black_box;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_corpus::language;

/// Texts of 500 bytes at most, so that all of each is read.
fn short() -> Vec<String> {
    let cases = include_str!("../src/pii/cases.tsv").lines();
    let texts = cases.filter_map(|line| Some(line.split_once('\t')?.1.to_owned()));
    texts.filter(|text| text.len() <= 500).collect()
}

/// Texts of 4 kB in the languages of the short ones.
fn long() -> Vec<String> {
    let short = short();
    let repeated = short.iter().map(|text| text.repeat(4000 / text.len() + 1));
    repeated.collect()
}

fn language(criterion: &mut Criterion<CpuTime>) {
    let data = texts::data().map(|folder| texts::read(&folder));
    let kinds = [
        ("short", Some(short())),
        ("long", Some(long())),
        ("data", data),
    ];
    for (kind, texts) in kinds {
        let Some(texts) = texts else { continue };
        let mut group =
            criterion.benchmark_group(format!("language, {} {kind} texts", texts.len()));
        let bytes = texts.iter().map(|text| text.len() as u64).sum();
        group
            .throughput(Throughput::BytesDecimal(bytes))
            .sample_size(10);
        group.bench_function("built in", |bencher| {
            bencher.iter(|| {
                for text in &texts {
                    black_box(language::identify(text));
                }
            });
        });
        if kind == "short" {
            group.bench_function("whatlang", |bencher| {
                bencher.iter(|| {
                    for text in &texts {
                        black_box(whatlang::detect(text));
                    }
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = language
}
criterion_main!(benches);
