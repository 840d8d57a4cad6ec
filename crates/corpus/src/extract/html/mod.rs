//! The main text of a web page.

mod choose;
mod clean;
mod cues;
mod entities;
mod hints;
mod measure;
mod metadata;
mod render;
mod structured;
mod tags;
mod tree;

use serde::Deserialize;

use measure::Measures;
use tree::Tree;

/// How the text is written out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
        Options { list_markers: true, tables: true, captions: false }
    }
}

pub use metadata::Metadata;

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

/// The main text.
pub fn main_text(html: &str, options: &Options) -> Page {
    let tree = Tree::parse(html);
    let (mut page, structured) = metadata::read(&tree);
    let measures = Measures::of(&tree);
    page.text = clean::main_text(&tree, &measures, &page, structured.as_deref(), options);
    page
}

/// All visible text.
pub fn all_text(html: &str, options: &Options) -> String {
    let tree = Tree::parse(html);
    render::render(&tree, &[0], |node| measure::is_unseen(&tree, node), options)
}
