//! Words whose ids are known, in a fixed amount of memory: texts repeat their words, so that most are found here.
//!
//! Each thread that encodes borrows a cache of its own, and gives it back with what it has learnt. What is in a cache never
//! decides the ids, only the time.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kiln_tokens::TokenId;

use crate::tokenizer::words::load;

/// The most bytes of a word that is its own key.
pub(crate) const KEY_BYTES: usize = 15;

/// The most ids of a word in the table of short words.
pub(crate) const KEY_IDS: usize = 4;

/// Sets of two short words. With 64 bytes a set, as a line of the processor's cache has, 8 MiB.
const SETS: usize = 1 << 17;

/// Long words, of up to so many bytes.
const LONG_BYTES: usize = 255;
/// Places for long words, of which half are filled: 256 KiB.
const LONG_SLOTS: usize = 1 << 14;
/// Bytes of all long words together: 512 KiB.
const LONG_TOTAL: usize = 1 << 19;
/// Ids of all long words together: 512 KiB.
const LONG_IDS: usize = 1 << 17;

/// The most caches of one tokenizer, 9.3 MiB each: 592 MiB. There are no more than twice the processor's threads.
const MOST_CACHES: usize = 64;

/// A word of up to [`KEY_BYTES`] with its length in the highest byte: words differ as their keys do, and none is 0.
#[inline(always)]
pub(crate) fn key(text: &[u8], start: usize, end: usize) -> u128 {
    let bytes = u128::from(load(text, start)) | u128::from(load(text, start + 8)) << 64;
    let length = end - start;
    bytes & ((1 << (8 * length)) - 1) | (length as u128) << 120
}

/// In the place of the key of a longer word: no word's.
pub(crate) const NO_KEY: u128 = u128::MAX;

/// Mixes 16 bytes into 8 by one multiplication whose halves are joined.
#[inline(always)]
pub(crate) fn hash(key: u128) -> u64 {
    // The first digits of the fractions of pi, as in Blowfish (Schneier 1993).
    let low = key as u64 ^ 0x243F_6A88_85A3_08D3;
    let high = (key >> 64) as u64 ^ 0x1319_8A2E_0370_7344;
    let product = u128::from(low) * u128::from(high);
    product as u64 ^ (product >> 64) as u64
}

/// Up to four ids below 2^24, and in the highest byte of the first how many they are.
pub(crate) type PackedIds = [u32; KEY_IDS];

pub(crate) fn pack(ids: &[TokenId]) -> Option<PackedIds> {
    let mut packed = [0; KEY_IDS];
    packed.get_mut(..ids.len())?.copy_from_slice(ids);
    packed[0] |= (ids.len() as u32) << 24;
    Some(packed)
}

/// Two words that share a place, the one used last first.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Set {
    keys: [u128; 2],
    ids: [PackedIds; 2],
}

/// The words that one thread has seen last.
pub(crate) struct WordCache {
    sets: Vec<Set>,
    long: LongWords,
}

impl WordCache {
    fn with_sets(sets: usize) -> Self {
        Self {
            sets: vec![Set::default(); sets],
            long: LongWords::default(),
        }
    }

    #[inline(always)]
    fn place(&self, key: u128) -> usize {
        hash(key) as usize & (self.sets.len() - 1)
    }

    /// Find the places of some short words, and bring them from memory all at once: one after the other, each would be
    /// waited for.
    #[inline(always)]
    pub(crate) fn find(&self, keys: &[u128], places: &mut [usize]) {
        for (place, key) in places.iter_mut().zip(keys) {
            *place = self.place(*key);
        }
        let first = |place: &usize| self.sets.get(*place).map_or(0, |set| set.keys[0] as u64);
        let read = places.iter().map(first).fold(0, u64::wrapping_add);
        std::hint::black_box(read);
    }

    /// The ids of a short word in its place.
    #[inline(always)]
    pub(crate) fn get(&mut self, key: u128, place: usize) -> Option<PackedIds> {
        let set = self.sets.get_mut(place)?;
        if set.keys[0] == key {
            return Some(set.ids[0]);
        }
        if set.keys[1] == key {
            set.keys.swap(0, 1);
            set.ids.swap(0, 1);
            return Some(set.ids[0]);
        }
        None
    }

    /// Remember a short word. It takes the place of the one that was used less lately, and is the next to go itself.
    pub(crate) fn insert(&mut self, key: u128, ids: PackedIds) {
        let place = self.place(key);
        let set = &mut self.sets[place];
        let way = usize::from(set.keys[0] != 0);
        set.keys[way] = key;
        set.ids[way] = ids;
    }

    /// The ids of a long word, or of one of many ids.
    pub(crate) fn get_long(&self, word: &[u8]) -> Option<&[TokenId]> {
        self.long.get(word)
    }

    /// Remember a long word, if there is room for such.
    pub(crate) fn insert_long(&mut self, word: &[u8], ids: &[TokenId]) {
        if word.len() <= LONG_BYTES {
            self.long.insert(word, ids);
        }
    }
}

/// Words of any bytes, by their hash; all are forgotten when there is no room for another.
#[derive(Default)]
struct LongWords {
    slots: Vec<Slot>,
    filled: usize,
    bytes: Vec<u8>,
    ids: Vec<TokenId>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    start: u32,
    ids_start: u32,
    bytes: u16,
    ids: u16,
}

fn hash_long(word: &[u8]) -> u64 {
    let mut all = word.len() as u64;
    let mut at = 0;
    while at < word.len() {
        let bytes = u128::from(load(word, at));
        all = hash(bytes << 64 | u128::from(all)).rotate_left(23);
        at += 8;
    }
    all
}

impl LongWords {
    /// The slot of a word, or the empty one where it would be.
    fn slot(&self, word: &[u8], hash: u64) -> usize {
        let mut place = hash as usize & (LONG_SLOTS - 1);
        loop {
            let slot = self.slots[place];
            let start = slot.start as usize;
            let same = slot.hash == (hash >> 32) as u32
                && self.bytes.get(start..start + usize::from(slot.bytes)) == Some(word);
            if slot.bytes == 0 || same {
                return place;
            }
            place = (place + 1) & (LONG_SLOTS - 1);
        }
    }

    fn get(&self, word: &[u8]) -> Option<&[TokenId]> {
        if self.filled == 0 {
            return None;
        }
        let slot = self.slots[self.slot(word, hash_long(word))];
        let start = slot.ids_start as usize;
        (slot.bytes != 0).then(|| &self.ids[start..start + usize::from(slot.ids)])
    }

    fn insert(&mut self, word: &[u8], ids: &[TokenId]) {
        if self.slots.is_empty() {
            self.slots.resize(LONG_SLOTS, Slot::default());
        }
        let full = self.filled >= LONG_SLOTS / 2
            || self.bytes.len() + word.len() > LONG_TOTAL
            || self.ids.len() + ids.len() > LONG_IDS;
        if full {
            self.slots.fill(Slot::default());
            self.bytes.clear();
            self.ids.clear();
            self.filled = 0;
        }
        let hash = hash_long(word);
        let place = self.slot(word, hash);
        self.slots[place] = Slot {
            hash: (hash >> 32) as u32,
            start: self.bytes.len() as u32,
            ids_start: self.ids.len() as u32,
            bytes: word.len() as u16,
            ids: ids.len() as u16,
        };
        self.bytes.extend_from_slice(word);
        self.ids.extend_from_slice(ids);
        self.filled += 1;
    }
}

/// The caches of one tokenizer, made when they are first needed and freed with it.
pub(crate) struct Caches(Box<[Mutex<Option<WordCache>>]>);

thread_local! {
    /// Where a thread looks for a cache first, so that it finds the one it had before.
    static FIRST: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Ordering::Relaxed))
    };
}

impl Caches {
    pub(crate) fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let count = (2 * threads).min(MOST_CACHES);
        Self((0..count).map(|_| Mutex::new(None)).collect())
    }

    /// Lend a cache that no other thread has; a small new one if they all have one.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut WordCache) -> T) -> T {
        let first = FIRST.get();
        let count = self.0.len();
        for place in 0..count {
            if let Ok(mut cache) = self.0[(first + place) % count].try_lock() {
                return work(cache.get_or_insert_with(|| WordCache::with_sets(SETS)));
            }
        }
        work(&mut WordCache::with_sets(64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_as_words_do() {
        let text = b"aaaaaaaaaaaaaaaaaaaaaaaa\0\0\0";
        let mut keys: Vec<u128> = (0..=KEY_BYTES).map(|end| key(text, 0, end)).collect();
        keys.extend((1..4).map(|length| key(text, 24, 24 + length)));
        assert_eq!(key(text, 3, 9), key(text, 0, 6));
        assert_eq!(key(b"aaa", 0, 3), key(text, 0, 3));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), KEY_BYTES + 4);
    }

    #[test]
    fn what_was_put_in_last_is_found() {
        let mut cache = WordCache::with_sets(2);
        for number in 0..1000u32 {
            let word = number.to_string();
            let of_word = key(word.as_bytes(), 0, word.len());
            let mut place = [0];
            cache.find(&[of_word], &mut place);
            assert_eq!(cache.get(of_word, place[0]), None);
            assert_eq!(cache.get(NO_KEY, place[0]), None);
            let ids = pack(&[number, 7]).unwrap();
            cache.insert(of_word, ids);
            assert_eq!(cache.get(of_word, place[0]), Some(ids));
        }
        assert_eq!(pack(&[0; 5]), None);
        assert_eq!(pack(&[9]).unwrap(), [9 | 1 << 24, 0, 0, 0]);
    }

    #[test]
    fn long_words_are_forgotten_when_there_is_no_room() {
        let mut cache = WordCache::with_sets(1);
        let word = |number: u32| format!("a word of many bytes, number {number}");
        assert_eq!(cache.get_long(word(0).as_bytes()), None);
        for number in 0..3 * LONG_SLOTS as u32 {
            let ids = [number; 9];
            cache.insert_long(word(number).as_bytes(), &ids);
            assert_eq!(cache.get_long(word(number).as_bytes()), Some(&ids[..]));
            assert!(cache.long.bytes.len() <= LONG_TOTAL && cache.long.ids.len() <= LONG_IDS);
        }
        assert_eq!(cache.get_long(word(0).as_bytes()), None);
        cache.insert_long(&[b'a'; LONG_BYTES + 1], &[1]);
        assert_eq!(cache.get_long(&[b'a'; LONG_BYTES + 1]), None);
    }

    #[test]
    fn a_thread_never_waits_for_a_cache() {
        let caches = Caches::new();
        fn nested(caches: &Caches, depth: usize) -> usize {
            match depth {
                0 => 0,
                _ => caches.with(|_| 1 + nested(caches, depth - 1)),
            }
        }
        let depth = caches.0.len() + 2;
        assert_eq!(nested(&caches, depth), depth);
    }
}
