//! How fast copies are found, on one core: `cargo bench -p kiln-corpus --bench duplicates`.
//!
//! The text is 2000 documents of four stories each from the story generator, with `KILN_DATA` the plain text files of that
//! folder.

mod cpu_time;
mod texts;

use std::hint::black_box;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_corpus::duplicates::{
    BandSorter, Clusters, DecontaminationConfig, EvaluationIndex, MinHash, MinHashConfig,
    Signature, SubstringFinder, SubstringsConfig, simplify_text, text_hash,
};
use kiln_corpus::stories::Stories;

fn documents() -> Vec<String> {
    if let Some(folder) = texts::data() {
        return texts::read(&folder);
    }
    let stories = Stories::new(1);
    let story = |index: u64| stories.story(index).text;
    let four = |index: u64| (4 * index..4 * index + 4).map(story).collect::<Vec<_>>();
    (0..2000).map(|index| four(index).join("\n\n")).collect()
}

fn duplicates(criterion: &mut Criterion<CpuTime>) {
    let documents = documents();
    let bytes: usize = documents.iter().map(String::len).sum();
    let minhash = MinHash::new(&MinHashConfig::default()).expect("the defaults are valid");
    let signatures: Vec<Signature> = documents
        .iter()
        .filter_map(|text| minhash.signature(text))
        .collect();

    let mut group = criterion.benchmark_group("duplicates");
    group.sample_size(10);
    group.throughput(Throughput::BytesDecimal(bytes as u64));
    let mut each = |name: &str, of_one: &dyn Fn(&str)| {
        group.bench_function(name, |bench| {
            bench.iter(|| documents.iter().for_each(|text| of_one(text)));
        });
    };
    each("simplify", &|text| {
        black_box(simplify_text(text));
    });
    each("shingles", &|text| {
        black_box(minhash.shingles(text));
    });
    each("signature", &|text| {
        black_box(minhash.signature(text));
    });
    each("exact", &|text| {
        black_box(text_hash(text));
    });
    let mut index = EvaluationIndex::new(&DecontaminationConfig::default());
    for story in 0..1000 {
        index.add("stories", &Stories::new(2).story(story).text);
    }
    each("decontaminate", &|text| {
        black_box(index.find(text));
    });
    group.bench_function("substrings", |bench| {
        bench.iter(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let config = SubstringsConfig::default();
            let mut finder =
                SubstringFinder::new(&config, folder.path(), 256 << 20).expect("valid");
            for (number, text) in (0..).zip(&documents) {
                finder.add(number, text).expect("disk");
            }
            let mut second = finder.into_second_pass().expect("disk");
            for (number, text) in (0..).zip(&documents) {
                second.add(number, text).expect("disk");
            }
            black_box(second.finish().expect("disk").count());
        });
    });

    // Signatures a second, through the disk where the ceiling says so, to pairs and clusters.
    group.throughput(Throughput::Elements(signatures.len() as u64));
    for (name, max_memory) in [("pairs in memory", 1 << 30), ("pairs on disk", 100_000)] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let mut sorter = BandSorter::new(folder.path(), max_memory);
                for (number, signature) in (0..).zip(&signatures) {
                    sorter.add(number, signature).expect("disk");
                }
                let mut clusters = Clusters::new();
                for pair in sorter.into_candidates().expect("disk") {
                    let (one, other) = pair.expect("disk");
                    clusters.join(one, other);
                }
                black_box(clusters.sets());
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = duplicates
}
criterion_main!(benches);
