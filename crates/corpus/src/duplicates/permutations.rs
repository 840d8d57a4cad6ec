//! The hash functions of a MinHash signature: h(x) = ((a x + b) mod 2^64) mod p with p = 2^61 - 1.
//!
//! a and b are drawn as datatrove draws them, with numpy's `RandomState(seed)`: `randint(1, p, n, uint64)` for every a,
//! then `randint(0, p, n, uint64)` for every b. Beneath is the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998)
//! with the numbers cut to 61 bits and those out of range drawn again.
//!
//! That the sum wraps at 2^64 before it is reduced is not in the literature; it is in every signature that datatrove
//! wrote.

/// p.
pub(crate) const MERSENNE_PRIME: u64 = (1 << 61) - 1;

/// How many shingles go through all functions before the next are fetched: 8 KiB, which stay in the nearest cache.
const BLOCK: usize = 1024;

/// The functions of one signature.
#[derive(Clone, Debug)]
pub(crate) struct Permutations {
    multipliers: Vec<u64>,
    increments: Vec<u64>,
}

impl Permutations {
    pub(crate) fn new(seed: u32, count: usize) -> Self {
        let mut twister = MersenneTwister::new(seed);
        let multipliers = (0..count)
            .map(|_| 1 + twister.at_most(MERSENNE_PRIME - 2))
            .collect();
        let increments = (0..count)
            .map(|_| twister.at_most(MERSENNE_PRIME - 1))
            .collect();
        Self {
            multipliers,
            increments,
        }
    }

    /// The least value of each function over the shingles, of which there is at least one.
    pub(crate) fn minima(&self, shingles: &[u64]) -> Vec<u64> {
        let mut minima = vec![u64::MAX; self.multipliers.len()];
        pulp::Arch::new().dispatch(Minima {
            permutations: self,
            shingles,
            minima: &mut minima,
        });
        minima
    }
}

/// The loop of [`Permutations::minima`], compiled for each vector unit there may be.
struct Minima<'a> {
    permutations: &'a Permutations,
    shingles: &'a [u64],
    minima: &'a mut [u64],
}

impl pulp::NullaryFnOnce for Minima<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let functions = &self.permutations;
        for block in self.shingles.chunks(BLOCK) {
            let parameters = functions.multipliers.iter().zip(&functions.increments);
            for (minimum, (&a, &b)) in self.minima.iter_mut().zip(parameters) {
                *minimum = (*minimum).min(block_minimum(block, a, b));
            }
        }
    }
}

/// The least h(x) of a block.
///
/// With h = 2^61 q + l the value is v = l + q, or v - p where v >= p. Comparing k = (v + 1) mod 2^61 instead needs
/// no case: it is v + 1 below p, and v - p, at most 7, from p on. So k > 7 for the least k says that no value was of
/// the second kind, and the least value is k - 1. The other case, once in 2^58 values, is worked out the long way.
#[inline(always)]
fn block_minimum(block: &[u64], a: u64, b: u64) -> u64 {
    let mut least = i64::MAX;
    for &shingle in block {
        let hash = shingle.wrapping_mul(a).wrapping_add(b);
        let key = ((hash & MERSENNE_PRIME) + (hash >> 61) + 1) & MERSENNE_PRIME;
        // Keys have 61 bits; vector units compare signed numbers.
        least = least.min(key as i64);
    }
    if least > 7 {
        return least as u64 - 1;
    }
    let value = |&shingle: &u64| shingle.wrapping_mul(a).wrapping_add(b) % MERSENNE_PRIME;
    block.iter().map(value).min().unwrap_or(u64::MAX)
}

/// MT19937, seeded with one number.
struct MersenneTwister {
    state: [u32; 624],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [0; 624];
        let mut word = seed;
        for (index, slot) in (1..).zip(&mut state) {
            *slot = word;
            word = 1_812_433_253_u32
                .wrapping_mul(word ^ (word >> 30))
                .wrapping_add(index);
        }
        Self { state, next: 624 }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == 624 {
            for at in 0..624 {
                let joined =
                    (self.state[at] & 0x8000_0000) | (self.state[(at + 1) % 624] & 0x7fff_ffff);
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[at] = self.state[(at + 397) % 624] ^ (joined >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// A number from 0 to `most`, all equally likely: as many bits as `most` has, until they are not above it.
    fn at_most(&mut self, most: u64) -> u64 {
        let mask = u64::MAX >> most.leading_zeros();
        loop {
            let high = u64::from(self.next_u32());
            let drawn = (high << 32 | u64::from(self.next_u32())) & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_numpy() {
        // python -c "import numpy as n; r=n.random.RandomState(1); p=2**61-1
        // print(r.randint(1,p,dtype=n.uint64,size=112)[[0,111]], r.randint(0,p,dtype=n.uint64,size=112)[[0,111]])"
        let permutations = Permutations::new(1, 112);
        assert_eq!(permutations.multipliers[0], 775_169_054_918_279_404);
        assert_eq!(permutations.increments[0], 1_062_448_801_025_099_917);
        assert_eq!(permutations.multipliers[111], 223_865_076_026_037_746);
        assert_eq!(permutations.increments[111], 1_097_409_548_522_419_201);
    }

    fn check(permutations: &Permutations, shingles: &[u64]) {
        let parameters = permutations
            .multipliers
            .iter()
            .zip(&permutations.increments);
        let expected: Vec<u64> = parameters
            .map(|(&a, &b)| {
                let values = shingles.iter().map(|&x| {
                    let sum = u128::from(x) * u128::from(a) + u128::from(b);
                    (sum % (1 << 64)) % u128::from(MERSENNE_PRIME)
                });
                values.min().unwrap() as u64
            })
            .collect();
        assert_eq!(permutations.minima(shingles), expected);
    }

    #[test]
    fn values_about_the_prime() {
        // With a = 1 and b = 0 a shingle is its own hash.
        let identity = Permutations {
            multipliers: vec![1],
            increments: vec![0],
        };
        for multiple in 0..=8_u128 {
            for offset in -9..=9_i128 {
                let x = (multiple * (1 << 61)) as i128 + offset;
                let Ok(x) = u64::try_from(x) else { continue };
                check(&identity, &[x]);
                check(&identity, &[x, u64::MAX, MERSENNE_PRIME - 1]);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn minima_are_exact(shingles in proptest::collection::vec(proptest::prelude::any::<u64>(), 1..3000)) {
            check(&Permutations::new(7, 5), &shingles);
        }
    }
}
