//! How much text each element holds, how much of it in links, and what can never be the text of the page.

use super::hints;
use super::tags::{self, Tag};
use super::tree::{Name, Tree};

/// Sums over the subtree of a node, without what is never shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Measure {
    /// Characters, a run of white space as one; those of scripts that write without spaces count twice.
    pub(super) characters: u32,
    /// Characters inside links.
    pub(super) linked: u32,
    /// Commas and full stops of any script.
    pub(super) commas: u32,
}

impl Measure {
    fn add(&mut self, other: Measure) {
        self.characters += other.characters;
        self.linked += other.linked;
        self.commas += other.commas;
    }

    /// Characters outside links.
    pub(super) fn plain(self) -> u32 {
        self.characters - self.linked
    }

    /// The share of the characters that stands in links; 0 without characters.
    pub(super) fn link_density(self) -> f32 {
        if self.characters == 0 {
            0.0
        } else {
            self.linked as f32 / self.characters as f32
        }
    }
}

/// What is known of each node before any is chosen, by node number.
pub(super) struct Measures {
    /// Sums over subtrees.
    pub(super) total: Vec<Measure>,
    /// The text that belongs to a block itself and not to a block in it.
    pub(super) own: Vec<Measure>,
    /// Hints of the class and id, without those of what holds the whole page.
    pub(super) hints: Vec<u32>,
    /// Never shown; its subtree is not measured.
    pub(super) unseen: Vec<bool>,
    /// The block that each node's text belongs to.
    pub(super) block: Vec<u32>,
}

impl Measures {
    /// Measures every node.
    pub(super) fn of(tree: &Tree<'_>) -> Measures {
        let count = tree.nodes.len();
        let mut measures = Measures {
            total: vec![Measure::default(); count],
            own: vec![Measure::default(); count],
            hints: vec![0; count],
            unseen: vec![false; count],
            block: vec![0; count],
        };
        // Links are never nested: one end says whether a node stands in one.
        let mut link_end = 0;
        let mut node = 0;
        while node < count {
            let Node { tag, parent, end } = Node::of(tree, node);
            if tag == Tag::Text {
                let mut text = measure_text(tree.raw(node));
                if node < link_end {
                    text.linked = text.characters;
                }
                let block = measures.block[parent];
                measures.block[node] = block;
                measures.own[block as usize].add(text);
                measures.total[node] = text;
                node += 1;
                continue;
            }
            if is_unseen(tree, node) {
                measures.unseen[node] = true;
                node = end;
                continue;
            }
            measures.block[node] = if tag.is(tags::BLOCK) || tag.is(tags::SCOPE) {
                node as u32
            } else {
                measures.block[parent]
            };
            if !matches!(tag, Tag::Document | Tag::Html | Tag::Body) {
                let found = hints::of(tree, node);
                // The class list of a whole blog post names its tags, its author and its features.
                let is_post = found & hints::CONTENT != 0 && tag == Tag::Article;
                measures.hints[node] = if is_post {
                    found & (hints::CONTENT | hints::BODY)
                } else {
                    found
                };
            }
            if tag == Tag::A
                && tree
                    .attribute(node, Name::Href)
                    .is_some_and(|href| !href.starts_with('#'))
            {
                link_end = link_end.max(end);
            }
            node += 1;
        }
        for node in (1..count).rev() {
            let sum = measures.total[node];
            measures.total[tree.parent(node)].add(sum);
        }
        measures
    }
}

struct Node {
    tag: Tag,
    parent: usize,
    end: usize,
}

impl Node {
    fn of(tree: &Tree<'_>, node: usize) -> Node {
        let found = &tree.nodes[node];
        Node {
            tag: found.tag,
            parent: found.parent as usize,
            end: found.end as usize,
        }
    }
}

/// Whether a browser shows nothing of the element.
pub(super) fn is_unseen(tree: &Tree<'_>, node: usize) -> bool {
    let tag = tree.nodes[node].tag;
    if tag.is(tags::UNSEEN) || tag == Tag::Head {
        return true;
    }
    tree.attributes(node)
        .iter()
        .any(|(name, value)| match name {
            // A page that hides its whole body shows it by script.
            Name::Hidden => tag != Tag::Body && !value.eq_ignore_ascii_case("false"),
            Name::Style => tag != Tag::Body && hides(value),
            _ => false,
        })
}

/// Whether a style has `display: none` or `visibility: hidden`.
fn hides(style: &str) -> bool {
    style.split(';').any(|declaration| {
        declaration
            .split_once(':')
            .is_some_and(|(property, value)| {
                let value = value.trim().split(['!', ' ']).next().unwrap_or_default();
                let property = property.trim();
                (property.eq_ignore_ascii_case("display") && value.eq_ignore_ascii_case("none"))
                    || (property.eq_ignore_ascii_case("visibility")
                        && value.eq_ignore_ascii_case("hidden"))
            })
    })
}

fn measure_text(raw: &str) -> Measure {
    let bytes = raw.as_bytes();
    let (mut characters, mut commas) = (0, 0);
    let mut after_space = true;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        at += 1;
        match byte {
            0..=b' ' => {
                characters += u32::from(!after_space);
                after_space = true;
                continue;
            }
            b',' => commas += 1,
            b'.' => commas += u32::from(bytes.get(at).is_none_or(|next| *next <= b' ')),
            // Continuation bytes.
            0x80..=0xbf => continue,
            0xe0..=0xff => {
                commas += u32::from(is_wide_comma(&bytes[at - 1..]));
                characters += 1;
            }
            b'&' if bytes[at..].starts_with(b"nbsp;") => {
                at += 5;
                continue;
            }
            _ => {}
        }
        characters += 1;
        after_space = false;
    }
    Measure {
        characters,
        commas,
        linked: 0,
    }
}

/// The ideographic comma and full stop, and the full-width comma.
fn is_wide_comma(bytes: &[u8]) -> bool {
    bytes.starts_with("、".as_bytes())
        || bytes.starts_with("。".as_bytes())
        || bytes.starts_with("，".as_bytes())
}
