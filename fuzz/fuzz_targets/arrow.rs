#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    kiln_fuzz::read("arrow", "", bytes);
    kiln_fuzz::read(
        "arrow",
        r#", "text": "word", "label": "class", "value": "score""#,
        bytes,
    );
});
