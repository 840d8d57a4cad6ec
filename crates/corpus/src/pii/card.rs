//! Numbers of payment cards: an issuer's range with its length, and the check digit of ISO/IEC 7812.

use std::ops::Range;

use super::is_word;

/// First digits (from, to, both of the same length) and how many digits such numbers have (from, to). Ranges as the networks
/// publish them. Visa's numbers of 13 digits are left out: none is in use, and article numbers (EAN) have as many.
const ISSUERS: [(u32, u32, usize, usize); 19] = [
    (4, 4, 16, 16),       // Visa
    (51, 55, 16, 16),     // Mastercard
    (2221, 2720, 16, 16), // Mastercard
    (34, 34, 15, 15),     // American Express
    (37, 37, 15, 15),     // American Express
    (6011, 6011, 16, 19), // Discover
    (644, 649, 16, 19),   // Discover
    (65, 65, 16, 19),     // Discover
    (3528, 3589, 16, 19), // JCB
    (300, 305, 14, 14),   // Diners Club
    (3095, 3095, 14, 14), // Diners Club
    (36, 36, 14, 14),     // Diners Club
    (38, 39, 14, 14),     // Diners Club
    (62, 62, 16, 19),     // UnionPay
    (5018, 5018, 16, 19), // Maestro
    (5020, 5020, 16, 19), // Maestro
    (5038, 5038, 16, 19), // Maestro
    (6304, 6304, 16, 19), // Maestro
    (6759, 6763, 16, 19), // Maestro
];

/// How the digits are grouped on the cards.
const GROUPS: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]];

/// The card number that begins with this digit, the first of a run.
pub(super) fn at(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    if start > 0 && (is_word(bytes[start - 1]) || b".,-+/#$".contains(&bytes[start - 1])) {
        return None;
    }
    let first = run(bytes, start);
    if (14..=19).contains(&first) {
        let end = start + first;
        let digits = &bytes[start..end];
        return (border(bytes, end) && is_card(digits)).then_some(start..end);
    }
    if first != 4 || !matches!(bytes.get(start + 4), Some(b' ' | b'-')) {
        return None;
    }
    // A number that goes on from digits before it is a longer one.
    let mark = bytes[start + 4];
    if start > 1 && bytes[start - 1] == b' ' && bytes[start - 2].is_ascii_digit() && mark == b' ' {
        return None;
    }
    GROUPS
        .iter()
        .rev()
        .find_map(|groups| grouped(bytes, start, mark, groups))
}

fn grouped(bytes: &[u8], start: usize, mark: u8, groups: &[usize]) -> Option<Range<usize>> {
    let mut digits = [0; 19];
    let mut count = 0;
    let mut at = start;
    for (index, &length) in groups.iter().enumerate() {
        if index > 0 {
            if bytes.get(at) != Some(&mark) {
                return None;
            }
            at += 1;
        }
        if run(bytes, at) != length {
            return None;
        }
        digits[count..count + length].copy_from_slice(&bytes[at..at + length]);
        count += length;
        at += length;
    }
    let goes_on = bytes.get(at) == Some(&mark) && run(bytes, at + 1) == 4;
    (border(bytes, at) && !goes_on && is_card(&digits[..count])).then_some(start..at)
}

/// How many digits follow here, up to 20.
fn run(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter()
        .take(20)
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

fn border(bytes: &[u8], end: usize) -> bool {
    match bytes.get(end) {
        None => true,
        Some(b'.' | b',' | b'-') => !bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(&byte) => !is_word(byte),
    }
}

fn is_card(digits: &[u8]) -> bool {
    has_issuer(digits) && luhn(digits)
}

fn has_issuer(digits: &[u8]) -> bool {
    ISSUERS.iter().any(|&(from, to, shortest, longest)| {
        let length = from.ilog10() as usize + 1;
        let prefix = digits[..length.min(digits.len())]
            .iter()
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        (from..=to).contains(&prefix) && (shortest..=longest).contains(&digits.len())
    })
}

/// The check of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(
            |(index, digit)| match u32::from(digit - b'0') << (index % 2) {
                double @ 10.. => double - 9,
                value => value,
            },
        )
        .sum();
    sum.is_multiple_of(10)
}
