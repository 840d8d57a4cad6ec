//! What was seen before in a document: hash tables that are used again for the next document.

/// Entries are numbers below a bound that each pass states; what they stand for is compared by the caller, so that no
/// answer depends on the hash.
///
/// Open addressing with linear probing, at most half full. An entry is stored as its number above the largest that any
/// earlier pass has stored: what is smaller is left over and counts as empty.
#[derive(Default)]
pub(super) struct Seen {
    slots: Vec<Slot>,
    mask: usize,
    base: u32,
    bound: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    tag: u32,
    entry: u32,
}

impl Seen {
    /// A new pass begins, over numbers below `bound`. Nothing is seen.
    pub(super) fn begin(&mut self, bound: u32) {
        let slots = (bound as usize * 2).next_power_of_two().max(16);
        if self.slots.len() < slots {
            self.slots.clear();
            self.slots.resize(slots, Slot::default());
            self.base = 0;
            self.bound = 1; // 0 stays empty
        }
        self.mask = slots - 1;
        self.base = match self.base.checked_add(self.bound) {
            Some(base) if base.checked_add(bound).is_some() => base,
            _ => {
                self.slots.fill(Slot::default());
                1
            }
        };
        self.bound = bound;
    }

    /// The entry that was put here first and is the same, if there is one; otherwise `entry` is put here.
    #[inline]
    pub(super) fn find_or_insert(
        &mut self,
        hash: u64,
        entry: u32,
        same: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        debug_assert!(entry < self.bound);
        let tag = (hash >> 32) as u32;
        let mut at = hash as usize & self.mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.entry < self.base {
                *slot = Slot {
                    tag,
                    entry: self.base + entry,
                };
                return None;
            }
            if slot.tag == tag && same(slot.entry - self.base) {
                return Some(slot.entry - self.base);
            }
            at = (at + 1) & self.mask;
        }
    }
}

/// Which hashes may be there twice: a table that has no branches, and says so of few others too.
#[derive(Default)]
pub(super) struct Sieve {
    /// Bits for what was put there once, and for what was so again.
    bits: Vec<(u64, u64)>,
    mask: usize,
}

impl Sieve {
    /// Bits for each hash: one in so many is taken for another.
    const PLACES: usize = 16;

    /// A new pass begins, of so many hashes.
    pub(super) fn begin(&mut self, hashes: usize) {
        let places = (hashes * Self::PLACES / 64).next_power_of_two();
        self.bits.clear();
        self.bits.resize(places, (0, 0));
        self.mask = places - 1;
    }

    /// Put a hash there.
    #[inline]
    pub(super) fn add(&mut self, hash: u64) {
        let (once, again) = &mut self.bits[(hash >> 6) as usize & self.mask];
        let bit = 1 << (hash & 63);
        *again |= *once & bit;
        *once |= bit;
    }

    /// Whether it may have been put there twice: never false where it was.
    #[inline]
    pub(super) fn is_repeated(&self, hash: u64) -> bool {
        let (_, again) = self.bits[(hash >> 6) as usize & self.mask];
        again >> (hash & 63) & 1 == 1
    }
}

/// Mix two words into a hash: the halves of their product, one upon the other (as in wyhash).
#[inline]
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd1b5_4a32_d192_ed03);
    (product as u64) ^ (product >> 64) as u64
}

/// The hash of some bytes.
#[inline]
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(16);
    for chunk in &mut chunks {
        state = mix(word(chunk) ^ state, word(&chunk[8..]));
    }
    let rest = chunks.remainder();
    let (a, b) = match rest.len() {
        8.. => (word(rest), word(&rest[rest.len() - 8..])),
        4.. => (half(rest), half(&rest[rest.len() - 4..])),
        1.. => (
            u64::from(rest[0]) | u64::from(rest[rest.len() / 2]) << 8,
            u64::from(rest[rest.len() - 1]),
        ),
        0 => (0, 0),
    };
    mix(a ^ state, b ^ state.rotate_left(32))
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(word)
}

fn half(bytes: &[u8]) -> u64 {
    let mut half = [0; 4];
    half.copy_from_slice(&bytes[..4]);
    u64::from(u32::from_le_bytes(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_entries_is_found_whatever_the_hash_says() {
        let words = ["a", "b", "a", "c", "b", "a"];
        for hash in [|_: &str| 0, |word: &str| hash(word.as_bytes())] {
            let mut seen = Seen::default();
            for _ in 0..3 {
                seen.begin(words.len() as u32);
                let first: Vec<_> = (0..words.len())
                    .map(|at| {
                        seen.find_or_insert(hash(words[at]), at as u32, |other| {
                            words[other as usize] == words[at]
                        })
                    })
                    .collect();
                assert_eq!(first, [None, None, Some(0), None, Some(1), Some(0)]);
            }
        }
    }

    #[test]
    fn numbers_start_again_when_they_run_out() {
        let mut seen = Seen::default();
        for bound in [4, 1000, 4] {
            seen.begin(bound);
            seen.base = u32::MAX - 5000;
            for round in 0..10_000 {
                seen.begin(bound);
                for entry in 0..4 {
                    let found =
                        seen.find_or_insert(u64::from(entry), entry, |other| other == entry);
                    assert_eq!(found, None, "{round}");
                    assert_eq!(
                        seen.find_or_insert(u64::from(entry), 3, |other| other == entry),
                        Some(entry)
                    );
                }
            }
        }
    }

    #[test]
    fn hashes_differ_where_bytes_do() {
        let bytes: Vec<u8> = (1..=80).collect();
        let mut hashes: Vec<u64> = (0..=80).map(|length| hash(&bytes[..length])).collect();
        for at in 0..80 {
            let mut other = bytes.clone();
            other[at] ^= 1;
            hashes.push(hash(&other));
        }
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 161);
    }
}
