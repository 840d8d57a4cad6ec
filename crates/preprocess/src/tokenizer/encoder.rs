//! The short way from text to ids for byte-level byte-pair encoding: words are cut by hand-written scanners, those seen
//! lately are looked up, and the others are merged. The library keeps every character's origin meanwhile and takes many
//! times as long; the ids are the same.

mod cache;
mod merge;
mod recognise;

use std::collections::HashMap;

use kiln_tokens::TokenId;
use tokenizers::Tokenizer;

use cache::{Caches, KEY_BYTES, NO_KEY, PackedIds, WordCache, hash, key, pack};
use merge::{Merges, Scratch};
use recognise::{Recognised, recognise};

use crate::Error;
use crate::tokenizer::words::{Scanner, Split, WithScanner};

/// So many words are looked up together.
const WORDS: usize = 32;

/// Ids are written in front of this many that are not used yet.
const BLOCK: usize = 256;

/// After longer words, what a thread merges in is given back.
const SCRATCH_BYTES: usize = 1 << 16;

/// Encodes as the tokenizer it was made from.
pub(crate) struct Encoder {
    split: Split,
    merges: Merges,
    singles: Singles,
    caches: Caches,
}

impl Encoder {
    /// The encoder of a tokenizer, or `None` if only the library has its ids.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<Option<Self>, Error> {
        let Some(recognised) = recognise(tokenizer)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            singles: Singles::new(&recognised),
            split: recognised.split,
            merges: recognised.merges,
            caches: Caches::new(),
        }))
    }

    /// Append the ids of a text, or those of its first words that together have `most` or more.
    pub(crate) fn encode(&self, text: &str, most: usize, ids: &mut Vec<TokenId>) {
        ids.reserve(text.len() / 4);
        let output = Output {
            written: ids.len(),
            most: ids.len().saturating_add(most),
            ids,
        };
        self.caches.with(|cache| {
            let (encoder, text) = (self, text.as_bytes());
            self.split.with(Encode {
                encoder,
                cache,
                text,
                output,
            });
        });
    }

    /// A word that the cache does not hold.
    #[inline(never)]
    fn encode_new(&self, cache: &mut WordCache, word: &[u8], output: &mut Output) {
        if let Some(id) = self.singles.get(word) {
            output.extend(&[id]);
            remember(cache, word, &[id]);
            return;
        }
        if let Some(ids) = cache.get_long(word) {
            output.extend(ids);
            return;
        }
        thread_local! {
            static SCRATCH: std::cell::RefCell<Scratch> = std::cell::RefCell::default();
        }
        SCRATCH.with_borrow_mut(|scratch| {
            self.merges.merge(word, scratch);
            output.extend(&scratch.ids);
            remember(cache, word, &scratch.ids);
            if word.len() > SCRATCH_BYTES {
                *scratch = Scratch::default();
            }
        });
    }
}

fn remember(cache: &mut WordCache, word: &[u8], ids: &[TokenId]) {
    match pack(ids) {
        Some(packed) if word.len() <= KEY_BYTES => cache.insert(key(word, 0, word.len()), packed),
        _ => cache.insert_long(word, ids),
    }
}

/// The encoding of one text.
struct Encode<'a> {
    encoder: &'a Encoder,
    cache: &'a mut WordCache,
    text: &'a [u8],
    output: Output<'a>,
}

impl WithScanner for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self, scanner: impl Scanner) {
        let Self {
            encoder,
            cache,
            text,
            mut output,
        } = self;
        let mut starts = [0; WORDS + 1];
        let mut keys = [NO_KEY; WORDS];
        let mut places = [0; WORDS];
        let mut start = 0;
        while start < text.len() && output.written < output.most {
            let mut count = 0;
            while count < WORDS && start < text.len() {
                let end = scanner.word_end(text, start);
                let short = end - start <= KEY_BYTES;
                keys[count] = if short { key(text, start, end) } else { NO_KEY };
                starts[count] = start;
                count += 1;
                start = end;
            }
            starts[count] = start;
            cache.find(&keys[..count], &mut places[..count]);
            for word in 0..count {
                match cache.get(keys[word], places[word]) {
                    Some(ids) => output.push(ids),
                    None => {
                        let word = &text[starts[word]..starts[word + 1]];
                        encoder.encode_new(cache, word, &mut output);
                    }
                }
            }
        }
        output.finish();
    }
}

/// Ids as they are appended: always four at once, of which those that are too many are written over by the next.
struct Output<'a> {
    ids: &'a mut Vec<TokenId>,
    written: usize,
    /// How many are wanted.
    most: usize,
}

impl Output<'_> {
    #[inline(always)]
    fn push(&mut self, mut packed: PackedIds) {
        let count = packed[0] >> 24;
        packed[0] &= 0xFF_FFFF;
        if self.ids.len() < self.written + packed.len() {
            self.grow();
        }
        self.ids[self.written..self.written + packed.len()].copy_from_slice(&packed);
        self.written += count as usize;
    }

    #[cold]
    fn grow(&mut self) {
        self.ids.resize(self.written + BLOCK, 0);
    }

    fn extend(&mut self, ids: &[TokenId]) {
        self.ids.truncate(self.written);
        self.ids.extend_from_slice(ids);
        self.written = self.ids.len();
    }

    fn finish(self) {
        self.ids.truncate(self.written);
    }
}

/// Words that are one token, for the first time that each is seen.
struct Singles {
    /// Those of up to [`KEY_BYTES`]: a hash table with linear probing, at most half full; a key of 0 is none.
    short: Vec<(u128, TokenId)>,
    /// Longer ones, where the merges alone would not find them.
    long: HashMap<Box<[u8]>, TokenId>,
}

impl Singles {
    fn new(recognised: &Recognised) -> Self {
        let mut scratch = Scratch::default();
        let mut is_single = |token: &[u8], id: TokenId| {
            recognised.ignore_merges || {
                recognised.merges.merge(token, &mut scratch);
                scratch.ids == [id]
            }
        };
        let size = (2 * recognised.tokens.len()).next_power_of_two();
        let mut all = Self {
            short: vec![(0, 0); size],
            long: HashMap::new(),
        };
        for (token, id) in &recognised.tokens {
            if token.is_empty() {
                continue;
            }
            if token.len() > KEY_BYTES {
                if recognised.ignore_merges {
                    all.long.insert(token.as_slice().into(), *id);
                }
            } else if is_single(token, *id) {
                let slot = all.slot(key(token, 0, token.len()));
                all.short[slot] = (key(token, 0, token.len()), *id);
            }
        }
        all
    }

    /// The slot of a key, or the empty one where it would be.
    fn slot(&self, key: u128) -> usize {
        let mut place = hash(key) as usize & (self.short.len() - 1);
        while self.short[place].0 != key && self.short[place].0 != 0 {
            place = (place + 1) & (self.short.len() - 1);
        }
        place
    }

    fn get(&self, word: &[u8]) -> Option<TokenId> {
        if word.len() > KEY_BYTES {
            return self.long.get(word).copied();
        }
        let (found, id) = self.short[self.slot(key(word, 0, word.len()))];
        (found != 0).then_some(id)
    }
}

#[cfg(test)]
mod tests;
