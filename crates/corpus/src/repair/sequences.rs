//! Bytes that would be UTF-8 had they not been damaged on the way.

use super::code_page::SUBSTITUTE;

/// Ranges of bytes.
type Bytes = &'static [(u8, u8)];

/// Sequences of UTF-8 one of whose bytes A0 became a space. Only where the character they stand for is a likely one:
/// among two bytes NO-BREAK SPACE, à, Š, Π, Р and the Arabic zero; among three those of most scripts, but for the lead bytes
/// of East Asian ones, which are Latin letters too often; among four emoji and their neighbours. No 85, which is an
/// ellipsis more often.
const SPACED: &[&[Bytes]] = &[
    &[
        &[
            (0xc2, 0xc3),
            (0xc5, 0xc5),
            (0xce, 0xce),
            (0xd0, 0xd0),
            (0xd9, 0xd9),
        ],
        SPACE,
    ],
    &[&[(0xe2, 0xe3)], SPACE, LIKELY],
    &[&[(0xe0, 0xe3)], LIKELY, SPACE],
    &[&[(0xf0, 0xf0)], SPACE, NEXT, NEXT],
    &[&[(0xf0, 0xf0)], NEXT, SPACE, NEXT],
    &[&[(0xf0, 0xf0)], NEXT, NEXT, SPACE],
];
const SPACE: Bytes = &[(b' ', b' ')];
const NEXT: Bytes = &[(0x80, 0xbf)];
const LIKELY: Bytes = &[(0x80, 0x84), (0x86, 0x9f), (0xa1, 0xbf)];

/// Sequences of UTF-8, and pairs of surrogates in it (CESU-8), that lost bytes. A question mark may stand for one of them.
const LOSSY: &[&[Bytes]] = &[
    &[&[(0xc2, 0xdf)], LOST],
    &[&[(0xc2, 0xc3)], &[(b'?', b'?')]],
    &[SURROGATES, HIGH, ASKED, SURROGATES, LOW, ASKED_OR_NEXT],
    &[SURROGATES, HIGH, ASKED_OR_NEXT, SURROGATES, LOW, ASKED],
    &[&[(0xe0, 0xef)], ASKED, LOST_OR_NEXT],
    &[&[(0xe0, 0xef)], LOST_OR_NEXT, ASKED],
    &[&[(0xf0, 0xf4)], ASKED, LOST_OR_NEXT, LOST_OR_NEXT],
    &[&[(0xf0, 0xf4)], LOST_OR_NEXT, ASKED, LOST_OR_NEXT],
    &[&[(0xf0, 0xf4)], LOST_OR_NEXT, LOST_OR_NEXT, ASKED],
    &[LOST],
];
const SURROGATES: Bytes = &[(0xed, 0xed)];
const HIGH: Bytes = &[(0xa0, 0xaf)];
const LOW: Bytes = &[(0xb0, 0xbf)];
const LOST: Bytes = &[(SUBSTITUTE, SUBSTITUTE)];
const LOST_OR_NEXT: Bytes = &[(SUBSTITUTE, SUBSTITUTE), (0x80, 0xbf)];
const ASKED: Bytes = &[(SUBSTITUTE, SUBSTITUTE), (b'?', b'?')];
const ASKED_OR_NEXT: Bytes = &[(SUBSTITUTE, SUBSTITUTE), (b'?', b'?'), (0x80, 0xbf)];

/// What follows `à`, split from the rest of its word, if it is no word of its own: Portuguese `àquele`, `àquela`, `àquilo`
/// and `às`, or a second space.
const CONTRACTIONS: &[&[u8]] = &[b" ", b"quele", b"quela", b"quilo", b"s "];

/// Put back no-break spaces that became spaces, where that makes UTF-8 of what is none.
pub(super) fn restore_spaces(bytes: &mut Vec<u8>) {
    // `Ã ` is a word of its own more often than the beginning of one: there the space stays, and A0 is added to it.
    if bytes.windows(2).any(|pair| pair == b"\xc3 ") {
        let mut out = Vec::with_capacity(bytes.len() + 8);
        for (at, byte) in bytes.iter().enumerate() {
            out.push(*byte);
            let contracted = |rest: &[u8]| CONTRACTIONS.iter().any(|word| rest.starts_with(word));
            if bytes[at..].starts_with(b"\xc3 ") && !contracted(&bytes[at + 2..]) {
                out.push(0xa0);
            }
        }
        *bytes = out;
    }
    let mut at = 0;
    while at < bytes.len() {
        let length = length(SPACED, &bytes[at..]);
        for byte in &mut bytes[at..at + length] {
            if *byte == b' ' {
                *byte = 0xa0;
            }
        }
        at += length.max(1);
    }
}

/// Replace sequences that lost bytes by U+FFFD.
pub(super) fn replace_lossy(bytes: &mut Vec<u8>) {
    if !bytes.iter().any(|byte| matches!(*byte, SUBSTITUTE | b'?')) {
        return;
    }
    let (mut at, mut out) = (0, Vec::with_capacity(bytes.len()));
    while at < bytes.len() {
        let length = length(LOSSY, &bytes[at..]);
        if length == 0 {
            out.push(bytes[at]);
        } else {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
        at += length.max(1);
    }
    *bytes = out;
}

/// UTF-8, with the two liberties that other systems take: pairs of surrogates (CESU-8), and C0 80 for U+0000 (Java).
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let (mut rest, mut out) = (bytes, String::with_capacity(bytes.len()));
    while !rest.is_empty() {
        let valid = match str::from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        out.push_str(str::from_utf8(&rest[..valid]).ok()?);
        rest = &rest[valid..];
        match rest {
            [] => {}
            [0xc0, 0x80, ..] => {
                out.push('\0');
                rest = &rest[2..];
            }
            [
                0xed,
                a @ 0xa0..=0xaf,
                b @ 0x80..=0xbf,
                0xed,
                c @ 0xb0..=0xbf,
                d @ 0x80..=0xbf,
                ..,
            ] => {
                let bits = |byte: &u8, mask: u8| u32::from(byte & mask);
                let high = bits(a, 0x0f) << 16 | bits(b, 0x3f) << 10;
                out.push(char::from_u32(
                    0x1_0000 + (high | bits(c, 0x0f) << 6 | bits(d, 0x3f)),
                )?);
                rest = &rest[6..];
            }
            _ => return None,
        }
    }
    Some(out)
}

/// How many bytes at the beginning the first pattern matches that matches any; 0 if none does.
fn length(patterns: &[&[Bytes]], bytes: &[u8]) -> usize {
    let holds = |set: Bytes, byte: u8| set.iter().any(|(low, high)| (*low..=*high).contains(&byte));
    let matched = patterns.iter().find(|pattern| {
        bytes.len() >= pattern.len()
            && pattern
                .iter()
                .zip(bytes)
                .all(|(set, byte)| holds(set, *byte))
    });
    matched.map_or(0, |pattern| pattern.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_become_no_break_spaces_where_that_makes_utf_8() {
        let check = |bytes: &[u8], expected: &[u8]| {
            let mut restored = bytes.to_vec();
            restore_spaces(&mut restored);
            assert_eq!(restored, expected, "{bytes:x?}");
        };
        check(b"voil\xc3 le", b"voil\xc3\xa0 le");
        check(b"\xc3 quele", b"\xc3\xa0quele");
        check(b"\xc3  x", b"\xc3\xa0 x");
        check(b"\xc5 kola", b"\xc5\xa0kola");
        check(b"\xe2 \x9c", b"\xe2\xa0\x9c");
        check(b"\xf0\x9f\x98 ", b"\xf0\x9f\x98\xa0");
        check(b"\xe9 la", b"\xe9 la");
        check(b"plain text", b"plain text");
        check(b"\xc3 ", b"\xc3\xa0 ");
    }

    #[test]
    fn sequences_with_losses_become_one_mark() {
        let check = |bytes: &[u8], expected: &str| {
            let mut replaced = bytes.to_vec();
            replace_lossy(&mut replaced);
            assert_eq!(String::from_utf8(replaced).unwrap(), expected, "{bytes:x?}");
        };
        check(b"\xe2\x80\x1a", "\u{fffd}");
        check(b"\xe2\x80?", "\u{fffd}");
        check(b"\xc3?", "\u{fffd}");
        check(b"a\x1ab", "a\u{fffd}b");
        check(b"\xf0\x9f\x1a\x80!", "\u{fffd}!");
        check(b"\xed\xa0\x1a\xed\xb0\x80", "\u{fffd}");
        check(b"why?", "why?");
    }

    #[test]
    fn surrogates_are_put_together() {
        let check = |bytes: &[u8], expected: Option<&str>| {
            assert_eq!(decode(bytes).as_deref(), expected, "{bytes:x?}");
        };
        check("é".as_bytes(), Some("é"));
        check(b"\xed\xa0\xbd\xed\xb8\x8d!", Some("😍!"));
        check(b"a\xc0\x80b", Some("a\0b"));
        check(b"\xed\xa0\xbd", None);
        check(b"\xed\xb8\x8d\xed\xa0\xbd", None);
        check(b"\xff", None);
        check(b"\xe2\x80", None);
    }
}
