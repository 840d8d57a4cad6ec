//! International bank account numbers (ISO 13616): a country, two check digits, and the country's own account number.

use std::ops::Range;

/// How many characters the numbers of each country have, as the registry of ISO 13616 gives it.
const LENGTHS: [(&[u8; 2], usize); 79] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"ST", 25),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
];

/// The account number whose check digits begin with this digit, the first of a run.
pub(super) fn at(bytes: &[u8], digit: usize) -> Option<Range<usize>> {
    let start = digit.checked_sub(2)?;
    let country = &bytes[start..digit];
    let (_, length) = LENGTHS.iter().find(|(known, _)| *known == country)?;
    if start > 0 && super::is_word(bytes[start - 1]) {
        return None;
    }
    let mut characters = [0; 34];
    let mut count = 0;
    let mut at = start;
    let mut mark = None;
    while count < *length {
        let byte = *bytes.get(at)?;
        // In print, groups of four with a space between them; some write a hyphen.
        let between = count > 0 && count.is_multiple_of(4) && matches!(byte, b' ' | b'-');
        if between && (count == 4 || mark == Some(byte)) {
            mark = Some(byte);
            at += 1;
        }
        let byte = *bytes.get(at)?;
        if mark.is_some() && count.is_multiple_of(4) && count > 4 && Some(bytes[at - 1]) != mark {
            return None;
        }
        if !(byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
            return None;
        }
        characters[count] = byte;
        count += 1;
        at += 1;
    }
    let border = bytes.get(at).is_none_or(|&byte| !super::is_word(byte));
    (border && remainder(&characters[..count]) == 1).then_some(start..at)
}

/// The number with its first four characters at the end and letters as 10 to 35, modulo 97 (ISO 7064, MOD 97-10).
fn remainder(characters: &[u8]) -> u32 {
    let (first, rest) = characters.split_at(4);
    rest.iter().chain(first).fold(0, |value, &byte| {
        if byte.is_ascii_digit() {
            (value * 10 + u32::from(byte - b'0')) % 97
        } else {
            (value * 100 + u32::from(byte - b'A') + 10) % 97
        }
    })
}
