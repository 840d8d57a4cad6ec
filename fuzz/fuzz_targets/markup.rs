#![no_main]

libfuzzer_sys::fuzz_target!(|page: &str| {
    let _ = kiln_corpus::extract::markup::text(page);
});
