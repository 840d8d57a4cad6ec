//! Which repairs a text may need, found in one pass over its characters. Most text needs none.

use std::sync::LazyLock;

use super::badness::is_anchor;
use super::characters::{is_composed, is_control};

pub(super) const ENTITY: u16 = 1;
pub(super) const C1: u16 = 2;
pub(super) const LIGATURE: u16 = 4;
pub(super) const WIDTH: u16 = 8;
pub(super) const QUOTE: u16 = 16;
pub(super) const LINE: u16 = 32;
pub(super) const ESCAPE: u16 = 64;
pub(super) const CONTROL: u16 = 128;
/// NFC may change it, or what stands before it.
pub(super) const COMPOSE: u16 = 256;
pub(super) const NON_ASCII: u16 = 512;
/// There is no mojibake without one of these.
pub(super) const SUSPECT: u16 = 1024;

/// Below are nearly all characters that ask for anything; they are looked up.
const TABLE_END: usize = 0x3100;

/// What the characters of a text ask for, all bits together.
pub(super) fn asked(text: &str) -> u16 {
    asked_until(text, 0)
}

/// Whether any of them asks for one of these bits.
pub(super) fn asks_for(text: &str, bits: u16) -> bool {
    asked_until(text, bits) & bits != 0
}

/// What they ask for; what stands far behind the first that asks for one of `enough` is not looked at.
fn asked_until(text: &str, enough: u16) -> u16 {
    static TABLE: LazyLock<Vec<u16>> = LazyLock::new(|| {
        let numbers = 0..TABLE_END as u32;
        numbers.filter_map(char::from_u32).map(asked_by).collect()
    });
    let table = TABLE.as_slice();
    let (mut bits, mut at) = (0, 0);
    while at < text.len() && bits & enough == 0 {
        let bytes = &text.as_bytes()[at..];
        if let Some(block) = bytes.first_chunk()
            && asks_nothing(block)
        {
            at += BLOCK;
            continue;
        }
        let block_end = at + BLOCK;
        for char in text[at..].chars() {
            bits |= match table.get(char as usize) {
                Some(asked) => *asked,
                None => asked_by(char),
            };
            at += char.len_utf8();
            if at >= block_end {
                break;
            }
        }
    }
    bits
}

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// Whether all bytes are of ASCII and ask for nothing, as most are.
fn asks_nothing(block: &[u8; BLOCK]) -> bool {
    !block.iter().fold(false, |found, &byte| {
        let control = (byte < b' ') & (byte != b'\n') & (byte != b'\t');
        found | control | (byte >= 0x7f) | (byte == b'&')
    })
}

fn asked_by(char: char) -> u16 {
    match char {
        '&' => return ENTITY,
        '\r' => return LINE,
        '\x1b' => return ESCAPE | CONTROL,
        '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => return NON_ASCII,
        '\0'..='\x7f' => return if is_control(char) { CONTROL } else { 0 },
        _ => {}
    }
    let kind = match char {
        '\u{80}'..='\u{9f}' => C1 | LINE,
        '\u{132}'..='\u{149}' | '\u{1c4}'..='\u{1f3}' | '\u{fb00}'..='\u{fb06}' => LIGATURE,
        '\u{2bc}' | '\u{2018}'..='\u{201f}' => QUOTE,
        '\u{2028}' | '\u{2029}' => LINE,
        '\u{3000}' | '\u{ff01}'..='\u{ffef}' => WIDTH,
        _ if is_control(char) => CONTROL,
        _ => 0,
    };
    let compose = if is_composed(char) { 0 } else { COMPOSE };
    let suspect = if is_anchor(char) { SUSPECT } else { 0 };
    NON_ASCII | kind | compose | suspect
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::repair::*;

    #[test]
    fn a_character_asks_for_the_same_wherever_it_stands() {
        for char in ('\0'..'\u{3200}').chain(['漢', 'ﬁ', '\u{1F600}']) {
            for before in [0, 1, 13, 14, 15, 16, 31, 40] {
                let text = format!("{}{char}{}", "a".repeat(before), "b".repeat(20));
                let bits = asked_by(char);
                assert_eq!(asked(&text), bits, "{char:?} {before}");
                assert_eq!(asks_for(&text, bits), bits != 0);
                assert!(!asks_for(&text, !bits));
            }
        }
    }

    type Change = fn(&str) -> Cow<'_, str>;

    #[test]
    fn whatever_a_function_changes_was_asked_for() {
        let changes: [(u16, Change); 8] = [
            (C1, c1_controls),
            (QUOTE, straight_quotes),
            (LIGATURE, split_ligatures),
            (WIDTH, standard_width),
            (LINE, line_feeds),
            (CONTROL, remove_control_characters),
            (COMPOSE, |text| normalise(text, Unicode::Nfc)),
            (NON_ASCII, |text| normalise(text, Unicode::Nfkc)),
        ];
        for char in '\0'..=char::MAX {
            let text = char.to_string();
            for (bit, change) in changes {
                let asked = asked(&text) & bit != 0;
                assert!(asked || change(&text) == text, "{char:?} {bit}");
            }
        }
    }
}
