//! What each format becomes.

use std::collections::HashSet;
use std::path::Path;

use kiln_corpus::Format;
use kiln_text::Document;
use proptest::prelude::*;
use serde_json::json;

use crate::{documents, folder};

/// One source of one file, with these further keys, as `(id, offset, text, metadata)`.
fn check(
    name: &str,
    keys: &str,
    contents: &[u8],
    expected: &[(&str, u64, &str, serde_json::Value)],
) {
    let folder = folder(&[(name, contents)]);
    let section = format!("sources = [{{ path = \"{name}\", {keys} }}]");
    let read = documents(&section, folder.path()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let read: Vec<_> = read
        .iter()
        .map(|document| {
            assert_eq!(document.source.path, name);
            let metadata = serde_json::Value::Object(document.metadata.clone());
            (
                document.id.as_str(),
                document.source.offset,
                document.text.as_str(),
                metadata,
            )
        })
        .collect();
    assert_eq!(read, expected, "{name} with {keys}");
}

#[test]
fn running_text_is_a_document_a_file() {
    check(
        "a.txt",
        "",
        b"One.\r\n\r\nTwo.",
        &[("a.txt", 0, "One.\r\n\r\nTwo.", json!({}))],
    );
    check(
        "a.md",
        "",
        b"\xef\xbb\xbf# One\n",
        &[("a.md", 3, "# One\n", json!({}))],
    );
    check(
        "a.txt",
        "label_is = 'x'",
        b"One.",
        &[("a.txt", 0, "One.", json!({"label": "x"}))],
    );
    check(
        "a.csv",
        "format = 'text'",
        b"a,b",
        &[("a.csv", 0, "a,b", json!({}))],
    );
}

#[test]
fn lines_are_documents_of_one_class() {
    check(
        "rt-polarity.pos",
        "format = 'lines', label_is = 'positive'",
        b"\xef\xbb\xbfa fine film \r\n\nso it is",
        &[
            (
                "rt-polarity.pos#1",
                3,
                "a fine film ",
                json!({"label": "positive"}),
            ),
            (
                "rt-polarity.pos#3",
                18,
                "so it is",
                json!({"label": "positive"}),
            ),
        ],
    );
}

#[test]
fn json_lines_have_named_fields() {
    check(
        "a.jsonl",
        "",
        b"{\"text\":\"One\",\"other\":[1]}\n\n  \r\n{\"text\":\"\\u00e9\"}\r\n",
        &[
            ("a.jsonl#1", 0, "One", json!({})),
            ("a.jsonl#4", 32, "\u{e9}", json!({})),
        ],
    );
    check(
        "a.ndjson",
        "text = 'review', label = 'stars', value = 'score'",
        b"{\"review\":\"One\",\"stars\":5,\"score\":1}\n\
          {\"review\":\"Two\",\"stars\":\" good\",\"score\":\" 2.5\"}\n\
          {\"review\":\"\",\"stars\":null}\n\
          {\"review\":null}\n\
          {\"review\":\"Three\",\"stars\":true,\"score\":-1e-3}",
        &[
            ("a.ndjson#1", 0, "One", json!({"label": "5", "value": 1.0})),
            (
                "a.ndjson#2",
                37,
                "Two",
                json!({"label": "good", "value": 2.5}),
            ),
            (
                "a.ndjson#5",
                128,
                "Three",
                json!({"label": "true", "value": -1e-3}),
            ),
        ],
    );
    check(
        "a.jsonl",
        "value = ['v', 'a']",
        b"{\"a\":1,\"v\":2,\"text\":\"One\"}",
        &[("a.jsonl#1", 0, "One", json!({"value": [2.0, 1.0]}))],
    );
}

#[test]
fn tables_have_named_columns() {
    check(
        "a.csv",
        "label = 'class', value = 'score'",
        b"\xef\xbb\xbfscore, class ,text\r\n1,good,\"One, \"\"two\"\"\r\nthree\"\r\n\r\n2.50,bad,Four\r\n3,bad,\n",
        &[
            ("a.csv#2", 23, "One, \"two\"\r\nthree", json!({"label": "good", "value": 1.0})),
            ("a.csv#5", 55, "Four", json!({"label": "bad", "value": 2.5})),
        ],
    );
    check(
        "a.csv",
        "columns = ['first', 'text', 'score'], value = ['score']",
        b"A plane.,An air plane.,5.0\n",
        &[("a.csv#1", 0, "An air plane.", json!({"value": [5.0]}))],
    );
    check(
        "a.csv",
        "quotes = false",
        b"text\n\"a\" b\"\n",
        &[("a.csv#2", 5, "\"a\" b\"", json!({}))],
    );
    check(
        "mac.csv",
        "",
        b"text,n\rOne,1\rTwo,2\r",
        &[
            ("mac.csv#2", 7, "One", json!({})),
            ("mac.csv#3", 13, "Two", json!({})),
        ],
    );
    check(
        "a.csv",
        "delimiter = ';', value = 'n'",
        b"text;n\n\"One; two\";1\n",
        &[("a.csv#2", 7, "One; two", json!({"value": 1.0}))],
    );
    check(
        "a.csv",
        "",
        b"text\nOne",
        &[("a.csv#2", 5, "One", json!({}))],
    );
}

#[test]
fn tabs_separate_and_quotes_may_be_ordinary() {
    let glue = b"label\ttext\n0\t\" never closed\n1\t\"all of it\"\r\n\n1\tsaid \"x\"\n";
    check(
        "a.tsv",
        "label = 'label'",
        glue,
        &[
            ("a.tsv#2", 11, "\" never closed", json!({"label": "0"})),
            ("a.tsv#3", 28, "all of it", json!({"label": "1"})),
            ("a.tsv#5", 44, "said \"x\"", json!({"label": "1"})),
        ],
    );
    check(
        "a.tsv",
        "quotes = true",
        b"text\tn\n\"One\n\ttwo\"\t1\n",
        &[("a.tsv#2", 7, "One\n\ttwo", json!({}))],
    );
    check(
        "ham.tab",
        "columns = ['label', 'text'], label = 'label'",
        b"ham\tGo until jurong point\n",
        &[(
            "ham.tab#1",
            0,
            "Go until jurong point",
            json!({"label": "ham"}),
        )],
    );
}

#[test]
fn stories_carry_what_is_known_of_them() {
    let section = "sources = [{ format = 'stories', documents = 3, seed = 7 }]";
    let stories = documents(section, Path::new("")).unwrap();
    assert_eq!(stories.len(), 3);
    for (index, story) in stories.iter().enumerate() {
        assert_eq!(story.id, format!("stories-7-{index}"));
        assert_eq!(story.source.path, "stories");
        assert!(!story.text.is_empty() && story.label().is_some());
        assert!(story.values().unwrap()[0] >= 0.0);
        assert!(story.log_probability().unwrap() < 0.0);
        assert!(story.metadata["outcome"].is_string());
    }
}

#[test]
fn extensions_say_the_format() {
    let cases = [
        ("a.txt", Some(Format::Text)),
        ("A.TXT", Some(Format::Text)),
        ("b/a.Markdown", Some(Format::Markdown)),
        ("a.tar.ndjson", Some(Format::Jsonl)),
        ("a.json", Some(Format::Json)),
        ("a.JSONL.GZ", Some(Format::Jsonl)),
        ("a.warc.gz", Some(Format::Warc)),
        ("a.tsv.zst", Some(Format::Tsv)),
        ("a.txt.gz.xz", None),
        ("a.gz", None),
        ("a.txt/.gz", None),
        ("a.yaml", None),
        (".txt", None),
        ("b/.csv", None),
        ("a.txt/b", None),
        ("txt", None),
    ];
    for (name, expected) in cases {
        assert_eq!(Format::of_file_name(name), expected, "{name}");
    }
}

fn texts(documents: &[Document]) -> Vec<&str> {
    documents
        .iter()
        .map(|document| document.text.as_str())
        .collect()
}

/// Ids are unique, and each offset is where its record begins.
fn check_places(
    documents: &[Document],
    bytes: &[u8],
    first_text: impl Fn(&[u8]) -> String,
) -> Result<(), TestCaseError> {
    let ids: HashSet<_> = documents.iter().map(|document| &document.id).collect();
    prop_assert_eq!(ids.len(), documents.len());
    for document in documents {
        let from = &bytes[document.source.offset as usize..];
        prop_assert_eq!(first_text(from), document.text.as_str());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn json_lines_come_back(written in proptest::collection::vec(any::<String>(), 1..20)) {
        let lines: String = written.iter().map(|text| json!({"text": text}).to_string() + "\n").collect();
        let folder = folder(&[("a.jsonl", lines.as_bytes())]);
        let read = documents("sources = [{ path = 'a.jsonl' }]", folder.path()).unwrap();
        let expected: Vec<_> = written.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
        prop_assert_eq!(texts(&read), expected);
        check_places(&read, lines.as_bytes(), |bytes| {
            let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>();
            values.next().unwrap().unwrap()["text"].as_str().unwrap().to_owned()
        })?;
    }

    #[test]
    fn tables_come_back(
        rows in proptest::collection::vec(("[a-z]{0,3}", "([ -~é\n\r\t\"]|\r\n){0,20}"), 1..20),
        returns in any::<bool>(),
        tabs in any::<bool>(),
    ) {
        let delimiter = if tabs { b'\t' } else { b',' };
        let terminator = if returns { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(Vec::new());
        writer.write_record(["other", "text"]).unwrap();
        for (other, text) in &rows {
            writer.write_record([other, text]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let (name, keys) = if tabs { ("a.tsv", ", quotes = true") } else { ("a.csv", "") };
        let folder = folder(&[(name, &bytes)]);
        let read = documents(&format!("sources = [{{ path = '{name}'{keys} }}]"), folder.path()).unwrap();
        let expected: Vec<_> = rows.iter().map(|(_, text)| text.as_str()).filter(|text| !text.trim().is_empty()).collect();
        prop_assert_eq!(texts(&read), expected);
        check_places(&read, &bytes, |bytes| {
            let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(bytes);
            reader.records().next().unwrap().unwrap()[1].to_owned()
        })?;
    }

    #[test]
    fn quoted_tabs_come_back_without_being_told(rows in proptest::collection::vec(("[a-z]{1,3}", "[ -~é\t\"]{0,20}"), 1..20)) {
        let mut writer = csv::WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
        writer.write_record(["other", "text"]).unwrap();
        for (other, text) in &rows {
            writer.write_record([other, text]).unwrap();
        }
        let folder = folder(&[("a.tsv", &writer.into_inner().unwrap())]);
        let read = documents("sources = [{ path = 'a.tsv' }]", folder.path()).unwrap();
        let expected: Vec<_> = rows.iter().map(|(_, text)| text.as_str()).filter(|text| !text.trim().is_empty()).collect();
        prop_assert_eq!(texts(&read), expected);
    }
}
