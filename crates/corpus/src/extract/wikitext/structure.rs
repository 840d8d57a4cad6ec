//! Which marks of a page belong together.

use std::ops::Range;

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{...}}` or `{{{...}}}`
    Template,
    /// `[[...]]`
    Link,
    /// `[http://... label]`
    External,
    /// `{|...|}`
    Table,
    /// `<table>...</table>`
    HtmlTable,
    /// `-{...}-`: one word in several scripts.
    Conversion,
    /// A comment, a reference, a picture gallery.
    Hidden,
    /// `<nowiki>`: text without marks.
    Literal,
    /// `<math>`
    Formula,
    /// `<pre>`, `<syntaxhighlight>`: lines as they are.
    Verbatim,
}

const KINDS: usize = Kind::Verbatim as usize + 1;

/// Something with a beginning and, if `closed`, an end. All are byte offsets into the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) kind: Kind,
    pub(super) start: usize,
    /// Where the content begins.
    pub(super) inner: usize,
    /// Where the content ends.
    pub(super) inner_end: usize,
    pub(super) end: usize,
    /// The first `|` of the content, outside of other elements.
    pub(super) pipe: Option<usize>,
    pub(super) closed: bool,
}

impl Element {
    pub(super) fn content(&self) -> Range<usize> {
        self.inner..self.inner_end
    }
}

/// Extension tags: their content is not wikitext, and the next closing tag ends it (MediaWiki manual, "Tag extensions").
const TAGS: [(&str, Kind); 26] = [
    ("ref", Kind::Hidden),
    ("references", Kind::Hidden),
    ("gallery", Kind::Hidden),
    ("timeline", Kind::Hidden),
    ("imagemap", Kind::Hidden),
    ("score", Kind::Hidden),
    ("graph", Kind::Hidden),
    ("mapframe", Kind::Hidden),
    ("maplink", Kind::Hidden),
    ("templatedata", Kind::Hidden),
    ("templatestyles", Kind::Hidden),
    ("hiero", Kind::Hidden),
    ("includeonly", Kind::Hidden),
    ("style", Kind::Hidden),
    ("script", Kind::Hidden),
    ("inputbox", Kind::Hidden),
    ("categorytree", Kind::Hidden),
    ("indicator", Kind::Hidden),
    ("section", Kind::Hidden),
    ("math", Kind::Formula),
    ("chem", Kind::Formula),
    ("ce", Kind::Formula),
    ("nowiki", Kind::Literal),
    ("pre", Kind::Verbatim),
    ("syntaxhighlight", Kind::Verbatim),
    ("source", Kind::Verbatim),
];

/// Where the addresses of external links begin.
const SCHEMES: [&str; 7] = [
    "http://", "https://", "//", "ftp://", "mailto:", "news:", "irc://",
];

/// No tag is longer, from `<` to `>`.
const LONGEST_TAG: usize = 2048;

/// The elements of a page in the order in which they begin. Closed elements are either apart or one within the other.
pub(super) fn elements(page: &str) -> Vec<Element> {
    let mut scan = Scan {
        page,
        bytes: page.as_bytes(),
        at: 0,
        elements: Vec::new(),
        open: Vec::new(),
        counts: [0; KINDS],
        closings: [Closing::Unknown; TAGS.len()],
    };
    scan.run();
    scan.elements
}

/// What is known about the next closing tag of one name.
#[derive(Clone, Copy)]
enum Closing {
    Unknown,
    At(usize, usize),
    None,
}

struct Scan<'a> {
    page: &'a str,
    bytes: &'a [u8],
    at: usize,
    elements: Vec<Element>,
    /// Indices of what is open, the innermost last.
    open: Vec<usize>,
    /// How many of each kind are open.
    counts: [usize; KINDS],
    closings: [Closing; TAGS.len()],
}

const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let marks = b"{}[]<|\n-";
    let mut at = 0;
    while at < marks.len() {
        special[marks[at] as usize] = true;
        at += 1;
    }
    special
};

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(found) = self.bytes[self.at..]
            .iter()
            .position(|&byte| SPECIAL[byte as usize])
        {
            self.at += found;
            match self.bytes[self.at] {
                b'{' => self.opening_braces(),
                b'}' => self.closing_braces(),
                b'[' => self.opening_bracket(),
                b']' => self.closing_brackets(),
                b'|' => self.pipe(),
                b'<' => self.tag(),
                b'-' => self.conversion(),
                _ => self.line_end(),
            }
        }
    }

    /// How many times the byte here is repeated.
    fn repeated(&self) -> usize {
        let byte = self.bytes[self.at];
        self.bytes[self.at..]
            .iter()
            .take_while(|&&next| next == byte)
            .count()
    }

    fn at_line_start(&self) -> bool {
        let before = self.bytes[..self.at].iter().rev();
        let mut before = before.skip_while(|byte| matches!(byte, b' ' | b'\t' | b':'));
        before.next().is_none_or(|&byte| byte == b'\n')
    }

    fn top(&self) -> Option<Kind> {
        self.open.last().map(|&index| self.elements[index].kind)
    }

    fn push(&mut self, kind: Kind, width: usize) {
        self.open.push(self.elements.len());
        self.counts[kind as usize] += 1;
        self.elements.push(Element {
            kind,
            start: self.at,
            inner: self.at + width,
            inner_end: self.at + width,
            end: self.at + width,
            pipe: None,
            closed: false,
        });
        self.at += width;
    }

    /// Close the innermost open element of this kind; what is open within it never closes. Without one, go past.
    fn close(&mut self, kind: Kind, width: usize) {
        let end = self.at + width;
        if self.counts[kind as usize] > 0 {
            while let Some(index) = self.open.pop() {
                let element = &mut self.elements[index];
                self.counts[element.kind as usize] -= 1;
                if element.kind == kind {
                    element.inner_end = self.at;
                    element.end = end;
                    element.closed = true;
                    break;
                }
            }
        }
        self.at = end;
    }

    /// An element that is known from beginning to end.
    fn whole(&mut self, kind: Kind, content: Range<usize>, end: usize) {
        self.elements.push(Element {
            kind,
            start: self.at,
            inner: content.start,
            inner_end: content.end,
            end,
            pipe: None,
            closed: true,
        });
        self.at = end;
    }

    fn opening_braces(&mut self) {
        let mut braces = self.repeated();
        if braces == 1 {
            match self.bytes.get(self.at + 1) {
                Some(b'|') if self.at_line_start() => self.push(Kind::Table, 2),
                _ => self.at += 1,
            }
            return;
        }
        while braces >= 2 {
            let width = if braces == 3 { 3 } else { 2 };
            self.push(Kind::Template, width);
            braces -= width;
        }
        self.at += braces;
    }

    fn closing_braces(&mut self) {
        // No more are looked at than one step takes: a long run is gone through once.
        let braces = self.bytes[self.at..]
            .iter()
            .take(3)
            .take_while(|&&byte| byte == b'}')
            .count();
        let innermost = self.open.last().map(|&index| self.elements[index]);
        match innermost {
            Some(Element {
                kind: Kind::Conversion,
                ..
            }) if self.bytes.get(self.at + 1) == Some(&b'-') => {
                self.close(Kind::Conversion, 2);
            }
            _ if braces == 1 => self.at += 1,
            Some(open)
                if open.kind == Kind::Template && open.inner - open.start == 3 && braces >= 3 =>
            {
                self.close(Kind::Template, 3);
            }
            _ => self.close(Kind::Template, 2),
        }
    }

    fn opening_bracket(&mut self) {
        if self.bytes.get(self.at + 1) == Some(&b'[') {
            self.push(Kind::Link, 2);
        } else if SCHEMES
            .iter()
            .any(|scheme| self.bytes[self.at + 1..].starts_with(scheme.as_bytes()))
        {
            self.push(Kind::External, 1);
        } else {
            self.at += 1;
        }
    }

    fn closing_brackets(&mut self) {
        if self.top() == Some(Kind::External) {
            self.close(Kind::External, 1);
        } else if self.bytes.get(self.at + 1) == Some(&b']') {
            self.close(Kind::Link, 2);
        } else {
            self.at += 1;
        }
    }

    fn pipe(&mut self) {
        let braces = self.bytes[self.at + 1..]
            .iter()
            .take(4)
            .take_while(|&&byte| byte == b'}')
            .count();
        let ends_table = match braces {
            0 => false,
            2 => self.top() != Some(Kind::Template),
            _ => true,
        };
        if ends_table && self.counts[Kind::Table as usize] > 0 && self.at_line_start() {
            self.close(Kind::Table, 2);
            return;
        }
        if let Some(&index) = self.open.last() {
            self.elements[index].pipe.get_or_insert(self.at);
        }
        self.at += 1;
    }

    fn conversion(&mut self) {
        match self.bytes[self.at + 1..] {
            [b'{', b'{', ..] => self.at += 1,
            [b'{', ..] => self.push(Kind::Conversion, 2),
            _ => self.at += 1,
        }
    }

    /// An external link ends on its line; before a heading everything has to be closed.
    fn line_end(&mut self) {
        self.at += 1;
        while self.top() == Some(Kind::External) {
            self.open.pop();
            self.counts[Kind::External as usize] -= 1;
        }
        if !self.open.is_empty()
            && self.bytes[self.at..].starts_with(b"==")
            && heading(&self.page[self.at..]).is_some()
        {
            self.open.clear();
            self.counts = [0; KINDS];
        }
    }

    fn tag(&mut self) {
        let rest = &self.page[self.at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            // One that is never closed reaches to the end, as in MediaWiki.
            let length = comment.find("-->").unwrap_or(comment.len());
            let inner = self.at + 4;
            let end = (inner + length + 3).min(self.page.len());
            self.whole(Kind::Hidden, inner..inner + length, end);
            return;
        }
        let closes = rest.as_bytes().get(1) == Some(&b'/');
        let name = tag_name(&rest[1 + usize::from(closes)..]);
        if name.eq_ignore_ascii_case("table") {
            let width = tag_length(rest).unwrap_or(1);
            match closes {
                true => self.close(Kind::HtmlTable, width),
                false if width > 1 => self.push(Kind::HtmlTable, width),
                false => self.at += 1,
            }
            return;
        }
        let tag = TAGS
            .iter()
            .position(|(known, _)| name.eq_ignore_ascii_case(known));
        let (Some(tag), Some(width)) = (tag, tag_length(rest)) else {
            self.at += 1;
            return;
        };
        let inner = self.at + width;
        let alone = closes || rest.as_bytes()[width - 2] == b'/';
        match (
            alone,
            if alone {
                Closing::None
            } else {
                self.closing(tag, inner)
            },
        ) {
            (false, Closing::At(start, end)) => self.whole(TAGS[tag].1, inner..start, end),
            _ => self.whole(Kind::Hidden, inner..inner, inner),
        }
    }

    /// The next closing tag of this name. Each part of the page is searched once for each name.
    fn closing(&mut self, tag: usize, from: usize) -> Closing {
        match self.closings[tag] {
            Closing::At(start, _) if start >= from => {}
            Closing::None => {}
            _ => self.closings[tag] = self.find_closing(TAGS[tag].0, from),
        }
        self.closings[tag]
    }

    fn find_closing(&self, name: &str, from: usize) -> Closing {
        let mut at = from;
        while let Some(found) = self.page[at..].find("</") {
            at += found;
            let rest = &self.page[at..];
            if tag_name(&rest[2..]).eq_ignore_ascii_case(name) {
                return Closing::At(at, at + tag_length(rest).unwrap_or(2 + name.len()));
            }
            at += 2;
        }
        Closing::None
    }
}

/// The letters that `rest` begins with.
pub(super) fn tag_name(rest: &str) -> &str {
    let length = rest
        .bytes()
        .take(20)
        .take_while(u8::is_ascii_alphanumeric)
        .count();
    &rest[..length]
}

/// The bytes of the tag that `rest` begins with, from `<` to `>`.
pub(super) fn tag_length(rest: &str) -> Option<usize> {
    let end = rest
        .bytes()
        .skip(1)
        .take(LONGEST_TAG)
        .position(|byte| matches!(byte, b'>' | b'<'))?
        + 1;
    (rest.as_bytes()[end] == b'>').then_some(end + 1)
}

/// The level of the heading that the line at the beginning of `rest` is, 1 to 6.
pub(super) fn heading(rest: &str) -> Option<usize> {
    let line = rest.split('\n').next().unwrap_or(rest).trim_end();
    let line = match line.strip_suffix("-->") {
        Some(before) => before[..before.rfind("<!--")?].trim_end(),
        None => line,
    };
    let front = line.bytes().take_while(|&byte| byte == b'=').count();
    let back = line.bytes().rev().take_while(|&byte| byte == b'=').count();
    (front > 0 && back > 0 && line.len() > front + back).then_some(front.min(back).min(6))
}

/// Whether a tag of this name is an extension's.
pub(super) fn is_extension(name: &str) -> bool {
    TAGS.iter().any(|(known, _)| *known == name)
}
