//! What the fuzz targets share: bytes as a file of one format, read to its end.
//!
//! `cargo fuzz run parquet` from the root of the repository; with a stable compiler `RUSTC_BOOTSTRAP=1` before it.

use std::path::Path;

use kiln_corpus::{Config, Corpus};
use kiln_text::Source;

/// Read the bytes as a file of this format, given its columns where it has any. Whatever they are, the reading ends in
/// documents or in errors of one line.
pub fn read(format: &str, keys: &str, bytes: &[u8]) {
    // In memory where the system has such a folder.
    let shared = Path::new("/dev/shm");
    let folder = match shared.is_dir() {
        true => tempfile::tempdir_in(shared),
        false => tempfile::tempdir(),
    };
    let Ok(folder) = folder else { return };
    if std::fs::write(folder.path().join("file"), bytes).is_err() {
        return;
    }
    let section = format!(
        r#"{{"broken": "quarantine", "sources": [{{"path": "file", "format": "{format}"{keys}}}]}}"#
    );
    let config: Config = serde_json::from_str(&section).expect("a section of a recipe");
    let Ok(corpus) = Corpus::open(&config, folder.path()) else {
        return;
    };
    let mut documents = corpus.documents();
    while let Ok(Some(_)) = documents.next_document() {}
}
