//! What the fuzz targets share: bytes as a file of one format, read to its end.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kiln_corpus::{Config, Corpus};
use kiln_text::Source;

/// A folder of this process, in memory where the system has such a place. Each reading writes the one file in it anew.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let shared = Path::new("/dev/shm");
        let folder = match shared.is_dir() {
            true => tempfile::tempdir_in(shared),
            false => tempfile::tempdir(),
        };
        folder.expect("a temporary folder").keep()
    })
}

/// Read the bytes as a file of this format, given further keys of its source. Whatever they are, the reading ends in
/// documents or in errors of one line, and of what it did not take it goes past all.
pub fn read(format: &str, keys: &str, bytes: &[u8]) {
    let path = folder().join("file");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let section = format!(
        r#"{{"broken": "quarantine", "sources": [{{"path": "file", "format": "{format}"{keys}}}]}}"#
    );
    let config: Config = serde_json::from_str(&section).expect("a section of a recipe");
    let Ok(corpus) = Corpus::open(&config, folder()) else {
        return;
    };
    let mut documents = corpus.documents();
    while let Ok(Some(document)) = documents.next_document() {
        assert!(!document.id.is_empty(), "a document without an id");
    }
    for broken in documents.take_broken() {
        assert!(!broken.reason.contains('\n'), "one line: {}", broken.reason);
    }
}

/// The bytes as a file of one kind of compression: what does not begin like it is given its beginning.
pub fn unpack(beginning: &[u8], bytes: &[u8]) {
    if bytes.starts_with(beginning) {
        return read("lines", "", bytes);
    }
    read("lines", "", &[beginning, bytes].concat());
}
