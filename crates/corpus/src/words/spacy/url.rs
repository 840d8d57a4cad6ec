//! What spaCy takes for a web or mail address and leaves whole.
//!
//! The pattern is `URL_PATTERN` of `spacy/lang/tokenizer_exceptions.py` (after Diego Perini's): an optional `scheme://`, an
//! optional `user@`, an IPv4 address or a host with a lower-case top level, an optional port, an optional path. It is
//! anchored at both ends, and nothing in it can be matched in two ways that differ in their outcome once it is known where
//! the host begins; so each beginning is tried once, and the time is linear.

use crate::words::classes::{CLASSES, DECIMAL, LOWER, WORD};

/// Whether a chunk is such an address.
pub(super) fn is_url(chunk: &str) -> bool {
    // Every host has a full stop with something behind it.
    let bytes = chunk.as_bytes();
    let inner = bytes.get(1..).unwrap_or_default();
    if !inner.contains(&b'.') {
        return false;
    }
    is_at_host(chunk)
        || behind_scheme(chunk).is_some_and(is_at_host)
        || chunk
            .match_indices('@')
            .any(|(at, _)| at > 0 && is_at_host(&chunk[at + 1..]))
}

/// What follows `[\w+.-]{2,}://`.
fn behind_scheme(chunk: &str) -> Option<&str> {
    let (scheme, rest) = chunk.split_once("://")?;
    let mut characters = 0;
    for character in scheme.chars() {
        if !matches!(character, '+' | '-' | '.') && !CLASSES.is(character, WORD) {
            return None;
        }
        characters += 1;
    }
    (characters >= 2).then_some(rest)
}

/// Whether host, port and path make up the whole text.
fn is_at_host(text: &str) -> bool {
    let end = text.find([':', '/', '?', '#', '@']).unwrap_or(text.len());
    let (host, rest) = text.split_at(end);
    is_end(rest) && (is_domain(host) || is_address(host))
}

/// `(?::\d{2,5})?(?:[/?#]\S*)?$`
fn is_end(rest: &str) -> bool {
    let path = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let path = port.trim_start_matches(is_decimal);
            let digits = port[..port.len() - path.len()].chars().count();
            if !(2..=5).contains(&digits) {
                return false;
            }
            path
        }
    };
    path.is_empty() || path.starts_with(['/', '?', '#'])
}

fn is_decimal(character: char) -> bool {
    CLASSES.is(character, DECIMAL)
}

/// `[A-Za-z0-9\u00a1-\uffff]`
fn is_host(character: char) -> bool {
    character.is_ascii_alphanumeric() || ('\u{A1}'..='\u{FFFF}').contains(&character)
}

/// One label or more of 1 to 64 characters, and a top level of 2 to 63 small letters.
fn is_domain(host: &str) -> bool {
    let Some((labels, top)) = host.rsplit_once('.') else {
        return false;
    };
    let mut length = 0;
    for character in top.chars() {
        if !CLASSES.is(character, LOWER) {
            return false;
        }
        length += 1;
    }
    (2..=63).contains(&length) && labels.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let mut length = 0;
    let mut last = '-';
    for character in label.chars() {
        let allowed = is_host(character) || length > 0 && matches!(character, '-' | '_');
        if !allowed {
            return false;
        }
        last = character;
        length += 1;
    }
    length <= 64 && is_host(last)
}

/// Four numbers, without networks that are private or local.
fn is_address(host: &str) -> bool {
    let mut octets = host.split('.');
    let (Some(a), Some(b), Some(c), Some(d), None) = (
        octets.next(),
        octets.next(),
        octets.next(),
        octets.next(),
        octets.next(),
    ) else {
        return false;
    };
    let private = match a {
        "10" | "127" => true,
        "169" => b == "254",
        "192" => b == "168",
        "172" => is_private_172(b),
        _ => false,
    };
    !private
        && is_octet(a, 1, "22", '3')
        && is_octet(b, 0, "25", '5')
        && is_octet(c, 0, "25", '5')
        && is_octet(d, 1, "25", '4')
}

/// `1[6-9]|2\d|3[0-1]`
fn is_private_172(octet: &str) -> bool {
    let mut digits = octet.chars();
    match (digits.next(), digits.next(), digits.next()) {
        (Some('1'), Some('6'..='9'), None) | (Some('3'), Some('0' | '1'), None) => true,
        (Some('2'), Some(second), None) => is_decimal(second),
        _ => false,
    }
}

/// A number of up to three digits: with one or two its first is at least `least` (1: one of ASCII, 0: any decimal digit);
/// with three it is 1.., below the two digits of `most`, or those and a last digit of at most `last`. Digits that the
/// pattern writes as `\d` may be of any script.
fn is_octet(octet: &str, least: u8, most: &str, last: char) -> bool {
    let digits: Vec<char> = octet.chars().take(4).collect();
    match *digits.as_slice() {
        [] | [_, _, _, _, ..] => false,
        [a] => is_first(a, least),
        [a, b] => is_first(a, least) && is_decimal(b),
        [a, b, c] => match a {
            '1' => is_decimal(b) && is_decimal(c),
            '2' => {
                let limit = most.chars().nth(1).unwrap_or_default();
                b.is_ascii_digit() && b < limit && is_decimal(c)
                    || b == limit && c.is_ascii_digit() && c <= last
            }
            _ => false,
        },
    }
}

fn is_first(digit: char, least: u8) -> bool {
    match least {
        0 => is_decimal(digit),
        _ => matches!(digit, '1'..='9'),
    }
}
