//! Taking out the pieces whose loss costs the likelihood of the words least (Kudo 2018, section 3.2).

use super::corpus::{Corpus, Lattice, PART, Piece};

/// Best ways to cut, with room that is used again.
struct Best {
    scores: Vec<f64>,
    /// Number and length of the piece that ends at a place.
    last: Vec<(u32, u8)>,
}

impl Best {
    fn new() -> Self {
        Self {
            scores: vec![0.0; PART + 1],
            last: vec![(0, 0); PART + 1],
        }
    }

    /// The pieces of the most probable way to cut, the last first; `without` is not one of them.
    fn cut(&mut self, word: Lattice<'_>, pieces: &[Piece], without: Option<u32>) -> Vec<u32> {
        let length = word.length();
        self.scores[1..=length].fill(f64::NEG_INFINITY);
        self.scores[0] = 0.0;
        for place in 0..length {
            for edge in word.edges(place) {
                let end = place + edge.length as usize;
                if end > length || Some(edge.piece) == without {
                    continue;
                }
                let score = self.scores[place] + pieces[edge.piece as usize].score;
                if score > self.scores[end] {
                    self.scores[end] = score;
                    self.last[end] = (edge.piece, edge.length);
                }
            }
        }
        let mut cut = Vec::new();
        let mut end = length;
        while end > 0 && self.scores[end] > f64::NEG_INFINITY {
            let (piece, length) = self.last[end];
            cut.push(piece);
            end -= length as usize;
        }
        cut
    }
}

/// Keep about so many pieces.
pub(super) fn prune(corpus: &mut Corpus, pieces: &mut Vec<Piece>, keep: usize) {
    let counts = corpus.sums(pieces.len(), |word, sums| {
        thread_local! {
            static BEST: std::cell::RefCell<Best> = std::cell::RefCell::new(Best::new());
        }
        for piece in BEST.with_borrow_mut(|best| best.cut(word, pieces, None)) {
            sums[piece as usize] += word.count;
        }
    });
    let total: f64 = counts.iter().sum();
    let mut best = Best::new();
    let mut kept = Vec::with_capacity(keep);
    let mut losses = Vec::new();
    for (number, piece) in (0..).zip(pieces.iter()) {
        if piece.length == 1 {
            kept.push(number);
            continue;
        }
        let count = counts[number as usize];
        if count == 0.0 {
            continue; // No word is cut so that it is needed.
        }
        let instead = best.cut(corpus.lattice_of(piece), pieces, Some(number));
        // Without it, all that it stands for is cut the next best way, which its parts get more frequent by.
        let new_total = (total + count * (instead.len() as f64 - 1.0)).ln();
        let probability = |piece: &u32| (counts[*piece as usize] + count).ln() - new_total;
        let now = count.ln() - total.ln();
        losses.push((
            count * (now - instead.iter().map(probability).sum::<f64>()),
            number,
        ));
    }
    losses.sort_by(|one, other| other.0.total_cmp(&one.0)); // Stable: of equals the earlier piece.
    let room = keep.saturating_sub(kept.len());
    kept.extend(losses.into_iter().take(room).map(|(_, number)| number));
    kept.sort_unstable();
    corpus.keep(pieces, &kept);
}
