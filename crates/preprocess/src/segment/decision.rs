//! A classifier of two classes, laid out for speed: one look into memory a feature.

use crate::perceptron::Model;

/// A yes or no, from features.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    model: Model,
    /// Upper half of a feature, and how much it speaks for yes; 0 if the place is free. Open addressing with linear
    /// probing; a power of two long, at most half full.
    slots: Vec<(u32, i32)>,
    /// A bit for each feature that is there, and for some that are not: most that are asked for are not, and these bits
    /// stay in a near cache.
    bits: Vec<u64>,
}

impl PartialEq for Decision {
    fn eq(&self, other: &Self) -> bool {
        self.model == other.model
    }
}

impl Decision {
    /// Of a model in which class 1 says yes.
    pub(super) fn new(model: Model) -> Self {
        let mut slots = vec![(0, 0); (model.features().max(4) * 2).next_power_of_two()];
        let mut bits = vec![0; slots.len().div_ceil(16)];
        let mask = slots.len() - 1;
        for (key, row) in model.rows() {
            let weight = row
                .iter()
                .map(|&(class, weight)| match class {
                    1 => i32::from(weight),
                    _ => -i32::from(weight),
                })
                .sum();
            if weight != 0 {
                let mut place = key as usize & mask;
                while slots[place].1 != 0 {
                    place = (place + 1) & mask;
                }
                slots[place] = (key, weight);
                let (word, bit) = bit_of(key, bits.len());
                bits[word] |= bit;
            }
        }
        Self { model, slots, bits }
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// Whether the features speak for yes rather than no.
    pub(super) fn is_yes(&self, features: &[u64]) -> bool {
        let mask = self.slots.len() - 1;
        let mut score = 0;
        for feature in features {
            let key = (feature >> 32) as u32;
            let (word, bit) = bit_of(key, self.bits.len());
            if self.bits[word] & bit == 0 {
                continue;
            }
            // Keys are hashes: their own bits spread them.
            let mut place = key as usize & mask;
            loop {
                let (found, weight) = self.slots[place];
                if weight == 0 {
                    break;
                }
                if found == key {
                    score += weight;
                    break;
                }
                place = (place + 1) & mask;
            }
        }
        score > 0
    }
}

/// The word, of a power of two of them, and the bit of a feature.
#[inline]
fn bit_of(key: u32, words: usize) -> (usize, u64) {
    ((key >> 6) as usize & (words - 1), 1 << (key & 63))
}
