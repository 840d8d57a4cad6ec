#![no_main]

/// What the first byte chooses: how the rest is decoded.
const LABELS: [&str; 16] = [
    "auto",
    "auto",
    "utf-8",
    "utf-16le",
    "utf-16be",
    "utf-32le",
    "utf-32be",
    "iso-2022-jp",
    "iso-2022-kr",
    "johab",
    "ibm855",
    "gb18030",
    "big5",
    "euc-jp",
    "shift_jis",
    "euc-tw",
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&first, bytes)) = bytes.split_first() else {
        return;
    };
    let label = LABELS[usize::from(first) % LABELS.len()];
    kiln_fuzz::read("text", &format!(r#", "encoding": "{label}""#), bytes);
});
