//! Which elements hold the main text.
//!
//! The scoring is that of Arc90's Readability (2009): each paragraph gives points to the elements around it, most to the
//! nearest, and an element loses points for the share of its text that stands in links.

use super::hints;
use super::measure::Measures;
use super::tags::{self, Tag};
use super::tree::{Name, Tree};

/// Paragraphs shorter than this give no points.
const SHORTEST: u32 = 25;
/// How many elements around a paragraph get points.
const LEVELS: usize = 6;

/// Where the main text is.
pub(super) struct Choice {
    /// The elements that hold it, in document order.
    pub(super) roots: Vec<usize>,
    /// The one element in them with the best score.
    pub(super) core: usize,
    /// Sums over what is kept of each subtree.
    pub(super) kept: Kept,
}

/// Finds the main text; `None` when there is no prose at all.
pub(super) fn choose(tree: &Tree<'_>, measures: &Measures, dropped: &[bool]) -> Option<Choice> {
    let kept = Kept::of(tree, measures, dropped);
    let scores = score(tree, measures, &kept, dropped);
    let mut best = None;
    for node in 1..tree.nodes.len() {
        if scores[node] > best.map_or(0.0, |best: usize| scores[best]) {
            best = Some(node);
        }
    }
    let core = climb(tree, &scores, best?);
    let grown = grow(tree, &kept, core);
    let roots = if grown == core {
        with_siblings(tree, measures, dropped, &scores, core)
    } else {
        vec![grown]
    };
    Some(Choice { roots, core, kept })
}

/// Sums over what is kept of each subtree.
pub(super) struct Kept {
    /// Characters.
    characters: Vec<u32>,
    /// Characters in links.
    linked: Vec<u32>,
    /// Characters in blocks that read as prose: long enough, and few of them in links.
    pub(super) prose: Vec<u32>,
}

impl Kept {
    /// The share of the characters that stands in links; 0 without characters.
    pub(super) fn link_density(&self, node: usize) -> f32 {
        self.linked[node] as f32 / self.characters[node].max(1) as f32
    }

    fn of(tree: &Tree<'_>, measures: &Measures, dropped: &[bool]) -> Kept {
        let count = tree.nodes.len();
        let mut kept = Kept {
            characters: vec![0; count],
            linked: vec![0; count],
            prose: vec![0; count],
        };
        for_each_kept(tree, measures, dropped, |node| {
            let own = measures.own[node];
            kept.characters[node] = own.characters;
            kept.linked[node] = own.linked;
            let is_prose = own.characters >= 40
                && own.link_density() < 0.3
                && !tree.nodes[node].tag.is(tags::HEADING);
            kept.prose[node] = if is_prose { own.characters } else { 0 };
        });
        for node in (1..count).rev() {
            let parent = tree.parent(node);
            kept.characters[parent] += kept.characters[node];
            kept.linked[parent] += kept.linked[node];
            kept.prose[parent] += kept.prose[node];
        }
        kept
    }
}

/// The widest element around `best` that adds prose and little else: the text may stand in several columns or sections,
/// its first paragraph in a header.
fn grow(tree: &Tree<'_>, kept: &Kept, best: usize) -> usize {
    let mut grown = best;
    let mut around = tree.parent(best);
    let page = kept.prose[0];
    while around != 0 {
        let characters = kept.characters[around] - kept.characters[grown];
        let linked = kept.linked[around] - kept.linked[grown];
        let prose = kept.prose[around] - kept.prose[grown];
        let is_small = kept.prose[grown] * 2 < page;
        let (links_at_most, prose_at_least) = if is_small { (0.35, 0.35) } else { (0.15, 0.6) };
        if characters > 0
            && linked as f32 <= links_at_most * characters as f32
            && prose as f32 >= prose_at_least * characters as f32
        {
            grown = around;
        }
        around = tree.parent(around);
    }
    grown
}

fn score(tree: &Tree<'_>, measures: &Measures, kept: &Kept, dropped: &[bool]) -> Vec<f32> {
    let mut points = vec![0.0_f32; tree.nodes.len()];
    for_each_kept(tree, measures, dropped, |node| {
        let tag = tree.nodes[node].tag;
        let own = measures.own[node];
        if own.characters < SHORTEST || tag.is(tags::HEADING) || own.link_density() > 0.5 {
            return;
        }
        let gives = 1.0
            + own.commas as f32
            + (own.characters as f32 / 100.0).min(if holds_blocks(tree, node) { 9.0 } else { 3.0 });
        let mut level = usize::from(!holds_blocks(tree, node));
        let mut around = if level == 1 { tree.parent(node) } else { node };
        let first = level;
        while level < first + LEVELS && around != 0 {
            let share = match level - first {
                0 => 1.0,
                1 => 0.5,
                further => 1.0 / (3.0 * further as f32),
            };
            points[around] += gives * share;
            around = tree.parent(around);
            level += 1;
        }
    });
    for (node, points) in points.iter_mut().enumerate() {
        if *points > 0.0 {
            // Names can make an element unlikely, never impossible.
            let weighed = (*points + weight(tree, measures, node)).max(*points * 0.1);
            *points = weighed * (1.0 - kept.link_density(node));
        }
    }
    points
}

/// Calls `visit` with every element that is shown and not dropped.
pub(super) fn for_each_kept(
    tree: &Tree<'_>,
    measures: &Measures,
    dropped: &[bool],
    mut visit: impl FnMut(usize),
) {
    let mut node = 1;
    while node < tree.nodes.len() {
        if measures.unseen[node] || dropped[node] {
            node = tree.nodes[node].end as usize;
            continue;
        }
        if tree.nodes[node].tag != Tag::Text {
            visit(node);
        }
        node += 1;
    }
}

/// Whether a block has blocks in it.
fn holds_blocks(tree: &Tree<'_>, node: usize) -> bool {
    tree.children(node)
        .any(|child| tree.nodes[child].tag.is(tags::BLOCK))
}

/// What the tag and the names of an element are worth.
fn weight(tree: &Tree<'_>, measures: &Measures, node: usize) -> f32 {
    let tag = match tree.nodes[node].tag {
        Tag::Div => 5.0,
        Tag::Article | Tag::Main => 15.0,
        Tag::Pre | Tag::Td | Tag::Blockquote => 3.0,
        Tag::Address | Tag::Ol | Tag::Ul | Tag::Dl | Tag::Dd | Tag::Dt | Tag::Li | Tag::Form => {
            -3.0
        }
        Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 | Tag::Th => -5.0,
        _ => 0.0,
    };
    let hints = measures.hints[node];
    let mut names = 0.0;
    if hints & hints::BOILERPLATE != 0 {
        names -= 25.0;
    }
    if hints & (hints::CONTENT | hints::BODY) != 0 {
        names += 25.0;
    }
    if hints & hints::BODY != 0
        || tree
            .attribute(node, Name::Itemprop)
            .is_some_and(|item| item.contains("articleBody"))
    {
        names += 25.0;
    }
    tag + names
}

/// The element around the best one that holds more of the text, when its points say so.
fn climb(tree: &Tree<'_>, scores: &[f32], mut best: usize) -> usize {
    let enough = scores[best] / 3.0;
    let mut last = scores[best];
    let mut around = tree.parent(best);
    while around != 0 && !matches!(tree.nodes[around].tag, Tag::Body | Tag::Html) {
        if scores[around] < enough {
            break;
        }
        if scores[around] > last {
            best = around;
            break;
        }
        last = scores[around];
        around = tree.parent(around);
    }
    best
}

/// The best element with the elements beside it that look like the same text.
fn with_siblings(
    tree: &Tree<'_>,
    measures: &Measures,
    dropped: &[bool],
    scores: &[f32],
    best: usize,
) -> Vec<usize> {
    let enough = (scores[best] * 0.2).max(10.0);
    let parent = tree.parent(best);
    tree.children(parent)
        .filter(|&sibling| {
            if sibling == best {
                return true;
            }
            if measures.unseen[sibling] || dropped[sibling] {
                return false;
            }
            let total = measures.total[sibling];
            scores[sibling] >= enough
                || (tree.nodes[sibling].tag == Tag::Paragraph
                    && total.characters > 80
                    && total.link_density() < 0.25)
        })
        .collect()
}
