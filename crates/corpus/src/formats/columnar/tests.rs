mod real_files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int8Array, Int64Array,
    LargeStringArray, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field};
use kiln_text::{Document, Provenance, Sink};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::ParquetWriter;
use crate::config::{Format, Names, SourceConfig};
use crate::formats::reading::{Change, changes, check_changed, check_places, read, read_from};

/// Texts of each kind, labels and numbers, some of them null.
fn table() -> RecordBatch {
    let mut dictionary = StringDictionaryBuilder::<Int8Type>::new();
    for text in ["one", "two", "one", "three", "two"] {
        dictionary.append_value(text);
    }
    let inner: ArrayRef = Arc::new(StringArray::from(vec![
        Some("deep 1"),
        Some("deep 2"),
        None,
        Some("deep 4"),
        Some("deep 5"),
    ]));
    let nested = StructArray::from(vec![(
        Arc::new(Field::new("body", DataType::Utf8, true)),
        inner,
    )]);
    let list =
        ListArray::from_iter_primitive::<Int8Type, _, _>((0..5).map(|n| Some(vec![Some(n)])));
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "text",
            Arc::new(StringArray::from(vec!["A", "Bé", "", "🙂", "E"])),
        ),
        (
            "large",
            Arc::new(LargeStringArray::from(vec![
                Some("a"),
                None,
                Some("c"),
                Some("d"),
                Some("e"),
            ])),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from_vec(vec![b"x", b"y", b"z", b"\xff", b"v"])),
        ),
        ("word", Arc::new(dictionary.finish())),
        ("class", Arc::new(Int8Array::from(vec![1, 0, 1, 1, 0]))),
        (
            "good",
            Arc::new(BooleanArray::from(vec![true, false, true, true, false])),
        ),
        (
            "score",
            Arc::new(Float32Array::from(vec![0.1, 2.5, 1.0, -3.0, 7.0])),
        ),
        (
            "real",
            Arc::new(Float64Array::from(vec![0.25, f64::NAN, 1.0, 2.0, 3.0])),
        ),
        (
            "count",
            Arc::new(Int64Array::from(vec![
                Some(1 << 40),
                Some(2),
                None,
                Some(4),
                Some(5),
            ])),
        ),
        ("nested", Arc::new(nested)),
        ("list", Arc::new(list)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn parquet(path: &Path, compression: Compression) {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(2))
        .build();
    let table = table();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, table.schema(), Some(properties)).unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();
}

fn arrow(stream: bool, compression: Option<CompressionType>) -> Vec<u8> {
    let table = table();
    let options = IpcWriteOptions::default()
        .try_with_compression(compression)
        .unwrap();
    let parts = [table.slice(0, 2), table.slice(2, 2), table.slice(4, 1)];
    let mut bytes = Vec::new();
    if stream {
        let mut writer =
            StreamWriter::try_new_with_options(&mut bytes, &table.schema(), options).unwrap();
        parts.iter().for_each(|part| writer.write(part).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer =
            FileWriter::try_new_with_options(&mut bytes, &table.schema(), options).unwrap();
        parts.iter().for_each(|part| writer.write(part).unwrap());
        writer.finish().unwrap();
    }
    bytes
}

fn files() -> (tempfile::TempDir, Vec<(Format, PathBuf)>) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (name, compression) in [
        ("plain", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(Default::default())),
        ("zstd", Compression::ZSTD(Default::default())),
        ("lz4", Compression::LZ4_RAW),
        ("brotli", Compression::BROTLI(Default::default())),
    ] {
        let path = folder.path().join(format!("{name}.parquet"));
        parquet(&path, compression);
        files.push((Format::Parquet, path));
    }
    for stream in [true, false] {
        for compression in [
            None,
            Some(CompressionType::LZ4_FRAME),
            Some(CompressionType::ZSTD),
        ] {
            let path = folder
                .path()
                .join(format!("{stream}-{compression:?}.arrow"));
            std::fs::write(&path, arrow(stream, compression)).unwrap();
            files.push((Format::Arrow, path));
        }
    }
    (folder, files)
}

fn source(text: &str, label: &str, value: &str) -> SourceConfig {
    let given = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    SourceConfig {
        text: given(text),
        label: given(label),
        value: given(value).map(Names::One),
        ..SourceConfig::default()
    }
}

/// Id, text, label and values of a document.
type Shown = (String, String, Option<String>, Option<Vec<f64>>);

#[test]
fn each_kind_of_column_is_read() {
    let (_folder, files) = files();
    for (format, path) in files {
        let shown = |text: &str, label: &str, value: &str| -> Vec<Shown> {
            let documents = read(format, &path, &source(text, label, value));
            let shown = documents.into_iter().map(|d| {
                let label = d.label().map(str::to_owned);
                let values = d.values();
                (d.id, d.text, label, values)
            });
            shown.collect()
        };
        let texts = |text: &str| -> Vec<String> {
            shown(text, "", "").into_iter().map(|row| row.1).collect()
        };
        assert_eq!(
            shown("", "class", "score"),
            [
                (
                    "file#1".into(),
                    "A".into(),
                    Some("1".into()),
                    Some(vec![0.1])
                ),
                (
                    "file#2".into(),
                    "Bé".into(),
                    Some("0".into()),
                    Some(vec![2.5])
                ),
                (
                    "file#4".into(),
                    "🙂".into(),
                    Some("1".into()),
                    Some(vec![-3.0])
                ),
                (
                    "file#5".into(),
                    "E".into(),
                    Some("0".into()),
                    Some(vec![7.0])
                ),
            ],
            "{path:?}"
        );
        assert_eq!(texts("large"), ["a", "c", "d", "e"]);
        assert_eq!(texts("word"), ["one", "two", "one", "three", "two"]);
        assert_eq!(
            texts("nested.body"),
            ["deep 1", "deep 2", "deep 4", "deep 5"]
        );
        let labels: Vec<_> = shown("word", "good", "")
            .into_iter()
            .filter_map(|row| row.2)
            .collect();
        assert_eq!(labels, ["true", "false", "true", "true", "false"]);
    }
}

#[test]
fn a_reading_goes_on_at_each_place() {
    let (_folder, files) = files();
    for (format, path) in files {
        check_places(format, &path, &source("", "class", "score"), 1);
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    let (_folder, files) = files();
    for (format, path) in files {
        let refused = |text: &str, label: &str, value: &str| {
            let source = source(text, label, value);
            match read_from(format, &path, &source, (0, 0)) {
                Err(refused) => refused,
                Ok((all, ..)) => all.into_iter().find_map(Result::err).unwrap_or_default(),
            }
        };
        let cases = [
            (
                ("nothing", "", ""),
                "file: has no column `nothing`; the columns are: text, large, bytes, word, class, good, score, real, \
                 count, nested, list; name the right one with text = \"...\"",
            ),
            (
                ("list", "", ""),
                "file: the column `list` is a list; expected a text",
            ),
            (
                ("class", "", ""),
                "file: the column `class` is an integer; expected a text",
            ),
            (
                ("nested", "", ""),
                "file: the column `nested` is a struct; expected a text; name a field of it, such as `nested.body`",
            ),
            (
                ("text.body", "", ""),
                "file: the column `text` is of the type Utf8; only the fields of a struct can be named as `text.body`",
            ),
            (
                ("", "score", ""),
                "file: the column `score` is a number; expected a text or an integer",
            ),
            (
                ("", "", "good"),
                "file: the column `good` is true or false; expected a number",
            ),
            (
                ("bytes", "", ""),
                "file:4: the column `bytes` is not UTF-8 at its byte 0; expected a text",
            ),
            (
                ("word", "", "count"),
                "file:3: the field `count` is null; expected a number",
            ),
            (
                ("word", "", "real"),
                "file:2: the value `real` is `NaN`; expected a finite number, such as -1.5",
            ),
        ];
        for ((text, label, value), expected) in cases {
            assert_eq!(refused(text, label, value), expected, "{path:?}");
        }
    }
}

#[test]
fn a_broken_row_group_is_left_out_and_the_next_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    parquet(&path, Compression::ZSTD(Default::default()));
    let mut bytes = std::fs::read(&path).unwrap();
    // The first page of the first row group: behind `PAR1`.
    bytes[4..60].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let (all, places, _) =
        read_from(Format::Parquet, &path, &SourceConfig::default(), (0, 0)).unwrap();
    let refused = all[0].as_ref().unwrap_err();
    assert!(
        refused.starts_with("file: row group 0, behind row 0: cannot be decoded: "),
        "{refused}"
    );
    let texts: Vec<_> = all[1..]
        .iter()
        .map(|document| document.as_ref().unwrap().text.as_str())
        .collect();
    assert_eq!(texts, ["🙂", "E"]);
    let (rest, ..) =
        read_from(Format::Parquet, &path, &SourceConfig::default(), places[1]).unwrap();
    assert_eq!(rest, all[1..]);
}

#[test]
fn what_is_no_table_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for bytes in [
        &b""[..],
        b"PAR1",
        b"PAR1xxxxPAR1",
        b"text",
        b"ARROW1\0\0",
        b"ARROW1\0\0\xff\xff\xff\xff\xff\xff\xff\x7f",
    ] {
        std::fs::write(&path, bytes).unwrap();
        for format in [Format::Parquet, Format::Arrow] {
            assert!(
                read_from(format, &path, &SourceConfig::default(), (0, 0)).is_err(),
                "{bytes:?}"
            );
        }
    }
}

#[test]
fn records_take_their_own_ids_and_addresses() {
    let rows = |ids: ArrayRef, urls: ArrayRef| {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["A", "B", "C"]));
        // Between columns that are not read.
        let other: ArrayRef = Arc::new(Int8Array::from(vec![0, 0, 0]));
        let columns = [
            ("x", &other),
            ("url", &urls),
            ("text", &texts),
            ("y", &other),
            ("id", &ids),
        ];
        RecordBatch::try_from_iter(columns.map(|(name, column)| (name, column.clone()))).unwrap()
    };
    let texts =
        |texts: [Option<&str>; 3]| -> ArrayRef { Arc::new(StringArray::from(texts.to_vec())) };
    let none: ArrayRef = Arc::new(BooleanArray::from(vec![true; 3]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(-9)]));
    let usual = ["file#1", "file#2", "file#3"];
    type Case = (RecordBatch, [&'static str; 3], [Option<&'static str>; 3]);
    let cases: [Case; 3] = [
        (
            rows(
                texts([Some("a"), Some(" "), None]),
                texts([Some("http://a/"), None, Some("")]),
            ),
            ["a", "file#2", "file#3"],
            [Some("http://a/"), None, None],
        ),
        (
            rows(numbers.clone(), numbers),
            ["7", "file#2", "-9"],
            [None; 3],
        ),
        (rows(none.clone(), none), usual, [None; 3]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (batch, ids, urls) in cases {
        for format in [Format::Parquet, Format::Arrow] {
            let path = folder.path().join("file");
            let file = std::fs::File::create(&path).unwrap();
            if format == Format::Parquet {
                let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
                writer.write(&batch).unwrap();
                writer.close().unwrap();
            } else {
                let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
                writer.write(&batch).unwrap();
                writer.finish().unwrap();
            }
            let documents = read(format, &path, &SourceConfig::default());
            let found: Vec<_> = documents.iter().map(|d| d.id.as_str()).collect();
            assert_eq!(found, ids, "{format:?}");
            let found: Vec<_> = documents.iter().map(|d| d.source.url.as_deref()).collect();
            assert_eq!(found, urls, "{format:?}");
        }
    }
}

/// All that a written file holds.
fn written(path: &Path) -> Vec<Document> {
    let file = std::fs::File::open(path).unwrap();
    let mut documents = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
    {
        let batch = batch.unwrap();
        let offsets = batch
            .column_by_name("source_offset")
            .unwrap()
            .as_primitive::<UInt64Type>()
            .clone();
        for row in 0..batch.num_rows() {
            let text = |name: &str| {
                let column = batch.column_by_name(name).unwrap().as_string::<i32>();
                (!column.is_null(row)).then(|| column.value(row).to_owned())
            };
            let source = Provenance {
                path: text("source_path").unwrap(),
                offset: offsets.value(row),
                url: text("source_url"),
                licence: text("source_licence"),
            };
            let mut document = Document::new(text("id").unwrap(), text("text").unwrap(), source);
            document.language = text("language");
            if let Some(metadata) = text("metadata") {
                document.metadata = serde_json::from_str(&metadata).unwrap();
            }
            documents.push(document);
        }
    }
    documents
}

fn write(path: &Path, documents: &[Document], row_group_bytes: usize) {
    let mut writer = Box::new(ParquetWriter::create(path, row_group_bytes).unwrap());
    for document in documents {
        writer.accept(document).unwrap();
    }
    writer.finish().unwrap();
}

prop_compose! {
    fn document()(
        id in ".{0,8}", text in "\\PC{0,40}", path in "[a-z/]{0,9}", offset in any::<u64>(),
        url in prop::option::of("[a-z:/]{0,9}"), licence in prop::option::of("[A-Z]{0,5}"),
        language in prop::option::of("[a-z]{2}"), label in prop::option::of(".{0,5}"), value in prop::option::of(-1e300f64..1e300),
    ) -> Document {
        let source = Provenance { path, offset, url, licence };
        let mut document = Document::new(id, text, source);
        document.language = language;
        if let Some(label) = label { document.set_label(label); }
        if let Some(value) = value { document.set_value(value); }
        document
    }
}

fn seed(format: Format) -> Vec<u8> {
    match format {
        Format::Parquet => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            parquet(&path, Compression::SNAPPY);
            std::fs::read(path).unwrap()
        }
        _ => arrow(false, Some(CompressionType::LZ4_FRAME)),
    }
}

fn check_seed(format: Format, changes: &[Change]) {
    let seed = seed(format);
    check_changed(format, &seed, changes, &source("", "word", "score"));
    check_changed(
        format,
        &seed,
        changes,
        &source("nested.body", "class", "count"),
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(documents in prop::collection::vec(document(), 0..30), row_group_bytes in 0usize..300) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, &documents, row_group_bytes);
        prop_assert_eq!(&written(&path), &documents);
        let read = read(Format::Parquet, &path, &SourceConfig::default()).into_iter();
        let found: Vec<_> = read.map(|d| (d.id, d.text)).collect();
        let rows = documents.into_iter().zip(1..).filter(|(d, _)| !d.text.trim().is_empty());
        let expected: Vec<_> = rows.map(|(d, row)| match d.id.trim().is_empty() {
            true => (format!("file#{row}"), d.text),
            false => (d.id, d.text),
        }).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn changed_parquet_ends_in_documents_or_one_line(changes in changes()) {
        check_seed(Format::Parquet, &changes);
    }

    #[test]
    fn changed_arrow_ends_in_documents_or_one_line(changes in changes()) {
        check_seed(Format::Arrow, &changes);
    }
}
