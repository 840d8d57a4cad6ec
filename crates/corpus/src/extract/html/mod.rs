//! The main text of a web page, and what the page says of itself.
//!
//! A page is parsed to a flat tree (`tree`), its elements are measured (`measure`) and their names read (`hints`); what
//! tags and names call boilerplate is dropped (`clean`), the elements around most of the prose are chosen (`choose`), and
//! what still leads away is dropped inside them; the rest is written out as a browser would lay it out (`render`).
//!
//! It does not know the page's style sheets and runs no script: what only those show or hide is not seen so. It takes
//! text, not bytes: the encoding is its caller's.
//!
//! ```
//! use kiln_corpus::extract::html::{Options, main_text};
//!
//! let html = "<title>Tides</title><nav><a href='/'>Home</a></nav>\
//!     <article><p>The tide comes in twice a day, and goes out twice, as it always has.</p></article>";
//! let page = main_text(html, &Options::default());
//! assert_eq!(page.title.as_deref(), Some("Tides"));
//! assert_eq!(page.text, "The tide comes in twice a day, and goes out twice, as it always has.");
//! ```

mod choose;
mod clean;
mod cues;
pub(crate) mod entities;
mod hints;
mod measure;
mod metadata;
mod render;
mod structured;
mod tags;
#[cfg(test)]
mod tests;
mod tree;

use serde::{Deserialize, Serialize};

pub use metadata::Metadata;

use measure::Measures;
use tree::Tree;

/// How the text is written out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Begin list items with `- `.
    pub list_markers: bool,
    /// Separate the cells of a table row with ` | ` rather than a space.
    pub tables: bool,
    /// Keep the words under pictures.
    pub captions: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            list_markers: true,
            tables: true,
            captions: false,
        }
    }
}

/// What was read from a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The title, as the page gives it to other sites, or else as its window shows it.
    pub title: Option<String>,
    /// The main text.
    pub text: String,
    /// The language the page says it is in, a tag such as `en-GB`. Pages are often wrong.
    pub language: Option<String>,
    /// When the page says it was published, as written.
    pub published: Option<String>,
    /// What else the page says of itself.
    pub metadata: Metadata,
}

/// The main text, without menus, advertisements, comments and links to other pages.
///
/// Any input is a page; one without prose has an empty text. Time and memory are linear in the input. Paragraphs are
/// separated by an empty line, other blocks by a line break.
pub fn main_text(html: &str, options: &Options) -> Page {
    let tree = Tree::parse(html);
    let (mut page, structured) = metadata::read(&tree);
    let measures = Measures::of(&tree);
    page.text = clean::main_text(&tree, &measures, &page, structured.as_deref(), options);
    page
}

/// All text that a browser shows, menus and all.
pub fn all_text(html: &str, options: &Options) -> String {
    let tree = Tree::parse(html);
    render::render(&tree, &[0], |node| measure::is_unseen(&tree, node), options)
}
