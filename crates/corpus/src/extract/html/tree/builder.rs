//! From the bytes of a page to the nodes of its tree.

use memchr::{memchr, memchr2, memmem};

use super::{DEEPEST, Name, Node, Tree};
use crate::extract::html::tags::{self, Tag};

pub(super) struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<u32>,
    open_count: [u32; tags::COUNT],
    /// How many elements are open beyond the deepest.
    beyond: usize,
}

impl<'a> Builder<'a> {
    pub(super) fn new(tree: Tree<'a>) -> Self {
        Self {
            tree,
            open: Vec::new(),
            open_count: [0; tags::COUNT],
            beyond: 0,
        }
    }

    /// The tree of the whole page.
    pub(super) fn build(mut self) -> Tree<'a> {
        self.push(Tag::Document, 0, 0);
        let source = self.tree.source;
        let bytes = source.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let Some(found) = memchr(b'<', &bytes[at..]) else {
                self.text(at, bytes.len());
                break;
            };
            let less = at + found;
            match bytes.get(less + 1) {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    self.text(at, less);
                    at = self.start_tag(less + 1);
                }
                Some(b'/') if bytes.get(less + 2).is_some_and(u8::is_ascii_alphabetic) => {
                    self.text(at, less);
                    at = self.end_tag(less + 2);
                }
                Some(b'/' | b'!' | b'?') => {
                    self.text(at, less);
                    at = after_comment(bytes, less);
                }
                // A lone less-than sign is text.
                _ => {
                    let next = memchr(b'<', &bytes[less + 1..])
                        .map_or(bytes.len(), |more| less + 1 + more);
                    self.text(at, next);
                    at = next;
                }
            }
        }
        while self.open.len() > 1 {
            self.pop();
        }
        self.tree.nodes[0].end = self.tree.nodes.len() as u32;
        self.tree
    }

    fn text(&mut self, from: usize, to: usize) {
        if from < to {
            self.add(Tag::Text, from as u32, (to - from) as u32);
        }
    }

    /// Adds a node under the open element; it is closed until told otherwise.
    fn add(&mut self, tag: Tag, start: u32, length: u32) -> u32 {
        let node = self.tree.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(0);
        self.tree.nodes.push(Node {
            tag,
            parent,
            end: node + 1,
            start,
            length,
        });
        node
    }

    fn push(&mut self, tag: Tag, start: u32, length: u32) {
        let node = self.add(tag, start, length);
        if self.open.len() < DEEPEST {
            self.open.push(node);
            self.open_count[tag as usize] += 1;
        } else {
            self.beyond += 1;
        }
    }

    fn pop(&mut self) {
        if let Some(node) = self.open.pop() {
            let end = self.tree.nodes.len() as u32;
            let node = &mut self.tree.nodes[node as usize];
            node.end = end;
            self.open_count[node.tag as usize] =
                self.open_count[node.tag as usize].saturating_sub(1);
        }
    }

    fn tag_at(&self, depth: usize) -> Tag {
        self.tree.nodes[self.open[depth] as usize].tag
    }

    /// The innermost open element that `wanted` accepts and no element that `barrier` accepts hides.
    fn innermost(
        &self,
        wanted: impl Fn(Tag) -> bool,
        barrier: impl Fn(Tag) -> bool,
    ) -> Option<usize> {
        for depth in (1..self.open.len()).rev() {
            let tag = self.tag_at(depth);
            if wanted(tag) {
                return Some(depth);
            }
            if barrier(tag) {
                return None;
            }
        }
        None
    }

    fn close_from(&mut self, depth: usize) {
        while self.open.len() > depth.max(1) {
            self.pop();
        }
    }

    fn is_open(&self, tag: Tag) -> bool {
        self.open_count[tag as usize] > 0
    }

    /// Reads a start tag whose name begins at `at`; returns where the text after it begins.
    fn start_tag(&mut self, at: usize) -> usize {
        let bytes = self.tree.source.as_bytes();
        let name_end = at + name_length(&bytes[at..]);
        let tag = Tag::of(&bytes[at..name_end]);
        let first = self.tree.attributes.len();
        let Some((after, closed)) = self.read_attributes(name_end) else {
            // The page ends inside a tag: the tag is not there.
            self.tree.attributes.truncate(first);
            return bytes.len();
        };
        let foreign = self.is_open(Tag::Svg) || self.is_open(Tag::Math);
        if self.beyond == 0 {
            self.imply_ends(tag);
        }
        let (start, length) = (first as u32, (self.tree.attributes.len() - first) as u32);
        if matches!(tag, Tag::Html | Tag::Body) && self.is_open(tag) {
            return after;
        }
        if tag.is(tags::VOID) || (foreign && closed) || (closed && tag == Tag::Svg) {
            self.add(tag, start, length);
            return after;
        }
        if tag.is(tags::RAW) && !foreign {
            let text_end = raw_text_end(bytes, after, &bytes[at..name_end]);
            let node = self.add(tag, start, length);
            if text_end > after {
                let text = self.add(Tag::Text, after as u32, (text_end - after) as u32);
                self.tree.nodes[text as usize].parent = node;
                self.tree.nodes[node as usize].end = text + 1;
            }
            return memchr(b'>', &bytes[text_end..]).map_or(bytes.len(), |end| text_end + end + 1);
        }
        self.push(tag, start, length);
        after
    }

    /// The end tags that a start tag stands for (13.2.6.4.7 "in body", and the table modes).
    fn imply_ends(&mut self, tag: Tag) {
        if tag.is(tags::CLOSES_P) && self.is_open(Tag::Paragraph) {
            let scope = |open: Tag| open.is(tags::SCOPE);
            if let Some(depth) = self.innermost(|open| open == Tag::Paragraph, scope) {
                self.close_from(depth);
            }
        }
        let is_list =
            |open: Tag| matches!(open, Tag::Ul | Tag::Ol | Tag::Menu) || open.is(tags::SCOPE);
        let in_table = |open: Tag| open == Tag::Table;
        let closed = match tag {
            Tag::Li if self.is_open(Tag::Li) => self.innermost(|open| open == Tag::Li, is_list),
            Tag::Dt | Tag::Dd if self.is_open(Tag::Dt) || self.is_open(Tag::Dd) => self.innermost(
                |open| matches!(open, Tag::Dt | Tag::Dd),
                |open| open == Tag::Dl || open.is(tags::SCOPE),
            ),
            Tag::OptionItem | Tag::Optgroup if self.is_open(Tag::OptionItem) => {
                self.innermost(|open| open == Tag::OptionItem, |open| open == Tag::Select)
            }
            Tag::Td | Tag::Th => self.innermost(
                |open| matches!(open, Tag::Td | Tag::Th | Tag::Caption),
                in_table,
            ),
            Tag::Tr => self.innermost(|open| matches!(open, Tag::Tr | Tag::Caption), in_table),
            Tag::Tbody | Tag::Thead | Tag::Tfoot => self.innermost(
                |open| matches!(open, Tag::Tbody | Tag::Thead | Tag::Tfoot | Tag::Caption),
                in_table,
            ),
            Tag::Body if self.is_open(Tag::Head) => {
                self.innermost(|open| open == Tag::Head, |_| false)
            }
            Tag::H1 | Tag::H2 | Tag::H3 | Tag::H4 | Tag::H5 | Tag::H6 => (self.open.len() > 1
                && self.tag_at(self.open.len() - 1).is(tags::HEADING))
            .then(|| self.open.len() - 1),
            Tag::A if self.is_open(Tag::A) => {
                self.end_link();
                None
            }
            // Content in the head means that the head is over.
            _ if tag.is(tags::BLOCK) && tag != Tag::Head && self.is_open(Tag::Head) => {
                self.innermost(|open| open == Tag::Head, |open| open == Tag::Template)
            }
            _ => None,
        };
        if let Some(depth) = closed {
            self.close_from(depth);
        }
    }

    /// Closes an open link. When blocks have been opened in it they stay open, and it is a link no more: the standard's
    /// "adoption agency" leaves the text after the end tag outside the link.
    fn end_link(&mut self) {
        let Some(depth) = self.innermost(|open| open == Tag::A, |open| open.is(tags::SCOPE)) else {
            return;
        };
        let holds_block =
            (depth + 1..self.open.len()).any(|inner| self.tag_at(inner).is(tags::BLOCK));
        if holds_block {
            self.open_count[Tag::A as usize] -= 1;
            self.open_count[Tag::Span as usize] += 1;
            self.tree.nodes[self.open[depth] as usize].tag = Tag::Span;
        } else {
            self.close_from(depth);
        }
    }

    /// Reads an end tag whose name begins at `at`.
    fn end_tag(&mut self, at: usize) -> usize {
        let bytes = self.tree.source.as_bytes();
        let name_end = at + name_length(&bytes[at..]);
        let tag = Tag::of(&bytes[at..name_end]);
        let first = self.tree.attributes.len();
        let after = self
            .read_attributes(name_end)
            .map_or(bytes.len(), |(after, _)| after);
        self.tree.attributes.truncate(first);
        if self.beyond > 0 {
            self.beyond -= 1;
            return after;
        }
        match tag {
            // A stray </br> is a line break.
            Tag::Br => {
                self.add(Tag::Br, first as u32, 0);
            }
            // What follows them still belongs to the page.
            Tag::Body | Tag::Html => {}
            Tag::A => self.end_link(),
            // Any heading's end tag ends any heading.
            _ if !self.is_open(tag) && !tag.is(tags::HEADING) => {}
            _ => {
                let depth = if tag.is(tags::HEADING) {
                    self.innermost(|open| open.is(tags::HEADING), |open| open.is(tags::SCOPE))
                } else if tag.is(tags::BLOCK | tags::SCOPE | tags::UNSEEN | tags::CONTROL) {
                    let is_part_of_table = matches!(
                        tag,
                        Tag::Table
                            | Tag::Tr
                            | Tag::Td
                            | Tag::Th
                            | Tag::Tbody
                            | Tag::Thead
                            | Tag::Tfoot
                            | Tag::Template
                    );
                    self.innermost(
                        |open| open == tag,
                        |open| {
                            if is_part_of_table {
                                open == Tag::Table
                            } else {
                                open.is(tags::SCOPE)
                            }
                        },
                    )
                } else {
                    self.innermost(
                        |open| open == tag,
                        |open| open.is(tags::BLOCK | tags::SCOPE),
                    )
                };
                if let Some(depth) = depth {
                    self.close_from(depth);
                }
            }
        }
        after
    }

    /// Reads attributes up to the `>`; gives the byte after it and whether the tag closes itself. `None`: the page ends.
    fn read_attributes(&mut self, mut at: usize) -> Option<(usize, bool)> {
        let source = self.tree.source;
        let bytes = source.as_bytes();
        let mut closed = false;
        loop {
            match *bytes.get(at)? {
                b'>' => return Some((at + 1, closed)),
                b'/' => {
                    closed = true;
                    at += 1;
                }
                byte if byte.is_ascii_whitespace() => at += 1,
                _ => {
                    closed = false;
                    let name_start = at;
                    // An equals sign may begin a name.
                    at += 1;
                    while !matches!(
                        *bytes.get(at)?,
                        b'=' | b'>' | b'/' | b' ' | b'\n' | b'\t' | b'\r' | b'\x0c'
                    ) {
                        at += 1;
                    }
                    let name = &bytes[name_start..at];
                    while bytes.get(at)?.is_ascii_whitespace() {
                        at += 1;
                    }
                    let mut value = (at, at);
                    if bytes[at] == b'=' {
                        at += 1;
                        while bytes.get(at)?.is_ascii_whitespace() {
                            at += 1;
                        }
                        match bytes[at] {
                            quote @ (b'"' | b'\'') => {
                                let end = at + 1 + memchr(quote, &bytes[at + 1..])?;
                                value = (at + 1, end);
                                at = end + 1;
                            }
                            b'>' => {}
                            _ => {
                                let start = at;
                                while !matches!(
                                    *bytes.get(at)?,
                                    b'>' | b' ' | b'\n' | b'\t' | b'\r' | b'\x0c'
                                ) {
                                    at += 1;
                                }
                                value = (start, at);
                            }
                        }
                    }
                    if let Some(name) = Name::of(name) {
                        self.tree.attributes.push((name, &source[value.0..value.1]));
                    }
                }
            }
        }
    }
}

fn name_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace())
        .unwrap_or(bytes.len())
}

/// The byte after the comment, doctype or other declaration that begins at `at`; an unclosed comment takes the rest.
fn after_comment(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if !rest.starts_with(b"<!--") {
        return memchr(b'>', rest).map_or(bytes.len(), |end| at + end + 1);
    }
    if rest[4..].starts_with(b">") {
        return at + 5;
    }
    if rest[4..].starts_with(b"->") {
        return at + 6;
    }
    let mut from = 4;
    while let Some(dashes) = memmem::find(&rest[from..], b"--") {
        let after = from + dashes + 2;
        match rest.get(after) {
            Some(b'>') => return at + after + 1,
            Some(b'!') if rest.get(after + 1) == Some(&b'>') => return at + after + 2,
            _ => from += dashes + 1,
        }
    }
    bytes.len()
}

/// Where the end tag `name` begins after `at`, or the end of the page.
///
/// A script may hold `<!-- <script> </script> -->`: that inner end tag does not end it (13.2.5.20 and on).
fn raw_text_end(bytes: &[u8], at: usize, name: &[u8]) -> usize {
    let is_script = name.eq_ignore_ascii_case(b"script");
    let (mut in_comment, mut escaped) = (false, false);
    let mut from = at;
    while let Some(found) = memchr2(b'<', if in_comment { b'-' } else { b'<' }, &bytes[from..]) {
        let here = from + found;
        let rest = &bytes[here..];
        from = here + 1;
        if rest[0] == b'-' {
            if rest.starts_with(b"-->") {
                (in_comment, escaped) = (false, false);
            }
        } else if rest.get(1) == Some(&b'/') && is_name(&rest[2..], name) {
            if !escaped {
                return here;
            }
            escaped = false;
        } else if is_script && rest.starts_with(b"<!--") {
            in_comment = true;
        } else if in_comment && is_name(&rest[1..], name) {
            escaped = true;
        }
    }
    bytes.len()
}

fn is_name(bytes: &[u8], name: &[u8]) -> bool {
    bytes.len() > name.len()
        && bytes[..name.len()].eq_ignore_ascii_case(name)
        && (matches!(bytes[name.len()], b'>' | b'/') || bytes[name.len()].is_ascii_whitespace())
}
