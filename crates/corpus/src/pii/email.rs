//! E-mail addresses: an `@` with a mailbox before it and a domain after it (RFC 5321, without quoted mailboxes and addresses in
//! brackets, which text does not have).

use std::ops::Range;

use super::is_word;

/// The longest mailbox and domain in bytes (RFC 5321, 4.5.3.1).
const MAILBOX: usize = 64;
const DOMAIN: usize = 255;

/// Endings of file names that are no top-level domains: `icon@2x.png`.
const FILES: [&str; 11] = [
    "png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "html", "json", "xml",
];

/// The addresses of a text.
pub(super) fn find(text: &str, mut add: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let mut end = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        // A mailbox does not begin within the address before it.
        let found =
            mailbox_start(bytes, end, at).and_then(|start| Some(start..domain_end(bytes, at + 1)?));
        if let Some(range) = found
            && !is_remote(bytes, &range, at)
        {
            end = range.end;
            add(range);
        }
    }
}

/// A byte of a Latin letter beyond ASCII (U+00C0 to U+024F), the first or the second of its two. Letters of other scripts end an
/// address: some of them are written without spaces.
fn is_latin(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        0xC3..=0xC9 => true,
        0x80..=0xBF => at > 0 && (0xC3..=0xC9).contains(&bytes[at - 1]),
        _ => false,
    }
}

fn is_mailbox(bytes: &[u8], at: usize) -> bool {
    is_word(bytes[at]) || b".%+-'&".contains(&bytes[at]) || is_latin(bytes, at)
}

fn mailbox_start(bytes: &[u8], floor: usize, at: usize) -> Option<usize> {
    let mut start = at;
    while start > floor && is_mailbox(bytes, start - 1) {
        if bytes[start - 1] == b'.' && bytes.get(start) == Some(&b'.') {
            break;
        }
        start -= 1;
        if at - start > MAILBOX {
            return None;
        }
    }
    while start < at && b".%+-'&".contains(&bytes[start]) {
        start += 1;
    }
    (start < at && bytes[at - 1] != b'.').then_some(start)
}

fn domain_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut labels = 0;
    let mut end = None;
    let mut lower_before = false;
    while let Some(length) = label(bytes, at) {
        let text = &bytes[at..at + length];
        // "amy@example.com.Then": a capital after small letters begins a sentence.
        let capital = text[0].is_ascii_uppercase() && text.iter().any(u8::is_ascii_lowercase);
        if labels >= 2 && lower_before && capital {
            break;
        }
        lower_before = text[0].is_ascii_lowercase();
        labels += 1;
        at += length;
        if at - start > DOMAIN {
            return None;
        }
        end = (labels >= 2 && is_top_level(text)).then_some(at);
        match bytes.get(at) {
            Some(b'.') => at += 1,
            _ => break,
        }
    }
    end
}

/// The length of the label of a domain that begins here: letters, digits and hyphens within.
fn label(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    while end < bytes.len()
        && end - start <= 63
        && (bytes[end].is_ascii_alphanumeric() || bytes[end] == b'-' || is_latin(bytes, end))
    {
        end += 1;
    }
    while end > start && bytes[end - 1] == b'-' {
        end -= 1;
    }
    (end > start && bytes[start] != b'-' && end - start <= 63).then_some(end - start)
}

fn is_top_level(label: &[u8]) -> bool {
    let word = label.len() >= 2 && label.iter().all(|byte| byte.is_ascii_alphabetic());
    let encoded = label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--");
    let file = FILES
        .iter()
        .any(|file| label.eq_ignore_ascii_case(file.as_bytes()));
    (word || encoded) && !file
}

/// `git@example.com:team/project`, the address of a repository.
fn is_remote(bytes: &[u8], range: &Range<usize>, at: usize) -> bool {
    &bytes[range.start..at] == b"git"
        && bytes.get(range.end) == Some(&b':')
        && bytes.get(range.end + 1).is_some_and(|&byte| is_word(byte))
}
