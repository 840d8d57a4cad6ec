//! Random numbers by place: the n-th number is computed, not reached.

/// Step of SplitMix64's state: the golden ratio's fraction, in 64 bits.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's output function (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", with
/// Stafford's constants): a permutation of 64-bit numbers that scatters neighbours.
pub(super) fn scatter(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// `N` keys for a purpose and some numbers (a seed, an epoch): BLAKE3, so that near numbers give unrelated keys.
pub(super) fn keys<const N: usize>(purpose: &str, numbers: &[u64]) -> [u64; N] {
    let mut hasher = blake3::Hasher::new_derive_key(purpose);
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    let mut output = hasher.finalize_xof();
    std::array::from_fn(|_| {
        let mut bytes = [0; 8];
        output.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    })
}

/// The number at a place of SplitMix64's sequence from `key`.
pub(super) fn at(key: u64, place: u64) -> u64 {
    scatter(key.wrapping_add(place.wrapping_add(1).wrapping_mul(GAMMA)))
}

/// A number below `bound` from 64 random bits (Lemire 2019, "Fast random integer generation in an interval", without
/// the rejection: no number is likelier than another by more than bound / 2^64).
pub(super) fn below(bound: u64, bits: u64) -> u64 {
    ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_splitmix64() {
        // First numbers of Vigna's splitmix64.c from the seed 1234567.
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for (place, expected) in (0..).zip(expected) {
            assert_eq!(at(1_234_567, place), expected);
        }
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(below(10, 0), 0);
        assert_eq!(below(10, u64::MAX), 9);
        assert_eq!(below(1, u64::MAX), 0);
        assert_eq!(below(u64::MAX, u64::MAX), u64::MAX - 1);
    }
}
