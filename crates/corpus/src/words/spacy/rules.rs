//! The special cases of spaCy's English rules, and the sequences of pieces that make one.

use std::sync::LazyLock;

use super::affixes;
use super::chunk::Cutter;

/// Nothing in the table is longer, in bytes.
const LONGEST: usize = 32;

/// A special case, a piece that is part of a [sequence](Rules::sequences), or both.
pub(super) struct Entry {
    text: Box<str>,
    /// Where the pieces of a special case end, and their numbers. Empty if it is none.
    pieces: Vec<(usize, u16)>,
    /// The number of this text as a part of sequences, 0 if it is in none.
    pub(super) number: u16,
}

impl Entry {
    /// Whether this is a special case.
    pub(super) fn is_special(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Hand on the pieces of a special case that begins at a byte of a text.
    pub(super) fn each_piece(&self, begin: usize, emit: &mut impl FnMut(usize, usize, u16)) {
        let mut from = 0;
        for (end, number) in &self.pieces {
            emit(begin + from, begin + end, *number);
            from = *end;
        }
    }
}

/// A state of the search for sequences of pieces.
#[derive(Default)]
struct Node {
    is_end: bool,
    next: Vec<(u16, usize)>,
}

/// The table.
pub(super) struct Rules {
    /// Open addressing: the upper half of an entry's hash and its index plus one, 0 where there is none.
    slots: Vec<(u32, u32)>,
    entries: Vec<Entry>,
    nodes: Vec<Node>,
    /// The node behind a first piece, by its number; 0 if no sequence begins with it.
    first: Vec<usize>,
}

/// spaCy's rules for English.
pub(super) static ENGLISH: LazyLock<Rules> =
    LazyLock::new(|| Rules::parse(include_str!("exceptions.txt")));

impl Rules {
    fn parse(table: &str) -> Self {
        let mut rules = Self {
            slots: vec![(0, 0); 1 << 13],
            entries: Vec::new(),
            nodes: vec![Node::default()],
            first: Vec::new(),
        };
        let cases: Vec<Vec<&str>> = table
            .lines()
            .filter(|line| !line.starts_with("# "))
            .map(|line| line.split(' ').collect())
            .collect();

        // A special case with something in it that would be cut is also found by what it would be cut into.
        let texts: Vec<String> = cases.iter().map(|pieces| pieces.concat()).collect();
        let sequences: Vec<Vec<&str>> = texts.iter().map(|text| rules.sequence(text)).collect();
        let mut number = 0;
        for sequence in &sequences {
            let mut node = 0;
            for piece in sequence {
                let index = rules.index_or_insert(piece);
                if rules.entries[index].number == 0 {
                    number += 1;
                    rules.entries[index].number = number;
                }
                node = rules.step_or_insert(node, rules.entries[index].number);
            }
            rules.nodes[node].is_end = !sequence.is_empty();
        }
        rules.first = (0..=number).map(|piece| rules.step(0, piece)).collect();

        for (text, pieces) in texts.iter().zip(&cases) {
            let mut end = 0;
            let mut found = Vec::new();
            for piece in pieces {
                end += piece.len();
                found.push((end, rules.number(piece)));
            }
            let index = rules.index_or_insert(text);
            rules.entries[index].pieces = found;
        }
        rules
    }

    /// What a special case is cut into by the rules for affixes, where that is more than one piece. (One piece would be
    /// replaced by itself.) Rules without entries are those for affixes alone.
    fn sequence<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let has_affix = affixes::prefix(text) > 0
            || affixes::suffix(text) > 0
            || affixes::infixes(text).next().is_some();
        let mut pieces = Vec::new();
        if has_affix {
            let emit = &mut |begin, end, _| pieces.push(&text[begin..end]);
            Cutter::default().cut(self, text, 0, text.len(), emit);
        }
        if pieces.len() < 2 {
            pieces.clear();
        }
        pieces
    }

    fn index_or_insert(&mut self, text: &str) -> usize {
        let hash = hash(text.as_bytes());
        let mut slot = hash as usize % self.slots.len();
        while let (tag, index @ 1..) = self.slots[slot] {
            let index = index as usize - 1;
            if tag == (hash >> 32) as u32 && *self.entries[index].text == *text {
                return index;
            }
            slot = (slot + 1) % self.slots.len();
        }
        self.entries.push(Entry {
            text: text.into(),
            pieces: Vec::new(),
            number: 0,
        });
        self.slots[slot] = ((hash >> 32) as u32, self.entries.len() as u32);
        self.entries.len() - 1
    }

    /// What is known of a text.
    #[inline]
    pub(super) fn get(&self, text: &str) -> Option<&Entry> {
        if text.len() > LONGEST {
            return None;
        }
        let hash = hash(text.as_bytes());
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while let (tag, index @ 1..) = self.slots[slot] {
            if tag == (hash >> 32) as u32 {
                let entry = &self.entries[index as usize - 1];
                if *entry.text == *text {
                    return Some(entry);
                }
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// Whether a text is a special case.
    #[inline]
    pub(super) fn is_special(&self, text: &str) -> bool {
        self.get(text).is_some_and(Entry::is_special)
    }

    /// The number of a text as a part of sequences, 0 if it is in none.
    #[inline]
    pub(super) fn number(&self, text: &str) -> u16 {
        self.get(text).map_or(0, |entry| entry.number)
    }

    fn step(&self, node: usize, number: u16) -> usize {
        let mut next = self.nodes[node].next.iter();
        let found = next.find(|(known, _)| *known == number);
        found.map_or(0, |(_, node)| *node)
    }

    fn step_or_insert(&mut self, node: usize, number: u16) -> usize {
        match self.step(node, number) {
            0 => {
                self.nodes.push(Node::default());
                let new = self.nodes.len() - 1;
                self.nodes[node].next.push((number, new));
                new
            }
            known => known,
        }
    }

    /// The ends (exclusive) of the sequences that begin at `begin`, in a run of numbers that are not 0.
    pub(super) fn sequences(&self, numbers: &[u16], begin: usize, mut found: impl FnMut(usize)) {
        let mut node = self.first[usize::from(numbers[begin])];
        let mut end = begin + 1;
        while node != 0 {
            if self.nodes[node].is_end {
                found(end);
            }
            let Some(number) = numbers.get(end) else {
                return;
            };
            node = self.step(node, *number);
            end += 1;
        }
    }
}

/// A hash that reads the length, the first and the last eight bytes, as keys are short.
#[inline]
fn hash(text: &[u8]) -> u64 {
    let eight = |at: usize| {
        let bytes = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        u64::from_le_bytes(bytes.unwrap_or_default())
    };
    let four = |at: usize| {
        let bytes = text.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u64::from(u32::from_le_bytes(bytes.unwrap_or_default()))
    };
    let length = text.len();
    let (first, last) = match length {
        0 => (0, 0),
        1..4 => {
            let byte = |at: usize| u64::from(text[at]);
            (byte(0) | byte(length / 2) << 8 | byte(length - 1) << 16, 0)
        }
        4..8 => (four(0), four(length - 4)),
        _ => (eight(0), eight(length - 8)),
    };
    // Odd constants without pattern: the fractions of the golden ratio and of the square roots of 3 and 5.
    let mixed = (first ^ (length as u64) << 56).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ last.wrapping_mul(0xBB67_AE85_84CA_A73B);
    (mixed ^ mixed >> 29).wrapping_mul(0x3C6E_F372_FE94_F82B)
}
