//! The marks, tags, prefixes and words that mean something within the text of a page.

use crate::extract::markup;

/// Tags of HTML that are removed and whose content is kept. Any other `<` is an ordinary character.
pub(super) const TAGS: [&str; 59] = [
    "abbr",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "data",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "mark",
    "noinclude",
    "ol",
    "onlyinclude",
    "p",
    "poem",
    "q",
    "rb",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "td",
    "th",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];

/// Prefixes of two or three letters that lead to other projects and not to other languages.
const PROJECTS: [&str; 9] = ["doi", "hdl", "rfc", "voy", "wp", "wt", "mw", "mos", "cat"];

pub(super) const MARKS: [bool; 256] = {
    let mut marks = [false; 256];
    let bytes = b"\n'}]_&<";
    let mut at = 0;
    while at < bytes.len() {
        marks[bytes[at] as usize] = true;
        at += 1;
    }
    marks
};

pub(super) const SCHEMES: [&str; 3] = ["http://", "https://", "ftp://"];

/// Whether the prefix of a link is the code of a language: two or three letters, with subtags such as `zh-min-nan`.
pub(super) fn is_language(prefix: &str) -> bool {
    let first = prefix.split('-').next().unwrap_or(prefix);
    let letters = prefix
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    letters && (matches!(first.len(), 2 | 3) || prefix == "simple") && !PROJECTS.contains(&prefix)
}

/// `[[Help:Contents (basic)|]]` shows "Contents": the pipe trick.
pub(super) fn without_qualifiers(target: &str) -> &str {
    let name = target.split_once(':').map_or(target, |(_, name)| name);
    let name = name.split(" (").next().unwrap_or(name);
    name.split(", ").next().unwrap_or(name)
}

/// The length of a word such as `__NOTOC__`, in any script.
pub(super) fn magic_word(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("__")?;
    let length: usize = body
        .chars()
        .take(32)
        .take_while(|character| character.is_alphabetic() && !character.is_lowercase())
        .map(char::len_utf8)
        .sum();
    (length >= 3 && body[length..].starts_with("__")).then_some(length + 4)
}

/// The text with its character references replaced.
pub(super) fn decoded(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        match markup::entity(rest) {
            Some((character, length)) => {
                decoded.push_str(&character);
                rest = &rest[length..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    decoded
}
