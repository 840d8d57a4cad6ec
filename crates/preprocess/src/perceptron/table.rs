//! A hash table from features to rows: open addressing, linear probing, no removal.

/// Maps the upper 32 bits of features to numbers. Two features that agree in them are one: with 200,000 features in
/// a table a foreign one is taken for one of them once in 20,000 times.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Key and value plus one; zero is free. A power of two long, at most half full.
    slots: Vec<(u32, u32)>,
    /// A bit for each key that is there, and for some that are not: most features that are asked for have no weight,
    /// and these bits stay in a near cache.
    bits: Vec<u64>,
    filled: usize,
}

impl Table {
    pub(super) fn with_room_for(count: usize) -> Self {
        let slots = (count.max(32) * 2).next_power_of_two();
        Self {
            slots: vec![(0, 0); slots],
            bits: vec![0; slots / 16],
            filled: 0,
        }
    }

    pub(super) fn key(feature: u64) -> u32 {
        (feature >> 32) as u32
    }

    #[inline]
    fn place(&self, key: u32) -> usize {
        // The upper bits of a product depend on all bits of the key.
        let spread = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (spread >> 32) as usize & (self.slots.len() - 1)
    }

    /// Word and bit of a key.
    #[inline]
    fn bit(&self, key: u32) -> (usize, u64) {
        let spread = key.wrapping_mul(0x85eb_ca6b);
        let word = (u64::from(spread) * self.bits.len() as u64) >> 32;
        (word as usize, 1 << (spread & 63))
    }

    #[inline]
    pub(super) fn get(&self, key: u32) -> Option<u32> {
        let (word, bit) = self.bit(key);
        if self.bits[word] & bit == 0 {
            return None;
        }
        let mut place = self.place(key);
        loop {
            let (found, value) = self.slots[place];
            if value == 0 {
                return None;
            }
            if found == key {
                return Some(value - 1);
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
    }

    /// The value of `key`, which is `value` if there was none.
    pub(super) fn get_or_insert(&mut self, key: u32, value: u32) -> u32 {
        if let Some(found) = self.get(key) {
            return found;
        }
        if (self.filled + 1) * 2 > self.slots.len() {
            let mut larger = Self::with_room_for(self.slots.len());
            for &(key, value) in self.slots.iter().filter(|(_, value)| *value != 0) {
                larger.insert(key, value - 1);
            }
            *self = larger;
        }
        self.insert(key, value);
        value
    }

    fn insert(&mut self, key: u32, value: u32) {
        let mut place = self.place(key);
        while self.slots[place].1 != 0 {
            place = (place + 1) & (self.slots.len() - 1);
        }
        self.slots[place] = (key, value + 1);
        let (word, bit) = self.bit(key);
        self.bits[word] |= bit;
        self.filled += 1;
    }
}
