//! Byte-pair merges by rank (Sennrich et al. 2016, algorithm 1): of all pairs of neighbours that a merge joins, the one of
//! the earliest merge is joined first, the leftmost of equals.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kiln_tokens::TokenId;

/// The rank of a pair that no merge joins.
const NO_MERGE: u32 = u32::MAX;

/// In a slot of the table without a pair. No two ids make it, since ids are below 2^24.
const EMPTY: u64 = u64::MAX;

/// Words of up to so many bytes are merged by looking at all their pairs for each merge; longer ones with a heap, in time
/// that grows as n log n.
const SHORT: usize = 64;

/// The merges of a byte-level vocabulary.
pub(crate) struct Merges {
    /// The id of each byte.
    bytes: [TokenId; 256],
    /// The rank of each pair of single bytes, `[first][second]`.
    byte_ranks: Vec<u32>,
    /// The ranks of all pairs: a hash table with linear probing, at most half full, of pair and rank.
    ranks: Vec<(u64, u32)>,
    /// 64 less the bits of a place in the table.
    shift: u32,
    /// The id that each merge makes, by rank.
    made: Vec<TokenId>,
}

/// What is written to while a word is merged, kept from word to word.
#[derive(Default)]
pub(crate) struct Scratch {
    /// The word's ids; the result.
    pub(crate) ids: Vec<TokenId>,
    /// The rank of each id with the next one.
    ranks: Vec<u32>,
    heap: BinaryHeap<Reverse<(u32, u32)>>,
    /// The neighbours of each id on both sides.
    links: Vec<(u32, u32)>,
}

impl Merges {
    /// From the ids of all bytes, and the merges in order: two ids and what they make.
    pub(crate) fn new(bytes: [TokenId; 256], merges: &[(TokenId, TokenId, TokenId)]) -> Self {
        let size = (2 * merges.len()).next_power_of_two().max(2);
        let mut all = Self {
            bytes,
            byte_ranks: Vec::new(),
            ranks: vec![(EMPTY, NO_MERGE); size],
            shift: 64 - size.trailing_zeros(),
            made: merges.iter().map(|merge| merge.2).collect(),
        };
        for (rank, (first, second, _)) in (0..).zip(merges) {
            let mut place = all.place(pair(*first, *second));
            while all.ranks[place].0 != EMPTY && all.ranks[place].0 != pair(*first, *second) {
                place = (place + 1) % size;
            }
            // A pair that comes twice has its last rank, as in the library.
            all.ranks[place] = (pair(*first, *second), rank);
        }
        all.byte_ranks = (0..=u16::MAX)
            .map(|both| {
                let [first, second] = both.to_be_bytes().map(usize::from);
                all.rank(all.bytes[first], all.bytes[second])
            })
            .collect();
        all
    }

    fn place(&self, pair: u64) -> usize {
        // Fibonacci hashing: 2^64 divided by the golden ratio (Knuth, volume 3, section 6.4).
        (pair.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    /// The rank of the merge of two ids.
    #[inline]
    fn rank(&self, first: TokenId, second: TokenId) -> u32 {
        let wanted = pair(first, second);
        let mut place = self.place(wanted);
        loop {
            let (found, rank) = self.ranks[place];
            if found == wanted {
                return rank;
            }
            if found == EMPTY {
                return NO_MERGE;
            }
            place = (place + 1) & (self.ranks.len() - 1);
        }
    }

    /// The ids of a word, left in `scratch.ids`.
    pub(crate) fn merge(&self, word: &[u8], scratch: &mut Scratch) {
        let Scratch { ids, ranks, .. } = scratch;
        ids.clear();
        ids.extend(word.iter().map(|byte| self.bytes[usize::from(*byte)]));
        ranks.clear();
        ranks.extend(
            word.windows(2)
                .map(|both| self.byte_ranks[usize::from(both[0]) << 8 | usize::from(both[1])]),
        );
        if word.len() <= SHORT {
            self.merge_short(ids, ranks);
        } else {
            self.merge_long(scratch);
        }
    }

    fn merge_short(&self, ids: &mut Vec<TokenId>, ranks: &mut Vec<u32>) {
        loop {
            let mut least = NO_MERGE;
            let mut at = 0;
            for (place, rank) in ranks.iter().enumerate() {
                if *rank < least {
                    least = *rank;
                    at = place;
                }
            }
            if least == NO_MERGE {
                return;
            }
            ids[at] = self.made[least as usize];
            ids.remove(at + 1);
            ranks.remove(at);
            if at < ranks.len() {
                ranks[at] = self.rank(ids[at], ids[at + 1]);
            }
            if at > 0 {
                ranks[at - 1] = self.rank(ids[at - 1], ids[at]);
            }
        }
    }

    /// An id that was merged into its left neighbour has no rank and no link any more. Entries of the heap whose pair has
    /// changed since are known by their rank.
    fn merge_long(&self, scratch: &mut Scratch) {
        const NONE: u32 = u32::MAX;
        let Scratch {
            ids,
            ranks,
            heap,
            links,
        } = scratch;
        let count = ids.len() as u32;
        links.clear();
        links.extend((0..count).map(|place| {
            let next = if place + 1 < count { place + 1 } else { NONE };
            (place.wrapping_sub(1), next)
        }));
        ranks.push(NO_MERGE);
        heap.clear();
        let joined = (0..count).zip(ranks.iter());
        heap.extend(
            joined
                .filter(|(_, rank)| **rank != NO_MERGE)
                .map(|(place, rank)| Reverse((*rank, place))),
        );
        while let Some(Reverse((rank, place))) = heap.pop() {
            let at = place as usize;
            if ranks[at] != rank {
                continue;
            }
            let (before, removed) = links[at];
            let after = links[removed as usize].1;
            ids[at] = self.made[rank as usize];
            ranks[removed as usize] = NO_MERGE;
            ids[removed as usize] = TokenId::MAX;
            links[at].1 = after;
            ranks[at] = NO_MERGE;
            if after != NONE {
                links[after as usize].0 = place;
                ranks[at] = self.rank(ids[at], ids[after as usize]);
            }
            if ranks[at] != NO_MERGE {
                heap.push(Reverse((ranks[at], place)));
            }
            if before != NONE {
                let left = before as usize;
                ranks[left] = self.rank(ids[left], ids[at]);
                if ranks[left] != NO_MERGE {
                    heap.push(Reverse((ranks[left], before)));
                }
            }
        }
        ids.retain(|id| *id != TokenId::MAX);
    }
}

fn pair(first: TokenId, second: TokenId) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Merges of the letters a to d, each of two things that are there before it.
    fn merges(choices: &[(usize, usize)]) -> Merges {
        let bytes = std::array::from_fn(|byte| byte as TokenId);
        let mut known: Vec<TokenId> = b"abcd".iter().map(|byte| TokenId::from(*byte)).collect();
        let mut all = Vec::new();
        for (first, second) in choices {
            let made = 256 + all.len() as TokenId;
            let known_ids = known.len();
            all.push((known[first % known_ids], known[second % known_ids], made));
            known.push(made);
        }
        Merges::new(bytes, &all)
    }

    /// The definition itself: join the leftmost pair of least rank until there is none.
    fn by_definition(merges: &Merges, word: &[u8]) -> Vec<TokenId> {
        let mut ids: Vec<TokenId> = word.iter().map(|byte| TokenId::from(*byte)).collect();
        loop {
            let ranks = ids.windows(2).map(|both| merges.rank(both[0], both[1]));
            let Some((rank, at)) = ranks.zip(0..).min().filter(|(rank, _)| *rank != NO_MERGE)
            else {
                return ids;
            };
            ids.splice(at..at + 2, [merges.made[rank as usize]]);
        }
    }

    proptest! {
        #[test]
        fn both_ways_are_the_definition(
            choices in proptest::collection::vec((0usize..40, 0usize..40), 0..30),
            letters in proptest::collection::vec(0u8..4, 0..150),
        ) {
            let merges = merges(&choices);
            let word: Vec<u8> = letters.iter().map(|letter| b'a' + letter).collect();
            let mut scratch = Scratch::default();
            merges.merge(&word, &mut scratch);
            let expected = by_definition(&merges, &word);
            prop_assert_eq!(&scratch.ids, &expected);
            let Scratch { ids, ranks, .. } = &mut scratch;
            *ids = word.iter().map(|byte| TokenId::from(*byte)).collect();
            *ranks = ids.windows(2).map(|both| merges.rank(both[0], both[1])).collect();
            if !word.is_empty() {
                merges.merge_long(&mut scratch);
                prop_assert_eq!(&scratch.ids, &expected);
            }
        }
    }

    #[test]
    fn a_megabyte_of_one_letter_is_merged_in_time() {
        let doubling: Vec<(usize, usize)> = (0..10)
            .map(|step| {
                if step == 0 {
                    (0, 0)
                } else {
                    (3 + step, 3 + step)
                }
            })
            .collect();
        let mut scratch = Scratch::default();
        merges(&doubling).merge(&vec![b'a'; 1 << 20], &mut scratch);
        assert_eq!(scratch.ids, vec![256 + 9; 1 << 10]);
    }
}
