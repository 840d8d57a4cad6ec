//! The files that Apache's projects test their readers with.

use super::source;
use crate::config::Format;
use crate::formats::reading::{data, read_from};

#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn every_parquet_file_is_read_or_refused_with_its_reason() {
    // Which file, which column as text, and what comes of it: as many documents as pyarrow finds texts with more in
    // them than white space, or how the refusal begins.
    let cases: &[(&str, &str, Result<usize, &str>)] = &[
        ("derived-mr.gzip", "text", Ok(10_662)),
        ("derived-mr.snappy", "text", Ok(10_662)),
        ("derived-mr.zstd", "text", Ok(10_662)),
        ("parquet-testing/alltypes_dictionary", "string_col", Ok(2)),
        ("parquet-testing/alltypes_plain", "string_col", Ok(8)),
        ("parquet-testing/alltypes_plain.snappy", "string_col", Ok(2)),
        ("parquet-testing/binary", "foo", Ok(9)),
        (
            "parquet-testing/byte_stream_split.zstd",
            "f32",
            Err("is a number"),
        ),
        (
            "parquet-testing/concatenated_gzip_members",
            "long_col",
            Err("is an integer"),
        ),
        (
            "parquet-testing/datapage_v1-corrupt-checksum",
            "a",
            Err("is an integer"),
        ),
        ("parquet-testing/datapage_v2.snappy", "a", Ok(4)),
        (
            "parquet-testing/delta_byte_array",
            "c_last_review_date",
            Ok(975),
        ),
        (
            "parquet-testing/delta_encoding_required_column",
            "c_last_review_date:",
            Ok(100),
        ),
        ("parquet-testing/delta_length_byte_array", "FRUIT", Ok(1000)),
        ("parquet-testing/hadoop_lz4_compressed", "c1", Ok(4)),
        (
            "parquet-testing/large_string_map.brotli",
            "arr",
            Err("is a map"),
        ),
        (
            "parquet-testing/list_columns",
            "int64_list",
            Err("is a list"),
        ),
        ("parquet-testing/lz4_raw_compressed", "c1", Ok(4)),
        ("parquet-testing/lz4_raw_compressed_larger", "a", Ok(10_000)),
        ("parquet-testing/nation.dict-malformed", "name", Ok(25)),
        ("parquet-testing/nested_lists.snappy", "a", Err("is a list")),
        ("parquet-testing/nested_maps.snappy", "a", Err("is a map")),
        (
            "parquet-testing/nulls.snappy",
            "b_struct.b_c_int",
            Err("is an integer"),
        ),
        (
            "parquet-testing/rle_boolean_encoding",
            "datatype_boolean",
            Err("is true or false"),
        ),
    ];
    for &(name, text, ref expected) in cases {
        let path = data("parquet").join(format!("{name}.parquet"));
        let found = read_from(Format::Parquet, &path, &source(text, "", ""), (0, 0)).and_then(
            |(all, ..)| {
                let count = all.len();
                all.into_iter()
                    .collect::<Result<Vec<_>, _>>()
                    .map(|_| count)
            },
        );
        match (&found, expected) {
            (Ok(count), Ok(expected)) => assert_eq!(count, expected, "{name}"),
            (Err(refused), Err(expected)) => {
                let of_column = format!("file: the column `{text}` {expected}; expected a text");
                assert_eq!(*refused, of_column, "{name}");
            }
            _ => panic!("{name}: {found:?}"),
        }
    }
}
