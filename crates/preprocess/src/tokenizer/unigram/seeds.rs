//! The pieces to begin with: every symbol, and the substrings of words that cover most of the corpus.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::corpus::{Corpus, Edge, Piece};
use crate::tokenizer::train::merges::Symbol;

/// Substrings to begin with at most: sentencepiece's `seed_sentencepiece_size`.
const LIMIT: usize = 1_000_000;

/// Substrings of words as a tree: each node but the first is its parent's with a symbol more.
struct Tree {
    children: HashMap<u64, u32, FixedState>,
    nodes: Vec<Node>,
}

struct Node {
    parent: u32,
    /// Where it stands first.
    place: u32,
    length: u8,
    /// How often it occurs.
    count: f64,
    /// Whether it always goes on with the same symbol: the longer one is as good everywhere.
    goes_on: bool,
}

impl Tree {
    fn of(corpus: &Corpus, longest: usize) -> Self {
        let mut tree = Self {
            children: HashMap::default(),
            nodes: vec![Node {
                parent: 0,
                place: 0,
                length: 0,
                count: 0.0,
                goes_on: true,
            }],
        };
        for (start, symbols, count) in corpus.words() {
            for from in 0..symbols.len() {
                let mut node = 0;
                for symbol in &symbols[from..symbols.len().min(from + longest)] {
                    node = tree.child(node, *symbol, (start + from) as u32);
                    tree.nodes[node as usize].count += count;
                }
            }
        }
        for child in 1..tree.nodes.len() {
            let (parent, count) = (tree.nodes[child].parent as usize, tree.nodes[child].count);
            if tree.nodes[parent].count == count {
                tree.nodes[parent].goes_on = true;
            }
        }
        tree
    }

    fn child(&mut self, parent: u32, symbol: Symbol, place: u32) -> u32 {
        let next = self.nodes.len() as u32;
        let key = u64::from(parent) << 32 | u64::from(symbol);
        let node = *self.children.entry(key).or_insert(next);
        if node == next {
            let length = self.nodes[parent as usize].length + 1;
            self.nodes.push(Node {
                parent,
                place,
                length,
                count: 0.0,
                goes_on: false,
            });
        }
        node
    }
}

/// The first pieces, with probabilities by how many symbols they cover; the corpus gets edges for them.
pub(super) fn seeds(corpus: &mut Corpus, alphabet: usize, longest: usize) -> Vec<Piece> {
    let tree = Tree::of(corpus, longest);
    let mut found: Vec<u32> = (1..tree.nodes.len() as u32)
        .filter(|number| {
            let node = &tree.nodes[*number as usize];
            node.length == 1 || (node.count >= 2.0 && !node.goes_on)
        })
        .collect();
    let covers = |number: u32| {
        let node = &tree.nodes[number as usize];
        node.count * f64::from(node.length)
    };
    found.sort_unstable_by(|one, other| {
        let single = |number: u32| tree.nodes[number as usize].length == 1;
        let by_single = single(*other).cmp(&single(*one));
        let by_symbols = covers(*other).total_cmp(&covers(*one));
        by_single.then(by_symbols).then(one.cmp(other)) // Nodes are numbered in the order of the words.
    });
    found.truncate(alphabet + LIMIT);
    let total: f64 = found.iter().map(|number| covers(*number)).sum();
    let mut piece_of = vec![None; tree.nodes.len()];
    let mut pieces = Vec::with_capacity(found.len());
    for number in found {
        piece_of[number as usize] = Some(pieces.len() as u32);
        let node = &tree.nodes[number as usize];
        pieces.push(Piece {
            place: node.place,
            length: node.length,
            score: (covers(number) / total).ln(),
        });
    }
    let mut first_edges = Vec::with_capacity(corpus.symbols.len() + 1);
    let mut edges = Vec::new();
    for (_, symbols, _) in corpus.words() {
        for from in 0..symbols.len() {
            first_edges.push(edges.len() as u32);
            let mut node = 0;
            for (length, symbol) in (1..=longest as u8).zip(&symbols[from..]) {
                let key = u64::from(node) << 32 | u64::from(*symbol);
                let Some(child) = tree.children.get(&key) else {
                    break;
                };
                node = *child;
                if let Some(piece) = piece_of[node as usize] {
                    edges.push(Edge { piece, length });
                }
            }
        }
    }
    first_edges.push(edges.len() as u32);
    corpus.set_edges(first_edges, edges);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_always_goes_on_the_same_way_is_left_out() {
        // abc 5 times, abd 2 times, e once.
        let words = vec![(vec![0, 1, 2], 5), (vec![0, 1, 3], 2), (vec![4], 1)];
        let mut corpus = Corpus::new(words);
        let pieces = seeds(&mut corpus, 5, 16);
        let found: Vec<(Vec<Symbol>, u8)> = pieces
            .iter()
            .map(|piece| (corpus.spelling(piece).to_vec(), piece.length))
            .collect();
        let expected: [&[Symbol]; 10] = [
            &[0],
            &[1],
            &[2],
            &[3],
            &[4],
            &[0, 1, 2], // 15 symbols
            &[0, 1],    // 14
            &[1, 2],    // 10
            &[0, 1, 3], // 6
            &[1, 3],    // 4
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|piece| (piece.to_vec(), piece.len() as u8))
            .collect();
        assert_eq!(found, expected);
        let total: f64 = pieces.iter().map(|piece| piece.score.exp()).sum();
        assert!((total - 1.0).abs() < 1e-12);
    }
}
