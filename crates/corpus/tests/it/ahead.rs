//! Many small files, read together on all cores, give what each gives alone.

use std::path::Path;

use kiln_corpus::{Broken, Skipped};
use kiln_text::{Document, Source};

use crate::{folder, open};

type Given = (Vec<Document>, Vec<Broken>, Skipped);

fn give(section: &str, base: &Path) -> Given {
    let mut documents = open(section, base).unwrap().documents();
    let mut all = Vec::new();
    while let Some(document) = documents.next_document().unwrap() {
        all.push(document);
    }
    (all, documents.take_broken(), documents.skipped().clone())
}

/// Files of several formats, some packed, some broken, empty or without text, two longer than what is read together.
fn files() -> Vec<(String, Vec<u8>)> {
    let file = |number: usize| -> (&str, Vec<u8>) {
        let text = format!("Number {number}. {}", "Some words. ".repeat(number % 50));
        let object = format!("{{\"text\": \"{text}\"}}\n");
        match number % 9 {
            0 => ("jsonl", object.repeat(3).into()),
            1 => ("txt", text.into()),
            2 => ("csv", format!("id,text\n1,{text}\n2,\n").into()),
            3 => (
                "jsonl.zst",
                zstd::encode_all(object.repeat(2000).as_bytes(), 1).unwrap(),
            ),
            4 => ("jsonl", format!("{object}no object\n{object}").into()),
            5 => ("txt", b" \n".to_vec()),
            6 => ("json.zst", b"not packed".to_vec()),
            7 => (
                "txt",
                text.repeat(if number < 20 { 30_000 } else { 1 }).into(),
            ),
            _ => ("json", format!("[{object}, {object}").into()),
        }
    };
    let files = (0..400).map(|number| {
        let (ending, bytes) = file(number);
        (format!("many/{number:03}.{ending}"), bytes)
    });
    files.collect()
}

#[test]
fn small_files_give_what_each_gives_alone_on_any_number_of_threads() {
    let files = files();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    let folder = folder(&files);
    let section = |path: &str| format!("broken = 'quarantine'\nsources = [{{ path = '{path}' }}]");
    let (mut documents, mut broken, mut skipped) = Given::default();
    for (name, _) in &files {
        let one = give(&section(name), folder.path());
        documents.extend(one.0);
        broken.extend(one.1);
        skipped += &one.2;
    }
    let expected = (documents, broken, skipped);
    assert!(expected.0.len() > 80_000 && expected.2.broken_records > 40);
    assert!(expected.2.broken_files > 80 && expected.2.empty_files > 40);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.unwrap();
        let given = pool.install(|| give(&section("many"), folder.path()));
        assert!(given == expected, "{threads} threads");
    }
}
