//! Whatever the bytes are, reading ends in documents or in one line.

use std::io::Read;

use kiln_corpus::Error;
use proptest::prelude::*;

use crate::{documents, folder, open};

const SEEDS: [(&str, &str, &[u8]); 15] = [
    (
        "a.txt",
        "",
        "\u{feff}Some text,\r\nwith é and 🙂.\n".as_bytes(),
    ),
    (
        "a.csv",
        ", label = 'class', value = 'n'",
        b"text,class,n\r\n\"One, \"\"two\"\"\r\n\",x,1.5\r\nThree,y,2\r\n",
    ),
    (
        "a.csv",
        ", quotes = false",
        b"text,class\n\"One,x\nThree,y\n",
    ),
    (
        "a.tsv",
        ", label = 'class'",
        b"text\tclass\n\"One\ttwo\"\tx\nThree\ty\n",
    ),
    (
        "a.jsonl",
        ", label = 'l', value = ['v']",
        b"{\"text\":\"One\",\"l\":1,\"v\":2}\n{\"text\":\"\\ud83d\\ude42\",\"l\":\"x\",\"v\":3}\n",
    ),
    ("a.x", ", format = 'lines'", b"one\r\n\ntwo\rthree\n"),
    (
        "a.json",
        ", label = 'l'",
        b" [{\"text\":\"One {\\\"\",\"l\":3},\r\n{\"text\":\"Two\",\"l\":true}]\n",
    ),
    ("b.json", "", b"{\"text\":\"One\"}{\"text\":\"Two\"}\n"),
    ("a.html", "", b"<html><meta charset=koi8-r><p>\xd4\xc5"),
    (
        "a.txt",
        "",
        b"\xff\xfeO\0n\0e\0 \0=\xd8B\xde\r\0\n\0",
    ),
    ("b.txt", ", encoding = 'iso-2022-kr'", b"\x1b$)C\x0e0!3*\x0f a\n"),
    ("c.txt", ", encoding = 'johab'", b"\x88\x61\x8a\x61 \xd9\xa1"),
    ("a.warc", "", WARC),
    ("a.wet", "", WARC),
    (
        "a.arc",
        "",
        b"filedesc://a 0.0.0.0 20140216050221 text/plain 70\n1 0 x\nURL IP-address Archive-date Content-type Archive-length\n\n\
          http://a/b c 1.2.3.4 20140216050221 text/html 64\nHTTP/1.0 200 OK\r\nContent-Type: text/html;charset=latin1\r\n\r\n<p>\xe9\n\
          dns:a 1.2.3.4 20140216050221 text/dns 3\na b\n",
    ),
];

const WARC: &[u8] = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 2\r\n\r\nab\r\n\r\n\
    WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: <http://a/>\r\nContent-Type: application/http; msgtype=response\r\n\
    Content-Length: 96\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<p>a\xe9\r\n2\r\nbc\r\n0\r\n\r\n\r\n\r\n\
    WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nText\r\n\r\n";

/// How a file's bytes are packed before they are changed.
#[derive(Clone, Copy, Debug)]
enum Packing {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

const PACKINGS: [Packing; 5] = [
    Packing::None,
    Packing::Gzip,
    Packing::Zstd,
    Packing::Xz,
    Packing::Bzip2,
];

fn packed(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    // Two parts, one after the other.
    let parts = bytes.split_at(bytes.len() / 2);
    let mut packed = Vec::new();
    for part in [parts.0, parts.1] {
        let mut encoder: Box<dyn Read> = match packing {
            Packing::None => Box::new(part),
            Packing::Gzip => Box::new(flate2::read::GzEncoder::new(part, Default::default())),
            Packing::Zstd => Box::new(zstd::stream::read::Encoder::new(part, 1).unwrap()),
            Packing::Xz => Box::new(liblzma::read::XzEncoder::new(part, 1)),
            Packing::Bzip2 => Box::new(bzip2::read::BzEncoder::new(part, Default::default())),
        };
        encoder.read_to_end(&mut packed).unwrap();
    }
    packed
}

#[test]
fn packed_files_are_the_files() {
    use Packing::{Bzip2, Gzip, None, Xz, Zstd};
    for (name, keys, bytes) in SEEDS {
        // By content: the name says nothing.
        let section = format!("sources = [{{ path = '{name}'{keys} }}]");
        let read = |packing: Packing| {
            let folder = folder(&[(name, &packed(packing, bytes))]);
            documents(&section, folder.path()).map_err(|error| {
                let path = format!("{}/", folder.path().display());
                error.to_string().replace(&path, "")
            })
        };
        let plain = read(None);
        assert!(
            plain.as_ref().is_ok_and(|documents| !documents.is_empty()),
            "{name}: {plain:?}"
        );
        for packing in [Gzip, Zstd, Xz, Bzip2] {
            assert_eq!(read(packing), plain, "{name} {packing:?}");
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Double(prop::sample::Index),
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    let length = bytes.len() + 1;
    match change {
        Change::Set(at, byte) if at.index(length) < bytes.len() => bytes[at.index(length)] = *byte,
        Change::Set(..) => {}
        Change::Insert(at, byte) => bytes.insert(at.index(length), *byte),
        Change::Cut(at) => bytes.truncate(at.index(length)),
        Change::Double(at) => bytes.extend_from_within(at.index(length)..),
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<prop::sample::Index>;
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\"\r\n,\t{}[]\\\0\xff\xef".to_vec())
    ];
    let change = prop_oneof![
        (at(), byte.clone()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at(), byte).prop_map(|(at, byte)| Change::Insert(at, byte)),
        at().prop_map(Change::Cut),
        at().prop_map(Change::Double),
    ];
    prop::collection::vec(change, 0..6)
}

fn one_line(error: &Error) -> bool {
    let message = error.to_string();
    !message.is_empty() && !message.contains('\n')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_bytes(
        seed in prop::sample::select(SEEDS.to_vec()),
        inner in changes(),
        outer in changes(),
        packing in prop::sample::select(PACKINGS.to_vec()),
        broken in prop::sample::select(vec!["", "broken = 'stop'\n", "broken = 'quarantine'\n"]),
    ) {
        let (name, keys, bytes) = seed;
        let mut bytes = bytes.to_vec();
        inner.iter().for_each(|change| apply(&mut bytes, change));
        let longest = 3 * bytes.len() as u64;
        let mut bytes = packed(packing, &bytes);
        // Only a few of the packed files are damaged as such, for little gets past that.
        if outer.len() > 3 || matches!(packing, Packing::None) {
            outer.iter().for_each(|change| apply(&mut bytes, change));
        }
        let longest = longest.max(3 * bytes.len() as u64);
        let folder = folder(&[(name, &bytes)]);
        let section = format!("{broken}sources = [{{ path = '{name}'{keys} }}]");
        match documents(&section, folder.path()) {
            Ok(read) => {
                let mut ids: Vec<_> = read.iter().map(|document| &document.id).collect();
                ids.sort();
                ids.dedup();
                prop_assert_eq!(ids.len(), read.len());
                prop_assert!(read.iter().all(|document| document.source.offset < 2 * longest));
            }
            Err(error) => prop_assert!(one_line(&error) && error.is_mistake(), "{}", error),
        }
    }

    #[test]
    fn any_cursor(seed in prop::sample::select(SEEDS.to_vec()), place in [0u64..4, 0..4, 0..60, 0..9], held in 0u64..40) {
        let (name, keys, bytes) = seed;
        let folder = folder(&[(name, bytes)]);
        let section = format!("sources = [{{ path = '{name}'{keys} }}, {{ format = 'stories', documents = 3 }}]");
        let corpus = open(&section, folder.path()).unwrap();
        let [source, file, byte, line] = place;
        let counts = serde_json::json!({"documents": held, "characters": held, "bytes": held});
        let cursor = serde_json::json!({
            "place": {"source": source, "file": file, "byte": byte, "line": line},
            "counts": {"train": counts, "held_out": counts, "skipped": {"empty_files": 0, "empty_texts": 0}},
            "train_characters": null,
        });
        match corpus.resume(&serde_json::from_value(cursor).unwrap()) {
            Ok(mut split) => loop {
                match split.next_document() {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        prop_assert!(one_line(&error));
                        break;
                    }
                }
            },
            Err(error) => prop_assert!(one_line(&error)),
        }
    }
}
