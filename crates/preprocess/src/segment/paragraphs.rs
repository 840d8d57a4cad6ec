//! Paragraphs: what stands between blank lines.

use std::ops::Range;

/// The paragraphs of a text, in bytes, without the white space around them. Lines that are empty or hold white space
/// alone part them, and so does U+2029.
pub fn paragraphs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let rest = &text[place..];
        let start = place + (rest.len() - rest.trim_start().len());
        if start == text.len() {
            return None;
        }
        let mut end = start;
        // Line by line, up to one that is blank.
        for line in text[start..].split_inclusive(['\n', '\r', '\u{2029}']) {
            let bare = line.trim_end();
            if bare.is_empty() && !line.is_empty() && !(line == "\n" && text[..end].ends_with('\r'))
            {
                break;
            }
            end += line.len();
            if line.ends_with('\u{2029}') {
                break;
            }
        }
        place = end;
        Some(start..start + text[start..end].trim_end().len())
    })
}
