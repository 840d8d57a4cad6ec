//! Store documents as Parquet: `cargo run -p kiln-corpus --features columnar --example write_parquet -- DOCUMENTS TABLE`
//!
//! DOCUMENTS has a document (`id`, `text`, `source`, `metadata`, `language`) as a JSON object on each line.

use std::error::Error;

use kiln_corpus::ParquetWriter;
use kiln_text::{Document, Sink};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, documents, table] = &arguments[..] else {
        return Err("expected a file of documents and a file to write".into());
    };
    let mut writer = Box::new(ParquetWriter::create(table.as_ref(), 1 << 20)?);
    for line in std::fs::read_to_string(documents)?.lines() {
        let document: Document = serde_json::from_str(line)?;
        writer.accept(&document)?;
    }
    writer.finish()?;
    Ok(())
}
