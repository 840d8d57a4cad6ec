//! Hashes of features. They are part of every model file: another hash needs another version of the files.

/// 64 bits of a text, the same on every machine. The mixing is that of wyhash and its kin: a multiplication to 128
/// bits, folded.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut state = SEED ^ bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = fold(state ^ u64::from_le_bytes(word), PRIME);
    }
    let mut word = [0; 8];
    let rest = chunks.remainder();
    word[..rest.len()].copy_from_slice(rest);
    fold(state ^ u64::from_le_bytes(word), PRIME)
}

/// A feature: a value (a [hash], a code, another feature to be joined with) of a kind, such as "the word before".
/// Joins nest: `feature(3, feature(1, a) ^ b)`; the order of kind and value matters.
#[inline]
pub fn feature(kind: u64, value: u64) -> u64 {
    fold(
        value ^ SEED,
        (kind.wrapping_mul(2).wrapping_add(1)).wrapping_mul(PRIME) ^ kind.rotate_left(17),
    )
}

const SEED: u64 = 0x2d35_8dcc_aa6c_78a5;
const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// The two halves of the product, one upon the other.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b | 1);
    (product as u64 ^ (product >> 64) as u64).wrapping_add(SEED)
}
