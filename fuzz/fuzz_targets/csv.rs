#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    kiln_fuzz::read("csv", r#", "columns": ["text", "class"], "label": "class""#, bytes);
    kiln_fuzz::read("csv", r#", "delimiter": ";", "quotes": false"#, bytes);
    kiln_fuzz::read("tsv", "", bytes);
});
