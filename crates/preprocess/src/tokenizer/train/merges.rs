//! Byte-pair encoding's training (Sennrich et al. 2016, algorithm 1): from counted words to merges, over symbols that are
//! numbers; what a symbol stands for, a byte or a character, is not known here.
//!
//! The most frequent pair is merged first; of pairs with equal counts the one with the smaller left id, then the smaller
//! right id. Ids are the alphabet's in its order, then the merges' in theirs, so the rule is that of the `tokenizers` crate
//! 0.23 (`models/bpe/trainer.rs`), and so are the merges, two habits of it included: a pair that spells what is a token
//! already gets that token's id, and a pair keeps the count that it was merged with, so that where it comes up again it is
//! merged again at once and takes the later place in the list.
//!
//! Counts are 64 bits wide. Each pair knows the places where it stands, a merge visits those alone, and what it changes is
//! summed up by neighbour before the table of pairs is asked: time goes with the number of symbols, not with that of the
//! merges times that of the words.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::tokenizer::train::progress::Progress;

/// A number for a byte, a character or a merge.
pub(crate) type Symbol = u32;

/// Where words end.
const BOUNDARY: Symbol = u32::MAX;

/// Where no token begins or ends any more.
const INSIDE: Symbol = u32::MAX - 1;

/// No segment of a new pair is being filled.
const NONE: u32 = u32::MAX;

/// As many symbols, one more a word, as places can be told apart.
pub(crate) const SYMBOLS_LIMIT: u64 = u32::MAX as u64 - 1;

/// Bytes that learning takes at most for a symbol, boundaries included: the symbol itself, and its place in the list of a pair,
/// which grows by another while the first is read. 1.8 million random words of 3 to 12
/// letters took 23.
pub(crate) const BYTES_A_SYMBOL: u64 = 24;

/// Counted words as one row of symbols.
pub(crate) struct Words {
    cells: Vec<Cell>,
    counts: Vec<u64>,
}

/// The symbol at a place and the number of its word. A token of several first symbols stands at its first and its last place.
#[derive(Clone, Copy)]
struct Cell {
    symbol: Symbol,
    word: u32,
}

impl Words {
    pub(crate) fn new() -> Self {
        let boundary = Cell {
            symbol: BOUNDARY,
            word: 0,
        };
        Self {
            cells: vec![boundary],
            counts: Vec::new(),
        }
    }

    /// With room for so many words of so many symbols together.
    pub(crate) fn with_capacity(words: usize, symbols: usize) -> Self {
        let mut with_room = Self::new();
        with_room.cells.reserve_exact(words + symbols);
        with_room.counts.reserve_exact(words);
        with_room
    }

    /// Add a word that occurs `count` times. Symbols are below the size of the alphabet; all words together have at most
    /// [`SYMBOLS_LIMIT`] symbols, boundaries included.
    pub(crate) fn push(&mut self, symbols: impl IntoIterator<Item = Symbol>, count: u64) {
        let word = self.counts.len() as u32;
        let before = self.cells.len();
        self.cells
            .extend(symbols.into_iter().map(|symbol| Cell { symbol, word }));
        if self.cells.len() - before < 2 {
            self.cells.truncate(before); // It has no pair.
            return;
        }
        self.cells.push(Cell {
            symbol: BOUNDARY,
            word,
        });
        self.counts.push(count);
    }
}

/// What to learn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    /// Number of first symbols.
    pub(crate) alphabet: usize,
    /// Number of tokens to stop at, the alphabet among them.
    pub(crate) tokens: usize,
    /// A pair that occurs less often is not merged; 0 is the same as 1.
    pub(crate) minimum_frequency: u64,
    /// Tokens have fewer first symbols than this, but two may always be merged: the crate's rule.
    pub(crate) maximum_length: Option<usize>,
}

/// Tokens and the pairs that make them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Merges {
    /// First symbols of each token beyond the alphabet, in the order of ids.
    pub(crate) tokens: Vec<Box<[Symbol]>>,
    /// Left, right and what they become, in the order in which they are applied.
    pub(crate) merges: Vec<(Symbol, Symbol, Symbol)>,
}

/// Learn the merges. The words are used up.
pub(crate) fn learn(goal: &Goal, words: Words, progress: &mut Progress) -> Merges {
    let mut learner = Learner::new(goal, words);
    learner.count_pairs();
    let mut merges = Vec::new();
    while goal.alphabet + learner.tokens.len() < goal.tokens {
        let Some(candidate) = learner.pop() else {
            break;
        };
        let (left, right) = candidate.pair();
        let made = learner.token(left, right);
        merges.push((left, right, made));
        learner.merge(candidate, made);
        progress.merges(goal.alphabet + learner.tokens.len(), goal.tokens);
    }
    Merges {
        tokens: learner.tokens,
        merges: last_of_each(merges),
    }
}

/// A pair that was merged more than once is applied in its last place.
fn last_of_each(merges: Vec<(Symbol, Symbol, Symbol)>) -> Vec<(Symbol, Symbol, Symbol)> {
    let mut seen =
        hashbrown::HashSet::with_capacity_and_hasher(merges.len(), FixedState::default());
    let mut last: Vec<_> = merges
        .into_iter()
        .rev()
        .filter(|(left, right, _)| seen.insert(key(*left, *right)))
        .collect();
    last.reverse();
    last
}

fn key(left: Symbol, right: Symbol) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

/// A pair, to be merged at the places of one segment.
#[derive(PartialEq, Eq)]
struct Candidate {
    count: u64,
    key: u64,
    segment: u32,
}

impl Candidate {
    fn pair(&self) -> (Symbol, Symbol) {
        ((self.key >> 32) as Symbol, self.key as Symbol)
    }
}

impl Ord for Candidate {
    /// The greatest is merged first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.count
            .cmp(&other.count)
            .then_with(|| other.key.cmp(&self.key))
            .then_with(|| other.segment.cmp(&self.segment))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is known of a pair.
#[derive(Default)]
struct Pair {
    /// How often it occurs; once merged, how often it did.
    count: i64,
    /// How often it came up anew. Only if more than once are there places beyond those of one segment.
    births: u32,
}

/// Places where a pair came up together, ascending.
type Segment = Vec<u32>;

struct Learner {
    cells: Vec<Cell>,
    counts: Vec<u64>,
    alphabet: usize,
    minimum_frequency: i64,
    maximum_length: usize,
    /// Number of first symbols of each token.
    lengths: Vec<u32>,
    tokens: Vec<Box<[Symbol]>>,
    ids: HashMap<Box<[Symbol]>, Symbol, FixedState>,
    pairs: HashMap<u64, Pair, FixedState>,
    segments: Vec<Segment>,
    queue: BinaryHeap<Candidate>,
    left: Neighbours,
    right: Neighbours,
}

/// The tokens on one side of the places of a merge, summed up.
#[derive(Default)]
struct Neighbours {
    /// By token.
    sums: Vec<Sum>,
    /// Tokens with a sum.
    touched: Vec<Symbol>,
    /// Token, and place of the new pair.
    places: Vec<(Symbol, u32)>,
}

#[derive(Clone, Copy)]
struct Sum {
    count: i64,
    places: u32,
    /// Where the new pair's places go.
    segment: u32,
}

const NO_SUM: Sum = Sum {
    count: 0,
    places: 0,
    segment: NONE,
};

impl Neighbours {
    #[inline]
    fn add(&mut self, neighbour: Symbol, count: u64, place: u32) {
        let sum = &mut self.sums[neighbour as usize];
        if sum.places == 0 {
            self.touched.push(neighbour);
        }
        sum.count += count as i64;
        sum.places += 1;
        self.places.push((neighbour, place));
    }

    fn clear(&mut self) {
        for neighbour in self.touched.drain(..) {
            self.sums[neighbour as usize] = NO_SUM;
        }
        self.places.clear();
    }
}

impl Learner {
    fn new(goal: &Goal, words: Words) -> Self {
        Self {
            cells: words.cells,
            counts: words.counts,
            alphabet: goal.alphabet,
            minimum_frequency: goal.minimum_frequency.clamp(1, i64::MAX as u64) as i64,
            maximum_length: goal.maximum_length.unwrap_or(usize::MAX),
            lengths: vec![1; goal.alphabet],
            tokens: Vec::new(),
            ids: HashMap::default(),
            pairs: HashMap::default(),
            segments: Vec::new(),
            queue: BinaryHeap::new(),
            left: Neighbours::default(),
            right: Neighbours::default(),
        }
    }

    /// Every pair of the words, with its places.
    fn count_pairs(&mut self) {
        let mut places_of: HashMap<u64, (i64, u32, u32), FixedState> = HashMap::default();
        for window in self.cells.windows(2) {
            let [left, right] = window else { continue };
            if left.symbol == BOUNDARY || right.symbol == BOUNDARY {
                continue;
            }
            let seen = places_of
                .entry(key(left.symbol, right.symbol))
                .or_insert((0, 0, NONE));
            seen.0 += self.counts[left.word as usize] as i64;
            seen.1 += 1;
        }
        let mut found: Vec<_> = Vec::with_capacity(places_of.len());
        #[allow(clippy::iter_over_hash_type)] // Sorted below.
        for (pair, seen) in &places_of {
            found.push((*pair, *seen));
        }
        found.sort_unstable();
        for (pair, (count, places, _)) in found {
            let known = Pair { count, births: 1 };
            self.pairs.insert(pair, known);
            if let Some(segment) = self.enqueue(pair, count, places)
                && let Some(seen) = places_of.get_mut(&pair)
            {
                seen.2 = segment;
            }
        }
        for (place, window) in self.cells.windows(2).enumerate() {
            let [left, right] = window else { continue };
            if let Some((_, _, segment)) = places_of.get(&key(left.symbol, right.symbol))
                && *segment != NONE
            {
                self.segments[*segment as usize].push(place as u32);
            }
        }
    }

    /// A place in the queue for a pair and room for its places, if it can ever be merged: counts rise only where a pair
    /// comes up anew, and then it gets another place.
    fn enqueue(&mut self, pair: u64, count: i64, places: u32) -> Option<u32> {
        if count < self.minimum_frequency {
            return None;
        }
        let segment = self.segments.len() as u32;
        self.segments.push(Vec::with_capacity(places as usize));
        self.queue.push(Candidate {
            count: count as u64,
            key: pair,
            segment,
        });
        Some(segment)
    }

    /// The pair to merge next.
    fn pop(&mut self) -> Option<Candidate> {
        loop {
            let mut candidate = self.queue.pop()?;
            let count = self.pairs.get(&candidate.key).map_or(0, |pair| pair.count);
            if candidate.count as i64 == count {
                return Some(candidate);
            }
            if count >= self.minimum_frequency {
                candidate.count = count as u64;
                self.queue.push(candidate);
            } else {
                self.segments[candidate.segment as usize] = Vec::new();
            }
        }
    }

    /// The id of a pair's token: a new one, unless there is a token that is spelt the same.
    fn token(&mut self, left: Symbol, right: Symbol) -> Symbol {
        let mut spelling = Vec::with_capacity(self.length(left) + self.length(right));
        for half in [left, right] {
            match (half as usize).checked_sub(self.alphabet) {
                Some(place) => spelling.extend_from_slice(&self.tokens[place]),
                None => spelling.push(half),
            }
        }
        let next = self.lengths.len() as Symbol;
        let spelling = spelling.into_boxed_slice();
        let made = *self.ids.entry(spelling.clone()).or_insert(next);
        if made == next {
            self.lengths.push(spelling.len() as u32);
            self.tokens.push(spelling);
        }
        made
    }

    fn length(&self, token: Symbol) -> usize {
        self.lengths[token as usize] as usize
    }

    /// Merge a pair at its places and queue the pairs that come up by it.
    fn merge(&mut self, candidate: Candidate, made: Symbol) {
        let (left, right) = candidate.pair();
        let mut places = std::mem::take(&mut self.segments[candidate.segment as usize]);
        let births = self.pairs.get(&candidate.key).map_or(0, |pair| pair.births);
        if births > 1 {
            places = self.all_places_in_words_of(&places, left, right);
        }
        self.left.sums.resize(self.lengths.len(), NO_SUM);
        self.right.sums.resize(self.lengths.len(), NO_SUM);
        for place in places {
            self.merge_at(place as usize, left, right, made);
        }
        self.update_counts(left, right, made);
        self.queue_new_pairs(made);
        self.left.clear();
        self.right.clear();
    }

    /// Where a pair stands in the words that have one of the places: all of a word's are merged at once.
    fn all_places_in_words_of(&self, places: &[u32], left: Symbol, right: Symbol) -> Vec<u32> {
        let mut all = Vec::new();
        let mut seen = None;
        for place in places {
            let mut at = *place as usize;
            let word = self.cells[at].word;
            if seen == Some(word) {
                continue;
            }
            seen = Some(word);
            while self.cells[at - 1].symbol != BOUNDARY {
                at -= 1;
            }
            while self.cells[at].symbol != BOUNDARY {
                let after = at + self.length(self.cells[at].symbol);
                if self.cells[at].symbol == left && self.cells[after].symbol == right {
                    all.push(at as u32);
                }
                at = after;
            }
        }
        all
    }

    /// Merge a pair at a place, if it stands there still.
    #[inline]
    fn merge_at(&mut self, place: usize, left: Symbol, right: Symbol, made: Symbol) {
        let middle = place + self.length(left);
        // A token that begins at a place was made of no token across it, so what stands at the place tells all.
        if self.cells[place].symbol != left || self.cells[middle].symbol != right {
            return;
        }
        let end = middle + self.length(right);
        self.cells[middle - 1].symbol = INSIDE;
        self.cells[middle].symbol = INSIDE;
        self.cells[place].symbol = made;
        self.cells[end - 1].symbol = made;
        let count = self.counts[self.cells[place].word as usize];
        let before = self.cells[place - 1].symbol;
        if before != BOUNDARY {
            self.left
                .add(before, count, (place - self.length(before)) as u32);
        }
        let after = self.cells[end].symbol;
        if after != BOUNDARY {
            self.right.add(after, count, place as u32);
        }
    }

    /// The pairs that the halves were in are fewer now, those of the whole more.
    fn update_counts(&mut self, left: Symbol, right: Symbol, made: Symbol) {
        let length = self.length(made);
        for side in 0..2 {
            let neighbours = if side == 0 { &self.left } else { &self.right };
            for &neighbour in &neighbours.touched {
                let count = neighbours.sums[neighbour as usize].count;
                let (was, is) = if side == 0 {
                    (key(neighbour, left), key(neighbour, made))
                } else {
                    (key(right, neighbour), key(made, neighbour))
                };
                self.pairs.entry(was).or_default().count -= count;
                if self.lengths[neighbour as usize] as usize + length < self.maximum_length {
                    self.pairs.entry(is).or_default().count += count;
                }
            }
        }
    }

    fn queue_new_pairs(&mut self, made: Symbol) {
        let length = self.length(made);
        let mut left = std::mem::take(&mut self.left);
        let mut right = std::mem::take(&mut self.right);
        let fits = |learner: &Self, neighbour: Symbol| {
            learner.length(neighbour) + length < learner.maximum_length
        };
        // The whole on both sides of itself is one pair.
        let twice = right.sums[made as usize].places;
        for &neighbour in &left.touched {
            if fits(self, neighbour) {
                let sum = &mut left.sums[neighbour as usize];
                let places = sum.places + if neighbour == made { twice } else { 0 };
                sum.segment = self.born(key(neighbour, made), places);
            }
        }
        for &neighbour in &right.touched {
            if fits(self, neighbour) {
                let shared = left.sums[made as usize];
                let sum = &mut right.sums[neighbour as usize];
                sum.segment = if neighbour == made && shared.places > 0 {
                    shared.segment
                } else {
                    self.born(key(made, neighbour), sum.places)
                };
            }
        }
        for side in [&left, &right] {
            for (neighbour, place) in &side.places {
                let segment = side.sums[*neighbour as usize].segment;
                if segment != NONE {
                    self.segments[segment as usize].push(*place);
                }
            }
        }
        let shared = left.sums[made as usize].segment;
        if twice > 0 && shared != NONE {
            self.segments[shared as usize].sort_unstable();
        }
        (self.left, self.right) = (left, right);
    }

    /// A pair comes up, anew or for the first time.
    fn born(&mut self, pair: u64, places: u32) -> u32 {
        let known = self.pairs.entry(pair).or_default();
        known.births += 1;
        let count = known.count;
        self.enqueue(pair, count, places).unwrap_or(NONE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::models::bpe::{BPE, BpeTrainer};

    use super::*;

    /// Characters of the alphabet stand for symbols: sorted as these are.
    fn character(symbol: Symbol) -> char {
        char::from_u32(u32::from('a') + symbol).unwrap()
    }

    fn spelt(symbols: &[Symbol]) -> String {
        symbols.iter().map(|symbol| character(*symbol)).collect()
    }

    /// Tokens beyond the alphabet, and the halves of each merge.
    type Learnt = (Vec<String>, Vec<(String, String)>);

    /// As the crate learns them.
    fn by_crate(goal: &Goal, counted: &[(Vec<Symbol>, u64)]) -> Learnt {
        let trainer: BpeTrainer = BpeTrainer::builder()
            .vocab_size(goal.tokens)
            .min_frequency(goal.minimum_frequency)
            .max_token_length(goal.maximum_length)
            .initial_alphabet((0..goal.alphabet as u32).map(character).collect())
            .show_progress(false)
            .build();
        let counts = counted
            .iter()
            .map(|(word, count)| (spelt(word).into(), *count))
            .collect();
        let mut model = BPE::default();
        trainer.do_train(&counts, &mut model).unwrap();
        let model = serde_json::to_value(&model).unwrap();
        let vocabulary = model["vocab"].as_object().unwrap();
        let mut tokens: Vec<_> = vocabulary
            .iter()
            .map(|(token, id)| (id.as_u64().unwrap(), token.clone()))
            .collect();
        tokens.sort_unstable();
        let tokens = tokens.split_off(goal.alphabet);
        let merges = serde_json::from_value(model["merges"].clone()).unwrap();
        (tokens.into_iter().map(|(_, token)| token).collect(), merges)
    }

    fn ours(goal: &Goal, counted: &[(Vec<Symbol>, u64)]) -> Learnt {
        let mut words = Words::new();
        for (word, count) in counted {
            words.push(word.iter().copied(), *count);
        }
        let learnt = learn(goal, words, &mut Progress::new("bpe"));
        let tokens: Vec<String> = learnt.tokens.iter().map(|token| spelt(token)).collect();
        let name = |token: Symbol| match (token as usize).checked_sub(goal.alphabet) {
            Some(place) => tokens[place].clone(),
            None => character(token).to_string(),
        };
        let merges = learnt
            .merges
            .iter()
            .map(|(left, right, made)| {
                assert_eq!(name(*left) + &name(*right), name(*made));
                (name(*left), name(*right))
            })
            .collect();
        (tokens, merges)
    }

    fn distinct(words: Vec<(Vec<Symbol>, u64)>) -> Vec<(Vec<Symbol>, u64)> {
        let sums = words.into_iter().fold(
            std::collections::BTreeMap::new(),
            |mut sums, (word, count)| {
                *sums.entry(word).or_default() += count;
                sums
            },
        );
        sums.into_iter().collect()
    }

    fn goal() -> impl Strategy<Value = Goal> {
        let length = prop_oneof![9 => Just(None), 1 => (2usize..6).prop_map(Some)];
        (0usize..60, 0u64..4, length).prop_map(|(more, minimum_frequency, maximum_length)| Goal {
            alphabet: 4,
            tokens: 4 + more,
            minimum_frequency,
            maximum_length,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn merges_are_the_crates(
            goal in goal(),
            words in proptest::collection::vec((proptest::collection::vec(0u32..4, 1..12), 1u64..4), 1..40)
        ) {
            let words = distinct(words);
            prop_assert_eq!(ours(&goal, &words), by_crate(&goal, &words));
        }

        /// Two symbols in long words: pairs that overlap, and equal counts.
        #[test]
        fn merges_are_the_crates_for_two_symbols(
            more in 0usize..60,
            minimum_frequency in 1u64..3,
            words in proptest::collection::vec((proptest::collection::vec(0u32..2, 2..24), 1u64..9), 1..12)
        ) {
            let goal = Goal { alphabet: 2, tokens: 2 + more, minimum_frequency, maximum_length: None };
            let words = distinct(words);
            prop_assert_eq!(ours(&goal, &words), by_crate(&goal, &words));
        }
    }
}
