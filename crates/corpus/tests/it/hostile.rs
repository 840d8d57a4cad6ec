//! Whatever the bytes are, reading ends in documents or in one line.

use kiln_corpus::Error;
use proptest::prelude::*;

use crate::{documents, folder, open};

const SEEDS: [(&str, &str, &[u8]); 6] = [
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
];

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
    fn any_bytes(seed in prop::sample::select(SEEDS.to_vec()), changes in changes()) {
        let (name, keys, bytes) = seed;
        let mut bytes = bytes.to_vec();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        let folder = folder(&[(name, &bytes)]);
        let section = format!("sources = [{{ path = '{name}'{keys} }}]");
        match documents(&section, folder.path()) {
            Ok(read) => {
                let mut ids: Vec<_> = read.iter().map(|document| &document.id).collect();
                ids.sort();
                ids.dedup();
                prop_assert_eq!(ids.len(), read.len());
                prop_assert!(read.iter().all(|document| document.source.offset < bytes.len() as u64));
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
