//! How alike two documents are.

use super::minhash::Signature;

/// The Jaccard similarity of two sets of shingles: those in both over those in either, from 0 to 1. Each may come in
/// any order and more than once. Two empty sets are alike.
pub fn jaccard(one: &[u64], other: &[u64]) -> f64 {
    let (one, other) = (as_set(one), as_set(other));
    let (mut left, mut right, mut both) = (0, 0, 0_usize);
    while let (Some(a), Some(b)) = (one.get(left), other.get(right)) {
        both += usize::from(a == b);
        left += usize::from(a <= b);
        right += usize::from(b <= a);
    }
    share(both, one.len() + other.len() - both)
}

/// The similarity as two signatures show it: the share of their places that agree. Over k places its standard error at
/// a similarity s is sqrt(s (1 - s) / k), at most 0.047 with 112. Signatures of different lengths are not alike.
pub fn estimate(one: &Signature, other: &Signature) -> f64 {
    let (one, other) = (one.values(), other.values());
    if one.len() != other.len() {
        return 0.0;
    }
    let agree = one.iter().zip(other).filter(|(a, b)| a == b).count();
    share(agree, one.len())
}

fn as_set(shingles: &[u64]) -> Vec<u64> {
    let mut set = shingles.to_vec();
    set.sort_unstable();
    set.dedup();
    set
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        return 1.0;
    }
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::{MinHash, MinHashConfig};

    #[test]
    fn of_sets() {
        let check = |one: &[u64], other: &[u64], expected: f64| {
            assert_eq!(jaccard(one, other), expected);
            assert_eq!(jaccard(other, one), expected);
        };
        check(&[], &[], 1.0);
        check(&[1], &[], 0.0);
        check(&[1, 2, 2, 3], &[3, 1, 1, 2], 1.0);
        check(&[1, 2, 3], &[2, 3, 4], 0.5);
        check(&[5, 9], &[1, 2, 3], 0.0);
    }

    #[test]
    fn the_estimate_is_near_the_truth() {
        let minhash = MinHash::new(&MinHashConfig::default()).unwrap();
        let all: Vec<u64> = (0..2000_u64)
            .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        for shared in [200, 1000, 1800] {
            let (one, other) = (&all[..1000 + shared / 2], &all[1000 - shared / 2..]);
            let truth = jaccard(one, other);
            let signatures = [one, other].map(|set| minhash.signature_of(set).unwrap());
            let estimated = estimate(&signatures[0], &signatures[1]);
            // Three standard errors.
            assert!((estimated - truth).abs() < 0.15, "{estimated} for {truth}");
        }
    }
}
