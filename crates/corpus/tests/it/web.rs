//! Web archives: what becomes a document, and what is kept aside.

use kiln_text::Source;

use crate::{folder, open};

fn record(kind: &str, header: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!(
        "WARC/1.0\r\nWARC-Type: {kind}\r\n{header}Content-Length: {length}\r\nWARC-Date: 2020-01-02T03:04:05Z\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n\r\n"].concat()
}

fn page(header: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{header}\r\n");
    record(
        "response",
        "WARC-Target-URI: http://a/\r\nContent-Type: application/http; msgtype=response\r\n",
        &[head.as_bytes(), body].concat(),
    )
}

fn text(text: &str) -> Vec<u8> {
    record(
        "conversion",
        "Content-Type: text/plain\r\n",
        text.as_bytes(),
    )
}

fn gzip(member: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(member, flate2::Compression::best());
    encoder.read_to_end(&mut out).unwrap();
    out
}

/// The texts of a file, its broken records as `offset: reason`, and how many records hold nothing that is read.
fn read(name: &str, bytes: &[u8]) -> (Vec<String>, Vec<String>, u64) {
    let folder = folder(&[(name, bytes)]);
    let section = format!("sources = [{{ path = '{name}' }}]");
    let mut documents = open(&section, folder.path()).unwrap().documents();
    let mut texts = Vec::new();
    while let Some(document) = documents.next_document().unwrap() {
        assert_eq!(document.id, format!("{name}#{}", document.source.offset));
        texts.push(document.text);
    }
    let broken = documents.take_broken().into_iter().map(|broken| {
        assert_eq!((broken.file.as_str(), broken.line), (name, None));
        format!("{}: {}", broken.offset.unwrap(), broken.reason)
    });
    (texts, broken.collect(), documents.skipped().other_records)
}

#[test]
fn pages_and_texts_become_documents() {
    let html = "Content-Type: text/html\r\n";
    let mut bytes = Vec::new();
    for record in [
        record("warcinfo", "", b"software: x"),
        page(
            "Content-Type: Text/HTML; charset=iso-8859-1\r\n",
            b"<p>caf\xe9",
        ),
        page(html, b"<meta charset='windows-1251'><p>\xc4\xe0"),
        page(
            &format!("{html}Transfer-Encoding: chunked\r\n"),
            b"3\r\n<p>\r\n2\r\nhi\r\n0\r\n\r\n",
        ),
        page(
            &format!("{html}Content-Encoding: gzip\r\n"),
            &gzip(b"<p>packed"),
        ),
        page("", b"<!DOCTYPE html><p>no type"),
        page("Content-Type: image/png\r\n", b"\x89PNG"),
        record(
            "request",
            "Content-Type: application/http\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ),
        record(
            "response",
            "Content-Type: application/http\r\n",
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<p>gone",
        ),
        text("A text.\n"),
        record("resource", "Content-Type: text/html\r\n", b"<p>resource"),
    ] {
        bytes.extend(record);
    }
    let expected = [
        "<p>caf\u{e9}",
        "<meta charset='windows-1251'><p>Да",
        "<p>hi",
        "<p>packed",
        "<!DOCTYPE html><p>no type",
        "A text.\n",
        "<p>resource",
    ];
    for (name, bytes) in [("a.warc", bytes.clone()), ("a.warc.gz", gzip(&bytes))] {
        let (texts, broken, others) = read(name, &bytes);
        assert_eq!(texts, expected);
        assert_eq!((broken.len(), others), (0, 2), "{broken:?}");
    }
    let folder = folder(&[("a.warc", &bytes)]);
    let mut documents = open("sources = [{ path = 'a.warc' }]", folder.path())
        .unwrap()
        .documents();
    let document = documents.next_document().unwrap().unwrap();
    assert_eq!(document.source.url.as_deref(), Some("http://a/"));
    assert_eq!(
        serde_json::Value::from(document.metadata),
        serde_json::json!({"content_type": "text/html", "date": "2020-01-02T03:04:05Z"})
    );
}

#[test]
fn arc_version_1() {
    let bytes = b"filedesc://a.arc 0.0.0.0 20140216050221 text/plain 75\n1 0 LiveWeb Capture\n\
        URL IP-address Archive-date Content-type Archive-length\n\n\
        http://a/b c 1.2.3.4 20140216050221 text/html 48\n\
        HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>a\n\
        dns:a 1.2.3.4 20140216050221 text/dns 3\nabc\n\
        http://a/ 1.2.3.4 20140216050221 text/html x\n<p>\n\
        http://a/ 1.2.3.4 20140216050221 text/html 4\n<p>b";
    let (texts, broken, others) = read("a.arc", bytes);
    assert_eq!(texts, ["<p>a", "<p>b"]);
    assert_eq!(
        broken,
        ["273: the length `x` of the ARC record is not a number of bytes"]
    );
    assert_eq!(others, 1);
}

#[test]
fn the_reading_goes_on_behind_broken_records() {
    let [one, two, three] = ["One.", "Two.", "Three."].map(text);
    let bad = |length: &str| {
        let record = String::from_utf8(two.clone()).unwrap();
        record
            .replace("Content-Length: 4", &format!("Content-Length: {length}"))
            .into_bytes()
    };
    let at = one.len();
    let chunked = page(
        "Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n",
        b"3\r\n<p>\r\nzz\r\n",
    );
    let cases: [(Vec<u8>, String); 7] = [
        (
            bad("x"),
            format!("{at}: the Content-Length `x` is not a number of bytes"),
        ),
        (
            bad("2"),
            format!("{at}: the record does not end after its 2 bytes"),
        ),
        (
            bad("9"),
            format!("{at}: the record does not end after its 9 bytes"),
        ),
        (
            bad("999999"),
            format!("{at}: the record has 999999 bytes, of which 131 are there"),
        ),
        (
            b"some words\r\n\r\n".to_vec(),
            format!("{at}: expected the beginning of a record, found `some words`"),
        ),
        (
            b"WARC/1.0\r\nWARC-Type: conversion\r\n\r\n".to_vec(),
            format!("{at}: the record has no Content-Length"),
        ),
        (
            chunked,
            format!("{at}: expected the size of a chunk at byte 8 of the HTTP body, found `zz`"),
        ),
    ];
    for (record, problem) in &cases {
        let bytes = [&one[..], record, &three].concat();
        for (name, bytes) in [("a.warc", bytes.clone()), ("a.warc.gz", gzip(&bytes))] {
            let (texts, broken, _) = read(name, &bytes);
            assert_eq!(texts, ["One.", "Three."], "{problem}");
            assert_eq!(&broken, std::slice::from_ref(problem));
        }
    }
    // The file ends inside a record.
    let (texts, broken, _) = read("a.warc", &[&one[..], &two[..two.len() - 6]].concat());
    assert_eq!(texts, ["One."]);
    assert_eq!(
        broken,
        [format!(
            "{at}: the record has 4 bytes, of which 2 are there"
        )]
    );
    // One of the members is damaged.
    let members = [&one, &two, &three].map(|record| gzip(record));
    for damage in [0, 3, 12, 60, members[1].len() - 6] {
        let mut second = members[1].clone();
        second[damage] ^= 0xff;
        let (texts, broken, _) = read(
            "a.warc.gz",
            &[&members[0][..], &second, &members[2]].concat(),
        );
        assert_eq!(texts, ["One.", "Three."], "{damage}: {broken:?}");
        // Damage may show as a record that does not look like one before the checksum shows it.
        let last = broken.last().unwrap();
        assert!(
            broken.len() <= 2 && last.contains("the gzip file is damaged"),
            "{damage}: {broken:?}"
        );
    }
}

#[test]
fn stop_is_heard() {
    let bytes = [text("One."), b"words\r\n".to_vec(), text("Two.")].concat();
    let folder = folder(&[("a.warc", &bytes)]);
    let section = "broken = 'stop'\nsources = [{ path = 'a.warc' }]";
    let mut documents = open(section, folder.path()).unwrap().documents();
    assert!(documents.next_document().unwrap().is_some());
    let error = documents.next_document().unwrap_err().to_string();
    assert!(
        error.ends_with("expected the beginning of a record, found `words`"),
        "{error}"
    );
}

#[test]
fn rows_and_lines_are_quarantined_where_the_recipe_says_so() {
    let files: [(&str, &[u8]); 5] = [
        ("a.csv", b"text,n\nOne,1\nTwo\nThree,2,3\nFour,4\n"),
        (
            "b.jsonl",
            b"{\"text\":\"Five\"}\n{\"text\"\n[]\n{\"text\":\"Six\"}\n",
        ),
        (
            "c.json",
            b"[{\"text\":\"Seven\"},{\"x\":1},{\"text\":\"Eight\"}",
        ),
        ("d.tsv", b"text\tn\nNine\n\nTen\t1\n"),
        ("e.txt", b"\x89PNG\r\n\x1a\n\0\0\0"),
    ];
    let folder = folder(&files);
    let section = "broken = 'quarantine'\nsources = [{ path = '.' }]\nsplit = { method = 'random', validation = 0.4 }";
    let mut split = open(section, folder.path())
        .unwrap()
        .split(&mut |_| true)
        .unwrap()
        .unwrap();
    let mut texts = Vec::new();
    while let Some((_, document)) = split.next_document().unwrap() {
        texts.push(document.text);
    }
    let expected = ["One", "Four", "Five", "Six", "Seven", "Eight", "Ten"];
    assert_eq!(texts, expected);
    let broken = split.take_broken();
    let places: Vec<_> = broken
        .iter()
        .map(|broken| {
            (
                &*broken.file,
                broken.line,
                broken.offset,
                &*broken.beginning,
                broken.ends_file,
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            ("a.csv", Some(3), None, "Two", false),
            ("a.csv", Some(4), None, "Three23", false),
            ("b.jsonl", Some(2), None, "{\"text\"", false),
            ("b.jsonl", Some(3), None, "[]", false),
            ("c.json", None, Some(18), "{\"x\":1}", false),
            ("c.json", None, Some(42), "", true),
            ("d.tsv", Some(2), None, "Nine", false),
            ("e.txt", None, Some(0), "", true),
        ]
    );
    let skipped = &split.counts().skipped;
    assert_eq!((skipped.broken_records, skipped.broken_files), (6, 2));
    let first = skipped.first_broken.as_deref().unwrap();
    assert!(
        first.starts_with("a.csv:3: has 1 column, expected 2"),
        "{first}"
    );
    assert!(split.take_broken().is_empty());
}

#[test]
fn a_quote_that_is_never_closed_costs_its_row_alone() {
    // Contents, the texts read, and the broken rows: line, the byte of the quote, and how the row begins.
    type Row = (u64, u64, &'static str);
    let cases: [(&str, &[&str], &[Row]); 6] = [
        (
            "text,n\nOne,1\n\"Two,2\nThree,3\nFour,4\n",
            &["One", "Three", "Four"],
            &[(3, 13, "Two,2\nThree,3")],
        ),
        (
            "text,n\r\n\"One,1\r\nTwo,2\r\n\"Three,3\r\nFour,4\r\n",
            // The second quote closes the first, and what stands behind it is ordinary: a row like any other.
            &["One,1\r\nTwo,2\r\nThree", "Four"],
            &[],
        ),
        // In a row whose first cell has quoted lines; doubled quotes close nothing.
        (
            "text,n\n\"a\nb\",\"1\n2,\"\"x\nThree,3\n",
            &["2", "Three"],
            &[(3, 13, "a\nb1\n")],
        ),
        (
            "text,n\n\"One\",\"1\"\n\"Two,2",
            &["One"],
            &[(3, 0, "Two,2")],
        ),
        (
            "text,n\rOne,1\r\"Two,2\rThree,3\r",
            &["One", "Three"],
            &[(3, 13, "Two,2\rThree")],
        ),
        (
            "text,n\nOne,1\na\"b,2\nThree,3\n",
            &["One", "a\"b", "Three"],
            &[],
        ),
    ];
    for (contents, texts, rows) in cases {
        let folder = folder(&[("a.csv", contents.as_bytes())]);
        let section = "broken = 'quarantine'\nsources = [{ path = 'a.csv' }]";
        let mut documents = open(section, folder.path()).unwrap().documents();
        let mut read = Vec::new();
        while let Some(document) = documents.next_document().unwrap() {
            read.push(document.text);
        }
        let broken = documents.take_broken();
        assert_eq!(read, texts, "{contents:?}");
        assert_eq!(broken.len(), rows.len(), "{contents:?} {broken:?}");
        for (broken, (line, byte, beginning)) in broken.iter().zip(rows) {
            assert_eq!(broken.line, Some(*line), "{broken:?}");
            assert!(
                !broken.ends_file && broken.beginning.starts_with(beginning),
                "{broken:?}"
            );
            let place = format!("the quote at byte {byte},");
            assert!(
                *byte == 0 || broken.reason.starts_with(&place),
                "{broken:?}"
            );
        }
    }
}

#[test]
fn text_in_an_encoding_that_is_not_read_is_named() {
    let bytes = b"\xc4\xa1\xe6\xb2\xc5\xc9\xd1\xa7\xf0\xb1".repeat(8);
    let folder = folder(&[("a.txt", &bytes)]);
    let mut documents = open("sources = [{ path = 'a.txt' }]", folder.path())
        .unwrap()
        .documents();
    let error = documents.next_document().unwrap_err().to_string();
    let expected = "a.txt: byte 0: is text in EUC-TW, which is not read; convert it first (iconv -f EUC-TW -t UTF-8), \
        or name its `encoding` if it is in another";
    assert!(error.ends_with(expected), "{error}");
}
