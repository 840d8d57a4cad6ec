//! Small shards for tests.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Answer, Answers, ExampleShardWriter, Examples, TokenShardWriter, Tokens};

pub(crate) const VOCABULARY: usize = 60_000;

/// Write one shard of some documents.
pub(crate) fn write_tokens(path: &Path, vocabulary_size: usize, documents: &[Vec<u32>]) {
    let file = File::create(path).unwrap();
    let mut shard = TokenShardWriter::new(file, path, vocabulary_size, "tokenizer").unwrap();
    for document in documents {
        shard.push(document, 3 * document.len() as u64).unwrap();
        shard.end_document();
    }
    shard.finish().unwrap();
}

/// A stream in which each id is its own place, in shards of these lengths. The files are gone when this returns; what is
/// mapped stays.
pub(crate) fn counting(lengths: &[usize]) -> Arc<Tokens> {
    let folder = tempfile::tempdir().unwrap();
    let mut next = 0;
    let paths: Vec<PathBuf> = lengths
        .iter()
        .enumerate()
        .map(|(number, length)| {
            let path = folder.path().join(format!("{number}.tokens"));
            let ids = (next..next + *length as u32).collect();
            next += *length as u32;
            write_tokens(&path, VOCABULARY, &[ids]);
            path
        })
        .collect();
    Arc::new(Tokens::open("validation", &paths).unwrap())
}

/// Examples in shards of two, each with its number in all its ids and as its label or values.
pub(crate) fn examples(lengths: &[usize], answers: Answers) -> Arc<Examples> {
    let folder = tempfile::tempdir().unwrap();
    let numbered: Vec<(u32, usize)> = (0..).zip(lengths.iter().copied()).collect();
    let paths: Vec<PathBuf> = numbered
        .chunks(2)
        .enumerate()
        .map(|(number, chunk)| {
            let path = folder.path().join(format!("{number}.examples"));
            write_examples(&path, chunk, answers);
            path
        })
        .collect();
    Arc::new(Examples::open("train", &paths).unwrap())
}

/// Write one shard of examples: the id of which they are made, and how often.
pub(crate) fn write_examples(path: &Path, examples: &[(u32, usize)], answers: Answers) {
    let file = File::create(path).unwrap();
    let mut shard =
        ExampleShardWriter::new(file, path, VOCABULARY, "tokenizer", 1000, answers).unwrap();
    for &(number, length) in examples {
        let values: Vec<f32> = match answers {
            Answers::Labels { .. } => vec![],
            Answers::Values { width } => {
                (0..width).map(|w| number as f32 + w as f32 / 8.0).collect()
            }
        };
        let answer = match answers {
            Answers::Labels { .. } => Answer::Label(number),
            Answers::Values { .. } => Answer::Values(&values),
        };
        shard.push(&vec![number; length], answer, 10).unwrap();
    }
    shard.finish().unwrap();
}
