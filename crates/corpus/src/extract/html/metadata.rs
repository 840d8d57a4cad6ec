//! What a page says of itself: title, language, date, author, and the article text some pages give to machines.

use super::Page;
use super::entities::decode;
use super::tags::Tag;
use super::tree::{Name, Tree};

/// What a page says of itself beside title, language and date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Who wrote it.
    pub author: Option<String>,
    /// A summary in a sentence or two.
    pub description: Option<String>,
    /// The name of the site.
    pub site: Option<String>,
    /// The address that the page calls its own.
    pub url: Option<String>,
}

/// How deep structured data is searched.
const DEEPEST: usize = 16;

/// Reads the head and the structured data; beside them the `articleBody` of the structured data, the longest one.
pub(super) fn read(tree: &Tree<'_>) -> (Page, Option<String>) {
    let mut page = Page::default();
    let mut window_title = None;
    let mut structured = Structured::default();
    for node in 1..tree.nodes.len() {
        match tree.nodes[node].tag {
            Tag::Html => page.language = tree.attribute(node, Name::Lang).and_then(text),
            Tag::Title if window_title.is_none() => {
                window_title = text(tree.raw(node + 1 - usize::from(is_empty(tree, node))))
            }
            Tag::Meta => read_meta(tree, node, &mut page),
            Tag::Link if tree.attribute(node, Name::Rel) == Some("canonical") => {
                page.metadata.url = tree.attribute(node, Name::Href).and_then(text);
            }
            Tag::Script if !is_empty(tree, node) => {
                if tree
                    .attribute(node, Name::Type)
                    .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/ld+json"))
                    && let Ok(value) = serde_json::from_str(tree.raw(node + 1).trim())
                {
                    structured.read(&value, 0);
                }
            }
            _ => {}
        }
    }
    page.title = page.title.take().or(structured.headline).or(window_title);
    page.published = page.published.take().or(structured.published);
    page.metadata.author = page.metadata.author.take().or(structured.author);
    (page, structured.body)
}

fn is_empty(tree: &Tree<'_>, node: usize) -> bool {
    tree.nodes[node].end as usize == node + 1
}

fn read_meta(tree: &Tree<'_>, node: usize, page: &mut Page) {
    let named = [Name::Property, Name::Name, Name::Itemprop]
        .into_iter()
        .find_map(|name| tree.attribute(node, name));
    let (Some(name), Some(content)) = (named, tree.attribute(node, Name::Content)) else {
        return;
    };
    let metadata = &mut page.metadata;
    let place = match name.trim().to_ascii_lowercase().as_str() {
        "og:title" => &mut page.title,
        "article:published_time"
        | "datepublished"
        | "date"
        | "dc.date"
        | "dcterms.date"
        | "pubdate"
        | "parsely-pub-date" => &mut page.published,
        "author" | "article:author" | "dc.creator" | "parsely-author" => &mut metadata.author,
        "description" | "og:description" => &mut metadata.description,
        "og:site_name" => &mut metadata.site,
        "og:url" => &mut metadata.url,
        _ => return,
    };
    if place.is_none() {
        *place = text(content);
    }
}

/// Decoded, with single spaces; `None` when nothing is left.
fn text(raw: &str) -> Option<String> {
    let text = decode(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// From schema.org data (JSON-LD).
#[derive(Default)]
struct Structured {
    headline: Option<String>,
    published: Option<String>,
    author: Option<String>,
    body: Option<String>,
}

impl Structured {
    fn read(&mut self, value: &serde_json::Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match value {
            serde_json::Value::Array(values) => {
                values.iter().for_each(|value| self.read(value, depth + 1))
            }
            serde_json::Value::Object(fields) => {
                let string = |name: &str| {
                    fields
                        .get(name)
                        .and_then(serde_json::Value::as_str)
                        .and_then(text)
                };
                self.headline = self.headline.take().or_else(|| string("headline"));
                self.published = self.published.take().or_else(|| string("datePublished"));
                self.author = self
                    .author
                    .take()
                    .or_else(|| fields.get("author").and_then(author_name));
                if let Some(body) = fields
                    .get("articleBody")
                    .and_then(serde_json::Value::as_str)
                    && self
                        .body
                        .as_ref()
                        .is_none_or(|known| known.len() < body.len())
                {
                    self.body = Some(body.to_owned());
                }
                fields
                    .values()
                    .for_each(|value| self.read(value, depth + 1));
            }
            _ => {}
        }
    }
}

fn author_name(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(name) => text(name),
        serde_json::Value::Array(values) => values.iter().find_map(author_name),
        serde_json::Value::Object(fields) => fields
            .get("name")
            .and_then(serde_json::Value::as_str)
            .and_then(text),
        _ => None,
    }
}
