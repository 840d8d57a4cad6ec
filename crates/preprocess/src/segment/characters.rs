//! From bytes to characters.

use std::ops::Range;

/// Ranges in bytes of a text, in order, as ranges in characters.
pub(super) fn of_bytes(text: &str, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut byte, mut character) = (0, 0);
    let mut place = |wanted: usize| {
        character += text[byte..wanted].chars().count();
        byte = wanted;
        character
    };
    ranges
        .iter()
        .map(|range| place(range.start)..place(range.end))
        .collect()
}
