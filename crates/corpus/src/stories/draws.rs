//! Unbiased draws addressed by (seed, stream, position): no state is shared between stories, so any of them can be
//! told without telling those before it.

/// Philox4x32 with ten rounds: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011),
/// section 3.3 and table 2. Sixteen bytes of output for a counter and a key.
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let left = MULTIPLIERS[0] * u64::from(counter[0]);
        let right = MULTIPLIERS[1] * u64::from(counter[2]);
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
    }
    counter
}

/// The draws of one stream: a function of the seed, the stream and how many were taken before.
#[derive(Debug)]
pub(super) struct Draws {
    key: [u32; 2],
    stream: u64,
    block: u64,
    words: [u32; 4],
    taken: usize,
}

impl Draws {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            stream,
            block: 0,
            words: [0; 4],
            taken: 4,
        }
    }

    fn word(&mut self) -> u32 {
        if self.taken == 4 {
            let counter = [
                self.block as u32,
                (self.block >> 32) as u32,
                self.stream as u32,
                (self.stream >> 32) as u32,
            ];
            self.words = philox(counter, self.key);
            self.block += 1;
            self.taken = 0;
        }
        self.taken += 1;
        self.words[self.taken - 1]
    }

    /// A whole number below `bound`, each with exactly the same probability: Lemire, "Fast Random Integer Generation
    /// in an Interval" (ACM TOMACS 29, 2019), algorithm 5. `bound` is at least 1.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let mut product = u64::from(self.word()) * u64::from(bound);
        if (product as u32) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u32) < threshold {
                product = u64::from(self.word()) * u64::from(bound);
            }
        }
        (product >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors published with the Random123 library (`kat_vectors`, philox4x32 10).
    #[test]
    fn philox_gives_the_published_vectors() {
        let cases = [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn every_number_below_the_bound_is_equally_likely() {
        let (bound, each) = (7, 10_000);
        let mut counts = [0_u32; 7];
        let mut draws = Draws::new(3, 1);
        for _ in 0..bound * each {
            counts[draws.below(bound) as usize] += 1;
        }
        let chi_square: f64 = counts
            .iter()
            .map(|&count| (f64::from(count) - f64::from(each)).powi(2) / f64::from(each))
            .sum();
        // The 0.1 % point of chi-square with 6 degrees of freedom.
        assert!(chi_square < 22.46, "{chi_square} {counts:?}");
    }

    #[test]
    fn a_bound_that_does_not_divide_the_range_is_met_by_rejection() {
        // Three quarters of the range: a biased reduction would give the first half twice the weight of the rest.
        let bound = 3 << 30;
        let mut draws = Draws::new(11, 0);
        let low = (0..40_000)
            .filter(|_| draws.below(bound) < bound / 3)
            .count();
        assert!((12_900..13_770).contains(&low), "{low}");
    }
}
