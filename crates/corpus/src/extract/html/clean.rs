//! The main text without what stands around and between it.

use super::choose::{Kept, choose};
use super::hints;
use super::measure::Measures;
use super::render::render;
use super::tags::{self, Tag};
use super::tree::{Name, Tree};
use super::{Options, Page, cues, structured};

/// The main text of the page.
pub(super) fn main_text(
    tree: &Tree<'_>,
    measures: &Measures,
    page: &Page,
    structured: Option<&str>,
    options: &Options,
) -> String {
    let read = |trust| {
        let (roots, dropped) = extract(tree, measures, page, options, trust);
        render(
            tree,
            &roots,
            |node| measures.unseen[node] || dropped[node],
            options,
        )
    };
    let mut text = read(Trust::All);
    if text.len() < SHORT && measures.total[0].plain() as usize > 2 * SHORT {
        // So little on a page with text: its names mislead.
        let more = read(Trust::Tags);
        if more.len() > 2 * text.len() {
            text = more;
        }
    }
    match structured {
        Some(body) => structured::trim(text, body),
        None => text,
    }
}

/// A main text of fewer bytes is looked for again.
const SHORT: usize = 250;

/// What of a page is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Tags, roles and names.
    All,
    /// Only what the tags say.
    Tags,
}

/// The elements that hold the main text, and what is dropped, by node.
fn extract(
    tree: &Tree<'_>,
    measures: &Measures,
    page: &Page,
    options: &Options,
    trust: Trust,
) -> (Vec<usize>, Vec<bool>) {
    let mut dropped = drop_boilerplate(tree, measures, options, trust);
    let Some(choice) = choose(tree, measures, &dropped) else {
        return (Vec::new(), dropped);
    };
    let inside = Inside {
        tree,
        measures,
        page,
        options,
        trust,
        core: choice.core,
        kept: &choice.kept,
    };
    for &root in &choice.roots {
        inside.drop(root, &mut dropped);
    }
    inside.drop_last_headings(&choice.roots, &mut dropped);
    (choice.roots, dropped)
}

/// Marks what can be told from tags, roles and names alone.
fn drop_boilerplate(
    tree: &Tree<'_>,
    measures: &Measures,
    options: &Options,
    trust: Trust,
) -> Vec<bool> {
    let mut dropped = vec![false; tree.nodes.len()];
    let page = measures.total[0].plain();
    let mut node = 1;
    while node < tree.nodes.len() {
        let element = &tree.nodes[node];
        let is_little = measures.total[node].plain() <= page * 2 / 5;
        let drop = element.tag != Tag::Text
            && (measures.unseen[node]
                // A button that was never closed holds the rest of the page.
                || (element.tag.is(tags::CONTROL) && is_little)
                || (element.tag == Tag::Figcaption && !options.captions)
                || (trust == Trust::All
                    && ((is_little && is_beside(tree, node))
                        || (element.tag != Tag::Main && names_boilerplate(measures, node, page, options))))
                || (trust == Trust::Tags && matches!(element.tag, Tag::Nav | Tag::Footer)));
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
    if hints & hints::CONTENT != 0 {
        unwanted &= !hints::WIDGET;
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
    matches!(
        tree.nodes[node].tag,
        Tag::Nav | Tag::Footer | Tag::Aside | Tag::Form
    ) || tree
        .attributes(node)
        .iter()
        .any(|(name, value)| match name {
            Name::Role => matches!(
                *value,
                "navigation"
                    | "complementary"
                    | "banner"
                    | "contentinfo"
                    | "search"
                    | "dialog"
                    | "alertdialog"
                    | "menu"
                    | "menubar"
            ),
            Name::AriaHidden => value.eq_ignore_ascii_case("true"),
            _ => false,
        })
}

/// The second look, inside the elements that were chosen.
struct Inside<'a, 'h> {
    tree: &'a Tree<'h>,
    measures: &'a Measures,
    page: &'a Page,
    options: &'a Options,
    trust: Trust,
    core: usize,
    kept: &'a Kept,
}

impl Inside<'_, '_> {
    fn drop(&self, root: usize, dropped: &mut [bool]) {
        let end = self.tree.nodes[root].end as usize;
        let mut node = root + 1;
        while node < end {
            let element = &self.tree.nodes[node];
            if !dropped[node] && element.tag != Tag::Text {
                dropped[node] = self.is_boilerplate(node);
                if dropped[node] && element.tag.is(tags::HEADING) {
                    self.drop_links_after(node, dropped);
                }
            }
            node = if dropped[node] || self.measures.unseen[node] {
                element.end as usize
            } else {
                node + 1
            };
        }
    }

    /// Drops headings at the end: what they head is gone.
    fn drop_last_headings(&self, roots: &[usize], dropped: &mut [bool]) {
        let mut blocks: Vec<usize> = Vec::new();
        for &root in roots {
            let end = self.tree.nodes[root].end as usize;
            let mut node = root;
            while node < end {
                if dropped[node] || self.measures.unseen[node] {
                    node = self.tree.nodes[node].end as usize;
                    continue;
                }
                if self.tree.nodes[node].tag == Tag::Text
                    && self.measures.total[node].characters > 0
                {
                    blocks.push(self.measures.block[node] as usize);
                }
                node += 1;
            }
        }
        while let Some(last) = blocks.pop()
            && self.tree.nodes[last].tag.is(tags::HEADING)
        {
            dropped[last] = true;
        }
    }

    /// Drops the list of links under a heading that was dropped.
    fn drop_links_after(&self, heading: usize, dropped: &mut [bool]) {
        let end = self.tree.nodes[self.tree.parent(heading)].end as usize;
        let mut next = self.tree.nodes[heading].end as usize;
        while next < end && self.measures.total[next].characters == 0 {
            next = self.tree.nodes[next].end as usize;
        }
        if next < end
            && self.tree.nodes[next].tag.is(tags::BLOCK)
            && self.kept.link_density(next) > 0.25
        {
            dropped[next] = true;
        }
    }

    fn is_boilerplate(&self, node: usize) -> bool {
        let Inside {
            tree,
            measures,
            options,
            core,
            kept,
            ..
        } = *self;
        let core_end = tree.nodes[core].end as usize;
        let holds_core = node <= core && core < tree.nodes[node].end as usize;
        // What holds most of the text is the text, whatever its names and links.
        if holds_core || kept.prose[node] * 2 > kept.prose[core] {
            return false;
        }
        let in_core = core < node && node < core_end;
        (!in_core
            && self.trust == Trust::All
            && (is_beside(tree, node) || names_boilerplate(measures, node, u32::MAX, options)))
            || is_list_of_links(tree, kept, node)
            || self.is_title(node)
            || self.is_lead_away(node)
            || (!in_core && self.is_remark(node))
    }

    /// Whether it is the title over the text.
    fn is_title(&self, node: usize) -> bool {
        let tag = self.tree.nodes[node].tag;
        if !matches!(tag, Tag::H1 | Tag::H2) {
            return false;
        }
        let words = self.words(node);
        let is_title = self
            .page
            .title
            .as_deref()
            .is_some_and(|title| title.starts_with(&words) && words.len() * 2 > title.len());
        is_title || (tag == Tag::H1 && node < self.core)
    }

    /// Whether a short paragraph or heading only leads away: `Read more: a link`.
    fn is_lead_away(&self, node: usize) -> bool {
        let Inside { tree, measures, .. } = *self;
        let total = measures.total[node];
        let linked = total.link_density();
        if !tree.nodes[node].tag.is(tags::BLOCK)
            || total.characters > if linked > 0.4 { 300 } else { 80 }
        {
            return false;
        }
        if total.characters != measures.own[node].characters {
            return false;
        }
        let words = self.words(node);
        let is_labelled_link = || {
            linked > 0.5
                && words
                    .find(':')
                    .is_some_and(|colon| colon <= 30 && total.plain() <= colon as u32 + 4)
        };
        cues::leads_away(&words) || is_labelled_link()
    }

    /// Whether it is a short line between the columns and not in the best of them: a date, an author, a name of a section.
    fn is_remark(&self, node: usize) -> bool {
        let total = self.measures.total[node];
        matches!(
            self.tree.nodes[node].tag,
            Tag::Div | Tag::Paragraph | Tag::Address | Tag::Time
        ) && total.characters < 40
            && !self
                .tree
                .children(node)
                .any(|child| self.tree.nodes[child].tag.is(tags::HEADING))
            && !self.is_in_list(node)
    }

    fn is_in_list(&self, node: usize) -> bool {
        let mut around = self.tree.parent(node);
        for _ in 0..4 {
            if matches!(
                self.tree.nodes[around].tag,
                Tag::Li | Tag::Td | Tag::Dd | Tag::Dt | Tag::Th
            ) {
                return true;
            }
            around = self.tree.parent(around);
        }
        false
    }

    fn words(&self, node: usize) -> String {
        let options = Options {
            list_markers: false,
            ..self.options.clone()
        };
        render(
            self.tree,
            &[node],
            |inner| self.measures.unseen[inner],
            &options,
        )
    }
}

fn is_list_of_links(tree: &Tree<'_>, kept: &Kept, node: usize) -> bool {
    let density = kept.link_density(node);
    match tree.nodes[node].tag {
        Tag::Ul | Tag::Ol | Tag::Table | Tag::Div | Tag::Section | Tag::Dl | Tag::Header => {
            density > 0.5
        }
        // A paragraph that is one link leads away.
        Tag::Paragraph => density > 0.9,
        Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => density > 0.5,
        _ => false,
    }
}
