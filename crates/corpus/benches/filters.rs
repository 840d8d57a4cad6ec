//! How fast documents are filtered, on one core: `cargo bench -p kiln-corpus --bench filters`
//!
//! Each family alone and all four in one pass, by both kinds of words, over texts that are generated here; with
//! `KILN_DATA` over the plain text files of that folder.

mod cpu_time;
mod texts;

use std::hint::black_box;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_corpus::filters::{Analysis, Filter, FilterConfig};
use kiln_text::{Document, Provenance};

fn documents() -> Vec<Document> {
    let document = |text: String| Document::new("", text, Provenance::default());
    let texts = match texts::data() {
        Some(folder) => texts::read(&folder),
        None => (0..200).map(generate).collect(),
    };
    assert!(!texts.is_empty(), "no texts");
    texts.into_iter().map(document).collect()
}

/// Texts of about 4 kB: prose of words as frequent as in Zipf's law, with a list and some repeated lines in it.
fn generate(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    let syllables = [
        "the", "a", "of", "ri", "ton", "ka", "en", "mo", "lis", "ber", "ü", "and",
    ];
    let mut text = String::new();
    for line in 0..40 {
        if line % 8 == 7 {
            text.push_str("- Share this page\n");
            continue;
        }
        for word in 0..12 + draw(10) {
            // Rank r of 4096 with a probability of about 1/r.
            let bound = 1 << draw(13);
            let mut rank = draw(bound) as usize;
            text.push_str(if word == 0 { "" } else { " " });
            text.push_str(syllables[rank % 12]);
            while rank >= 12 {
                rank /= 12;
                text.push_str(syllables[rank % 12]);
            }
        }
        text.push_str(".\n");
    }
    text
}

fn filters(criterion: &mut Criterion<CpuTime>) {
    let documents = documents();
    let bytes = documents
        .iter()
        .map(|document| document.text.len() as u64)
        .sum();
    let kinds = ["gopher-quality", "gopher-repetition", "c4", "fineweb"];
    for words in ["whitespace", "spacy"] {
        let built = kinds.map(|kind| {
            let config = serde_json::json!({"kind": kind, "words": words});
            let config: FilterConfig = serde_json::from_value(config).expect("a filter");
            config
                .build(std::path::Path::new("."))
                .expect("it reads no file")
        });
        let mut group = criterion.benchmark_group(format!("filters, {words}"));
        group
            .throughput(Throughput::BytesDecimal(bytes))
            .sample_size(10);
        let mut measure = |name: &str, filters: &[Box<dyn Filter>]| {
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    for document in &documents {
                        let analysis = Analysis::new(document);
                        for filter in filters {
                            black_box(filter.decide(&filter.measure(&analysis).values));
                        }
                    }
                });
            });
        };
        for (kind, filter) in kinds.iter().zip(&built) {
            measure(kind, std::slice::from_ref(filter));
        }
        measure("all four in one pass", &built);
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = filters
}
criterion_main!(benches);
