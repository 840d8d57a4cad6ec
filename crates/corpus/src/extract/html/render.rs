//! Nodes to text: white space as a browser lays it out, one line for each paragraph, list item and table row.

use super::Options;
use super::entities::decode_into;
use super::tags::{self, Tag};
use super::tree::Tree;

/// The text of the subtrees `roots`, without the nodes for which `skip` is true.
pub(super) fn render(
    tree: &Tree<'_>,
    roots: &[usize],
    skip: impl Fn(usize) -> bool,
    options: &Options,
) -> String {
    let mut writer = Writer {
        text: String::new(),
        gap: Gap::None,
        marker: false,
        items: 0,
        cell: false,
    };
    // Open elements that do something at their end.
    let mut open: Vec<(usize, Tag)> = Vec::new();
    let mut verbatim = 0_usize;
    for &root in roots {
        let end = tree.nodes[root].end as usize;
        let mut node = root;
        while node < end {
            while let Some(&(last, tag)) = open.last()
                && last <= node
            {
                open.pop();
                verbatim -= usize::from(is_verbatim(tag));
                writer.close(tag);
            }
            if skip(node) {
                node = tree.nodes[node].end as usize;
                continue;
            }
            match tree.nodes[node].tag {
                Tag::Text if verbatim > 0 => writer.verbatim(tree.raw(node)),
                Tag::Text => writer.flowing(tree.raw(node)),
                Tag::Br => writer.gap(Gap::Line),
                Tag::Td | Tag::Th => writer.cell(options.tables),
                tag => {
                    let gap = gap_around(tag);
                    writer.block(tag);
                    if tag == Tag::Li {
                        writer.items += 1;
                        writer.marker(options.list_markers);
                    }
                    verbatim += usize::from(is_verbatim(tag));
                    if gap != Gap::None || tag == Tag::Textarea {
                        open.push((tree.nodes[node].end as usize, tag));
                    }
                }
            }
            node += 1;
        }
        while let Some((_, tag)) = open.pop() {
            verbatim -= usize::from(is_verbatim(tag));
            writer.close(tag);
        }
        writer.gap(Gap::Line);
    }
    writer.text
}

fn is_verbatim(tag: Tag) -> bool {
    matches!(tag, Tag::Pre | Tag::Textarea | Tag::Xmp)
}

fn gap_around(tag: Tag) -> Gap {
    if tag.is(tags::PARAGRAPH) {
        Gap::Paragraph
    } else if tag.is(tags::BLOCK) {
        Gap::Line
    } else {
        Gap::None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Cell,
    Line,
    Paragraph,
}

struct Writer {
    text: String,
    gap: Gap,
    /// The next piece begins a list item.
    marker: bool,
    /// How many list items are open.
    items: usize,
    /// A cell has begun on this line.
    cell: bool,
}

impl Writer {
    fn gap(&mut self, gap: Gap) {
        if self.marker {
            // The blocks of an item begin on the line of its marker.
            return;
        }
        self.gap = self.gap.max(gap);
        if gap >= Gap::Line {
            self.cell = false;
        }
    }

    /// The gap before or after a block; a list in a list item stands on the lines below it.
    fn block(&mut self, tag: Tag) {
        let is_inner_list = self.items > 0 && matches!(tag, Tag::Ul | Tag::Ol);
        self.gap(if is_inner_list {
            Gap::Line
        } else {
            gap_around(tag)
        });
    }

    fn close(&mut self, tag: Tag) {
        // The marker of an empty item is not written.
        if tag == Tag::Li {
            self.marker = false;
            self.items = self.items.saturating_sub(1);
        }
        self.block(tag);
    }

    fn cell(&mut self, separate: bool) {
        let gap = if separate && self.cell {
            Gap::Cell
        } else {
            Gap::Space
        };
        self.gap(gap);
        self.cell = true;
    }

    fn marker(&mut self, is_written: bool) {
        self.marker = is_written;
    }

    /// Writes what separates the next piece from the last one.
    fn separate(&mut self) {
        let gap = std::mem::replace(&mut self.gap, Gap::None);
        let is_first = self.text.is_empty();
        if !is_first {
            self.text.push_str(match gap {
                Gap::None => "",
                Gap::Space if self.text.ends_with('\n') => "",
                Gap::Space => " ",
                Gap::Cell => " | ",
                Gap::Line => "\n",
                Gap::Paragraph => "\n\n",
            });
        }
        if std::mem::take(&mut self.marker) {
            self.text.push_str("- ");
        }
    }

    fn flowing(&mut self, raw: &str) {
        decode_into(raw, |piece| self.words(piece));
    }

    /// Runs of white space become one space; no-break spaces too, which pages use to indent.
    fn words(&mut self, piece: &str) {
        let mut rest = piece;
        loop {
            let word_start = rest
                .find(|character: char| !is_space(character))
                .unwrap_or(rest.len());
            if word_start > 0 {
                self.gap(Gap::Space);
                rest = &rest[word_start..];
            }
            if rest.is_empty() {
                return;
            }
            let word_end = rest.find(is_space).unwrap_or(rest.len());
            self.separate();
            self.push(&rest[..word_end]);
            rest = &rest[word_end..];
        }
    }

    fn verbatim(&mut self, raw: &str) {
        decode_into(raw, |piece| {
            if !piece.is_empty() {
                self.separate();
                self.push(piece);
            }
        });
    }

    /// Without characters that mean nothing in text: NUL, soft hyphens, zero-width spaces and byte order marks.
    fn push(&mut self, piece: &str) {
        let means_nothing =
            |character: char| matches!(character, '\0' | '\u{ad}' | '\u{200b}' | '\u{feff}');
        if piece.is_ascii() && !piece.as_bytes().contains(&0) {
            self.text.push_str(piece);
        } else {
            self.text
                .extend(piece.chars().filter(|character| !means_nothing(*character)));
        }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\n' | '\t' | '\r' | '\x0c' | '\u{a0}')
        || (character > '\u{ff}' && character.is_whitespace())
}
