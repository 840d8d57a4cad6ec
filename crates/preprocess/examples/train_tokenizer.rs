//! Trains a tokenizer from a text file and prints what it took.
//!
//! ```text
//! cargo run --release -p kiln-preprocess --example train_tokenizer -- SECTION.toml TEXT TOKENIZER.json [TEXTS.jsonl IDS.jsonl]
//! ```
//!
//! The first file is a `[tokenizer]` section without its heading. The text is cut at ends of lines into texts of 16 KiB or a
//! little more. Printed as JSON: seconds on the processor, of all threads, from text in memory to the trained tokenizer;
//! bytes of text; number of ids; and the largest memory of the process in bytes. It reads those from `/proc`, as Linux has
//! it.
//!
//! With two files more, the texts of the first, a JSON string a line, are encoded; their ids and what those are decoded to are
//! written to the second, an object a line.

#![allow(clippy::print_stdout)]

use std::error::Error;
use std::fs::read_to_string;
use std::path::Path;

use kiln_preprocess::{TokenizerConfig, TrainedTokenizer, train};

const TEXT_BYTES: usize = 16 << 10;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [section, text, tokenizer, encode @ ..] = arguments.as_slice() else {
        return Err("expected SECTION.toml TEXT TOKENIZER.json [TEXTS.jsonl IDS.jsonl]".into());
    };
    let config: TokenizerConfig = toml::from_str(&read_to_string(section)?)?;
    let whole = read_to_string(text)?;
    let mut texts = vec![String::new()];
    for line in whole.split_inclusive('\n') {
        if texts.last().is_some_and(|text| text.len() >= TEXT_BYTES) {
            texts.push(String::new());
        }
        if let Some(text) = texts.last_mut() {
            text.push_str(line);
        }
    }
    let bytes = whole.len();
    drop(whole);
    let before = processor_seconds()?;
    let trained = train(&config, &mut texts.into_iter().map(Ok))?;
    let seconds = processor_seconds()? - before;
    trained.save(Path::new(tokenizer))?;
    println!(
        "{{\"seconds\": {seconds:.2}, \"bytes\": {bytes}, \"ids\": {}, \"memory\": {}}}",
        trained.tokenizer().vocabulary_size(),
        largest_memory()?
    );
    if let [texts, ids] = encode {
        std::fs::write(ids, encoded(&trained, &read_to_string(texts)?)?)?;
    }
    Ok(())
}

fn encoded(
    trained: &TrainedTokenizer,
    texts: &str,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let tokenizer = trained.tokenizer();
    let mut lines = String::new();
    for line in texts.lines() {
        let text: String = serde_json::from_str(line)?;
        let mut ids = Vec::new();
        tokenizer.encode(&text, &mut ids)?;
        let decoded = tokenizer.decode(&ids)?;
        let decoded = String::from_utf8_lossy(&decoded);
        let object = serde_json::json!({ "ids": ids, "text": decoded });
        lines.push_str(&object.to_string());
        lines.push('\n');
    }
    Ok(lines)
}

/// Of all threads, from the kernel's hundredths.
fn processor_seconds() -> Result<f64, Box<dyn Error + Send + Sync>> {
    let status = read_to_string("/proc/self/stat")?;
    let after_name = status.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let hundredths = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(hundredths / 100.0)
}

fn largest_memory() -> Result<u64, Box<dyn Error + Send + Sync>> {
    let status = read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kibibytes.unwrap_or("0").parse::<u64>()? << 10)
}
