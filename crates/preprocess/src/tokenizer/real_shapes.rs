//! Files of the shapes that models come with: ids, places and decoded texts are those that the Python library gave
//! (`scripts/reference/tokenizer_files.py`).

use std::collections::BTreeMap;
use std::path::Path;

use kiln_tokens::{Encoded, TokenId};
use serde::Deserialize;

use crate::TrainedTokenizer;

#[derive(Deserialize)]
struct Expected {
    text: String,
    ids: Vec<TokenId>,
    offsets: Vec<(usize, usize)>,
    decoded: String,
}

fn tokenizer(name: &str) -> TrainedTokenizer {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tokenizer/real_shapes");
    TrainedTokenizer::load(&folder.join(format!("{name}.json"))).unwrap()
}

/// The library gives whole characters where a token is part of one.
fn whole_characters(text: &str, start: usize, end: usize) -> (usize, usize) {
    (
        text.floor_char_boundary(start),
        text.ceil_char_boundary(end),
    )
}

fn check(name: &str, expected: &Expected) {
    let Expected {
        text,
        ids,
        offsets,
        decoded,
    } = expected;
    let tokenizer = tokenizer(name).tokenizer();
    let mut ours = Vec::new();
    tokenizer.encode(text, &mut ours).unwrap();
    assert_eq!(&ours, ids, "{name}: {text:?}");
    let bytes = tokenizer.decode(ids).unwrap();
    assert_eq!(
        &String::from_utf8_lossy(&bytes),
        decoded,
        "{name}: {text:?}"
    );

    let mut tokens = Vec::new();
    tokenizer.encode_with_offsets(text, &mut tokens).unwrap();
    let with_offsets: Vec<TokenId> = tokens.iter().map(|token| token.id).collect();
    assert_eq!(&with_offsets, ids, "{name}: {text:?}");
    let parts: Vec<(usize, usize)> = tokens
        .iter()
        .map(|Encoded { start, end, .. }| whole_characters(text, *start, *end))
        .collect();
    assert_eq!(&parts, offsets, "{name}: {text:?}");

    for most in 0..=ids.len() {
        let mut cut = Vec::new();
        let consumed = tokenizer.encode_at_most(text, most, &mut cut).unwrap();
        assert_eq!(cut, ids[..most], "{name}: {text:?}");
        let stopped = tokens.get(most).map_or(text.len(), |token| token.start);
        assert_eq!(consumed, stopped, "{name}: {text:?} {most}");
    }
}

#[test]
fn ids_places_and_texts_are_the_librarys() {
    let json = include_str!("real_shapes/expected.json");
    let all: BTreeMap<String, Vec<Expected>> = serde_json::from_str(json).unwrap();
    assert_eq!(all.len(), 5);
    for (name, rows) in &all {
        rows.iter().for_each(|row| check(name, row));
    }
}

#[test]
fn kinds_are_told() {
    for (name, kind) in [
        ("gpt2", "bpe"),
        ("llama3", "bpe"),
        ("llama2", "bpe"),
        ("bert", "wordpiece"),
        ("t5", "unigram"),
    ] {
        assert_eq!(tokenizer(name).kind(), kind, "{name}");
    }
}
