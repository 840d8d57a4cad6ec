//! A document in the hands of its filters, which share what one of them worked out.

use std::cell::OnceCell;

use kiln_text::Document;

use crate::words::Words;

/// A document, and its words once somebody asked for them.
pub struct Analysis<'a> {
    document: &'a Document,
    whitespace: OnceCell<Vec<&'a str>>,
    spacy: OnceCell<Vec<&'a str>>,
}

impl<'a> Analysis<'a> {
    /// Nothing is worked out yet.
    pub fn new(document: &'a Document) -> Self {
        Self {
            document,
            whitespace: OnceCell::new(),
            spacy: OnceCell::new(),
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
}
