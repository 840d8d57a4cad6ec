//! Repeated n-grams of words, counted exactly and without joining words to strings.
//!
//! Two facts make it fast. An n-gram can repeat only where the (n-1)-grams that it begins and ends with do, so almost
//! all of a text is settled by its pairs. And what a hash finds is compared before it is believed: an n-gram that is
//! looked up carries the number of the (n-1)-gram before its last word, so that comparing two n-grams is comparing two
//! pairs of numbers.

use super::seen::{Seen, hash, mix};
use crate::words::python;

/// As many bytes of the text, white space left out, are looked at from each word on to tell which n-grams cannot repeat.
const WINDOW: usize = 16;

/// The words of the shortest n-grams that are struck out.
const FEWEST: usize = 5;

/// The words of one document and what is known of their n-grams. Used again for the next document, it allocates nothing.
#[derive(Default)]
pub(super) struct Ngrams {
    seen: Seen,
    /// The words one behind the other with nothing between, then `WINDOW` zeros, then what is left of documents before.
    joined: Vec<u8>,
    /// Where each word begins in `joined`; one more than there are words.
    starts: Vec<u32>,
    /// Code points before each word; one more than there are words.
    characters: Vec<u64>,
    /// For each word the first that equals it.
    words: Vec<u32>,
    /// How many n-grams are counted from.
    order: usize,
    /// For each n-gram the first that equals it.
    first: Vec<u32>,
    /// How often each n-gram occurs, at the place of the first.
    counts: Vec<u32>,
    /// `first` and `counts` of the order below.
    lower: Vec<u32>,
    lower_counts: Vec<u32>,
    /// Whether the bytes of the window from a word on are those from another word on, too.
    repeats: Vec<bool>,
    /// Where an n-gram of 5 words or more may be one that repeats.
    candidates: Vec<u32>,
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
        let ascii = text.is_ascii();
        let bytes: usize = words.iter().map(|word| word.len()).sum();
        if self.joined.len() < bytes + WINDOW {
            self.joined.resize(bytes + WINDOW, 0);
        }
        self.starts.clear();
        self.characters.clear();
        self.words.clear();
        self.counts.clear();
        self.counts.resize(words.len(), 0);
        self.seen.begin(words.len() as u32);
        let (mut end, mut characters) = (0, 0);
        for word in words {
            let start = end;
            end += word.len();
            if u32::try_from(end).is_err() {
                end = start;
                break;
            }
            // Copying a fixed number of bytes is quicker than copying some; what is too much is written over.
            let from = word.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
            match text.as_bytes().get(from..from.wrapping_add(WINDOW)) {
                Some(window) if word.len() <= WINDOW => {
                    self.joined[start..start + WINDOW].copy_from_slice(window)
                }
                _ => self.joined[start..end].copy_from_slice(word.as_bytes()),
            }
            self.starts.push(start as u32);
            self.characters.push(characters);
            characters += if ascii { word.len() } else { python::len(word) } as u64;
            self.number_word(end);
        }
        self.starts.push(end as u32);
        self.characters.push(characters);
        self.joined[end..end + WINDOW].fill(0);
        self.first.clone_from(&self.words);
        self.order = 1;
    }

    /// Number the word that was read last and ends here: the n-grams of order 1.
    #[inline]
    fn number_word(&mut self, end: usize) {
        let Self {
            seen,
            joined,
            starts,
            words,
            counts,
            ..
        } = self;
        let at = words.len();
        let start = starts[at] as usize;
        let length = end - start;
        let this = beginning(joined, start, length);
        let mut key = mix(this.0 ^ (length as u64) << 56, this.1);
        if length > WINDOW {
            key ^= hash(&joined[start + WINDOW..end]);
        }
        let found = seen.find_or_insert(key, at as u32, |other| {
            let (start, end) = (
                starts[other as usize] as usize,
                starts[other as usize + 1] as usize,
            );
            end - start == length
                && beginning(joined, start, length) == this
                && (length <= WINDOW
                    || joined[start..end] == joined[starts[at] as usize..][..length])
        });
        let number = found.unwrap_or(at as u32);
        counts[number as usize] += 1;
        words.push(number);
    }

    /// How many words.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Code points of all words.
    pub(super) fn characters(&self) -> u64 {
        self.characters[self.len()]
    }

    /// Code points of the n-gram at a word.
    fn length(&self, at: usize, order: usize) -> u64 {
        self.characters[at + order] - self.characters[at]
    }

    /// Go on from the n-grams to those with one more word.
    pub(super) fn longer(&mut self) {
        std::mem::swap(&mut self.counts, &mut self.lower_counts);
        std::mem::swap(&mut self.first, &mut self.lower);
        self.order += 1;
        let Self {
            seen,
            words,
            first,
            counts,
            lower,
            lower_counts,
            order,
            ..
        } = self;
        let length = (words.len() + 1).saturating_sub(*order);
        first.clear();
        counts.clear();
        counts.resize(length, 0);
        seen.begin(length as u32);
        let repeats = |at: usize| lower_counts[lower[at] as usize] > 1;
        let mut next_repeats = length > 0 && repeats(0);
        for at in 0..length {
            let this_repeats = std::mem::replace(&mut next_repeats, repeats(at + 1));
            let mut number = at as u32;
            if this_repeats && next_repeats {
                let parts = |at: usize| (lower[at], words[at + *order - 1]);
                let this = parts(at);
                let key = mix(u64::from(this.0) << 32 | u64::from(this.1), 0);
                let found = seen.find_or_insert(key, number, |other| parts(other as usize) == this);
                number = found.unwrap_or(number);
            }
            counts[number as usize] += 1;
            first.push(number);
        }
    }

    /// The most frequent n-gram; of several the one that came first. None where the words are fewer than n.
    pub(super) fn top(&self) -> Option<Top> {
        let mut best = 0;
        for (at, &count) in self.counts.iter().enumerate() {
            if count > self.counts[best] {
                best = at;
            }
        }
        let count = u64::from(*self.counts.get(best)?);
        Some(Top {
            count,
            characters: self.length(best, self.order),
        })
    }

    /// Code points in the n-grams that occur more than once, each counted as often as it occurs, and in all n-grams.
    pub(super) fn repeated_and_all(&self) -> (u64, u64) {
        let (mut repeated, mut all) = (0, 0);
        for (at, &first) in self.first.iter().enumerate() {
            let length = self.length(at, self.order);
            all += length;
            if self.counts[first as usize] > 1 {
                repeated += length;
            }
        }
        (repeated, all)
    }

    /// Find out where n-grams of 5 and more words can repeat; [`Ngrams::struck_out`] needs it.
    ///
    /// Where the `WINDOW` bytes from a word on occur at no other word, no n-gram of that many bytes that begins there is
    /// equal to another, however the other is cut into words: it need not be looked up, and nothing that is looked up
    /// can be equal to it.
    pub(super) fn find_repeats(&mut self) {
        let Self {
            seen,
            joined,
            starts,
            repeats,
            candidates,
            ..
        } = self;
        let length = starts.len() - 1;
        repeats.clear();
        repeats.resize(length, false);
        seen.begin(length as u32);
        for at in 0..length {
            let window = |at: usize| window(joined, starts[at] as usize);
            let this = window(at);
            let found = seen.find_or_insert(mix(this.0, this.1), at as u32, |other| {
                window(other as usize) == this
            });
            if let Some(other) = found {
                repeats[at] = true;
                repeats[other as usize] = true;
            }
        }
        candidates.clear();
        for at in 0..(length + 1).saturating_sub(FEWEST) {
            if repeats[at] || ((starts[at + FEWEST] - starts[at]) as usize) < WINDOW {
                candidates.push(at as u32);
            }
        }
    }

    /// Code points of the n-grams of one order (5 or more) that were seen before, found from left to right; what is found
    /// is stepped over. N-grams are equal where their letters are, wherever these are cut into words.
    pub(super) fn struck_out(&mut self, order: usize) -> u64 {
        debug_assert!(order >= FEWEST);
        let Self {
            seen,
            joined,
            starts,
            characters,
            repeats,
            candidates,
            ..
        } = self;
        seen.begin(repeats.len() as u32);
        let bytes = |at: usize| &joined[starts[at] as usize..starts[at + order] as usize];
        let (mut next, mut struck) = (0, 0);
        for &number in &*candidates {
            let at = number as usize;
            if at < next || at + order > repeats.len() {
                continue;
            }
            let this = bytes(at);
            if !repeats[at] && this.len() >= WINDOW {
                continue;
            }
            let found =
                seen.find_or_insert(hash(this), number, |other| bytes(other as usize) == this);
            if found.is_some() {
                struck += characters[at + order] - characters[at];
                next = at + order;
            }
        }
        struck
    }
}

/// The bytes from a place on, as two numbers.
#[inline]
fn window(joined: &[u8], start: usize) -> (u64, u64) {
    let mut bytes = [0; WINDOW];
    bytes.copy_from_slice(&joined[start..start + WINDOW]);
    let both = u128::from_le_bytes(bytes);
    (both as u64, (both >> 64) as u64)
}

/// The bytes of a word, as two numbers; of a longer word the first ones.
#[inline]
fn beginning(joined: &[u8], start: usize, length: usize) -> (u64, u64) {
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
    let (low, high) = window(joined, start);
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
