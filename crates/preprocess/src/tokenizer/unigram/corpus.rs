//! Words as rows of symbols, and from each place the pieces that begin there.

use rayon::prelude::*;

use crate::tokenizer::train::merges::Symbol;

/// Longer words are trained on in parts of so many symbols: products of so many probabilities are above the least number
/// that 64 bits can have.
pub(super) const PART: usize = 32;

/// Sums are over so many parts of the words, one after the other, whatever the number of threads.
const SUMS: usize = 8;

/// A piece: some symbols that stand at a place of the corpus, as they may at others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) place: u32,
    pub(super) length: u8,
    /// Logarithm of its probability.
    pub(super) score: f64,
}

/// A piece that begins at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) piece: u32,
    pub(super) length: u8,
}

pub(super) struct Corpus {
    pub(super) symbols: Vec<Symbol>,
    words: Vec<Word>,
    /// The first edge of each place, and their number at the end.
    first_edges: Vec<u32>,
    edges: Vec<Edge>,
}

#[derive(Clone, Copy)]
struct Word {
    start: u32,
    length: u8,
    count: f64,
}

/// A word with the edges of its places.
#[derive(Clone, Copy)]
pub(super) struct Lattice<'a> {
    first_edges: &'a [u32],
    edges: &'a [Edge],
    pub(super) count: f64,
}

impl Lattice<'_> {
    pub(super) fn length(&self) -> usize {
        self.first_edges.len() - 1
    }

    /// The pieces that begin at a place, the shortest first.
    #[inline]
    pub(super) fn edges(&self, place: usize) -> &[Edge] {
        &self.edges[self.first_edges[place] as usize..self.first_edges[place + 1] as usize]
    }
}

impl Corpus {
    /// Words in the order of their symbols, equal ones added up.
    pub(super) fn new(mut words: Vec<(Vec<Symbol>, u64)>) -> Self {
        words.sort_unstable();
        words.dedup_by(|next, word| {
            let same = next.0 == word.0;
            word.1 += if same { next.1 } else { 0 };
            same
        });
        let mut corpus = Self {
            symbols: Vec::with_capacity(words.iter().map(|word| word.0.len()).sum()),
            words: Vec::with_capacity(words.len()),
            first_edges: Vec::new(),
            edges: Vec::new(),
        };
        for (symbols, count) in words {
            for part in symbols.chunks(PART) {
                corpus.words.push(Word {
                    start: corpus.symbols.len() as u32,
                    length: part.len() as u8,
                    count: count as f64,
                });
                corpus.symbols.extend_from_slice(part);
            }
        }
        corpus
    }

    /// Start, symbols and count of each word.
    pub(super) fn words(&self) -> impl Iterator<Item = (usize, &[Symbol], f64)> {
        self.words.iter().map(|word| {
            let start = word.start as usize;
            let symbols = &self.symbols[start..start + word.length as usize];
            (start, symbols, word.count)
        })
    }

    /// Set the edges; those of each place in turn, its number of them in `first_edges` as a running sum.
    pub(super) fn set_edges(&mut self, first_edges: Vec<u32>, edges: Vec<Edge>) {
        self.first_edges = first_edges;
        self.edges = edges;
    }

    pub(super) fn spelling(&self, piece: &Piece) -> &[Symbol] {
        let start = piece.place as usize;
        &self.symbols[start..start + piece.length as usize]
    }

    /// The places of a piece where it stands, with the edges of its parts and its own.
    pub(super) fn lattice_of(&self, piece: &Piece) -> Lattice<'_> {
        self.lattice(piece.place, piece.length, 1.0)
    }

    fn lattice(&self, start: u32, length: u8, count: f64) -> Lattice<'_> {
        let start = start as usize;
        Lattice {
            first_edges: &self.first_edges[start..=start + length as usize],
            edges: &self.edges,
            count,
        }
    }

    /// What `add` adds up by piece over all words.
    pub(super) fn sums(
        &self,
        pieces: usize,
        add: impl Fn(Lattice<'_>, &mut [f64]) + Sync,
    ) -> Vec<f64> {
        let size = self.words.len().div_ceil(SUMS).max(1);
        let parts: Vec<Vec<f64>> = self
            .words
            .par_chunks(size)
            .map(|words| {
                let mut sums = vec![0.0; pieces];
                for word in words {
                    add(self.lattice(word.start, word.length, word.count), &mut sums);
                }
                sums
            })
            .collect();
        let mut all = vec![0.0; pieces];
        for part in parts {
            for (sum, more) in all.iter_mut().zip(part) {
                *sum += more;
            }
        }
        all
    }

    /// Go on with some of the pieces only: `kept` has the old number of each, ascending or not.
    pub(super) fn keep(&mut self, pieces: &mut Vec<Piece>, kept: &[u32]) {
        let mut new_numbers: Vec<Option<u32>> = vec![None; pieces.len()];
        for (new, old) in (0..).zip(kept) {
            new_numbers[*old as usize] = Some(new);
        }
        *pieces = kept.iter().map(|old| pieces[*old as usize]).collect();
        let mut written = 0;
        let mut read = 0;
        for place in 0..self.first_edges.len() - 1 {
            let end = self.first_edges[place + 1] as usize;
            self.first_edges[place] = written as u32;
            while read < end {
                let edge = self.edges[read];
                if let Some(piece) = new_numbers[edge.piece as usize] {
                    self.edges[written] = Edge { piece, ..edge };
                    written += 1;
                }
                read += 1;
            }
        }
        if let Some(last) = self.first_edges.last_mut() {
            *last = written as u32;
        }
        self.edges.truncate(written);
    }
}
