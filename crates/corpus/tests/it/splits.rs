//! Which part each document falls into.

use std::collections::{BTreeMap, HashSet};

use kiln_corpus::{Method, Part};
use kiln_text::Document;
use proptest::prelude::*;

use crate::{folder, joined, open, split};

fn tail(share: f64) -> String {
    format!("sources = [{{ path = '.' }}]\nsplit = {{ method = 'tail', validation = {share} }}")
}

fn check_tail(files: &[(&str, &[u8])], share: f64, expected_train: usize) {
    let folder = folder(files);
    let (documents, counts) = split(&tail(share), folder.path()).unwrap();
    let whole: String = files
        .iter()
        .map(|(_, bytes)| std::str::from_utf8(bytes).unwrap())
        .collect();
    let (train, held_out) = (
        joined(&documents, Part::Train),
        joined(&documents, Part::HeldOut),
    );
    assert!(format!("{train}{held_out}") == whole);
    assert_eq!(train.chars().count(), expected_train);
    assert_eq!(counts.train.characters, expected_train as u64);
    assert_eq!(counts.held_out.bytes, held_out.len() as u64);
    let ids: HashSet<_> = documents.iter().map(|(_, document)| &document.id).collect();
    assert_eq!(ids.len(), documents.len());
    check_continuations(&documents);
}

/// A document says that the next one goes on in it exactly where the next one of its part begins at the byte where it ends.
fn check_continuations(documents: &[(Part, Document)]) {
    for part in Part::ALL {
        let of_part: Vec<_> = documents
            .iter()
            .filter(|(of, _)| *of == part)
            .map(|(_, document)| document)
            .collect();
        for (index, document) in of_part.iter().enumerate() {
            let end = document.source.offset + document.text.len() as u64;
            let goes_on = of_part.get(index + 1).is_some_and(|next| {
                next.source.path == document.source.path && next.source.offset == end
            });
            assert_eq!(
                document.continues(),
                goes_on,
                "{} {}",
                part.name(),
                document.id
            );
        }
    }
}

/// nanoGPT's data/shakespeare_char/prepare.py prints, for its 1,115,394 characters and `int(n * 0.9)`: train has
/// 1,003,854 tokens, val has 111,540 tokens.
#[test]
fn the_tail_is_nanogpts() {
    let text: String = "First Citizen:\nBefore we proceed any further, hear me speak.\n\n"
        .chars()
        .cycle()
        .take(1_115_394)
        .collect();
    check_tail(&[("input.txt", text.as_bytes())], 0.1, 1_003_854);
}

#[test]
fn the_tail_is_exact_wherever_the_border_falls() {
    check_tail(&[("a.txt", b"0123456789")], 0.1, 9);
    check_tail(&[("a.txt", "äöü🙂éàèìò.".as_bytes())], 0.5, 5);
    check_tail(
        &[("a.txt", b"01234"), ("b.md", b"56789"), ("c.txt", b"abcde")],
        0.5,
        7,
    );
    check_tail(&[("a.txt", b"01234"), ("b.md", b"56789")], 0.5, 5);
    let long = "é23456789\n".repeat(300_000);
    check_tail(
        &[("a.txt", long.as_bytes()), ("b.txt", b"x")],
        0.3,
        2_100_000,
    );
    check_tail(&[("a.txt", long.as_bytes()), ("b.txt", b"x")], 0.999, 3_000);
    // The border on the border of two pieces.
    let pieces = "x".repeat(2 << 20);
    check_tail(&[("a.txt", pieces.as_bytes())], 0.5, 1 << 20);
}

#[test]
fn records_are_never_cut() {
    let lines = "{\"text\":\"0123456789\"}\n".repeat(4);
    let folder = folder(&[("a.jsonl", lines.as_bytes())]);
    for (share, train) in [
        (0.25, 3),
        (0.26, 3),
        (0.5, 2),
        (0.51, 2),
        (0.4, 3),
        (0.7, 2),
        (0.76, 1),
    ] {
        let (documents, _) = split(&tail(share), folder.path()).unwrap();
        assert_eq!(
            joined(&documents, Part::Train),
            "0123456789".repeat(train),
            "{share}"
        );
        assert_eq!(documents.len(), 4);
    }
    let folder = crate::folder(&[("a.jsonl", b"{\"text\":\"0123456789\"}")]);
    let error = split(&tail(0.1), folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("the held-out split is empty"), "{error}");
}

fn lines(count: usize, distinct: usize) -> Vec<u8> {
    let line = |index: usize| format!("Sentence number {}.\n", index % distinct);
    (0..count).map(line).collect::<String>().into_bytes()
}

fn random(share: f64, seed: u64) -> String {
    format!(
        "sources = [{{ path = 'a', format = 'lines' }}]\nsplit = {{ method = 'random', validation = {share}, seed = {seed} }}"
    )
}

#[test]
fn random_takes_its_share_and_keeps_equal_texts_together() {
    let folder = folder(&[("a", &lines(30_000, 20_000))]);
    let mut held_out_by_seed = Vec::new();
    for (share, seed) in [(0.1, 0), (0.1, 1), (0.3, 0), (0.9, 7)] {
        let (documents, counts) = split(&random(share, seed), folder.path()).unwrap();
        let mut part_of: BTreeMap<&str, Part> = BTreeMap::new();
        for (part, document) in &documents {
            assert_eq!(*part_of.entry(&document.text).or_insert(*part), *part);
        }
        let held_out: HashSet<String> = part_of
            .iter()
            .filter(|(_, part)| **part == Part::HeldOut)
            .map(|(text, _)| (*text).to_owned())
            .collect();
        // Four standard deviations of a binomial distribution.
        let deviation = (20_000.0 * share * (1.0 - share)).sqrt();
        assert!(
            (held_out.len() as f64 - 20_000.0 * share).abs() < 4.0 * deviation,
            "{share} {}",
            held_out.len()
        );
        assert_eq!(counts.documents(), 30_000);
        held_out_by_seed.push(held_out);
    }
    assert_ne!(held_out_by_seed[0], held_out_by_seed[1]);
    // A larger share adds to what a smaller one held out.
    assert!(held_out_by_seed[0].is_subset(&held_out_by_seed[2]));
}

#[test]
fn random_does_not_depend_on_where_a_text_stands() {
    let folder = folder(&[("a", &lines(500, 500)), ("b/a", &lines(900, 900))]);
    let parts = |base: &std::path::Path| -> BTreeMap<String, Part> {
        let (documents, _) = split(&random(0.2, 3), base).unwrap();
        documents
            .into_iter()
            .map(|(part, document)| (document.text, part))
            .collect()
    };
    let (few, many) = (parts(folder.path()), parts(&folder.path().join("b")));
    assert!(few.iter().all(|(text, part)| many[text] == *part));
    // What the first version chose stays chosen: runs of later versions must not train on what earlier ones held out.
    let held_out: Vec<_> = few
        .iter()
        .filter(|(_, part)| **part == Part::HeldOut)
        .map(|(text, _)| text.as_str())
        .collect();
    assert_eq!(held_out.len(), 92);
}

#[test]
fn pieces_of_a_long_file_go_on_within_their_part() {
    let text = (0..900_000)
        .map(|index| format!("{index}\n"))
        .collect::<String>();
    let folder = folder(&[("a.txt", text.as_bytes()), ("b.txt", b"short")]);
    let section =
        "sources = [{ path = '.' }]\nsplit = { method = 'random', validation = 0.5, seed = 4 }";
    let (documents, counts) = split(section, folder.path()).unwrap();
    check_continuations(&documents);
    assert!(counts.train.documents > 1 && counts.held_out.documents > 1);
    let whole: String = documents
        .iter()
        .map(|(_, document)| document.text.as_str())
        .collect();
    assert!(whole == format!("{text}short"));
}

#[test]
fn named_files_are_held_out() {
    let folder = folder(&[
        ("train.txt", b"One."),
        ("dev.txt", b"Two."),
        ("train.csv", b"text\nThree.\n"),
    ]);
    let section = "sources = [{ path = 'train.*' }]\nvalidation_sources = [{ path = 'dev.txt' }]";
    let (documents, _) = split(section, folder.path()).unwrap();
    assert_eq!(joined(&documents, Part::Train), "Three.One.");
    assert_eq!(joined(&documents, Part::HeldOut), "Two.");
}

#[test]
fn auto_cuts_running_text_and_draws_records() {
    let folder = folder(&[
        ("a.txt", b"One."),
        ("b.md", b"Two."),
        ("c.csv", b"text\nThree.\n"),
    ]);
    let cases = [
        (
            "sources = [{ path = 'a.txt' }, { path = 'b.md' }]",
            Method::Tail,
        ),
        ("sources = [{ path = '.' }]", Method::Random),
        ("sources = [{ format = 'stories' }]", Method::Random),
        ("sources = [{ path = 'c.csv' }]", Method::Random),
        (
            "sources = [{ path = 'a.txt' }]\nvalidation_sources = [{ path = 'b.md' }]",
            Method::Files,
        ),
        (
            "sources = [{ path = 'a.txt' }]\nsplit = { method = 'random' }",
            Method::Random,
        ),
    ];
    for (section, expected) in cases {
        assert_eq!(
            open(section, folder.path()).unwrap().split_method(),
            expected,
            "{section}"
        );
    }
}

#[test]
fn counting_can_be_stopped() {
    let folder = folder(&[("a.txt", b"One."), ("b.txt", b"Two.")]);
    let corpus = open("sources = [{ path = '.' }]", folder.path()).unwrap();
    let mut heard = Vec::new();
    let mut listen = |bytes| {
        heard.push(bytes);
        true
    };
    assert!(corpus.split(&mut listen).unwrap().is_some());
    assert_eq!((heard, corpus.bytes()), (vec![4, 8], 8));
    assert!(corpus.split(&mut |_| false).unwrap().is_none());
}

#[test]
fn what_is_skipped_is_counted() {
    let folder = folder(&[
        ("0.txt", b""),
        ("1.txt", b"\n"),
        ("a.csv", b"text,n\nOne,1\n,2\n \t,3\nTwo,4\n"),
        ("b.txt", b"Some longer text."),
    ]);
    let (documents, counts) = split(
        "sources = [{ path = '.' }]\nsplit = { method = 'tail', validation = 0.5 }",
        folder.path(),
    )
    .unwrap();
    assert_eq!(documents.len(), 4);
    let skipped = counts.skipped;
    assert_eq!(
        (skipped.empty_files, skipped.first_empty_file.as_deref()),
        (2, Some("0.txt"))
    );
    assert_eq!(
        (skipped.empty_texts, skipped.first_empty_text.as_deref()),
        (2, Some("a.csv:3"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn a_tail_of_any_texts_is_exact(texts in proptest::collection::vec("[a-zé🙂\n]{1,30}x", 1..8), share in 0.01f64..0.99) {
        let names: Vec<_> = (0..texts.len()).map(|index| format!("{index}.txt")).collect();
        let files: Vec<_> = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
        let train = (characters as f64 * (1.0 - share)) as usize;
        prop_assume!(train > 0);
        check_tail(&files, share, train);
    }
}
