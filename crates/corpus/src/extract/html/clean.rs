//! The main text without what stands around and between it.

use super::choose::choose;
use super::hints;
use super::measure::Measures;
use super::render::render;
use super::tags::{self, Tag};
use super::tree::{Name, Tree};
use super::{Options, Page};

/// The main text of the page.
pub(super) fn main_text(
    tree: &Tree<'_>,
    measures: &Measures,
    page: &Page,
    _structured: Option<&str>,
    options: &Options,
) -> String {
    let (roots, dropped, _) = extract(tree, measures, page, options);
    render(tree, &roots, |node| measures.unseen[node] || dropped[node], options)
}

fn extract(tree: &Tree<'_>, measures: &Measures, page: &Page, options: &Options) -> (Vec<usize>, Vec<bool>, Vec<bool>) {
    let mut dropped = drop_boilerplate(tree, measures, options);
    let first = dropped.clone();
    let roots = choose(tree, measures, &dropped);
    for &root in &roots {
        drop_inside(tree, measures, page, root, &mut dropped);
    }
    (roots, dropped, first)
}

/// Marks what can be told from tags, roles and names alone.
fn drop_boilerplate(tree: &Tree<'_>, measures: &Measures, options: &Options) -> Vec<bool> {
    let mut dropped = vec![false; tree.nodes.len()];
    let page = measures.total[0].plain();
    let mut node = 1;
    while node < tree.nodes.len() {
        let element = &tree.nodes[node];
        let drop = element.tag != Tag::Text
            && (measures.unseen[node]
                || element.tag.is(tags::CONTROL)
                || (element.tag == Tag::Figcaption && !options.captions)
                || (is_beside(tree, node) && measures.total[node].plain() <= page * 2 / 5)
                || names_boilerplate(measures, node, page, options));
        if drop {
            dropped[node] = true;
            node = element.end as usize;
        } else {
            node += 1;
        }
    }
    dropped
}

/// Whether the names of an element say that it is not the text, and it does not hold so much of the page's text that the
/// names must mean something else.
fn names_boilerplate(measures: &Measures, node: usize, page: u32, options: &Options) -> bool {
    let hints = measures.hints[node];
    let mut unwanted = hints & hints::BOILERPLATE;
    if options.captions {
        unwanted &= !hints::CAPTION;
    }
    let total = measures.total[node];
    if total.linked == 0 {
        unwanted &= !hints::RELATED;
    }
    if unwanted == 0 || hints & hints::BODY != 0 {
        return false;
    }
    let certain = unwanted & (hints::COMMENTS | hints::RELATED | hints::SHARE) != 0;
    let most = if certain { page * 2 / 5 } else { page / 5 };
    total.plain() <= most
}

/// Whether the tag or the role says that the element stands beside the text.
fn is_beside(tree: &Tree<'_>, node: usize) -> bool {
    matches!(tree.nodes[node].tag, Tag::Nav | Tag::Footer | Tag::Aside | Tag::Form)
        || tree.attributes(node).iter().any(|(name, value)| match name {
            Name::Role => matches!(
                *value,
                "navigation" | "complementary" | "banner" | "contentinfo" | "search" | "dialog" | "alertdialog" | "menu" | "menubar"
            ),
            Name::AriaHidden => value.eq_ignore_ascii_case("true"),
            _ => false,
        })
}

/// Marks, inside the chosen element, lists of links and the title.
fn drop_inside(tree: &Tree<'_>, measures: &Measures, page: &Page, root: usize, dropped: &mut [bool]) {
    let end = tree.nodes[root].end as usize;
    let mut node = root + 1;
    while node < end {
        let element = &tree.nodes[node];
        if !dropped[node] && element.tag != Tag::Text {
            dropped[node] = is_list_of_links(tree, measures, node) || is_title(tree, page, node);
        }
        node = if dropped[node] || measures.unseen[node] { element.end as usize } else { node + 1 };
    }
}

fn is_list_of_links(tree: &Tree<'_>, measures: &Measures, node: usize) -> bool {
    let total = measures.total[node];
    let density = total.link_density();
    match tree.nodes[node].tag {
        Tag::Ul | Tag::Ol | Tag::Table | Tag::Div | Tag::Section | Tag::Dl | Tag::Header => density > 0.5,
        // A paragraph that is one link leads away.
        Tag::Paragraph => density > 0.9,
        Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => density > 0.5,
        _ => false,
    }
}

fn is_title(tree: &Tree<'_>, page: &Page, node: usize) -> bool {
    if !matches!(tree.nodes[node].tag, Tag::H1 | Tag::H2) {
        return false;
    }
    if tree.nodes[node].tag == Tag::H1 {
        return true;
    }
    let words = render(tree, &[node], |_| false, &Options::default());
    page.title.as_deref().is_some_and(|title| title.starts_with(words.trim()) && words.len() * 2 > title.len())
}
