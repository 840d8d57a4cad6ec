#![no_main]

use kiln_corpus::extract::html::{Options, all_text, main_text};

libfuzzer_sys::fuzz_target!(|page: &str| {
    let options = Options::default();
    let _ = main_text(page, &options);
    let _ = all_text(page, &options);
});
