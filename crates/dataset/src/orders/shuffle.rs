//! A random permutation that needs no table.
//!
//! A Feistel network (Luby & Rackoff 1988, "How to construct pseudorandom permutations from pseudorandom functions")
//! permutes the numbers below a power of four; walking on until a number is below the count (Black & Rogaway 2002,
//! "Ciphers with arbitrary finite domains") makes that a permutation of any count. levanter orders its data in the same
//! way. Here nothing is secret: the rounds are as many as make small counts look random.

use super::draw::{keys, scatter};

const ROUNDS: usize = 8;

/// A permutation of `0..count`.
pub(super) struct Shuffle {
    count: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

impl Shuffle {
    /// One permutation for each count, purpose, seed and epoch.
    ///
    /// # Panics
    /// If `count` is 0.
    pub(super) fn new(count: u64, purpose: &str, seed: u64, epoch: u64) -> Self {
        assert!(count > 0, "there is no permutation of nothing");
        let bits = u64::BITS - (count - 1).leading_zeros();
        Self {
            count,
            half_bits: bits.div_ceil(2),
            keys: keys(purpose, &[seed, epoch]),
        }
    }

    /// Where `index` goes.
    pub(super) fn place(&self, index: u64) -> u64 {
        debug_assert!(index < self.count);
        let mut place = self.permute(index);
        while place >= self.count {
            place = self.permute(place);
        }
        place
    }

    /// The permutation of all numbers of two halves.
    fn permute(&self, number: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (number >> self.half_bits, number & mask);
        for key in self.keys {
            let mixed = scatter(right.wrapping_add(key)) & mask;
            (left, right) = (right, left ^ mixed);
        }
        (left << self.half_bits) | right
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_place_is_about_as_likely() {
        // Where each of 6 goes, over many seeds: a chi-squared of 25 degrees of freedom is above 52.6 once in a thousand
        // times.
        let seeds = 6000;
        let mut seen = [[0f64; 6]; 6];
        for seed in 0..seeds {
            let shuffle = Shuffle::new(6, "test", seed, 0);
            for index in 0..6 {
                seen[index as usize][shuffle.place(index) as usize] += 1.0;
            }
        }
        let expected = seeds as f64 / 6.0;
        let squares: f64 = seen
            .iter()
            .flatten()
            .map(|count| (count - expected).powi(2) / expected)
            .sum();
        assert!(squares < 52.6, "{squares}");
    }

    #[test]
    fn neighbours_are_torn_apart() {
        let count = 10_000;
        let shuffle = Shuffle::new(count, "test", 1, 0);
        let distance: u64 = (1..count)
            .map(|index| shuffle.place(index).abs_diff(shuffle.place(index - 1)))
            .sum();
        // Two random places are a third of the count apart on average.
        let mean = distance as f64 / (count - 1) as f64;
        assert!((mean / count as f64 - 1.0 / 3.0).abs() < 0.01, "{mean}");
    }

    #[test]
    fn the_greatest_counts_work() {
        for count in [1 << 62, u64::MAX] {
            let shuffle = Shuffle::new(count, "test", 1, 0);
            let places = [0, 1, count - 1].map(|index| shuffle.place(index));
            assert!(places.iter().all(|place| *place < count));
            assert!(places[0] != places[1] && places[1] != places[2]);
        }
    }

    proptest! {
        #[test]
        fn each_number_comes_once(count in 1u64..3000, seed: u64, epoch in 0u64..5) {
            let shuffle = Shuffle::new(count, "test", seed, epoch);
            let mut places: Vec<u64> = (0..count).map(|index| shuffle.place(index)).collect();
            places.sort_unstable();
            prop_assert!(places.into_iter().eq(0..count));
        }

        #[test]
        fn seed_and_epoch_change_it(count in 50u64..500, seed: u64, epoch in 0u64..1000) {
            let places = |purpose, seed, epoch| -> Vec<u64> {
                let shuffle = Shuffle::new(count, purpose, seed, epoch);
                (0..count).map(|index| shuffle.place(index)).collect()
            };
            let one = places("test", seed, epoch);
            prop_assert_ne!(&one, &places("test", seed, epoch + 1));
            prop_assert_ne!(&one, &places("test", seed.wrapping_add(1), epoch));
            prop_assert_ne!(&one, &places("other", seed, epoch));
        }
    }
}
