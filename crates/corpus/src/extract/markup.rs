//! From HTML or XHTML to its text: tags removed, blocks on lines of their own, entities decoded.
//!
//! For pages that are text from end to end, such as the chapters of a book. It keeps everything that is shown and knows
//! nothing of navigation, advertisements or which part of a web page is its article.

use std::borrow::Cow;

use super::html::entities::reference;

/// Elements that begin and end a line, in alphabetical order.
const BLOCKS: [&str; 46] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "legend",
    "li",
    "main",
    "nav",
    "ol",
    "option",
    "p",
    "poem",
    "pre",
    "section",
    "summary",
    "table",
    "tbody",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

/// Blocks with an empty line around them.
const PARAGRAPHS: [&str; 14] = [
    "article",
    "blockquote",
    "dl",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "pre",
    "section",
    "table",
];

/// Elements whose content is not text.
const HIDDEN: [&str; 9] = [
    "head", "iframe", "math", "noscript", "object", "script", "style", "svg", "template",
];

/// The text of a page.
///
/// White space is collapsed as a browser collapses it (except in `<pre>`), a block element stands on a line of its own,
/// paragraphs and headings have an empty line between them, and the content of `head`, `script`, `style` and the like is
/// left out. Broken markup gives as much of its text as can be told from tags. The time is linear in the length.
///
/// ```
/// use kiln_corpus::extract::markup;
///
/// let page = "<h1>Tea &amp; rain</h1><p>It <i>rained</i>\n all day.</p><script>x < y</script>";
/// assert_eq!(markup::text(page), "Tea & rain\n\nIt rained all day.");
/// ```
pub fn text(markup: &str) -> String {
    let mut page = Page {
        text: String::with_capacity(markup.len() / 2),
        ..Page::default()
    };
    let mut missing = [false; HIDDEN.len()];
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '&']) {
        page.push(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (character, length) = entity(rest).unwrap_or((Cow::Borrowed("&"), 1));
            page.push_entity(&character);
            rest = &rest[length..];
            continue;
        }
        rest = match Tag::read(rest) {
            Some(tag) => {
                let after = &rest[tag.length..];
                page.tag(&tag);
                hidden_content(&tag, after, &mut missing)
            }
            None => match declaration(rest) {
                Some((content, after)) => {
                    page.push(content);
                    after
                }
                None => {
                    page.push("<");
                    &rest[1..]
                }
            },
        };
    }
    page.push(rest);
    page.text.truncate(page.text.trim_end().len());
    page.text
}

/// What follows the content of a hidden element; `after` itself if the tag opens none.
fn hidden_content<'a>(tag: &Tag, after: &'a str, missing: &mut [bool; HIDDEN.len()]) -> &'a str {
    let Ok(index) = HIDDEN.binary_search(&tag.name.as_str()) else {
        return after;
    };
    if tag.closes || tag.empty || missing[index] {
        return after;
    }
    let mut at = 0;
    while let Some(found) = after[at..].find("</") {
        at += found;
        if let Some(end) = Tag::read(&after[at..])
            && end.name == tag.name
        {
            return &after[at + end.length..];
        }
        at += 2;
    }
    missing[index] = true; // and none is looked for again: the time stays linear
    after
}

/// A comment, a CDATA section, a document type or a processing instruction: its text and what follows it.
fn declaration(rest: &str) -> Option<(&str, &str)> {
    for (open, close, shown) in [
        ("<!--", "-->", false),
        ("<![CDATA[", "]]>", true),
        ("<!", ">", false),
        ("<?", ">", false),
    ] {
        if let Some(body) = rest.strip_prefix(open) {
            let (content, after) = body.split_once(close).unwrap_or((body, ""));
            return Some((if shown { content } else { "" }, after));
        }
    }
    None
}

/// A start or end tag.
pub(crate) struct Tag {
    /// Without a namespace prefix, in lower case.
    pub(crate) name: String,
    /// `</name>`
    pub(crate) closes: bool,
    /// `<name/>`
    pub(crate) empty: bool,
    /// Bytes from `<` to `>`.
    pub(crate) length: usize,
}

/// No tag is longer: a `<` that is never closed must not be searched for its end again and again.
const LONGEST_TAG: usize = 4096;

impl Tag {
    /// The tag that `rest`, which begins with `<`, begins with.
    pub(crate) fn read(rest: &str) -> Option<Self> {
        let bytes = rest.as_bytes();
        let closes = bytes.get(1) == Some(&b'/');
        let start = 1 + usize::from(closes);
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_');
        let length = bytes[start..]
            .iter()
            .take(40)
            .take_while(|byte| word(byte))
            .count();
        let name = &rest[start..start + length];
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        let mut quote = None;
        for (at, &byte) in bytes
            .iter()
            .enumerate()
            .take(LONGEST_TAG)
            .skip(start + length)
        {
            match (quote, byte) {
                (None, b'"' | b'\'') if bytes[at - 1] == b'=' => quote = Some(byte),
                (Some(open), _) if byte == open => quote = None,
                (None, b'<') => return None,
                (None, b'>') => {
                    let local = name.rsplit(':').next().unwrap_or(name);
                    return Some(Self {
                        name: local.to_ascii_lowercase(),
                        closes,
                        empty: bytes[at - 1] == b'/',
                        length: at + 1,
                    });
                }
                _ => {}
            }
        }
        None
    }
}

/// Whether an element stands on lines of its own.
pub(crate) fn is_block(name: &str) -> bool {
    BLOCKS.binary_search(&name).is_ok()
}

#[derive(Default)]
struct Page {
    text: String,
    /// White space was seen and not yet written.
    space: bool,
    /// Within so many `<pre>`.
    preformatted: usize,
}

impl Page {
    fn push(&mut self, run: &str) {
        if self.preformatted > 0 {
            self.text.push_str(run);
            return;
        }
        for character in run.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            let word = character.trim_end_matches(|c: char| c.is_ascii_whitespace());
            if !word.is_empty() {
                self.write_space();
                self.text.push_str(word);
            }
            self.space |= word.len() < character.len();
        }
    }

    /// What an entity stands for; `&nbsp;` becomes an ordinary space.
    fn push_entity(&mut self, character: &str) {
        if character == "\u{a0}" {
            self.push(" ");
        } else {
            self.write_space();
            self.text.push_str(character);
        }
    }

    fn write_space(&mut self) {
        if self.space && !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push(' ');
        }
        self.space = false;
    }

    fn tag(&mut self, tag: &Tag) {
        let name = tag.name.as_str();
        if name == "pre" && !tag.empty {
            self.preformatted = match tag.closes {
                true => self.preformatted.saturating_sub(1),
                false => self.preformatted + 1,
            };
        }
        if PARAGRAPHS.binary_search(&name).is_ok() {
            self.line_ends(2);
        } else if is_block(name) {
            self.line_ends(1);
        } else if matches!(name, "td") {
            self.space = true;
        }
    }

    /// At least so many line ends, unless nothing was written yet.
    fn line_ends(&mut self, count: usize) {
        self.space = false;
        if self.preformatted == 0 {
            self.text.truncate(self.text.trim_end_matches(' ').len());
        }
        let have = self
            .text
            .bytes()
            .rev()
            .take_while(|&byte| byte == b'\n')
            .count();
        if !self.text.is_empty() {
            self.text
                .extend(std::iter::repeat_n('\n', count.saturating_sub(have)));
        }
    }
}

/// The character reference that `rest`, which begins with `&`, begins with, and its length in bytes; a semicolon has to
/// end it.
pub(crate) fn entity(rest: &str) -> Option<(Cow<'static, str>, usize)> {
    let end = rest.bytes().take(34).position(|byte| byte == b';')?;
    reference(rest).filter(|&(_, length)| length == end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shown_text_is_kept_and_the_rest_is_not() {
        let cases = [
            ("", ""),
            ("plain", "plain"),
            ("a < b and c>d", "a < b and c>d"),
            ("<p>One</p><p>Two</p>", "One\n\nTwo"),
            ("<p>One<br/>two</p>", "One\ntwo"),
            ("<ul>\n <li>a</li>\n <li>b</li>\n</ul>", "a\nb"),
            ("w<i>or</i>d <b>x</b>", "word x"),
            ("a<!-- <p>no</p> -->b", "ab"),
            ("<![CDATA[x < y]]>", "x < y"),
            (
                "<?xml version='1.0'?><!DOCTYPE html><html><head><title>T</title></head><body>B</body></html>",
                "B",
            ),
            ("<script>if (a < b) {}</script>after", "after"),
            ("<SCRIPT>x</Script>after", "after"),
            ("<script/>after", "after"),
            ("<style>never closed", "never closed"),
            (
                "&lt;b&gt; &eacute;&#233;&#xe9;&nbsp;x &amp &unknown; &#150;",
                "<b> ééé x &amp &unknown; –",
            ),
            ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
            ("<a title='x>y' href=\"z\">link</a>", "link"),
            ("<svg:svg><text>no</text></svg:svg>yes", "yes"),
            (
                "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
                "a b\nc",
            ),
            ("naïve\u{a0}text", "naïve\u{a0}text"),
            ("<", "<"),
            ("<p", "<p"),
            ("</", "</"),
        ];
        for (markup, expected) in cases {
            assert_eq!(text(markup), expected, "{markup}");
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(BLOCKS.is_sorted() && PARAGRAPHS.is_sorted() && HIDDEN.is_sorted());
    }

    proptest! {
        #[test]
        fn any_text_gives_text(markup in "([<>/&;!a-z# \\n'\"=-]|<p>|</p>|<script>|<pre>|<!--|-->|&amp;|é){0,80}") {
            let _ = text(&markup);
        }
    }
}
