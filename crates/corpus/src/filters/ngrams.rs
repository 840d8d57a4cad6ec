//! Repeated n-grams of words, counted exactly and without joining words to strings.
//!
//! Two facts make it fast. An n-gram can repeat only where the (n-1)-grams that it begins and ends with do, so almost
//! all of a text is settled by its pairs; and a pair can repeat only where its hash does, which a table without branches
//! tells of all pairs ([`Sieve`]). What is left is compared before it is believed.

use super::lengths::Lengths;
use super::seen::{Seen, Sieve, hash, mix};

/// As many bytes of the text, white space left out, are looked at from each word on to tell which n-grams cannot repeat.
const WINDOW: usize = 16;

/// As many are looked at where so few do not tell.
const WIDER: [usize; 2] = [24, 32];

/// The widest of them.
const WIDEST: usize = WIDER[1];

/// The words of the shortest n-grams that are struck out.
const FEWEST: usize = 5;

/// The words of one document and what is known of their n-grams. Used again for the next document, it allocates nothing.
#[derive(Default)]
pub(super) struct Ngrams {
    seen: Seen,
    sieve: Sieve,
    /// The words one behind the other with nothing between, then `WIDEST` zeros, then what is left of documents before.
    joined: Vec<u8>,
    /// Where each word begins in `joined`; one more than there are words.
    starts: Vec<u32>,
    /// Code points before each word; one more than there are words.
    characters: Vec<u32>,
    /// A hash of each word and the one before it.
    pairs: Vec<u64>,
    /// The n of the n-grams.
    order: usize,
    /// The n-grams that occur more than once, in the order of the text.
    repeated: Vec<Ngram>,
    /// How often each n-gram occurs, by its number.
    counts: Vec<u32>,
    /// `repeated` of the order below.
    lower: Vec<Ngram>,
    /// What each n-gram is made of: a pair of words by the first of them where it came first; a longer one by the numbers
    /// of the n-grams that it begins and ends with.
    parts: Vec<(u32, u32)>,
    /// How many bytes an n-gram of 5 words or more that begins at a word has at most where it may repeat.
    may_repeat: Vec<u32>,
    /// Where an n-gram of 5 words or more may be one that repeats.
    candidates: Vec<u32>,
    /// Words that are looked at more closely.
    suspects: Vec<u32>,
}

/// One occurrence.
#[derive(Clone, Copy)]
struct Ngram {
    /// Its first word.
    at: u32,
    /// Equal where n-grams are.
    number: u32,
}

/// The most frequent n-gram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Top {
    /// How often it occurs; overlaps count.
    pub(super) count: u64,
    /// Code points of its words.
    pub(super) characters: u64,
}

impl Ngrams {
    /// Another document: its text and the words, which are parts of it. Bytes are numbered in 32 bits: of a document with
    /// 4 GiB of words or more the first 4 GiB are looked at.
    pub(super) fn read(&mut self, text: &str, words: &[&str]) {
        let mut lengths = Lengths::of(text);
        let (words, bytes) = numbered(words);
        if self.joined.len() < bytes + WIDEST {
            self.joined.resize(bytes + WIDEST, 0);
        }
        for numbers in [&mut self.starts, &mut self.characters] {
            numbers.clear();
            numbers.resize(words.len() + 1, 0);
        }
        self.pairs.clear();
        self.pairs.resize(words.len(), 0);
        self.sieve.begin(words.len());
        let (mut end, mut characters, mut last) = (0, 0, 0);
        let numbers = self.starts.iter_mut().zip(&mut self.characters);
        for ((word, pair), (start, before)) in words.iter().zip(&mut self.pairs).zip(numbers) {
            (*start, *before) = (end as u32, characters as u32);
            let hash = copy(text, word, &mut self.joined[end..]);
            // Of the first word with nothing before it, which costs less than to leave it out.
            *pair = hash ^ u64::rotate_left(last, 32);
            self.sieve.add(*pair);
            last = hash;
            characters += lengths.next(word);
            end += word.len();
        }
        self.starts[words.len()] = end as u32;
        self.characters[words.len()] = characters as u32;
        self.joined[end..end + WIDEST].fill(0);
        self.order = 1;
    }

    /// How many words.
    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Code points of all words.
    pub(super) fn characters(&self) -> u64 {
        u64::from(self.characters[self.len()])
    }

    /// Code points of the n-gram at a word.
    fn length(&self, at: usize) -> u64 {
        u64::from(self.characters[at + self.order] - self.characters[at])
    }

    /// Go on from the n-grams to those with one more word; at first to pairs.
    pub(super) fn longer(&mut self) {
        std::mem::swap(&mut self.repeated, &mut self.lower);
        self.order += 1;
        self.repeated.clear();
        self.counts.clear();
        self.parts.clear();
        match self.order {
            2 => self.number_pairs(),
            _ => self.number_longer(),
        }
        let counts = &self.counts;
        self.repeated
            .retain(|ngram| counts[ngram.number as usize] > 1);
    }

    fn number_pairs(&mut self) {
        let Self {
            seen,
            sieve,
            joined,
            starts,
            pairs,
            repeated,
            counts,
            parts,
            suspects,
            ..
        } = self;
        suspects.clear();
        suspects.resize(pairs.len(), 0);
        let mut count = 0;
        for (at, &pair) in (0..).zip(pairs.iter().skip(1)) {
            suspects[count] = at;
            count += usize::from(sieve.is_repeated(pair));
        }
        seen.begin(count as u32);
        for &at in &suspects[..count] {
            let new = parts.len() as u32;
            let same = |other: u32| {
                let other = parts[other as usize].0;
                is_same_pair(joined, starts, at as usize, other as usize)
            };
            let number = seen
                .find_or_insert(pairs[at as usize + 1], new, same)
                .unwrap_or(new);
            if number == new {
                parts.push((at, at));
                counts.push(0);
            }
            counts[number as usize] += 1;
            repeated.push(Ngram { at, number });
        }
    }

    fn number_longer(&mut self) {
        self.seen.begin(self.lower.len() as u32);
        for pair in self.lower.windows(2) {
            let at = pair[0].at;
            if pair[1].at != at + 1 {
                continue;
            }
            let this = (pair[0].number, pair[1].number);
            let key = mix(u64::from(this.0) << 32 | u64::from(this.1), 0);
            let new = self.parts.len() as u32;
            let parts = &self.parts;
            let same = |other: u32| parts[other as usize] == this;
            let number = self.seen.find_or_insert(key, new, same).unwrap_or(new);
            if number == new {
                self.parts.push(this);
                self.counts.push(0);
            }
            self.counts[number as usize] += 1;
            self.repeated.push(Ngram { at, number });
        }
    }

    /// The most frequent n-gram; of several the one that came first. None where the words are fewer than n.
    pub(super) fn top(&self) -> Option<Top> {
        if self.len() < self.order {
            return None;
        }
        let mut top = (1, 0);
        for ngram in &self.repeated {
            let count = self.counts[ngram.number as usize];
            if count > top.0 {
                top = (count, ngram.at as usize);
            }
        }
        Some(Top {
            count: u64::from(top.0),
            characters: self.length(top.1),
        })
    }

    /// Code points in the n-grams that occur more than once, each counted as often as it occurs, and in all n-grams.
    pub(super) fn repeated_and_all(&self) -> (u64, u64) {
        let repeated = self
            .repeated
            .iter()
            .map(|ngram| self.length(ngram.at as usize));
        let all = (0..(self.len() + 1).saturating_sub(self.order)).map(|at| self.length(at));
        (repeated.sum(), all.sum())
    }

    /// Find out where n-grams of 5 and more words can repeat; [`Ngrams::struck_out`] needs it.
    ///
    /// Where some bytes from a word on occur at no other word, no n-gram of that many bytes that begins there is equal to
    /// another, however the other is cut into words: it need not be looked up, and nothing that is looked up can be
    /// equal to it.
    pub(super) fn find_repeats(&mut self) {
        let length = self.len();
        let Self {
            seen,
            joined,
            starts,
            may_repeat,
            candidates,
            ..
        } = self;
        let (joined, starts) = (&joined[..], &starts[..]);
        may_repeat.clear();
        may_repeat.resize(length, WINDOW as u32 - 1);
        seen.begin(length as u32);
        for (at, &start) in (0..).zip(&starts[..length]) {
            let this = window(joined, start as usize);
            let same = |other: u32| window(joined, starts[other as usize] as usize) == this;
            if let Some(other) = seen.find_or_insert(mix(this.0, this.1), at, same) {
                may_repeat[at as usize] = WIDER[0] as u32 - 1;
                may_repeat[other as usize] = WIDER[0] as u32 - 1;
            }
        }
        candidates.clear();
        for (at, ends) in (0..).zip(starts.windows(FEWEST + 1)) {
            if may_repeat[at as usize] >= WINDOW as u32 || ends[FEWEST] - ends[0] < WINDOW as u32 {
                candidates.push(at);
            }
        }
        for (window, longest) in WIDER.into_iter().zip([WIDER[1] as u32 - 1, u32::MAX]) {
            let bytes = |at: u32| &joined[starts[at as usize] as usize..][..window];
            seen.begin(length as u32);
            for &at in &*candidates {
                if may_repeat[at as usize] + 1 < window as u32 {
                    continue;
                }
                let this = bytes(at);
                let same = |other: u32| bytes(other) == this;
                if let Some(other) = seen.find_or_insert(hash(this), at, same) {
                    may_repeat[at as usize] = longest;
                    may_repeat[other as usize] = longest;
                }
            }
        }
    }

    /// Code points of the n-grams of one order (5 or more) that were seen before, found from left to right; what is found
    /// is stepped over. N-grams are equal where their letters are, wherever these are cut into words.
    pub(super) fn struck_out(&mut self, order: usize) -> u64 {
        debug_assert!(order >= FEWEST);
        let length = self.len();
        let (joined, starts, characters) = (&self.joined, &self.starts, &self.characters);
        self.seen.begin(length as u32);
        let bytes = |at: usize| &joined[starts[at] as usize..starts[at + order] as usize];
        let (mut next, mut struck) = (0, 0);
        for &number in &self.candidates {
            let at = number as usize;
            if at < next || at + order > length {
                continue;
            }
            let this = bytes(at);
            if this.len() > self.may_repeat[at] as usize {
                continue;
            }
            let same = |other: u32| bytes(other as usize) == this;
            let found = self.seen.find_or_insert(hash(this), number, same);
            if found.is_some() {
                struck += u64::from(characters[at + order] - characters[at]);
                next = at + order;
            }
        }
        struck
    }
}

/// The words whose bytes have numbers of 32 bits, and how many bytes they have.
fn numbered<'a, 'b>(words: &'a [&'b str]) -> (&'a [&'b str], usize) {
    let bytes: usize = words.iter().map(|word| word.len()).sum();
    if u32::try_from(bytes).is_ok() {
        return (words, bytes);
    }
    let mut bytes = 0;
    let beyond = words.iter().position(|word| {
        let fits = u32::try_from(bytes + word.len()).is_ok();
        bytes += if fits { word.len() } else { 0 };
        !fits
    });
    (&words[..beyond.unwrap_or(words.len())], bytes)
}

/// Whether the pairs of words at two places are the same.
#[inline]
fn is_same_pair(joined: &[u8], starts: &[u32], one: usize, other: usize) -> bool {
    let ends = |at: usize| (starts[at], starts[at + 1], starts[at + 2]);
    let (one, other) = (ends(one), ends(other));
    let length = one.2 - one.0;
    if length != other.2 - other.0 || one.1 - one.0 != other.1 - other.0 {
        return false;
    }
    let length = length as usize;
    let bytes = |ends: (u32, u32, u32)| first_of(window(joined, ends.0 as usize), length);
    let rest = |ends: (u32, u32, u32)| &joined[ends.0 as usize + WINDOW..ends.2 as usize];
    bytes(one) == bytes(other) && (length <= WINDOW || rest(one) == rest(other))
}

/// Copy a word of a text to the beginning of a place that has `WIDEST` bytes more, and give a hash of it.
#[inline]
fn copy(text: &str, word: &str, to: &mut [u8]) -> u64 {
    // Copying a fixed number of bytes is quicker than copying some; what is too much is written over.
    let from = word.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    match text.as_bytes().get(from..from.wrapping_add(WINDOW)) {
        Some(window) => to[..WINDOW].copy_from_slice(window),
        None => to[..word.len()].copy_from_slice(word.as_bytes()),
    }
    let (low, high) = first_of(window(to, 0), word.len());
    let key = mix(low ^ (word.len() as u64) << 56, high);
    if word.len() <= WINDOW {
        return key;
    }
    to[..word.len()].copy_from_slice(word.as_bytes());
    key ^ hash(&word.as_bytes()[WINDOW..])
}

/// The bytes from a place on, as two numbers.
#[inline]
fn window(joined: &[u8], start: usize) -> (u64, u64) {
    let mut bytes = [0; WINDOW];
    bytes.copy_from_slice(&joined[start..start + WINDOW]);
    let both = u128::from_le_bytes(bytes);
    (both as u64, (both >> 64) as u64)
}

/// The first bytes of a window; all of it where that are more.
#[inline]
fn first_of((low, high): (u64, u64), length: usize) -> (u64, u64) {
    const MASKS: [(u64, u64); WINDOW + 1] = {
        let mut masks = [(0, 0); WINDOW + 1];
        let mut length = 1;
        while length <= WINDOW {
            let mask = u128::MAX >> (128 - 8 * length);
            masks[length] = (mask as u64, (mask >> 64) as u64);
            length += 1;
        }
        masks
    };
    let mask = MASKS[length.min(WINDOW)];
    (low & mask.0, high & mask.1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The definitions of datatrove 0.10.1 (`gopher_repetition_filter.py`), with strings.
    fn top_by_strings(words: &[&str], order: usize) -> Option<Top> {
        let mut counts: HashMap<&[&str], u64> = HashMap::new();
        for gram in words.windows(order) {
            *counts.entry(gram).or_default() += 1;
        }
        let most = *counts.values().max()?;
        let top = words.windows(order).find(|gram| counts[gram] == most)?;
        Some(Top {
            count: most,
            characters: top.concat().chars().count() as u64,
        })
    }

    fn struck_out_by_strings(words: &[&str], order: usize) -> u64 {
        let mut seen: Vec<String> = Vec::new();
        let (mut at, mut struck) = (0, 0);
        while at + order <= words.len() {
            let gram = words[at..at + order].concat();
            if seen.contains(&gram) {
                struck += gram.chars().count() as u64;
                at += order;
            } else {
                seen.push(gram);
                at += 1;
            }
        }
        struck
    }

    fn repeated_by_strings(words: &[&str], order: usize) -> (u64, u64) {
        let grams: Vec<&[&str]> = words.windows(order).collect();
        let length = |gram: &[&str]| gram.concat().chars().count() as u64;
        let repeated = |gram: &[&str]| grams.iter().filter(|&&other| other == gram).count() > 1;
        let all = grams.iter().map(|gram| length(gram)).sum();
        (
            grams
                .iter()
                .filter(|gram| repeated(gram))
                .map(|gram| length(gram))
                .sum(),
            all,
        )
    }

    fn check(ngrams: &mut Ngrams, text: &str) {
        let words: &[&str] = &text.split_whitespace().collect::<Vec<_>>();
        ngrams.read(text, words);
        assert_eq!(ngrams.len(), words.len());
        ngrams.find_repeats();
        for order in 5..=10 {
            assert_eq!(
                ngrams.struck_out(order),
                struck_out_by_strings(words, order),
                "{order} of {words:?}"
            );
        }
        for order in 2..=10 {
            ngrams.longer();
            assert_eq!(
                ngrams.top(),
                top_by_strings(words, order),
                "{order} of {words:?}"
            );
            assert_eq!(
                ngrams.repeated_and_all(),
                repeated_by_strings(words, order),
                "{order} of {words:?}"
            );
        }
    }

    #[test]
    fn counts_are_those_of_strings() {
        let mut ngrams = Ngrams::default();
        let texts = [
            "",
            "one",
            "a a a a a a a a a a a a a a",
            "to be or not to be or not to be that is the question to be or not to be",
            // The same letters cut otherwise are one n-gram.
            "a b c d e fg h i j k ab c d e f g h i j k l abc d e f g h i j k l m",
            "und so weiter und so fort und so weiter und so fort über über über über über über über über",
            "the quick brown fox jumps over the lazy dog and the quick brown fox jumps over the lazy cat and the quick brown fox",
        ];
        for text in texts {
            check(&mut ngrams, text);
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_strings_for_any_words(
            words in prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "ba", "aab", "é", "extraordinarily", "long-winded"]), 0..60),
            repeats in 1_usize..4,
        ) {
            check(&mut Ngrams::default(), &words.repeat(repeats).join(" "));
        }
    }
}
