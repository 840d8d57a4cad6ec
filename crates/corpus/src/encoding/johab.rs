//! Johab, the combining code of KS X 1001 (annex 3; Windows code page 1361): the letters of a syllable stand in the bits.

use super::Decode;
use super::decode::Standard;

/// Hangul letters on their own, from U+3131, for each initial consonant.
const INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ',
    'ㅌ', 'ㅍ', 'ㅎ',
];

/// And for those final consonants that are no initial ones too, by their number.
const FINALS: [char; 27] = [
    'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ',
    'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

#[derive(Default)]
pub(super) struct Johab {
    lead: Option<u8>,
}

impl Decode for Johab {
    fn decode(&mut self, raw: &[u8], last: bool, out: &mut String) {
        for &byte in raw {
            match self.lead.take() {
                None if byte < 0x80 => out.push(char::from(byte)),
                None => self.lead = Some(byte),
                Some(lead) => match pair(lead, byte) {
                    Some(character) => out.push(character),
                    None => {
                        out.push(char::REPLACEMENT_CHARACTER);
                        match byte {
                            0..0x80 => out.push(char::from(byte)),
                            _ => self.lead = Some(byte),
                        }
                    }
                },
            }
        }
        if last && self.lead.take().is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

fn pair(lead: u8, trail: u8) -> Option<char> {
    match (lead, trail) {
        (0x84..=0xd3, 0x41..=0x7e | 0x81..=0xfe) => hangul(lead, trail),
        (0xd9..=0xde, 0x31..=0x7e | 0x91..=0xfe) => other(lead - 0xd9, 0xa1, trail),
        (0xe0..=0xf9, 0x31..=0x7e | 0x91..=0xfe) => other(lead - 0xe0, 0xca, trail),
        _ => None,
    }
}

/// Five bits each for the initial consonant, the vowel and the final consonant.
fn hangul(lead: u8, trail: u8) -> Option<char> {
    let code = u32::from(lead) << 8 | u32::from(trail);
    let (initial, vowel, last) = (code >> 10 & 31, code >> 5 & 31, code & 31);
    // `None` inside: left out.
    let initial = match initial {
        1 => None,
        2..=20 => Some(initial - 2),
        _ => return None,
    };
    let vowel = match vowel {
        2 => None,
        3..=7 => Some(vowel - 3),
        10..=15 => Some(vowel - 5),
        18..=23 => Some(vowel - 7),
        26..=29 => Some(vowel - 9),
        _ => return None,
    };
    let last = match last {
        1 => None,
        2..=17 => Some(last - 1),
        19..=29 => Some(last - 2),
        _ => return None,
    };
    match (initial, vowel, last) {
        (Some(initial), Some(vowel), last) => {
            char::from_u32(0xac00 + (initial * 21 + vowel) * 28 + last.unwrap_or(0))
        }
        (Some(initial), None, None) => INITIALS.get(initial as usize).copied(),
        (None, Some(vowel), None) => char::from_u32(0x314f + vowel),
        (None, None, Some(last)) => FINALS.get(last as usize - 1).copied(),
        _ => None,
    }
}

/// Signs and Chinese characters: each lead byte holds two rows of KS X 1001, the first of them `first_row` in EUC-KR.
fn other(lead: u8, first_row: u8, trail: u8) -> Option<char> {
    let index = match trail {
        0x31..=0x7e => trail - 0x31,
        _ => trail - 0x43,
    };
    let row = first_row + 2 * lead + index / 94;
    let mut text = String::new();
    Standard(encoding_rs::EUC_KR.new_decoder_without_bom_handling()).decode(
        &[row, 0xa1 + index % 94],
        true,
        &mut text,
    );
    let character = text.chars().next();
    character.filter(|&character| character != char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use crate::encoding::Encoding;

    /// `bytes.decode("johab")` of Python 3.
    #[test]
    fn pairs() {
        for (bytes, expected) in [
            (&b"\xd0\x65\x8b\x69 A"[..], "한글 A"),
            (b"\x88\x61\x8a\x61\xb4\x77", "가교앙"),
            (b"\x88\x41\x84\x61\x84\x42", "ㄱㅏㄱ"),
            (b"\xd9\x31\xd9\xa1\xe0\x31\xf9\xfe", "　⇒伽詰"),
            (b"\x80a\x88", "\u{fffd}a\u{fffd}"),
        ] {
            assert_eq!(Encoding::Johab.decode(bytes), expected);
        }
    }
}
