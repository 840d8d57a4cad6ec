//! Lines and paragraphs that occur again.

use std::cell::RefCell;

use super::seen::{Seen, hash};
use crate::words::python;

/// How much of a text repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Repeats {
    /// All pieces.
    pub(super) all: usize,
    /// Pieces that are equal to one before.
    pub(super) repeated: usize,
    /// Their code points.
    pub(super) repeated_characters: usize,
    /// Pieces that are equal to another, before or after.
    pub(super) in_groups: usize,
    /// Their code points.
    pub(super) in_groups_characters: usize,
}

thread_local! {
    /// A table that each document of a thread uses again.
    static SEEN: RefCell<Seen> = RefCell::default();
}

impl Repeats {
    /// Of the pieces of a text.
    pub(super) fn of<'a>(pieces: impl Iterator<Item = &'a str>) -> Self {
        let mut pieces: Vec<&str> = pieces.collect();
        // Their numbers have 32 bits.
        pieces.truncate(u32::MAX as usize / 4);
        let mut repeats = Self {
            all: pieces.len(),
            ..Self::default()
        };
        let mut again = Vec::new();
        SEEN.with_borrow_mut(|seen| {
            seen.begin(pieces.len() as u32);
            for (at, piece) in pieces.iter().enumerate() {
                let same = |other: u32| pieces[other as usize] == *piece;
                if let Some(first) = seen.find_or_insert(hash(piece.as_bytes()), at as u32, same) {
                    repeats.repeated += 1;
                    repeats.repeated_characters += python::len(piece);
                    again.push(first);
                }
            }
        });
        again.sort_unstable();
        again.dedup();
        let firsts = again
            .iter()
            .map(|&first| python::len(pieces[first as usize]));
        repeats.in_groups = repeats.repeated + again.len();
        repeats.in_groups_characters = repeats.repeated_characters + firsts.sum::<usize>();
        repeats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_pieces_are_counted_with_and_without_the_first() {
        let check = |text: &str, expected: [usize; 5]| {
            let Repeats {
                all,
                repeated,
                repeated_characters,
                in_groups,
                in_groups_characters,
            } = Repeats::of(text.split('\n'));
            let found = [
                all,
                repeated,
                repeated_characters,
                in_groups,
                in_groups_characters,
            ];
            assert_eq!(found, expected, "{text:?}");
        };
        check("", [1, 0, 0, 0, 0]);
        check("a\nb", [2, 0, 0, 0, 0]);
        check("é\né\nab\né\nab\nc", [6, 3, 4, 5, 7]);
        check("\n\n\n", [4, 3, 0, 4, 0]);
    }
}
