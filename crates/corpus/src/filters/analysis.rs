//! A document in the hands of its filters, which share what one of them worked out.

use std::cell::OnceCell;

use kiln_text::Document;

use crate::words::{Words, python};

/// A document, and its words, lines and length once somebody asked for them.
pub struct Analysis<'a> {
    document: &'a Document,
    whitespace: OnceCell<Vec<&'a str>>,
    spacy: OnceCell<Vec<&'a str>>,
    lines: OnceCell<Vec<&'a str>>,
    characters: OnceCell<usize>,
}

impl<'a> Analysis<'a> {
    /// Nothing is worked out yet.
    pub fn new(document: &'a Document) -> Self {
        Self {
            document,
            whitespace: OnceCell::new(),
            spacy: OnceCell::new(),
            lines: OnceCell::new(),
            characters: OnceCell::new(),
        }
    }

    /// The document.
    pub fn document(&self) -> &'a Document {
        self.document
    }

    /// Its text.
    pub fn text(&self) -> &'a str {
        &self.document.text
    }

    /// Its words, cut once however many filters ask.
    pub fn words(&self, words: Words) -> &[&'a str] {
        let cell = match words {
            Words::Whitespace => &self.whitespace,
            Words::Spacy => &self.spacy,
        };
        cell.get_or_init(|| words.split(self.text()))
    }

    /// Its lines as Python's `str.splitlines()` cuts them, cut once.
    pub(super) fn lines(&self) -> &[&'a str] {
        self.lines
            .get_or_init(|| python::splitlines(self.text()).collect())
    }

    /// Its code points, counted once.
    pub(super) fn characters(&self) -> usize {
        *self.characters.get_or_init(|| self.text().chars().count())
    }
}
