//! From markup to running text.

pub mod html;
pub mod markup;
pub mod wikitext;

use kiln_text::{Document, Error, Transform};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::formats::CONTENT_TYPE;

/// `[corpus.extraction]`: what is taken from documents with markup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `main-text`, `all-text` or `keep`: what becomes of web pages.
    pub html: Html,
    /// How lists, tables and captions of web pages are written.
    pub layout: html::Options,
}

/// What is taken from a web page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Html {
    /// The article, without menus, advertisements and comments.
    #[default]
    MainText,
    /// Everything that a browser shows.
    AllText,
    /// The markup as it is.
    Keep,
}

/// Takes the text out of documents that say they are web pages, and sets their `title` and language where the page gives
/// them. Others stay as they are.
pub struct Extraction(Config);

impl Extraction {
    /// As the configuration says.
    pub fn new(config: Config) -> Self {
        Self(config)
    }
}

impl Transform for Extraction {
    fn apply(&self, mut document: Document) -> Result<Option<Document>, Error> {
        let kind = document.metadata.get(CONTENT_TYPE).and_then(Value::as_str);
        let page = matches!(kind, Some("text/html" | "application/xhtml+xml"));
        if !page || self.0.html == Html::Keep {
            return Ok(Some(document));
        }
        if self.0.html == Html::AllText {
            document.replace_text(html::all_text(&document.text, &self.0.layout));
            return Ok(Some(document));
        }
        let page = html::main_text(&document.text, &self.0.layout);
        document.replace_text(page.text);
        if let Some(title) = page.title {
            document
                .metadata
                .entry("title")
                .or_insert(Value::String(title));
        }
        if document.language.is_none() {
            document.language = page.language;
        }
        Ok(Some(document))
    }
}

#[cfg(test)]
mod tests {
    use kiln_text::Provenance;

    use super::*;

    const PAGE: &str = "<html lang=en><title>Bread</title><nav><a href=/>Home</a> <a href=/x>Shop</a></nav>\
        <article><p>Flour, water and salt are all that bread needs, and a day of time, which most bakers do not give it.\
        <p>Whoever has waited once for a slow dough to rise, and has smelled it in the oven, will not buy any other.</article>";

    #[test]
    fn only_pages_are_changed() {
        let check = |config: &str, kind: Option<&str>, expected: &str, title: bool| {
            let extraction = Extraction::new(toml::from_str(config).unwrap());
            let mut document = Document::new("x", PAGE, Provenance::default());
            if let Some(kind) = kind {
                document.metadata.insert(CONTENT_TYPE.into(), kind.into());
            }
            let document = extraction.apply(document).unwrap().unwrap();
            assert!(document.text.starts_with(expected), "{}", document.text);
            assert_eq!(document.metadata.contains_key("title"), title);
        };
        let html = Some("text/html");
        check("", html, "Flour, water", true);
        check("html = 'all-text'", html, "Home", false);
        check("html = 'keep'", html, "<html", false);
        check("", None, "<html", false);
        check("", Some("text/plain"), "<html", false);
    }
}
