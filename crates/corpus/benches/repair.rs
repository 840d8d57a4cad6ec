//! How fast text is repaired, on one core: `cargo bench -p kiln-corpus --bench repair`
//!
//! Everything that `preset = "ftfy"` repairs, over stories that are generated here, with `KILN_DATA` over the plain text
//! files of that folder: as they are, with curly quotation marks, and with every third line read in a wrong encoding.

mod cpu_time;
mod texts;

use std::hint::black_box;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_corpus::repair::{Config, Repair};
use kiln_corpus::stories::Stories;

fn documents() -> Vec<String> {
    match texts::data() {
        Some(folder) => texts::read(&folder),
        None => (0..2000)
            .map(|index| Stories::new(1).story(index).text)
            .collect(),
    }
}

/// Straight marks as a book would print them.
fn with_curly_quotes(text: &str) -> String {
    let mut is_open = false;
    let mut curly = |mark: char| match mark {
        '\'' => '’',
        '"' => {
            is_open = !is_open;
            if is_open { '“' } else { '”' }
        }
        other => other,
    };
    text.chars().map(&mut curly).collect()
}

/// Every third line as it is when its UTF-8 is read as Windows-1252.
fn with_mojibake(text: &str) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    let misread = |line: &str| {
        let read = |byte: u8| match byte {
            0x80 => '€',
            0x93 => '“',
            0x94 => '”',
            0x99 => '™',
            0x9c => 'œ',
            other => char::from(other),
        };
        line.bytes().map(read).collect()
    };
    lines
        .map(|(number, line)| match number % 3 {
            0 => misread(line),
            _ => line.to_owned(),
        })
        .collect()
}

fn repair(criterion: &mut Criterion<CpuTime>) {
    let config: Config = serde_json::from_str(r#"{"preset": "ftfy"}"#).expect("a preset");
    let repair = Repair::new(config);
    let plain = documents();
    let curly: Vec<String> = plain.iter().map(|text| with_curly_quotes(text)).collect();
    let mojibake: Vec<String> = curly.iter().map(|text| with_mojibake(text)).collect();
    let mut group = criterion.benchmark_group("repair");
    group.sample_size(10);
    for (name, texts) in [
        ("prose", &plain),
        ("curly quotes", &curly),
        ("mojibake", &mojibake),
    ] {
        let bytes = texts.iter().map(|text| text.len() as u64).sum();
        group.throughput(Throughput::BytesDecimal(bytes));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for text in texts {
                    black_box(repair.text(text));
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = repair
}
criterion_main!(benches);
