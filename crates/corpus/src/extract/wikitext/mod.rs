//! From the markup of MediaWiki to running text.
//!
//! Templates, tables, references, images and categories go, links leave their label, headings and list items stay on
//! lines of their own. A few dozen inline templates of the English Wikipedia that stand in the middle of sentences
//! (`{{lang|fr|mot}}`, `{{convert|5|km}}`) are rendered. Nothing is fetched: what a template says elsewhere is not known.
//!
//! Two passes, each over the bytes once: [`structure`] pairs what opens with what closes, [`render`] writes what is
//! kept. What never closes loses its marks and keeps its text, so that one missing brace does not take the article.

mod lines;
mod notation;
mod render;
mod structure;
mod templates;

use std::collections::HashSet;

/// Names that stand for pictures, sounds and categories in every wiki, beside its own.
const HIDDEN_NAMESPACES: [&str; 4] = ["category", "file", "image", "media"];

/// A converter for the pages of one wiki.
#[derive(Clone, Debug)]
pub struct Converter {
    hidden: HashSet<String>,
}

impl Default for Converter {
    fn default() -> Self {
        Self::new()
    }
}

impl Converter {
    /// For a wiki whose namespaces have English names.
    pub fn new() -> Self {
        Self {
            hidden: HIDDEN_NAMESPACES.map(str::to_owned).into(),
        }
    }

    /// Links into this namespace are not shown: `Datei`, `Kategorie`.
    pub fn hide_namespace(&mut self, name: &str) {
        self.hidden.insert(name.trim().to_lowercase());
    }

    /// The running text of a page. The time is linear in its length and the depth of nesting is bounded: what is nested
    /// deeper than 32 is left out.
    pub fn text(&self, page: &str) -> String {
        render::Renderer::new(page, self).text()
    }

    fn hides(&self, namespace: &str) -> bool {
        self.hidden.contains(namespace)
    }
}

/// The running text of a page of a wiki whose namespaces have English names.
///
/// ```
/// use kiln_corpus::extract::wikitext;
///
/// let page = "{{Infobox|x=1}}\n'''Tea''' is a [[drink|hot drink]].<ref>Book, p. 1</ref>\n[[Category:Tea]]";
/// assert_eq!(wikitext::text(page), "Tea is a hot drink.");
/// ```
pub fn text(page: &str) -> String {
    Converter::new().text(page)
}

#[cfg(test)]
mod tests;
