//! The room as its users see it: a recipe's section and a folder of files in, documents and messages out.
#![allow(clippy::unwrap_used)]

mod ahead;
mod formats;
mod hostile;
mod listing;
mod memory;
mod messy;
mod mistakes;
mod resume;
mod splits;
mod web;

use std::path::Path;

use kiln_corpus::{Config, Corpus, Counts, Error, Part};
use kiln_text::{Document, Source};
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn config(section: &str) -> Config {
    toml::from_str(section).unwrap()
}

fn open(section: &str, base: &Path) -> Result<Corpus, Error> {
    Corpus::open(&config(section), base)
}

/// All documents, not split.
fn documents(section: &str, base: &Path) -> Result<Vec<Document>, Error> {
    let mut documents = open(section, base)?.documents();
    let mut all = Vec::new();
    while let Some(document) = documents.next_document()? {
        all.push(document);
    }
    Ok(all)
}

/// All documents with their parts.
fn split(section: &str, base: &Path) -> Result<(Vec<(Part, Document)>, Counts), Error> {
    let mut split = open(section, base)?.split(&mut |_| true)?.unwrap();
    let mut all = Vec::new();
    while let Some(next) = split.next_document()? {
        all.push(next);
    }
    Ok((all, split.counts().clone()))
}

/// The texts of one part, joined.
fn joined(documents: &[(Part, Document)], part: Part) -> String {
    let of_part = documents.iter().filter(|(of, _)| *of == part);
    of_part
        .map(|(_, document)| document.text.as_str())
        .collect()
}
