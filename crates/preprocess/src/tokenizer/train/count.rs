//! How often each word occurs in the texts, within a ceiling of memory.
//!
//! Each thread counts into a table of its own, from the first text to the last; the sums do not depend on who counted what.
//! When the tables have grown to half the ceiling they are written down, sorted, and begun anew; at the end what was written
//! is merged. What is learnt from the words takes memory by the symbol: if that would be above the ceiling, the rarest words
//! are left out, those of equal count together, and their number is logged as a warning.

use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use kiln_text::MemorySize;
use rayon::prelude::*;

use std::hash::{BuildHasher, Hasher};

use crate::Error;
use crate::tokenizer::train::merges::SYMBOLS_LIMIT;
use crate::tokenizer::train::progress::Progress;
use crate::tokenizer::train::runs::{RUNS_LIMIT, Run};
use crate::tokenizer::train::{Texts, Used};

/// Texts are counted in parallel once this many bytes have been read.
const BATCH_BYTES: usize = 8 << 20;

/// Words are told apart by how often they occur up to this count when the rarest are left out.
const COUNTS: usize = 1 << 16;

/// How much is read, and how much memory that may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    /// Bytes of text.
    pub(crate) training_bytes: u64,
    /// The ceiling; the texts being read come on top of it.
    pub(crate) max_memory: MemorySize,
}

/// Words with their counts, in memory.
#[derive(Default)]
pub(crate) struct WordCounts {
    /// All words, one after the other.
    text: String,
    words: Vec<Counted>,
    table: HashTable<u32>,
    hasher: FixedState,
}

/// A word that begins here and ends where the next one begins.
struct Counted {
    start: usize,
    count: u64,
}

impl WordCounts {
    /// Count a word so many times more.
    #[inline]
    pub(crate) fn add(&mut self, word: &str, count: u64) {
        let (hasher, text, words) = (&self.hasher, &self.text, &self.words);
        let of = |number: u32| get(text, words, number);
        let found = self
            .table
            .find(hash(hasher, word), |number| of(*number) == word);
        match found {
            Some(number) => self.words[*number as usize].count += count,
            None => self.insert(word, count),
        }
    }

    fn insert(&mut self, word: &str, count: u64) {
        let start = self.text.len();
        let number = self.words.len() as u32;
        self.text.push_str(word);
        self.words.push(Counted { start, count });
        let (hasher, text, words) = (&self.hasher, &self.text, &self.words);
        self.table
            .insert_unique(hash(hasher, word), number, |other| {
                hash(hasher, get(text, words, *other))
            });
    }

    /// Number of distinct words.
    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    /// Number of words, each counted as often as it occurs.
    pub(crate) fn total(&self) -> u64 {
        self.words.iter().map(|word| word.count).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        (0..self.words.len() as u32).map(|number| self.at(number))
    }

    fn at(&self, number: u32) -> (&str, u64) {
        let count = self.words[number as usize].count;
        (get(&self.text, &self.words, number), count)
    }

    /// Bytes that it takes.
    fn memory(&self) -> u64 {
        let words = self.words.capacity() * size_of::<Counted>();
        let table = self.table.capacity() * 8; // A number and a byte for 7 of 8 places.
        (self.text.capacity() + words + table) as u64
    }

    fn write(&self) -> Result<Run, Error> {
        let mut order: Vec<u32> = (0..self.words.len() as u32).collect();
        order.sort_unstable_by_key(|number| self.at(*number).0);
        Run::write(order.into_iter().map(|number| self.at(number)))
    }
}

fn get<'a>(text: &'a str, words: &[Counted], number: u32) -> &'a str {
    let place = number as usize;
    let end = words.get(place + 1).map_or(text.len(), |next| next.start);
    text.get(words[place].start..end).unwrap_or_default()
}

#[inline]
fn hash(state: &FixedState, word: &str) -> u64 {
    let mut hasher = state.build_hasher();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// All words of the texts with their counts, in memory or on disk.
pub(crate) enum Counts {
    Memory(WordCounts),
    Disk(Run),
}

/// Count the words of the first `training_bytes` of the texts; `cut` finds those of one text.
pub(crate) fn count<C>(
    budget: &Budget,
    texts: &mut Texts<'_>,
    cut: C,
    progress: &mut Progress,
) -> Result<(Counts, Used), Error>
where
    C: Fn(&str, &mut WordCounts) -> Result<(), Error> + Sync,
{
    let mut counter = Counter::new(budget.max_memory);
    let mut used = Used::default();
    let mut batch: Vec<String> = Vec::new();
    let mut batch_bytes = 0;
    // One thread has nobody to wait for.
    let batch_limit = if counter.tables.len() > 1 {
        BATCH_BYTES
    } else {
        0
    };
    for text in texts {
        let mut text = text?;
        let left = budget.training_bytes - used.bytes;
        if text.len() as u64 >= left {
            text.truncate(text.floor_char_boundary(left as usize));
            used.stopped = true;
        }
        used.add(&text);
        batch_bytes += text.len();
        batch.push(text);
        if batch_bytes >= batch_limit {
            counter.add(&batch, &cut)?;
            batch.clear();
            batch_bytes = 0;
            let words = counter.tables.iter().map(WordCounts::len).sum();
            progress.counting(&used, words);
        }
        if used.stopped {
            break;
        }
    }
    counter.add(&batch, &cut)?;
    Ok((counter.finish()?, used))
}

struct Counter {
    tables: Vec<WordCounts>,
    /// Bytes at which the tables are written down.
    limit: u64,
    runs: Vec<Run>,
}

impl Counter {
    fn new(max_memory: MemorySize) -> Self {
        let threads = rayon::current_num_threads().max(1);
        Self {
            tables: (0..threads).map(|_| WordCounts::default()).collect(),
            limit: max_memory.0 / 2,
            runs: Vec::new(),
        }
    }

    fn add<C>(&mut self, texts: &[String], cut: &C) -> Result<(), Error>
    where
        C: Fn(&str, &mut WordCounts) -> Result<(), Error> + Sync,
    {
        if let [table] = self.tables.as_mut_slice() {
            for text in texts {
                cut(text, table)?;
            }
        } else {
            let next = AtomicUsize::new(0);
            self.tables.par_iter_mut().try_for_each(|table| {
                while let Some(text) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    cut(text, table)?;
                }
                Ok::<(), Error>(())
            })?;
        }
        if self.tables.iter().map(WordCounts::memory).sum::<u64>() > self.limit {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        for table in &mut self.tables {
            self.runs.push(table.write()?);
            *table = WordCounts::default();
            if self.runs.len() >= RUNS_LIMIT {
                self.runs = vec![Run::merge(std::mem::take(&mut self.runs))?];
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Counts, Error> {
        if !self.runs.is_empty() {
            self.write()?;
            return Run::merge(self.runs).map(Counts::Disk);
        }
        let mut tables = self.tables.into_iter();
        let mut all = tables.next().unwrap_or_default();
        for table in tables {
            for (word, count) in table.iter() {
                all.add(word, count);
            }
        }
        Ok(Counts::Memory(all))
    }
}

/// What a kind of training makes of a word.
#[derive(Clone, Copy)]
pub(crate) struct Cost<'a> {
    /// Bytes of memory for a symbol, boundaries of words included.
    pub(crate) symbol: u64,
    /// Number of symbols of a word, or whatever memory goes with.
    pub(crate) symbols: &'a dyn Fn(&str) -> usize,
}

/// Which words are learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// Those that occur as often as this or more.
    pub(crate) least: u64,
    /// Number of them.
    pub(crate) words: u64,
    /// Number of their symbols, boundaries not included.
    pub(crate) symbols: u64,
}

/// Number of words of one count, of their symbols, and how often they all occur.
#[derive(Clone, Copy, Default)]
struct Bucket {
    words: u64,
    symbols: u64,
    occurrences: u64,
}

impl Counts {
    /// Each word with its count, in an order that nothing may depend on.
    pub(crate) fn each(&mut self, mut take: impl FnMut(&str, u64)) -> Result<(), Error> {
        match self {
            Self::Memory(table) => {
                for (word, count) in table.iter() {
                    take(word, count);
                }
                Ok(())
            }
            Self::Disk(run) => run.each(&mut take),
        }
    }

    /// Choose words that can be learnt from within the ceiling: all, or all but the rarest.
    pub(crate) fn select(
        &mut self,
        kind: &'static str,
        max_memory: MemorySize,
        cost: Cost<'_>,
    ) -> Result<Selection, Error> {
        let mut buckets = vec![Bucket::default(); COUNTS];
        self.each(|word, count| {
            let bucket = &mut buckets[count.min(COUNTS as u64 - 1) as usize];
            bucket.words += 1;
            bucket.symbols += (cost.symbols)(word) as u64;
            bucket.occurrences += count;
        })?;
        let memory = |all: Bucket| (all.symbols + all.words) * cost.symbol;
        let fits =
            |all: Bucket| memory(all) <= max_memory.0 && all.symbols + all.words <= SYMBOLS_LIMIT;
        let mut kept = Bucket::default();
        let mut least = COUNTS;
        for (count, bucket) in buckets.iter().enumerate().rev() {
            let more = Bucket {
                words: kept.words + bucket.words,
                symbols: kept.symbols + bucket.symbols,
                occurrences: kept.occurrences + bucket.occurrences,
            };
            if !fits(more) {
                break;
            }
            (kept, least) = (more, count);
        }
        let left_out = &buckets[..least];
        let words: u64 = left_out.iter().map(|bucket| bucket.words).sum();
        if kept.words == 0 && words > 0 {
            return Err(Error::MaxMemory {
                max_memory,
                needed: MemorySize(memory(left_out[least - 1])),
            });
        }
        if words > 0 {
            let occurrences: u64 = left_out.iter().map(|bucket| bucket.occurrences).sum();
            tracing::warn!(
                kind,
                words_left_out = words,
                occurrences,
                least_count = least,
                words = kept.words,
                %max_memory,
                "the rarest words are not learnt from: max_memory is too small for all distinct words"
            );
        }
        if let Self::Memory(table) = self
            && table.memory() + memory(kept) > max_memory.0
        {
            *self = Self::Disk(table.write()?);
        }
        Ok(Selection {
            least: least as u64,
            words: kept.words,
            symbols: kept.symbols,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn counted(max_memory: u64, threads: usize, texts: &[String]) -> (Counts, Used) {
        let budget = Budget {
            training_bytes: u64::MAX,
            max_memory: MemorySize(max_memory),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let mut texts = texts.iter().cloned().map(Ok);
            let cut = |text: &str, counts: &mut WordCounts| {
                text.split(' ').for_each(|word| counts.add(word, 1));
                Ok(())
            };
            count(&budget, &mut texts, cut, &mut Progress::new("bpe")).unwrap()
        })
    }

    fn texts() -> Vec<String> {
        (0..300u32)
            .map(|text| {
                let words = (0..40).map(|word| format!("w{}", text * word % 977));
                words.collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    fn sums(mut counts: Counts) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        counts
            .each(|word, count| assert!(sums.insert(word.to_owned(), count).is_none()))
            .unwrap();
        sums
    }

    #[test]
    fn counts_are_the_same_whatever_the_threads_and_the_memory() {
        let texts = texts();
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for word in texts.iter().flat_map(|text| text.split(' ')) {
            *expected.entry(word.to_owned()).or_default() += 1;
        }
        for threads in [1, 3] {
            for (max_memory, on_disk) in [(1 << 30, false), (40_000, true), (0, true)] {
                let (counts, used) = counted(max_memory, threads, &texts);
                assert_eq!(
                    matches!(counts, Counts::Disk(_)),
                    on_disk,
                    "{threads} {max_memory}"
                );
                assert_eq!(used.texts, 300);
                assert_eq!(sums(counts), expected, "{threads} {max_memory}");
            }
        }
    }

    #[test]
    fn the_rarest_words_are_left_out() {
        let cost = Cost {
            symbol: 10,
            symbols: &str::len,
        };
        // Symbols and boundary: a 5 times (2), bb and cc 3 times (3 each), d once (2).
        let texts = ["a a a a a bb cc bb cc bb cc d".to_owned()];
        for (max_memory, expected) in [
            (100, Some((0, 4, 6))),
            (99, Some((2, 3, 5))),
            (80, Some((2, 3, 5))),
            (79, Some((4, 1, 1))),
            (20, Some((4, 1, 1))),
            (19, None),
        ] {
            for spilt in [false, true] {
                let (mut counts, _) = counted(if spilt { 0 } else { 1 << 20 }, 1, &texts);
                let found = counts.select("bpe", MemorySize(max_memory), cost);
                match (found, expected) {
                    (Ok(found), Some((least, words, symbols))) => {
                        let expected = Selection {
                            least,
                            words,
                            symbols,
                        };
                        assert_eq!(found, expected, "{max_memory}");
                    }
                    (Err(error), None) => {
                        assert!(error.is_mistake());
                        let message = error.to_string();
                        assert!(message.contains("max_memory = \"19\""), "{message}");
                    }
                    (found, _) => panic!("{max_memory}: {:?}", found.map_err(|e| e.to_string())),
                }
            }
        }
    }
}
