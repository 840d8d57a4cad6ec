#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    kiln_fuzz::read("parquet", "", bytes);
    kiln_fuzz::read(
        "parquet",
        r#", "text": "word", "label": "class", "value": "score""#,
        bytes,
    );
});
