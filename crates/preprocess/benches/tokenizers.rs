//! How fast texts become ids and ids texts, on one core: `cargo bench -p kiln-preprocess --bench tokenizers`.
//!
//! `KILN_TOKENIZERS` names a folder with `tokenizer.json` and `texts.jsonl` (lines of `{"text": ...}`), as
//! `scripts/bench/tokenizers.py` writes it, and `ids.jsonl` with the ids that each text must have; without it the texts are made-up words and the vocabulary is trained on them.
//! `cold` is the first time that a tokenizer just loaded sees the texts, `warm` any later time. Rates are of bytes of text.

#[path = "../../corpus/benches/cpu_time/mod.rs"]
mod cpu_time;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use cpu_time::CpuTime;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kiln_preprocess::{BpeConfig, TokenizerConfig, load, train};
use kiln_tokens::{TokenId, Tokenizer};

/// Makes the same tokenizer anew, with nothing in its caches.
type Fresh = Box<dyn Fn() -> Arc<dyn Tokenizer>>;

/// Texts, and a way to load their tokenizer anew.
fn input() -> (Vec<String>, Fresh) {
    if let Some(folder) = std::env::var_os("KILN_TOKENIZERS") {
        let folder = Path::new(&folder);
        let lines = std::fs::read_to_string(folder.join("texts.jsonl")).expect("texts.jsonl");
        let text = |line: &str| {
            let value: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            value["text"].as_str().expect("a text").to_owned()
        };
        let path = folder.join("tokenizer.json");
        let again = move || load(&path).expect("a tokenizer.json");
        return (lines.lines().map(text).collect(), Box::new(again));
    }
    let syllables = ["ka", "lo", "mi", "ne", "tu", "ra", "só", "vi"];
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut word = || -> String { (0..1 + draw(4)).map(|_| syllables[draw(8)]).collect() };
    let texts: Vec<String> = (0..1000)
        .map(|_| (0..200).map(|_| word() + " ").collect())
        .collect();
    let config = TokenizerConfig::Bpe(BpeConfig {
        vocabulary_size: 2000,
        special_tokens: Vec::new(),
        ..BpeConfig::new(0)
    });
    let trained = train(&config, &mut texts.iter().cloned().map(Ok)).expect("text enough");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("tokenizer.json");
    trained.save(&path).expect("room on the disk");
    let again = move || {
        let _kept = &folder;
        load(&path).expect("a tokenizer.json")
    };
    (texts, Box::new(again))
}

fn tokenizers(criterion: &mut Criterion<CpuTime>) {
    let (texts, load) = input();
    let bytes: usize = texts.iter().map(String::len).sum();
    let encode = |tokenizer: &dyn Tokenizer, ids: &mut Vec<TokenId>| {
        for text in &texts {
            ids.clear();
            tokenizer.encode(text, ids).expect("text");
            black_box(&ids);
        }
    };
    let mut group = criterion.benchmark_group("tokenizers");
    group.sample_size(10);
    group.throughput(Throughput::BytesDecimal(bytes as u64));
    group.bench_function("cold", |bench| {
        bench.iter_batched(
            || (load(), Vec::new()),
            |(tokenizer, mut ids)| {
                encode(tokenizer.as_ref(), &mut ids);
                tokenizer
            },
            BatchSize::PerIteration,
        );
    });
    let tokenizer = load();
    let tokenizer = tokenizer.as_ref();
    let mut ids = Vec::new();
    group.bench_function("warm", |bench| {
        bench.iter(|| encode(tokenizer, &mut ids));
    });
    let mut tokens = Vec::new();
    group.bench_function("offsets", |bench| {
        bench.iter(|| {
            for text in &texts {
                tokens.clear();
                tokenizer
                    .encode_with_offsets(text, &mut tokens)
                    .expect("text");
                black_box(&tokens);
            }
        });
    });
    let encoded: Vec<Vec<TokenId>> = texts
        .iter()
        .map(|text| {
            let mut ids = Vec::new();
            tokenizer.encode(text, &mut ids).expect("text");
            ids
        })
        .collect();
    if let Some(folder) = std::env::var_os("KILN_TOKENIZERS") {
        let lines = std::fs::read_to_string(Path::new(&folder).join("ids.jsonl"));
        for (number, line) in lines.unwrap_or_default().lines().enumerate() {
            let expected: Vec<TokenId> = serde_json::from_str(line).expect("a list of ids");
            assert_eq!(encoded.get(number), Some(&expected), "text {number}");
        }
    }
    group.bench_function("decode", |bench| {
        bench.iter(|| {
            for ids in &encoded {
                black_box(tokenizer.decode(ids).expect("known ids"));
            }
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = tokenizers
}
criterion_main!(benches);
