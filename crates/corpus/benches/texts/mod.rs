//! Texts of the data sets that `KILN_DATA` names.

use std::path::{Path, PathBuf};

/// The folder, if it is named.
pub(crate) fn data() -> Option<PathBuf> {
    std::env::var_os("KILN_DATA").map(PathBuf::from)
}

/// Files of running text, in pieces of at most 8 kB that end with a line.
pub(crate) fn read(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for (folder, ending) in [
        (folder.join("rust-book-md"), "md"),
        (folder.join("books"), "txt"),
        (folder.join("tinystories-sample"), "txt"),
        (folder.join("wikitext2"), "txt"),
    ] {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|file| file.path())
            .collect();
        files.retain(|file| {
            file.extension()
                .is_some_and(|extension| extension == ending)
        });
        files.sort();
        for file in files {
            let mut piece = String::new();
            for line in std::fs::read_to_string(file)
                .unwrap_or_default()
                .split_inclusive('\n')
            {
                piece.push_str(line);
                if piece.len() > 8000 {
                    texts.push(std::mem::take(&mut piece));
                }
            }
            texts.push(piece);
        }
    }
    texts
}
