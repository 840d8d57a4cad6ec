//! Which documents are copies of each other, and which of them stays.
//!
//! Copies of copies are copies: the clusters are the connected parts of the graph of pairs. The clusters, and the copy
//! that stays, depend on the set of pairs alone, not on their order.

use std::cmp::Ordering;

use super::config::Keep;

/// Documents in disjoint sets. The one thing that grows with the number of documents: 8 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    /// A smaller number of the same set, or its own: the least of its set.
    parents: Vec<u64>,
}

/// A document that goes, and the copy of it that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Removal {
    /// The number of the document that goes.
    pub removed: u64,
    /// The number of the document that stays.
    pub kept: u64,
}

/// What is chosen by between copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The document's id.
    pub id: String,
    /// The bytes of its text.
    pub bytes: u64,
}

impl Clusters {
    /// No pairs are known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Two documents are copies.
    pub fn join(&mut self, one: u64, other: u64) {
        let (one, other) = (self.root(one), self.root(other));
        let (low, high) = (one.min(other), one.max(other));
        self.parents[high as usize] = low;
    }

    /// The least number in the set of a document.
    pub fn root(&mut self, document: u64) -> u64 {
        let known = self.parents.len() as u64;
        self.parents.extend(known..=document);
        let mut at = document as usize;
        while self.parents[at] != at as u64 {
            let parent = self.parents[at] as usize;
            self.parents[at] = self.parents[parent];
            at = parent;
        }
        at as u64
    }

    /// The sets of two and more, each in increasing order, in the order of their least members. 16 bytes for each
    /// document in them.
    pub fn sets(&mut self) -> Vec<Vec<u64>> {
        let members = self.members();
        let sets = members.chunk_by(|a, b| a.0 == b.0);
        sets.map(|set| set.iter().map(|&(_, number)| number).collect())
            .collect()
    }

    /// Root and number of every document that has a copy, in order.
    fn members(&mut self) -> Vec<(u64, u64)> {
        let mut members = Vec::new();
        for number in 0..self.parents.len() as u64 {
            let root = self.root(number);
            if root != number {
                members.push((root, number));
            }
        }
        let mut roots: Vec<_> = members.iter().map(|&(root, _)| (root, root)).collect();
        roots.dedup();
        members.append(&mut roots);
        members.sort_unstable();
        members.dedup();
        members
    }

    /// The documents that go, in increasing order. `describe` is asked for every document that has a copy, once each.
    ///
    /// # Errors
    /// The first error of `describe`.
    pub fn removals<E>(
        &mut self,
        keep: Keep,
        describe: impl FnMut(u64) -> Result<Member, E>,
    ) -> Result<Vec<Removal>, E> {
        self.removals_after(0, keep, describe)
    }

    /// The same where the documents below the number `earlier` are there already and stay, whatever they are copies of:
    /// of a set that holds such documents all others go, and the best of the earlier ones is named as the one that stays.
    /// `describe` is asked for those that may stay, in the sets of which something may go.
    ///
    /// # Errors
    /// The first error of `describe`.
    pub fn removals_after<E>(
        &mut self,
        earlier: u64,
        keep: Keep,
        mut describe: impl FnMut(u64) -> Result<Member, E>,
    ) -> Result<Vec<Removal>, E> {
        let mut removals = Vec::new();
        for set in self.members().chunk_by(|a, b| a.0 == b.0) {
            let (old, new) = set.split_at(set.partition_point(|&(_, number)| number < earlier));
            if new.is_empty() {
                continue;
            }
            let mut best: Option<(u64, Member)> = None;
            for &(_, number) in if old.is_empty() { new } else { old } {
                let member = describe(number)?;
                if best
                    .as_ref()
                    .is_none_or(|(_, best)| keep.prefers(&member, best))
                {
                    best = Some((number, member));
                }
            }
            if let Some((kept, _)) = best {
                let gone = new.iter().filter(|&&(_, number)| number != kept);
                removals.extend(gone.map(|&(_, removed)| Removal { removed, kept }));
            }
        }
        removals.sort_unstable();
        Ok(removals)
    }
}

impl Keep {
    /// Whether `one` stays rather than `other`. Of equal ids none is preferred.
    pub fn prefers(self, one: &Member, other: &Member) -> bool {
        let by_id = || id_order(&one.id, &other.id);
        let order = match self {
            Self::Longest => other.bytes.cmp(&one.bytes).then_with(by_id),
            Self::First => by_id(),
        };
        order == Ordering::Less
    }
}

/// The order of ids where digits in a row count as a number, so that line 9 is before line 10. No two different ids are
/// equal in it.
fn id_order(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one.as_bytes(), other.as_bytes());
    while let (Some(first), Some(second)) = (a.first(), b.first()) {
        let step = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (x, rest_a) = number(a);
            let (y, rest_b) = number(b);
            (a, b) = (rest_a, rest_b);
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            (a, b) = (&a[1..], &b[1..]);
            first.cmp(second)
        };
        if step != Ordering::Equal {
            return step;
        }
    }
    a.len().cmp(&b.len()).then_with(|| one.cmp(other))
}

/// The digits at the beginning, without leading zeros, and what follows them.
fn number(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_in_order() {
        let ordered = [
            "", "a", "a#2", "a#9", "a#10", "a#010", "a#10b", "a.txt", "b", "b7c1", "b7c02",
            "b07c02",
        ];
        let expected = [
            "", "a", "a#2", "a#9", "a#010", "a#10", "a#10b", "a.txt", "b", "b7c1", "b07c02",
            "b7c02",
        ];
        let mut sorted = ordered;
        sorted.sort_by(|one, other| id_order(one, other));
        assert_eq!(sorted, expected);
    }

    fn removals(pairs: &[(u64, u64)], keep: Keep, documents: &[(&str, u64)]) -> Vec<(u64, u64)> {
        let mut clusters = Clusters::new();
        for &(one, other) in pairs {
            clusters.join(one, other);
        }
        let describe = |number: u64| {
            let (id, bytes) = documents[number as usize];
            let id = id.to_owned();
            Ok::<_, Infallible>(Member { id, bytes })
        };
        let removals = clusters.removals(keep, describe).unwrap();
        removals.iter().map(|r| (r.removed, r.kept)).collect()
    }

    #[test]
    fn the_kept_one() {
        let documents = [("f#10", 5), ("f#9", 5), ("f#1", 3), ("g#1", 9), ("g#2", 9)];
        let check = |pairs: &[(u64, u64)], longest: &[(u64, u64)], first: &[(u64, u64)]| {
            assert_eq!(removals(pairs, Keep::Longest, &documents), longest);
            assert_eq!(removals(pairs, Keep::First, &documents), first);
        };
        check(&[], &[], &[]);
        check(&[(1, 1)], &[], &[]);
        check(&[(0, 1)], &[(0, 1)], &[(0, 1)]);
        check(&[(0, 1), (1, 2)], &[(0, 1), (2, 1)], &[(0, 2), (1, 2)]);
        check(&[(3, 4), (0, 2)], &[(2, 0), (4, 3)], &[(0, 2), (4, 3)]);
        check(
            &[(4, 3), (0, 2), (2, 4)],
            &[(0, 3), (2, 3), (4, 3)],
            &[(0, 2), (3, 2), (4, 2)],
        );
    }

    #[test]
    fn earlier_documents_stay() {
        let documents = [("f#10", 5), ("f#9", 5), ("f#1", 3), ("g#1", 9), ("g#2", 9)];
        let check = |earlier: u64, pairs: &[(u64, u64)], expected: &[(u64, u64)]| {
            let mut clusters = Clusters::new();
            for &(one, other) in pairs {
                clusters.join(one, other);
            }
            let mut asked = Vec::new();
            let describe = |number: u64| {
                asked.push(number);
                let (id, bytes) = documents[number as usize];
                let id = id.to_owned();
                Ok::<_, Infallible>(Member { id, bytes })
            };
            let removals = clusters.removals_after(earlier, Keep::Longest, describe);
            let removals = removals.unwrap();
            let found: Vec<_> = removals.iter().map(|r| (r.removed, r.kept)).collect();
            assert_eq!(found, expected);
            asked
        };
        // The longest would be 3; what is earlier stays instead.
        assert_eq!(check(1, &[(0, 2), (2, 3)], &[(2, 0), (3, 0)]), [0]);
        // Earlier copies of each other all stay; the new one names the best of them.
        assert_eq!(check(3, &[(0, 1), (1, 2), (2, 4)], &[(4, 1)]), [0, 1, 2]);
        // Of sets without new documents nothing is asked, and sets without earlier ones are as ever.
        assert_eq!(check(3, &[(0, 1), (3, 4)], &[(4, 3)]), [3, 4]);
        assert_eq!(check(5, &[(0, 1), (3, 4)], &[]), [0_u64; 0]);
    }

    proptest! {
        #[test]
        fn neither_order_nor_numbering_matters(
            pairs in proptest::collection::vec((0..12_usize, 0..12_usize), 0..20),
            lengths in proptest::collection::vec(0..3_u64, 12),
            shuffled in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
            keep in prop_oneof![Just(Keep::Longest), Just(Keep::First)],
        ) {
            let ids: Vec<String> = (0..12).map(|n| format!("f#{n}")).collect();
            let documents: Vec<(&str, u64)> = ids.iter().map(String::as_str).zip(lengths).collect();
            // Document n stands at the place shuffled[n].
            let mut elsewhere = documents.clone();
            for (document, &place) in documents.iter().zip(&shuffled) {
                elsewhere[place] = *document;
            }
            let as_ids = |removals: Vec<(u64, u64)>, documents: &[(&str, u64)]| {
                let id = |number: u64| documents[number as usize].0.to_owned();
                let mut named: Vec<_> = removals.iter().map(|&(a, b)| (id(a), id(b))).collect();
                named.sort();
                named
            };
            let straight: Vec<_> = pairs.iter().map(|&(a, b)| (a as u64, b as u64)).collect();
            let moved: Vec<_> = pairs.iter().rev()
                .map(|&(a, b)| (shuffled[b] as u64, shuffled[a] as u64)).collect();
            prop_assert_eq!(
                as_ids(removals(&straight, keep, &documents), &documents),
                as_ids(removals(&moved, keep, &elsewhere), &elsewhere)
            );
        }
    }
}
