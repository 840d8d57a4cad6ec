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
    static TABLE: LazyLock<Vec<u16>> = LazyLock::new(|| {
        let numbers = 0..TABLE_END as u32;
        numbers.filter_map(char::from_u32).map(asked_by).collect()
    });
    let table = TABLE.as_slice();
    text.chars().fold(0, |bits, char| {
        bits | match table.get(char as usize) {
            Some(asked) => *asked,
            None => asked_by(char),
        }
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
