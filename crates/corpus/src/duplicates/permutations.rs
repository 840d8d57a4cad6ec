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

/// Functions that are looked at together: as many as two vectors of 256 bits have 32-bit numbers.
const LANES: usize = 16;

/// Shingles that are looked at together.
const BLOCK: usize = 16;

/// The functions of one signature.
#[derive(Clone, Debug)]
pub(crate) struct Permutations {
    count: usize,
    /// The functions in groups; the last one is filled up with functions whose values are not wanted.
    groups: Vec<Group>,
}

/// a and b of some functions, whole and in halves.
#[derive(Clone, Debug)]
struct Group {
    multipliers: [u64; LANES],
    increments: [u64; LANES],
    multipliers_low: [u32; LANES],
    multipliers_high: [u32; LANES],
    increments_high: [u32; LANES],
}

impl Permutations {
    pub(crate) fn new(seed: u32, count: usize) -> Self {
        let mut twister = MersenneTwister::new(seed);
        let multipliers: Vec<u64> = (0..count)
            .map(|_| 1 + twister.at_most(MERSENNE_PRIME - 2))
            .collect();
        let increments: Vec<u64> = (0..count)
            .map(|_| twister.at_most(MERSENNE_PRIME - 1))
            .collect();
        Self::from_parameters(&multipliers, &increments)
    }

    fn from_parameters(multipliers: &[u64], increments: &[u64]) -> Self {
        let chunks = multipliers.chunks(LANES).zip(increments.chunks(LANES));
        Self {
            count: multipliers.len(),
            groups: chunks.map(|(a, b)| Group::new(a, b)).collect(),
        }
    }

    /// The least value of each function over the shingles, of which there is at least one.
    pub(crate) fn minima(&self, shingles: &[u64]) -> Vec<u64> {
        let mut minima = vec![[u64::MAX; LANES]; self.groups.len()];
        let (groups, found) = (&self.groups, &mut minima);
        match pulp::Arch::new() {
            #[cfg(target_arch = "x86_64")]
            pulp::Arch::V3(unit) => unit.vectorize(Minima {
                unit,
                groups,
                shingles,
                found,
            }),
            _ => Minima {
                unit: Portable,
                groups,
                shingles,
                found,
            }
            .find(),
        }
        let mut minima = minima.into_flattened();
        minima.truncate(self.count);
        minima
    }
}

impl Group {
    fn new(multipliers: &[u64], increments: &[u64]) -> Self {
        let mut whole = [[1; LANES]; 2];
        whole[0][..multipliers.len()].copy_from_slice(multipliers);
        whole[1][..increments.len()].copy_from_slice(increments);
        let [multipliers, increments] = whole;
        Self {
            multipliers,
            increments,
            multipliers_low: multipliers.map(|a| a as u32),
            multipliers_high: multipliers.map(|a| (a >> 32) as u32),
            increments_high: increments.map(|b| (b >> 32) as u32),
        }
    }
}

/// How [`Minima`] gets bounds.
trait Unit: Copy {
    /// For each function the least of the bounds of a block: of one value, its high 29 bits and 1 or 2 more, modulo 2^29.
    ///
    /// Those bits need the high half of a x + b only, a third of the work of the whole. Left out is the carry of the low
    /// halves, so that the sum is right or 1 too small; to that 2 is added. A value of p or more, which is nearly nothing
    /// once it is reduced, has ones in all of these bits, and a bound of 0 or 1.
    fn bounds(self, group: &Group, block: &[u64]) -> [u32; LANES];
}

/// The bits that count in a bound.
const BOUND: u32 = (1 << 29) - 1;

/// Any machine.
#[derive(Clone, Copy)]
struct Portable;

impl Unit for Portable {
    #[inline(always)]
    fn bounds(self, group: &Group, block: &[u64]) -> [u32; LANES] {
        let mut least = [u32::MAX; LANES];
        for &shingle in block {
            let (low, high) = (shingle as u32, (shingle >> 32) as u32);
            for (lane, least) in least.iter_mut().enumerate() {
                let a_low = group.multipliers_low[lane];
                let carried = (u64::from(low) * u64::from(a_low)) >> 32;
                let sum = (carried as u32)
                    .wrapping_add(low.wrapping_mul(group.multipliers_high[lane]))
                    .wrapping_add(high.wrapping_mul(a_low))
                    .wrapping_add(group.increments_high[lane])
                    .wrapping_add(2);
                *least = (*least).min(sum & BOUND);
            }
        }
        least
    }
}

/// AVX2: all functions of a group at once. The same steps as above, which compilers do not lay out so.
#[cfg(target_arch = "x86_64")]
impl Unit for pulp::x86::V3 {
    #[inline(always)]
    fn bounds(self, group: &Group, block: &[u64]) -> [u32; LANES] {
        use std::arch::x86_64::__m256i;

        let (avx, avx2) = (self.avx, self.avx2);
        let load = |numbers: [u32; LANES]| -> [__m256i; LANES / 8] { pulp::cast(numbers) };
        let all = |number: u32| avx._mm256_set1_epi32(number as i32);
        let a_low = load(group.multipliers_low);
        let a_low_odd = a_low.map(|a| avx2._mm256_srli_epi64::<32>(a));
        let a_high = load(group.multipliers_high);
        let b_high = load(group.increments_high).map(|b| avx2._mm256_add_epi32(b, all(2)));
        let bound = all(BOUND);
        let mut least = [all(u32::MAX); LANES / 8];
        for &shingle in block {
            let (low, high) = (all(shingle as u32), all((shingle >> 32) as u32));
            for half in 0..LANES / 8 {
                let even = avx2._mm256_srli_epi64::<32>(avx2._mm256_mul_epu32(low, a_low[half]));
                let odd = avx2._mm256_mul_epu32(low, a_low_odd[half]);
                let carried = avx2._mm256_blend_epi32::<0b1010_1010>(even, odd);
                let crossed = avx2._mm256_add_epi32(
                    avx2._mm256_mullo_epi32(low, a_high[half]),
                    avx2._mm256_mullo_epi32(high, a_low[half]),
                );
                let sum =
                    avx2._mm256_add_epi32(avx2._mm256_add_epi32(carried, b_high[half]), crossed);
                least[half] = avx2._mm256_min_epu32(least[half], avx2._mm256_and_si256(sum, bound));
            }
        }
        pulp::cast(least)
    }
}

/// The loop of [`Permutations::minima`], compiled for each vector unit there may be.
struct Minima<'a, U> {
    unit: U,
    groups: &'a [Group],
    shingles: &'a [u64],
    found: &'a mut [[u64; LANES]],
}

impl<U: Unit> Minima<'_, U> {
    /// First the bounds of all blocks, then the values of those blocks, mostly one, that may hold the least.
    ///
    /// If no bound is below 2, all are 1 or 2 above the bits they stand for, and that of the least value is at most 1
    /// above the least bound. Otherwise, about once in 2^28 shingles, every block is looked at.
    #[inline(always)]
    fn find(self) {
        let mut bounds = Vec::with_capacity(self.shingles.len().div_ceil(BLOCK));
        for (group, minima) in self.groups.iter().zip(self.found) {
            bounds.clear();
            let mut limits = [u32::MAX; LANES];
            for block in self.shingles.chunks(BLOCK) {
                let of_block = self.unit.bounds(group, block);
                for (limit, bound) in limits.iter_mut().zip(of_block) {
                    *limit = (*limit).min(bound);
                }
                bounds.push(of_block);
            }
            for limit in &mut limits {
                *limit = if *limit < 2 { u32::MAX } else { *limit + 1 };
            }
            for (block, of_block) in self.shingles.chunks(BLOCK).zip(&bounds) {
                let pairs = of_block.iter().zip(&limits);
                if !pairs.fold(false, |any, (bound, limit)| any | (bound <= limit)) {
                    continue;
                }
                for lane in 0..LANES {
                    if of_block[lane] <= limits[lane] {
                        let (a, b) = (group.multipliers[lane], group.increments[lane]);
                        minima[lane] = minima[lane].min(block_minimum(block, a, b));
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl<U: Unit> pulp::NullaryFnOnce for Minima<'_, U> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.find();
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
        let (first, last) = (&permutations.groups[0], &permutations.groups[6]);
        assert_eq!(first.multipliers[0], 775_169_054_918_279_404);
        assert_eq!(first.increments[0], 1_062_448_801_025_099_917);
        assert_eq!(last.multipliers[15], 223_865_076_026_037_746);
        assert_eq!(last.increments[15], 1_097_409_548_522_419_201);
    }

    fn check(permutations: &Permutations, shingles: &[u64]) {
        let groups = permutations.groups.iter();
        let parameters = groups.flat_map(|group| group.multipliers.iter().zip(&group.increments));
        let expected: Vec<u64> = parameters
            .take(permutations.count)
            .map(|(&a, &b)| {
                let values = shingles.iter().map(|&x| {
                    let sum = u128::from(x) * u128::from(a) + u128::from(b);
                    (sum % (1 << 64)) % u128::from(MERSENNE_PRIME)
                });
                values.min().unwrap() as u64
            })
            .collect();
        assert_eq!(permutations.minima(shingles), expected);
        let mut found = vec![[u64::MAX; LANES]; permutations.groups.len()];
        Minima {
            unit: Portable,
            groups: &permutations.groups,
            shingles,
            found: &mut found,
        }
        .find();
        assert_eq!(found.as_flattened()[..permutations.count], expected);
    }

    #[test]
    fn values_about_the_prime() {
        // With a = 1 and b = 0 a shingle is its own hash.
        let identity = Permutations::from_parameters(&[1], &[0]);
        for multiple in 0..=8_u128 {
            for offset in -9..=9_i128 {
                let x = (multiple * (1 << 61)) as i128 + offset;
                let Ok(x) = u64::try_from(x) else { continue };
                check(&identity, &[x]);
                check(&identity, &[x, u64::MAX, MERSENNE_PRIME - 1]);
                // In a block that its bounds might pass over.
                let mut many = vec![3 << 40; 2 * BLOCK];
                many.push(x);
                check(&identity, &many);
                let low = many.iter().map(|_| 1 << 33).chain([x]);
                check(&identity, &low.collect::<Vec<u64>>());
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
