//! Expectation-maximisation of the pieces' probabilities.

use super::corpus::{Corpus, Lattice, PART, Piece};

/// A piece that is expected less often is taken out: sentencepiece's `kExpectedFrequencyThreshold`.
const LEAST: f64 = 0.5;

/// Added to a score for each symbol of the piece. All ways to cut a word have as many symbols, so that their proportions stay;
/// products over a long word stay near 1.
const SHIFT: f64 = 2.0;

/// How often each piece is expected over all ways to cut the words (forward and backward sums).
pub(super) fn expected(corpus: &Corpus, pieces: &[Piece]) -> Vec<f64> {
    let weights: Vec<f64> = pieces
        .iter()
        .map(|piece| (piece.score + SHIFT * f64::from(piece.length)).exp())
        .collect();
    corpus.sums(pieces.len(), |word, sums| add(word, &weights, sums))
}

fn add(word: Lattice<'_>, weights: &[f64], sums: &mut [f64]) {
    let length = word.length();
    let mut forward = [0.0; PART + 1];
    let mut backward = [0.0; PART + 1];
    forward[0] = 1.0;
    for place in 0..length {
        for edge in word.edges(place) {
            forward[place + edge.length as usize] += forward[place] * weights[edge.piece as usize];
        }
    }
    let total = forward[length];
    if !total.is_normal() {
        return; // Too improbable for 64 bits: as if it were not there.
    }
    backward[length] = word.count / total;
    for place in (0..length).rev() {
        for edge in word.edges(place) {
            let on = weights[edge.piece as usize] * backward[place + edge.length as usize];
            backward[place] += on;
            sums[edge.piece as usize] += forward[place] * on;
        }
    }
}

/// Probabilities from what is expected, with a prior that favours few pieces (as in sentencepiece: exp(ψ(c)) in the place
/// of c), and without the pieces that are hardly expected. Single symbols stay.
pub(super) fn maximise(corpus: &mut Corpus, pieces: &mut Vec<Piece>, expected: &[f64]) {
    let mut kept = Vec::with_capacity(pieces.len());
    let mut counts = Vec::with_capacity(pieces.len());
    for (number, (piece, count)) in (0..).zip(pieces.iter().zip(expected)) {
        if *count >= LEAST || piece.length == 1 {
            kept.push(number);
            counts.push(count.max(LEAST));
        }
    }
    corpus.keep(pieces, &kept);
    let total = digamma(counts.iter().sum());
    for (piece, count) in pieces.iter_mut().zip(counts) {
        piece.score = digamma(count) - total;
    }
}

/// ψ for positive numbers: its recurrence up to 7, then the asymptotic series around x - 1/2.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 7.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let square = (x - 0.5).powi(-2);
    // ψ(x + 1/2) = ln x + 1/24 x⁻² - 7/960 x⁻⁴ + 31/8064 x⁻⁶ - 127/30720 x⁻⁸ + ...
    let series = square * (7.0 / 960.0 - square * (31.0 / 8064.0 - square * (127.0 / 30720.0)));
    sum + (x - 0.5).ln() + square * (1.0 / 24.0 - series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::unigram::seeds::seeds;

    #[test]
    fn digamma_has_its_known_values() {
        // ψ(1) = -γ; ψ(1/2) = -γ - 2 ln 2; ψ(n) = H(n-1) - γ.
        let gamma = 0.577_215_664_901_532_9;
        let harmonic: f64 = (1..100).map(|n| 1.0 / f64::from(n)).sum();
        for (x, expected) in [
            (1.0, -gamma),
            (0.5, -gamma - 2.0 * 2.0f64.ln()),
            (100.0, harmonic - gamma),
        ] {
            assert!((digamma(x) - expected).abs() < 1e-10, "{x}");
        }
    }

    #[test]
    fn expected_counts_are_those_of_all_ways_to_cut() {
        // The word 0 1 twice: as 0, 1 or as one piece.
        let mut corpus = Corpus::new(vec![(vec![0, 1], 2)]);
        let mut pieces = seeds(&mut corpus, 2, 16);
        for (piece, probability) in pieces.iter_mut().zip([0.5, 0.3, 0.2]) {
            piece.score = f64::ln(probability);
        }
        let apart = 0.15 / 0.35;
        for (found, share) in expected(&corpus, &pieces)
            .iter()
            .zip([apart, apart, 1.0 - apart])
        {
            assert!((found - 2.0 * share).abs() < 1e-12);
        }
    }
}
