//! How fast documents are filtered, on one core: `cargo bench -p kiln-corpus --bench filters`
//!
//! Each family alone and all four in one pass, over texts that are generated here; with `KILN_DATA` over the plain text
//! files of that folder.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_corpus::filters::{Analysis, Filter, FilterConfig};
use kiln_text::{Document, Provenance};

fn documents() -> Vec<Document> {
    let document = |text: String| Document::new("", text, Provenance::default());
    let texts = match std::env::var_os("KILN_DATA") {
        Some(folder) => read(Path::new(&folder)),
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

/// Files of running text, in pieces of at most 8 kB that end with a line.
fn read(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for (folder, ending) in [
        (folder.join("rust-book-md"), "md"),
        (folder.join("books"), "txt"),
        (folder.join("tinystories-sample"), "txt"),
        (folder.join("wikitext2"), "txt"),
    ] {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|file| file.path())
            .collect();
        files.retain(|file| {
            file.extension()
                .is_some_and(|extension| extension == ending)
        });
        files.sort();
        for file in files {
            let mut piece = String::new();
            for line in std::fs::read_to_string(file)
                .unwrap_or_default()
                .split_inclusive('\n')
            {
                piece.push_str(line);
                if piece.len() > 8000 {
                    texts.push(std::mem::take(&mut piece));
                }
            }
            texts.push(piece);
        }
    }
    texts
}

fn filters(criterion: &mut Criterion) {
    let documents = documents();
    let bytes = documents
        .iter()
        .map(|document| document.text.len() as u64)
        .sum();
    let kinds = ["gopher-quality", "gopher-repetition", "c4", "fineweb"];
    let built = kinds.map(|kind| {
        let config = serde_json::json!({"kind": kind, "words": "whitespace"});
        let config: FilterConfig = serde_json::from_value(config).expect("a filter");
        config
            .build(std::path::Path::new("."))
            .expect("it reads no file")
    });
    let mut group = criterion.benchmark_group("filters");
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
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

criterion_group!(benches, filters);
criterion_main!(benches);
