//! A reading that goes on from a cursor gives what the uninterrupted one gives.

use std::io::Read;

use kiln_corpus::{Corpus, Counts, Cursor, Error, Part};
use kiln_text::Document;

use crate::{folder, open};

fn rest(corpus: &Corpus, cursor: &Cursor) -> (Vec<(Part, Document)>, Counts) {
    let stored = serde_json::to_string(cursor).unwrap();
    let mut split = corpus
        .resume(&serde_json::from_str(&stored).unwrap())
        .unwrap();
    assert_eq!(split.cursor(), *cursor);
    let mut rest = Vec::new();
    while let Some(next) = split.next_document().unwrap() {
        rest.push(next);
    }
    assert_eq!(split.bytes_read(), corpus.bytes());
    (rest, split.counts().clone())
}

/// Take a cursor before each document and after the last, and go on from every one of them.
fn check(section: &str, files: &[(&str, &[u8])]) {
    let folder = folder(files);
    let corpus = open(section, folder.path()).unwrap();
    let mut split = corpus.split(&mut |_| true).unwrap().unwrap();
    let mut cursors = vec![split.cursor()];
    let mut all = Vec::new();
    while let Some(next) = split.next_document().unwrap() {
        all.push(next);
        cursors.push(split.cursor());
        assert_eq!(split.cursor().counts().documents(), all.len() as u64);
    }
    let counts = split.counts().clone();
    for (done, cursor) in cursors.iter().enumerate() {
        let (documents, resumed_counts) = rest(&corpus, cursor);
        assert!(
            documents == all[done..],
            "{section}: after {done} documents"
        );
        assert_eq!(resumed_counts, counts);
    }
}

const TABLE: &[u8] = b"\xef\xbb\xbftext,class\r\n\"One\r\n\r\nand\",x\r\n\r\n,y\r\nThree,y\r\nFour,x\r\nFive,x\r\n\xef\xbb\xbfSix,y\r\n";

fn long_text() -> String {
    (0..700_000).map(|index| format!("{index}\r\n")).collect()
}

#[test]
fn from_every_document_of_every_format() {
    let long = long_text();
    let files: [(&str, &[u8]); 7] = [
        ("a.csv", TABLE),
        ("b.tsv", b"text\tclass\none\tx\n\n\"two\"\ty\nthree\tz"),
        (
            "c.jsonl",
            b"{\"text\":\"One\"}\n\n{\"text\":\"\"}\n{\"text\":\"Two\"}\r\n",
        ),
        ("d.txt", long.as_bytes()),
        ("e.md", b""),
        ("f.txt", b"\xef\xbb\xbfend"),
        ("g.csv", b"class,text\n"),
    ];
    for method in ["random", "tail"] {
        for share in [0.05, 0.3, 0.5, 0.75] {
            let split =
                format!("split = {{ method = '{method}', validation = {share}, seed = 3 }}");
            check(&format!("sources = [{{ path = '.' }}]\n{split}"), &files);
        }
    }
}

#[test]
fn from_packed_and_decoded_files() {
    let gzip = |parts: &[&[u8]]| {
        let mut out = Vec::new();
        for part in parts {
            let mut encoder = flate2::read::GzEncoder::new(*part, flate2::Compression::fast());
            encoder.read_to_end(&mut out).unwrap();
        }
        out
    };
    // Two pieces.
    let long = long_text();
    let long = &long.as_bytes()[..1_200_000];
    let text = gzip(&[&long[..1000], &long[1000..]]);
    // Not UTF-8, which shows late; and then not what it showed first.
    let latin = [
        long,
        "\ndéjà vu\n".as_bytes(),
        b"\xe9t\xe9\n",
        &long[..2000],
    ]
    .concat();
    let utf16: Vec<u8> = "\u{feff}naïve 🙂\r\nOne\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    let json =
        b"[{\"text\":\"One\"}, {\"text\":\" \"},\n{\"text\":\"\xe9\"}, {\"text\":\"Three\"}]";
    let record = |text: &str| {
        let length = text.len();
        format!(
            "WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{text}\r\n\r\n"
        )
    };
    let records = ["One.", "Two.", "Three."].map(record);
    let records = records.each_ref().map(|record| record.as_bytes());
    let [first, second, third] = records.map(|record| gzip(&[record]));
    let mut damaged = second.clone();
    damaged[40] ^= 0x55;
    let warc = [&first[..], &damaged, &third, &second].concat();
    let files: [(&str, &[u8]); 7] = [
        ("a.json", json),
        (
            "b.jsonl.zst",
            &zstd::encode_all(&b"{\"text\":\"One\"}\n{\"text\":\"Two\"}\r\n"[..], 1).unwrap(),
        ),
        ("c.csv.gz", &gzip(&[TABLE])),
        ("d.txt.gz", &text),
        ("e.txt", &latin),
        ("f.txt", &utf16),
        ("g.warc.gz", &warc),
    ];
    for method in ["random", "tail"] {
        for share in [0.3, 0.75] {
            let split =
                format!("split = {{ method = '{method}', validation = {share}, seed = 3 }}");
            check(&format!("sources = [{{ path = '.' }}]\n{split}"), &files);
        }
    }
}

#[test]
fn from_lines_stories_and_named_files() {
    let files: [(&str, &[u8]); 3] = [
        ("pos", b"one\n\ntwo\nthree\n"),
        ("neg", b"four\nfive\nsix"),
        ("dev.txt", b"dev"),
    ];
    let sources = "{ path = 'pos', format = 'lines', label_is = 'p' }, { format = 'stories', documents = 9 }, { path = 'neg', format = 'lines' }";
    check(
        &format!("sources = [{sources}]\nvalidation_sources = [{{ path = 'dev.txt' }}]"),
        &files,
    );
    check(
        &format!("sources = [{sources}]\nsplit = {{ validation = 0.5, seed = 2 }}"),
        &files,
    );
    let table = "{ path = 'a.csv', columns = ['text', 'class'], label = 'class' }";
    check(
        &format!("sources = [{table}]\nsplit = {{ validation = 0.5, seed = 5 }}"),
        &[("a.csv", &TABLE[15..])],
    );
}

#[test]
fn nothing_before_the_cursor_is_read() {
    let folder = folder(&[
        ("a.jsonl", b"{\"text\":\"One\"}\n{\"text\":\"Two\"}\n"),
        ("b.txt", b"Three"),
    ]);
    let section = "sources = [{ path = '.' }]\nsplit = { method = 'tail', validation = 0.5 }";
    let corpus = open(section, folder.path()).unwrap();
    let mut split = corpus.split(&mut |_| true).unwrap().unwrap();
    split.next_document().unwrap();
    let cursor = split.cursor();
    // The first line cannot be read any more.
    std::fs::write(
        folder.path().join("a.jsonl"),
        "{\"text\"#\"One\"}\n{\"text\":\"Two\"}\n",
    )
    .unwrap();
    let (documents, _) = rest(&corpus, &cursor);
    assert_eq!(documents[0].1.text, "Two");
}

#[test]
fn a_cursor_of_another_corpus_is_refused() {
    let folder = folder(&[("a.txt", b"0123456789"), ("b.txt", b"0123456789")]);
    let both = open("sources = [{ path = '.' }]", folder.path()).unwrap();
    let mut split = both.split(&mut |_| true).unwrap().unwrap();
    while split.next_document().unwrap().is_some() {}
    let cursor = split.cursor();
    let cases = [
        "sources = [{ path = 'a.txt' }]",
        "sources = [{ path = '.' }]\nsplit = { method = 'random' }",
    ];
    for section in cases {
        let error = open(section, folder.path())
            .unwrap()
            .resume(&cursor)
            .err()
            .unwrap();
        assert!(matches!(error, Error::Cursor { .. }) && !error.is_mistake());
        assert!(
            error
                .to_string()
                .starts_with("the saved position of the ingestion does not fit the sources: it ")
        );
    }
}
