//! HTML to a flat tree: elements and texts in document order, each with the end of its subtree.
//!
//! The tree is what a browser would build for pages as they are written: implied end tags, raw-text elements, comments and
//! broken tags follow the HTML Standard (section 13.2). Three things are left out because they move no text a reader sees
//! across a paragraph: foster parenting in tables, the copying of formatting elements, and frames. Nothing here recurses,
//! and depth is bounded, so time and memory are linear in the input.

mod builder;

use self::builder::Builder;
use super::tags::{Tag, key};

/// Elements nested deeper than this are children of the element at this depth, as in browsers (Blink: 512).
const DEEPEST: usize = 512;

/// An attribute the extractor reads.
#[allow(clippy::enum_variant_names)] // one of them is called `name`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Class,
    Id,
    Itemprop,
    Role,
    Style,
    Hidden,
    AriaHidden,
    Href,
    Rel,
    Lang,
    Datetime,
    Content,
    Property,
    Name,
    Type,
}

impl Name {
    fn of(name: &[u8]) -> Option<Name> {
        const NAMES: [(u64, Name); 14] = [
            (key(b"class"), Name::Class),
            (key(b"id"), Name::Id),
            (key(b"href"), Name::Href),
            (key(b"style"), Name::Style),
            (key(b"itemprop"), Name::Itemprop),
            (key(b"role"), Name::Role),
            (key(b"hidden"), Name::Hidden),
            (key(b"rel"), Name::Rel),
            (key(b"lang"), Name::Lang),
            (key(b"datetime"), Name::Datetime),
            (key(b"content"), Name::Content),
            (key(b"property"), Name::Property),
            (key(b"name"), Name::Name),
            (key(b"type"), Name::Type),
        ];
        match name.len() {
            2..=8 => {
                let sought = key(name);
                NAMES
                    .iter()
                    .find(|(key, _)| *key == sought)
                    .map(|(_, name)| *name)
            }
            11 if name.eq_ignore_ascii_case(b"aria-hidden") => Some(Name::AriaHidden),
            _ => None,
        }
    }
}

/// One element or text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) tag: Tag,
    /// The element that holds it; the document holds itself.
    pub(super) parent: u32,
    /// One past the last node of its subtree.
    pub(super) end: u32,
    /// Where its text starts in the source (texts), or its attributes in the list of attributes (elements).
    start: u32,
    /// How many bytes or attributes.
    length: u32,
}

/// A parsed page. Node 0 is the document; the nodes of a subtree are consecutive, its element first.
pub(super) struct Tree<'a> {
    source: &'a str,
    pub(super) nodes: Vec<Node>,
    attributes: Vec<(Name, &'a str)>,
}

impl<'a> Tree<'a> {
    /// Parses a page; every input is one. What lies beyond 4 GiB is not read.
    pub(super) fn parse(source: &'a str) -> Tree<'a> {
        let mut limit = source.len().min(u32::MAX as usize - 1);
        while !source.is_char_boundary(limit) {
            limit -= 1;
        }
        let source = &source[..limit];
        let nodes = Vec::with_capacity(source.len() / 24 + 4);
        let tree = Tree {
            source,
            nodes,
            attributes: Vec::with_capacity(source.len() / 48 + 4),
        };
        Builder::new(tree).build()
    }

    /// The source text of a text node, entities not yet decoded; empty for elements.
    pub(super) fn raw(&self, node: usize) -> &'a str {
        let node = &self.nodes[node];
        if node.tag != Tag::Text {
            return "";
        }
        &self.source[node.start as usize..(node.start + node.length) as usize]
    }

    /// An element's attribute as written, entities not yet decoded; the first of that name counts.
    pub(super) fn attribute(&self, node: usize, name: Name) -> Option<&'a str> {
        self.attributes(node)
            .iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| *value)
    }

    /// All attributes of an element that the extractor reads.
    pub(super) fn attributes(&self, node: usize) -> &[(Name, &'a str)] {
        let node = &self.nodes[node];
        if node.tag == Tag::Text {
            return &[];
        }
        &self.attributes[node.start as usize..(node.start + node.length) as usize]
    }

    /// The children of an element.
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[node].end as usize;
        let mut next = node + 1;
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let child = next;
                next = self.nodes[child].end as usize;
                child
            })
        })
    }

    /// The parent of a node; the document is its own.
    pub(super) fn parent(&self, node: usize) -> usize {
        self.nodes[node].parent as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in one line: `P(‹a› B(‹b›))`.
    fn outline(html: &str) -> String {
        let tree = Tree::parse(html);
        let mut outline = String::new();
        let mut open: Vec<usize> = Vec::new();
        for node in 1..tree.nodes.len() {
            while open.last().is_some_and(|end| *end <= node) {
                open.pop();
                outline.push(')');
            }
            if !outline.is_empty() && !outline.ends_with('(') {
                outline.push(' ');
            }
            if tree.nodes[node].tag == Tag::Text {
                outline.push_str(&format!("‹{}›", tree.raw(node)));
                continue;
            }
            outline.push_str(&format!("{:?}", tree.nodes[node].tag));
            let end = tree.nodes[node].end as usize;
            if end > node + 1 {
                outline.push('(');
                open.push(end);
            }
        }
        open.iter().for_each(|_| outline.push(')'));
        outline
    }

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(outline(html), expected, "{html}");
    }

    #[test]
    fn implied_end_tags() {
        check("<p>a<p>b", "Paragraph(‹a›) Paragraph(‹b›)");
        check("<p>a<div>b</div>c", "Paragraph(‹a›) Div(‹b›) ‹c›");
        check("<p><b>a<p>b", "Paragraph(Bold(‹a›)) Paragraph(‹b›)");
        check(
            "<p><span>a<button><p>b</button>",
            "Paragraph(Span(‹a› Button(Paragraph(‹b›))))",
        );
        check(
            "<ul><li>a<li>b<ul><li>c</ul><li>d</ul>",
            "Ul(Li(‹a›) Li(‹b› Ul(Li(‹c›))) Li(‹d›))",
        );
        check("<dl><dt>a<dd>b<dt>c</dl>", "Dl(Dt(‹a›) Dd(‹b›) Dt(‹c›))");
        check(
            "<table><tr><td>a<td>b<tr><th>c</table>d",
            "Table(Tr(Td(‹a›) Td(‹b›)) Tr(Th(‹c›))) ‹d›",
        );
        check(
            "<table><tr><td><table><tr><td>a</table>b<td>c</table>",
            "Table(Tr(Td(Table(Tr(Td(‹a›))) ‹b›) Td(‹c›)))",
        );
        check(
            "<select><option>a<option>b</select>c",
            "Select(OptionItem(‹a›) OptionItem(‹b›)) ‹c›",
        );
        check("<h2>a<h3>b</h2>c", "H2(‹a›) H3(‹b›) ‹c›");
        check("<head><meta><p>a", "Head(Meta) Paragraph(‹a›)");
    }

    #[test]
    fn stray_and_crossing_end_tags() {
        check("a</div>b</p>c</b>d", "‹a› ‹b› ‹c› ‹d›");
        check("<b><div>a</b>b</div>", "Bold(Div(‹a› ‹b›))");
        check("<div><b>a</div>b", "Div(Bold(‹a›)) ‹b›");
        check(
            "<div><table><tr><td>a</div>b</table>c</div>",
            "Div(Table(Tr(Td(‹a› ‹b›))) ‹c›)",
        );
        check("a</br>b", "‹a› Br ‹b›");
        check("<body>a</body>b", "Body(‹a› ‹b›)");
        // A link ends at the next link, and what follows its end tag is outside it.
        check("<a>a<a>b</a>c", "A(‹a›) A(‹b›) ‹c›");
        check("<a><div>a</a>b</div>c", "Span(Div(‹a› ‹b›) ‹c›)");
    }

    #[test]
    fn raw_text() {
        check(
            "<script>if (a<b) '</p>'</script>c",
            "Script(‹if (a<b) '</p>'›) ‹c›",
        );
        check("<SCRIPT>a</sCript >b", "Script(‹a›) ‹b›");
        check("<script>a</scriptx></script>b", "Script(‹a</scriptx>›) ‹b›");
        check(
            "<script><!-- <script>a</script> --></script>b",
            "Script(‹<!-- <script>a</script> -->›) ‹b›",
        );
        check("<script><!-- a</script>b", "Script(‹<!-- a›) ‹b›");
        check("<title>a<b>c</title>d", "Title(‹a<b>c›) ‹d›");
        check("<textarea><p>a</textarea>b", "Textarea(‹<p>a›) ‹b›");
        check("<noscript><p>a</noscript>b", "Noscript(‹<p>a›) ‹b›");
        check("<style>a", "Style(‹a›)");
        check(
            "<svg><title>a</title><path/>b</svg>c",
            "Svg(Title(‹a›) Other ‹b›) ‹c›",
        );
        check("<template><p>a</template>b", "Template(Paragraph(‹a›)) ‹b›");
    }

    #[test]
    fn comments_and_broken_tags() {
        check("a<!-- b > c -->d", "‹a› ‹d›");
        check("a<!-->b<!--->c<!----!>d<!-- -- -->e", "‹a› ‹b› ‹c› ‹d› ‹e›");
        check("a<!-- b", "‹a›");
        check(
            "a<!doctype html>b<?php c ?>d</ e>f<![CDATA[g]]>h",
            "‹a› ‹b› ‹d› ‹f› ‹h›",
        );
        check("a < b <3 <", "‹a < b › ‹<3 › ‹<›");
        check("a<b", "‹a›");
        check("a<b class=\"c>d", "‹a›");
        check("<p\0>a", "Other(‹a›)");
        check("", "");
    }

    #[test]
    fn attributes() {
        let tree = Tree::parse("<div CLASS=a id='b c' href = \"d>e\" role lang=f/ class=g hidden>");
        let of = |name| tree.attribute(1, name);
        assert_eq!(of(Name::Class), Some("a"));
        assert_eq!(of(Name::Id), Some("b c"));
        assert_eq!(of(Name::Href), Some("d>e"));
        assert_eq!(of(Name::Role), Some(""));
        assert_eq!(of(Name::Lang), Some("f/"));
        assert_eq!(of(Name::Hidden), Some(""));
        assert_eq!(of(Name::Style), None);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = 100_000;
        let html = format!("{}a{}b", "<div>".repeat(deep), "</div>".repeat(deep));
        let tree = Tree::parse(&html);
        let last = tree.nodes.len() - 1;
        assert_eq!((tree.raw(last), tree.parent(last)), ("b", 0));
        let depth = std::iter::successors(Some(last - 1), |node| {
            (*node != 0).then(|| tree.parent(*node))
        })
        .count();
        assert!(depth <= DEEPEST + 1, "{depth}");
    }
}
