//! Addresses of networks, and what looks like them: version and section numbers, times, paths of programs.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{before, is_word};

/// Words before four numbers that make them a version, a place in a book or in a law, in the languages that versions are talked
/// about in; compared with the end of the last word, in lower case.
const NOT_ADDRESSES: [&str; 41] = [
    "version",
    "versions",
    "versión",
    "versione",
    "versão",
    "versie",
    "wersja",
    "wersji",
    "verze",
    "verzió",
    "sürüm",
    "версия",
    "версии",
    "версію",
    "версія",
    "版本",
    "バージョン",
    "버전",
    "ver",
    "v",
    "rev",
    "revision",
    "release",
    "build",
    "update",
    "patch",
    "firmware",
    "driver",
    "kernel",
    "firefox",
    "chrome",
    "opera",
    "safari",
    "android",
    "windows",
    "section",
    "sec",
    "chapter",
    "clause",
    "article",
    "paragraph",
];

/// The address of four numbers that begins with this digit, the first of a run.
pub(super) fn ipv4_at(text: &str, start: usize, public_only: bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut octets = [0; 4];
    let mut at = start;
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest
            .iter()
            .take(4)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if length == 0 || length > 3 || (length > 1 && rest[0] == b'0') {
            return None;
        }
        let number = rest[..length]
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        *octet = u8::try_from(number).ok()?;
        at += length;
    }
    let follows = match bytes.get(at) {
        None => true,
        Some(b'.' | b'-') => !bytes.get(at + 1).is_some_and(|&byte| is_word(byte)),
        Some(&byte) => !is_word(byte),
    };
    let wanted = if public_only {
        is_public_ipv4(octets)
    } else {
        octets != [0; 4]
    };
    // 1.0.0.0 is a first release.
    let release = octets[1..] == [0; 3];
    (follows && wanted && !release && stands_alone(bytes, start) && !is_version(text, start))
        .then_some(start..at)
}

/// Not the rest of a number, of a name (`lib-1.2.3.4`) or of a program's own name (`Agent/1.2.3.4`).
fn stands_alone(bytes: &[u8], start: usize) -> bool {
    let Some(before) = start.checked_sub(1) else {
        return true;
    };
    let earlier = before.checked_sub(1).map(|at| bytes[at]);
    match bytes[before] {
        b'.' => false,
        b'-' | b'/' => !earlier.is_some_and(is_word),
        byte => !is_word(byte),
    }
}

/// Whether the word before says that this is no address.
fn is_version(text: &str, start: usize) -> bool {
    let window = before(text, start, 40);
    let earlier = window.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '§');
    // Only signs stand between the word and the number, and not many.
    if window.len() - earlier.len() > 4 {
        return false;
    }
    if earlier.ends_with('§') {
        return true;
    }
    let word = earlier
        .rsplit(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or_default()
        .to_lowercase();
    NOT_ADDRESSES
        .iter()
        .any(|&known| match known.chars().count() {
            // Long words also at the end of others: AssemblyVersion, Programmversion, 最新バージョン.
            length if length > 6 || !known.is_ascii() => word.ends_with(known),
            _ => word == known,
        })
}

/// Blocks of the IANA registry of special addresses (RFC 6890 and later) that are not reachable from everywhere, and those for
/// groups (RFC 5771): first address and length of the prefix.
const SPECIAL: [([u8; 4], u32); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn is_public_ipv4(octets: [u8; 4]) -> bool {
    let address = Ipv4Addr::from(octets).to_bits();
    !SPECIAL.iter().any(|&(block, length)| {
        let mask = u32::MAX << (32 - length);
        address & mask == Ipv4Addr::from(block).to_bits() & mask
    })
}

/// The longest address in bytes: eight groups, the last two as four numbers.
const LONGEST: usize = 45;

/// The addresses with colons of a text.
pub(super) fn find_ipv6(text: &str, public_only: bool, mut add: impl FnMut(Range<usize>)) {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let mut done = 0;
    for colon in memchr::memchr_iter(b':', bytes) {
        if colon < done {
            continue;
        }
        let mut start = colon;
        while start > done && colon - start <= LONGEST && (bytes[start - 1].is_ascii_hexdigit()) {
            start -= 1;
        }
        let mut end = colon + 1;
        while end < bytes.len() && is_part(bytes[end]) {
            end += 1;
        }
        done = end;
        if start > 0 && is_word(bytes[start - 1])
            || bytes.get(end).is_some_and(|&byte| is_word(byte))
        {
            continue;
        }
        // What ends the sentence is no part of it.
        while end > colon && (bytes[end - 1] == b'.' || ends_in_one_colon(&bytes[start..end])) {
            end -= 1;
        }
        if end > colon && end - start <= LONGEST && is_wanted_ipv6(&text[start..end], public_only) {
            add(start..end);
        }
    }
}

fn ends_in_one_colon(bytes: &[u8]) -> bool {
    bytes.ends_with(b":") && !bytes.ends_with(b"::")
}

fn is_wanted_ipv6(text: &str, public_only: bool) -> bool {
    let Ok(address) = text.parse::<Ipv6Addr>() else {
        return false;
    };
    let segments = address.segments();
    // Global unicast (RFC 4291) without the blocks for documentation (RFC 3849, RFC 9637) and for measurements (RFC 5180).
    let public = segments[0] & 0xE000 == 0x2000
        && segments[..2] != [0x2001, 0x0DB8]
        && segments[..3] != [0x2001, 0x0002, 0]
        && !(segments[0] == 0x3FFF && segments[1] < 0x1000);
    // Names of programs' parts (`a::b`) and hardware addresses (`12:34:56:78:9a:bc:de:f0`) can be read as addresses too.
    let likely = text.bytes().any(|byte| byte.is_ascii_digit())
        && text.split(':').any(|group| group.len() > 2)
        && text.len() >= 6;
    if public_only {
        public && likely
    } else {
        likely
    }
}
