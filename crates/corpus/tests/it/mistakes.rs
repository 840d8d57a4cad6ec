//! What a person reads when something is wrong: one line with the place, what was expected and what to do.

use std::io::Write;

use crate::{config, folder, open, split};

/// The message for this `[corpus]` section over these files, without the temporary folder's path.
fn message(section: &str, files: &[(&str, &[u8])]) -> String {
    let folder = folder(files);
    let error = match split(section, folder.path()) {
        Ok(_) => panic!("accepted: {section}"),
        Err(error) => error,
    };
    assert!(error.is_mistake(), "{error}");
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    message.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn configurations() {
    let one = "sources = [{ path = 'a.txt' }]\n";
    let cases = [
        (
            "sources = []".to_owned(),
            "[corpus] sources: is empty; name at least one",
        ),
        (
            format!("{one}chunk_bytes = 0"),
            "[corpus] chunk_bytes: is 0;",
        ),
        (
            "sources = [{}]".into(),
            "[corpus] sources[0].path: is missing; name a file",
        ),
        (
            "sources = [{ path = '' }]".into(),
            "[corpus] sources[0].path: is empty",
        ),
        (
            "sources = [{ path = 'a.txt', seed = 1 }]".into(),
            "[corpus] sources[0].seed: is read only with",
        ),
        (
            "sources = [{ path = 'a.txt', documents = 1 }]".into(),
            "[corpus] sources[0].documents: is read only with",
        ),
        (
            "sources = [{ format = 'stories', path = 'x' }]".into(),
            "[corpus] sources[0].path: has no meaning",
        ),
        (
            "sources = [{ format = 'stories', documents = 0 }]".into(),
            "[corpus] sources[0].documents: is 0",
        ),
        (
            "sources = [{ format = 'stories', label_is = 'x' }]".into(),
            "[corpus] sources[0].label_is: stories have",
        ),
        (
            "sources = [{ format = 'stories' }, { format = 'stories', seed = 0 }]".into(),
            "[corpus] sources[1].seed: 0 is also the seed of sources[0]",
        ),
        (
            "sources = [{ path = 'a.txt', format = 'text', label = 'x' }]".into(),
            "[corpus] sources[0].label: has no meaning with format = \"text\"",
        ),
        (
            "sources = [{ path = 'a.txt', format = 'jsonl', columns = ['x'] }]".into(),
            "[corpus] sources[0].columns: has no meaning with format = \"jsonl\"",
        ),
        (
            "sources = [{ path = 'a.csv', label = 'x', label_is = 'y' }]".into(),
            "[corpus] sources[0].label_is: is given beside `label`",
        ),
        (
            "sources = [{ path = 'a.txt', label_is = ' ' }]".into(),
            "[corpus] sources[0].label_is: is empty",
        ),
        (
            "sources = [{ path = 'a.csv', value = [] }]".into(),
            "[corpus] sources[0].value: is an empty list",
        ),
        (
            "sources = [{ path = 'a.csv', delimiter = '¦' }]".into(),
            "[corpus] sources[0].delimiter: '¦' cannot separate columns",
        ),
        (
            "sources = [{ path = 'a.tsv', format = 'tsv', delimiter = ';' }]".into(),
            "[corpus] sources[0].delimiter: has no meaning with format = \"tsv\"",
        ),
        (
            "sources = [{ path = 'a.csv', encoding = 'klingon' }]".into(),
            "[corpus] sources[0].encoding: `klingon` is no known encoding; write auto, utf-8, or",
        ),
        (
            "sources = [{ format = 'stories', encoding = 'auto' }]".into(),
            "[corpus] sources[0].encoding: has no meaning for generated stories",
        ),
        (
            "sources = [{ path = 'a.csv', columns = [] }]".into(),
            "[corpus] sources[0].columns: is an empty list",
        ),
        (
            format!("{one}split = {{ validation = 0.0 }}"),
            "[corpus] split.validation: 0 is not a share",
        ),
        (
            format!("{one}split = {{ validation = 1.0 }}"),
            "[corpus] split.validation: 1 is not a share",
        ),
        (
            format!("{one}split = {{ validation = nan }}"),
            "[corpus] split.validation: NaN is not a share",
        ),
        (
            format!("{one}split = {{ method = 'files' }}"),
            "[corpus] validation_sources: is empty, but split.method",
        ),
        (
            format!(
                "{one}validation_sources = [{{ path = 'b.txt' }}]\nsplit = {{ method = 'tail' }}"
            ),
            "[corpus] validation_sources: is only read with split.method = \"files\"",
        ),
        (
            "sources = [{ format = 'stories' }]\nsplit = { method = 'tail' }".into(),
            "[corpus] split.method: \"tail\" does not go with stories",
        ),
        (
            format!("{one}validation_sources = [{{ path = '' }}]"),
            "[corpus] validation_sources[0].path: is empty",
        ),
    ];
    for (section, expected) in cases {
        let error = config(&section).check().unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(expected) && error.is_mistake(),
            "{section}\n{message}"
        );
    }
}

#[test]
fn keys_that_do_not_exist_are_refused() {
    for section in [
        "sources = [{ pth = 'x' }]",
        "sourcs = []",
        "sources = []\nsplit = { share = 0.1 }",
    ] {
        assert!(
            toml::from_str::<kiln_corpus::Config>(section).is_err(),
            "{section}"
        );
    }
    let error =
        toml::from_str::<kiln_corpus::Config>("sources = [{ path = 'x', value = 3 }]").unwrap_err();
    assert!(
        error
            .message()
            .contains("expected a name or a list of names"),
        "{error}"
    );
}

#[test]
fn what_is_written_out_reads_back() {
    let section = "sources = [{ path = 'a.csv', value = ['v', 'a'], quotes = false }]\nsplit = { method = 'random' }";
    let written = toml::to_string(&config(section)).unwrap();
    assert_eq!(config(&written), config(section));
    let defaults =
        "[[sources]]\npath = \"a.txt\"\n\n[split]\nmethod = \"auto\"\nvalidation = 0.1\nseed = 0\n";
    let written = toml::to_string(&config("sources = [{ path = 'a.txt' }]")).unwrap();
    assert_eq!(written, format!("chunk_bytes = 67108864\n\n{defaults}"));
}

#[test]
fn paths() {
    let files: [(&str, &[u8]); 7] = [
        ("a.dat", b"a"),
        ("a.txt.gz", b"\x1f\x8b"),
        ("picture", b"\x89PNG\r\n\x1a\n\0\0"),
        ("pictures/1.png", b"1"),
        ("pictures/2.png", b"2"),
        ("mixed/a.csv", b"text\na\n"),
        ("mixed/README.md", b"read me"),
    ];
    let cases = [
        (
            "path = 'b.txt'",
            "[corpus] sources[0].path: `b.txt` does not exist (looked for b.txt)",
        ),
        (
            "path = '*.csv'",
            "[corpus] sources[0].path: `*.csv` matches no file",
        ),
        (
            "path = 'a[.txt'",
            "[corpus] sources[0].path: `a[.txt` is not a pattern: invalid range pattern",
        ),
        (
            "path = 'a.dat'",
            "[corpus] sources[0].format: is missing, and neither the name `a.dat` \
             (.txt .text .md .markdown .html .htm .xhtml .jsonl .ndjson .json .csv .tsv .tab .parquet .arrow .arrows .feather .ipc .epub .pdf .warc .wet .arc would) nor its first bytes say it; \
             write text, markdown, html, lines, jsonl, json, csv, tsv, parquet, arrow, wikipedia, epub, pdf or warc",
        ),
        (
            "path = 'picture'",
            "[corpus] sources[0].format: is missing, and neither the name `picture` \
             (.txt .text .md .markdown .html .htm .xhtml .jsonl .ndjson .json .csv .tsv .tab .parquet .arrow .arrows .feather .ipc .epub .pdf .warc .wet .arc would) nor its first bytes say it; \
             it holds a PNG picture; write text, markdown, html, lines, jsonl, json, csv, tsv, parquet, arrow, wikipedia, epub, pdf or warc",
        ),
        (
            "path = 'a.txt.gz'",
            "a.txt.gz: is named as a gzip file but does not begin like it; \
             rename it if it is not compressed, or fetch it again",
        ),
        (
            "path = 'pictures'",
            "[corpus] sources[0].path: `pictures` holds no file that ends in \
             .txt .text .md .markdown .html .htm .xhtml .jsonl .ndjson .json .csv .tsv .tab .parquet .arrow .arrows .feather .ipc .epub .pdf .warc .wet .arc; \
             left out: 2 files with other extensions, the first pictures/1.png; set `format` to read them",
        ),
        (
            "path = 'mixed/README.md', label = 'class'",
            "[corpus] sources[0].label: names a part of a record, but `mixed/README.md` is read as markdown, which has none; \
             set `format` or remove the key",
        ),
        (
            "path = 'mixed/*.md', label = 'class'",
            "[corpus] sources[0].path: `mixed/*.md` holds no file that ends in .jsonl .ndjson .json .csv .tsv .tab .parquet .arrow .arrows .feather .ipc; \
             left out: 1 file without named fields, the first mixed/README.md; set `format` to read them",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(
            message(&format!("sources = [{{ {keys} }}]"), &files),
            expected
        );
    }
    let twice =
        "sources = [{ path = 'a.dat', format = 'text' }, { path = '*.dat', format = 'text' }]";
    assert_eq!(
        message(twice, &files),
        "[corpus] sources[1].path: `a.dat` is also in sources[0]; name it once"
    );
    let texts = |names: [&str; 3]| {
        let source = |name: &str| format!("{{ path = 'mixed/a.csv', text = '{name}' }}");
        format!("sources = [{}]", names.map(source).join(", "))
    };
    for (names, first) in [(["a", "b", "a"], 0), (["a", "b", "b"], 1)] {
        assert_eq!(
            message(&texts(names), &files),
            format!(
                "[corpus] sources[2].path: `mixed/a.csv` is also in sources[{first}]; name it once"
            )
        );
    }
    let spelt =
        "sources = [{ path = 'mixed' }]\nvalidation_sources = [{ path = 'mixed/../mixed/a.csv' }]";
    assert_eq!(
        message(spelt, &files),
        "[corpus] validation_sources[0].path: `mixed/../mixed/a.csv` is also in sources[0], under another name; what is held out must not be trained on"
    );
    let both = "sources = [{ path = 'mixed' }]\nvalidation_sources = [{ path = 'mixed/a.csv' }]";
    assert_eq!(
        message(both, &files),
        "[corpus] validation_sources[0].path: `mixed/a.csv` is also in sources[0]; what is held out must not be trained on"
    );
    let folder = folder(&[]);
    let error = open("sources = [{ path = '.' }]", folder.path())
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "[corpus] sources[0].path: `.` holds no files"
    );
}

#[test]
fn contents() {
    let number = "the value `score` is";
    let advice = "expected a finite number, such as -1.5";
    let table = "text,score\n";
    let cases: [(&str, &str, String, String); 29] = [
        (
            "a.csv",
            "",
            "id,text,label\n1,One,x\n2,Two\n".into(),
            "a.csv:3: has 2 columns, expected 3 (id, text, label); complete the row or remove it \
             (if a quoted text goes over several lines, see the key `quotes`)"
                .into(),
        ),
        (
            "a.csv",
            "",
            "id,text\r\n1,\"One\r\n\r\nTwo\"\r\n2,Three, four\r\n".into(),
            "a.csv:5: has 3 columns, expected 2 (id, text); a text that holds the separator must stand in double quotes".into(),
        ),
        (
            "a.csv",
            "text = 'review'",
            "id,reviews\n".into(),
            "a.csv:1: has no column `review`; the columns are: id, reviews; name the right one with text = \"...\" \
             (or all of them with columns = [...] if the file has no header line)"
                .into(),
        ),
        (
            "a.csv",
            "",
            "id;text\n1;One\n".into(),
            "a.csv:1: has no column `text`; the columns are: id;text; \
             if another character than the comma separates them, name it with delimiter = \";\""
                .into(),
        ),
        (
            "a.csv",
            "",
            "\"a\nb\",text\n1\n".into(),
            "a.csv:3: has 1 column, expected 2 (a\\nb, text); complete the row or remove it \
             (if a quoted text goes over several lines, see the key `quotes`)"
                .into(),
        ),
        ("a.csv", "", "text,text\n".into(), "a.csv:1: has two columns named `text`; rename one of them".into()),
        ("a.csv", "value = 'score'", format!("{table}One,NaN\n"), format!("a.csv:2: {number} `NaN`; {advice}")),
        ("a.csv", "value = 'score'", format!("{table}One,-inf\n"), format!("a.csv:2: {number} `-inf`; {advice}")),
        ("a.csv", "value = 'score'", format!("{table}One,1e999\n"), format!("a.csv:2: {number} `1e999`; {advice}")),
        ("a.csv", "value = 'score'", format!("{table}One,\n"), format!("a.csv:2: {number} ``; {advice}")),
        ("a.csv", "value = 'score'", format!("{table}One,\"1,5\"\n"), format!("a.csv:2: {number} `1,5`; {advice}")),
        (
            "a.csv",
            "label = 'score'",
            format!("{table}One, \n"),
            "a.csv:2: the label `score` is empty; give every record its class".into(),
        ),
        (
            "a.csv",
            "",
            "id,text\n1,\"One\n2,Two\n".into(),
            "a.csv:2: the quote at byte 10, in the row that begins in line 2, is not closed before the end of the file; \
             close it, or set quotes = false if quotes are ordinary characters in this file"
                .into(),
        ),
        (
            "a.tsv",
            "",
            "id\ttext\n1\n".into(),
            "a.tsv:2: has 1 column, expected 2 (id, text); complete the row or remove it \
             (if a quoted text goes over several lines, see the key `quotes`)"
                .into(),
        ),
        (
            "a.json",
            "",
            "[{\"text\":\"One\"},\n {\"body\":1}]".into(),
            "a.json: byte 18: has no field `text`; the fields are: body; name the right one with text = \"...\"".into(),
        ),
        ("a.json", "", "[{\"text\":\"One\"}".into(), "a.json: byte 15: the file ends inside its JSON array; complete it".into()),
        ("a.json", "", "[{\"text\":\"One\"}, 3]".into(), "a.json: byte 17: expected a JSON object, `,` or `]` in the array".into()),
        (
            "a.json",
            "",
            "[{\"text\":\"One\"}] {}".into(),
            "a.json: byte 17: something follows the end of the JSON array; write one array or objects one after another".into(),
        ),
        ("a.json", "", " {\"text\":\"}".into(), "a.json: byte 1: the JSON object that begins here is never closed; complete it".into()),
        (
            "a.json",
            "",
            "\"text\"".into(),
            "a.json: byte 0: expected a JSON object; the file is to hold objects one after another, or an array of them".into(),
        ),
        (
            "a.jsonl",
            "",
            "{\"text\":\"One\"}\n{\"text\":\"Two\"\n".into(),
            "a.jsonl:2: is not a JSON object: EOF while parsing an object at column 13".into(),
        ),
        (
            "a.jsonl",
            "",
            "[1]".into(),
            "a.jsonl:1: is not a JSON object: invalid type: sequence, expected a map at column 0".into(),
        ),
        (
            "a.jsonl",
            "",
            "{\"body\":\"One\",\"id\":1}".into(),
            "a.jsonl:1: has no field `text`; the fields are: body, id; name the right one with text = \"...\"".into(),
        ),
        ("a.jsonl", "", "{\"text\":1}".into(), "a.jsonl:1: the field `text` is a number; expected a text".into()),
        (
            "a.jsonl",
            "label = 'l'",
            "{\"text\":\"One\",\"l\":[]}".into(),
            "a.jsonl:1: the field `l` is a list; expected a text or a number".into(),
        ),
        (
            "a.jsonl",
            "value = ['score']",
            "{\"text\":\"One\",\"score\":null}".into(),
            "a.jsonl:1: the field `score` is null; expected a number".into(),
        ),
        ("a.txt", "", " \n".into(), "the corpus holds no text: 1 empty file, 0 records with an empty text, nothing else; check [corpus] sources".into()),
        ("a.csv", "", String::new(), "the corpus holds no text: 0 empty files, 0 records with an empty text, nothing else; check [corpus] sources".into()),
        (
            "a.jsonl",
            "",
            "{\"text\":\"One\"}".into(),
            "the held-out split is empty: of 1 documents all went to the other side; \
             add documents, change split.validation or split.seed, or cut one long text with split.method = \"tail\""
                .into(),
        ),
    ];
    for (name, keys, contents, expected) in cases {
        let section = format!("sources = [{{ path = '{name}', {keys} }}]");
        assert_eq!(message(&section, &[(name, contents.as_bytes())]), expected);
    }
}

#[test]
fn bytes_that_are_not_declared_utf8_are_placed() {
    let bad = "0xe9 is not UTF-8, which `encoding` says the file is; \
               name the right encoding, or set encoding = \"auto\"";
    for (name, before) in [
        ("a.txt", "One "),
        ("a.csv", "text\nOne "),
        ("a.tsv", "text\n"),
        ("a.jsonl", "{\"text\":\""),
        ("a.json", "[{\"text\":\""),
        ("a.html", "<p>"),
    ] {
        let contents = [before.as_bytes(), b"\xe9", b"\n"].concat();
        let section =
            format!("broken = 'stop'\nsources = [{{ path = '{name}', encoding = 'utf-8' }}]");
        assert_eq!(
            message(&section, &[(name, &contents)]),
            format!("{name}: byte {}: {bad}", before.len())
        );
    }
    let mut long = "é\n".repeat(400_000).into_bytes();
    long.push(0xe9);
    let section = "sources = [{ path = 'a.txt', encoding = 'UTF8' }]";
    assert_eq!(
        message(section, &[("a.txt", &long)]),
        format!("a.txt: byte 1200000: {bad}")
    );
}

#[test]
fn files_that_are_not_what_they_are_named() {
    let advice = "leave it out, or name its `format` or its `encoding` if it is one of those read";
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let noise: Vec<u8> = (0..20_000u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let long = gzip(
        &noise
            .iter()
            .map(|byte| b'a' + byte % 26)
            .collect::<Vec<_>>(),
    );
    let cut = &long[..long.len() - 1000];
    let cut_message = format!(
        "the gzip file ends early, after {} bytes; fetch it again",
        cut.len()
    );
    let zeros = gzip(&vec![b'x'; 80 << 20]);
    let cases: [(&str, &[u8], &str); 6] = [
        (
            "a.csv",
            b"%PDF-1.7\n\xff\0",
            &format!("byte 0: holds a PDF file, not text; {advice}"),
        ),
        (
            "a.jsonl",
            b"PK\x03\x04\x14\0\0",
            &format!(
                "byte 0: holds a ZIP archive (as EPUB and office files are), not text; {advice}"
            ),
        ),
        (
            "a.txt",
            &[b'a', 0, 0, 0xff],
            &format!(
                "byte 0: does not look like text: 2 of its first 4 bytes are zero, the first at 1; {advice}"
            ),
        ),
        (
            "a.txt.zst",
            b"plain",
            "is named as a Zstandard file but does not begin like it; rename it if it is not compressed, or fetch it again",
        ),
        ("a.txt.gz", cut, &cut_message),
        ("a.txt.gz", &zeros, "79 KiB"),
    ];
    for (name, bytes, expected) in cases {
        let message = message(
            &format!("sources = [{{ path = '{name}' }}]"),
            &[(name, bytes)],
        );
        match expected {
            "79 KiB" => assert!(
                message.contains(" bytes unpack to more than 1000 times as many; "),
                "{message}"
            ),
            _ => assert!(message.ends_with(expected), "{message}\n{expected}"),
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let folder = folder(&[("a.txt", b"One."), ("b.txt", b"Two.")]);
    let corpus = open("sources = [{ path = '.' }]", folder.path()).unwrap();
    std::fs::write(folder.path().join("b.txt"), "Two. Three.").unwrap();
    let error = corpus.split(&mut |_| true).err().unwrap();
    let message = error.to_string();
    assert!(message.ends_with("b.txt: changed while the corpus was read (from 4 to 11 bytes); run again when it is complete"), "{message}");
}
