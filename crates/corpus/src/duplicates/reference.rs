//! The whole way to clusters against datatrove 0.10.1: signature files, pairs, clusters
//! (`scripts/reference/minhash.py`).

use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;
use sha1::{Digest, Sha1};

use super::*;

const FILES: usize = 2;

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    texts: Vec<String>,
    documents: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Case {
    config: MinHashConfig,
    signatures_sha1: Vec<String>,
    pairs: usize,
    pairs_sha1: String,
    clusters: usize,
    clusters_sha1: String,
    removed: usize,
}

fn sha1(bytes: &[u8]) -> String {
    let digest = Sha1::digest(bytes);
    digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn ours(texts: &[String], config: MinHashConfig) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let minhash = MinHash::new(&config).unwrap();
    let each = texts.len().div_ceil(FILES);
    let mut sorter = BandSorter::new(folder.path(), 100_000);
    for (rank, part) in texts.chunks(each).enumerate() {
        let mut files = SignatureFiles::new(folder.path(), rank as u32, &config);
        for (number, text) in part.iter().enumerate() {
            if let Some(signature) = minhash.signature(text) {
                files.add(number as u32, &signature);
                sorter
                    .add((rank * each + number) as u64, &signature)
                    .unwrap();
            }
        }
        files.finish().unwrap();
    }
    let mut signatures_sha1 = Vec::new();
    for bucket in 0..config.buckets.get() {
        for rank in 0..FILES {
            let name = format!("bucket_{bucket:03}/{rank:05}.minhash.sig");
            signatures_sha1.push(sha1(&std::fs::read(folder.path().join(name)).unwrap()));
        }
    }
    let mut pairs: Vec<_> = sorter
        .into_candidates()
        .unwrap()
        .map(Result::unwrap)
        .collect();
    pairs.sort_unstable();
    let mut clusters = Clusters::new();
    let mut pair_lines = String::new();
    for &(one, other) in &pairs {
        clusters.join(one, other);
        writeln!(pair_lines, "{one} {other}").unwrap();
    }
    let mut sets = clusters.sets();
    sets.sort();
    let set_lines: String = sets
        .iter()
        .map(|set| set.iter().map(u64::to_string).collect::<Vec<_>>().join(" ") + "\n")
        .collect();
    let describe = |number: u64| {
        let (id, bytes) = (number.to_string(), texts[number as usize].len() as u64);
        Ok::<_, std::convert::Infallible>(Member { id, bytes })
    };
    Case {
        removed: clusters.removals(config.keep, describe).unwrap().len(),
        config,
        signatures_sha1,
        pairs: pairs.len(),
        pairs_sha1: sha1(pair_lines.as_bytes()),
        clusters: sets.len(),
        clusters_sha1: sha1(set_lines.as_bytes()),
    }
}

fn check(reference: Reference, texts: &[String]) {
    assert_eq!(texts.len(), reference.documents);
    assert!(!reference.cases.is_empty());
    for case in reference.cases {
        assert!(case.pairs > 0 && case.clusters > 0);
        assert_eq!(ours(texts, case.config.clone()), case);
    }
}

#[test]
fn made_documents() {
    let mut reference: Reference =
        serde_json::from_str(include_str!("../../tests/reference/minhash.json")).unwrap();
    let texts = std::mem::take(&mut reference.texts);
    check(reference, &texts);
}

#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn documents_of_data_sets() {
    let data = std::env::var("KILN_DATA").unwrap();
    let data = Path::new(&data);
    let mut texts: Vec<String> = Vec::new();
    for name in [
        "wikitext2/wiki.valid.raw",
        "multi30k/val.de",
        "multi30k/val.fr",
    ] {
        let text = std::fs::read_to_string(data.join(name)).unwrap();
        texts.extend(text.split('\n').map(str::to_owned));
    }
    let folder = data.join("rust-book-md").read_dir().unwrap();
    let mut pages: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    texts.extend(
        pages
            .iter()
            .map(|path| std::fs::read_to_string(path).unwrap()),
    );
    let near = |text: &String| {
        let words = text.split_whitespace().enumerate();
        let kept = words.filter(|(place, _)| place % 31 != 11);
        kept.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
    };
    let copies: Vec<String> = texts.iter().step_by(7).map(near).collect();
    texts.extend(copies);
    let upper: Vec<String> = texts[..100]
        .iter()
        .map(|text| text.to_uppercase())
        .collect();
    texts.extend(upper);
    let reference = include_str!("../../tests/reference/minhash-data.json");
    check(serde_json::from_str(reference).unwrap(), &texts);
}
