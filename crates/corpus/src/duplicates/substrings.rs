//! Passages that stand in more than one place, in one document or in several (Lee et al. 2022, arXiv:2107.06499,
//! section 4.1, which finds them with a suffix array in memory).
//!
//! Every passage of at least n bytes that comes twice is found, with memory under a ceiling, in two passes over the
//! documents:
//!
//! 1. Winnowing (Schleimer, Wilkerson and Aiken 2003): of every w = n - k + 1 places in a row the one is marked whose next
//!    k bytes have the least hash, the leftmost of several. Two equal passages of n bytes have the same w hashes and
//!    therefore a mark at the same place within. So only n bytes about a mark whose hash comes twice can come twice:
//!    about one place in w / 2 is sorted.
//! 2. Around those marks every n bytes are hashed with 128 bits and sorted; what has the same hash is the same.
//!
//! What goes is every byte of the later copies, less what would cut a character in two. With `keep_first` each n bytes
//! stay where they stand first, by the number of the document and the place in it.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};

use kiln_text::Error;
use twox_hash::XxHash3_128;

use super::candidates::halves;
use super::config::SubstringsConfig;
use super::exact::DocumentRanges;
use super::sorting::{Sorted, Sorter};
use crate::error::Error as CorpusError;

/// Below this nearly everything comes twice, and nothing would be left to sort out.
const LEAST_BYTES: usize = 16;

/// The first pass.
///
/// Disk: 24 bytes for each mark, about one in 26 places with 100 bytes; in repetitive text up to one a place.
pub struct SubstringFinder {
    config: SubstringsConfig,
    folder: PathBuf,
    max_memory: u64,
    marks: Sorter<3>,
}

impl SubstringFinder {
    /// Hold at most `max_memory` bytes of records; what is more lies in `folder` until this and what came of it are
    /// dropped.
    ///
    /// # Errors
    /// `min_bytes` is below 16.
    pub fn new(
        config: &SubstringsConfig,
        folder: &Path,
        max_memory: u64,
    ) -> Result<Self, CorpusError> {
        config.check()?;
        Ok(Self {
            config: config.clone(),
            folder: folder.to_owned(),
            max_memory,
            marks: Sorter::new(folder, max_memory / 2),
        })
    }

    /// Look at a document.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn add(&mut self, document: u64, text: &str) -> Result<(), Error> {
        let length = self.config.min_bytes / 2;
        let window = self.config.min_bytes - length + 1;
        let mut marks = Winnow::new(window);
        let mut marked = Ok(());
        rolling_hashes(text.as_bytes(), length, |place, hash| {
            if let Some((place, hash)) = marks.push(place, hash)
                && marked.is_ok()
            {
                marked = self.marks.add([hash, document, place as u64]);
            }
        });
        marked
    }

    /// On to the second pass.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn into_second_pass(self) -> Result<SubstringSecondPass, Error> {
        let mut shared = Sorter::new(&self.folder, self.max_memory / 2);
        let mut sorted = self.marks.sorted()?;
        let mut last: Option<([u64; 3], bool)> = None;
        while let Some(mark) = sorted.next_record()? {
            let mut was_shared = false;
            if let Some((before, before_shared)) = last
                && before[0] == mark[0]
            {
                if !before_shared {
                    shared.add([before[1], before[2]])?;
                }
                shared.add([mark[1], mark[2]])?;
                was_shared = true;
            }
            last = Some((mark, was_shared));
        }
        drop(sorted);
        let mut marks = shared.sorted()?;
        Ok(SubstringSecondPass {
            next_mark: marks.next_record()?,
            marks,
            passages: Sorter::new(&self.folder, self.max_memory / 2),
            config: self.config,
            folder: self.folder,
            max_memory: self.max_memory,
        })
    }
}

impl SubstringsConfig {
    pub(crate) fn check(&self) -> Result<(), CorpusError> {
        if self.min_bytes < LEAST_BYTES {
            return Err(CorpusError::config(
                "repeats.min_bytes",
                format!(
                    "is {}; with kind = \"substrings\" it must be at least {LEAST_BYTES}",
                    self.min_bytes
                ),
            ));
        }
        Ok(())
    }
}

/// Whether `place` is the least hash of a window that ends at the newest place.
struct Winnow {
    window: usize,
    /// Places and hashes of which each is the least from there on, hashes increasing.
    least: VecDeque<(usize, u64)>,
    last: Option<usize>,
}

impl Winnow {
    fn new(window: usize) -> Self {
        Self {
            window,
            least: VecDeque::new(),
            last: None,
        }
    }

    /// Take the next place; give the mark of the window that it completes, unless that was given before.
    fn push(&mut self, place: usize, hash: u64) -> Option<(usize, u64)> {
        // An equal hash stays: the leftmost is marked.
        while self.least.back().is_some_and(|&(_, other)| other > hash) {
            self.least.pop_back();
        }
        self.least.push_back((place, hash));
        let first = (place + 1).checked_sub(self.window)?;
        while self.least.front().is_some_and(|&(place, _)| place < first) {
            self.least.pop_front();
        }
        let &(place, hash) = self.least.front()?;
        let new = self.last != Some(place);
        self.last = Some(place);
        new.then_some((place, hash))
    }
}

/// A hash of every `length` bytes in a row with where they begin (Karp and Rabin 1987), scrambled so that the least is
/// anywhere. Different bytes may have one hash; that costs time and nothing else.
fn rolling_hashes(bytes: &[u8], length: usize, mut each: impl FnMut(usize, u64)) {
    const BASE: u64 = 0x9e37_79b9_7f4a_7c15;
    let leaving = (0..length).fold(1_u64, |power, _| power.wrapping_mul(BASE));
    let mut hash = 0_u64;
    for (end, &byte) in bytes.iter().enumerate() {
        hash = hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1);
        if let Some(&left) = end.checked_sub(length).and_then(|at| bytes.get(at)) {
            hash = hash.wrapping_sub(leaving.wrapping_mul(u64::from(left) + 1));
        }
        if end + 1 >= length {
            let mixed = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
            each(end + 1 - length, mixed ^ (mixed >> 32));
        }
    }
}

/// The second pass.
///
/// Disk: 40 bytes for each byte near a mark that comes twice.
pub struct SubstringSecondPass {
    config: SubstringsConfig,
    folder: PathBuf,
    max_memory: u64,
    /// Document and place, in order.
    marks: Sorted<2>,
    next_mark: Option<[u64; 2]>,
    /// Hash (two), document, first byte, end.
    passages: Sorter<5>,
}

impl SubstringSecondPass {
    /// Look at a document again: the same documents under the same numbers, now in increasing order.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn add(&mut self, document: u64, text: &str) -> Result<(), Error> {
        let length = self.config.min_bytes;
        // How far before a mark its window may begin.
        let reach = length - length / 2;
        let starts = (text.len() + 1).saturating_sub(length);
        let mut done = 0;
        while let Some([marked, place]) = self.next_mark
            && marked <= document
        {
            self.next_mark = self.marks.next_record()?;
            if marked < document {
                continue;
            }
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let from = place.saturating_sub(reach).max(done);
            let to = starts.min(place.saturating_add(1));
            for start in from..to {
                let end = start + length;
                let hash = XxHash3_128::oneshot(&text.as_bytes()[start..end]);
                let [high, low] = halves(hash);
                let whole = text.ceil_char_boundary(start)..text.floor_char_boundary(end);
                let record = [high, low, document, whole.start as u64, whole.end as u64];
                self.passages.add(record)?;
            }
            done = done.max(to);
        }
        Ok(())
    }

    /// What goes.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn finish(self) -> Result<Cuts, Error> {
        drop(self.marks);
        let mut ranges = Sorter::new(&self.folder, self.max_memory / 2);
        let mut sorted = self.passages.sorted()?;
        let mut first: Option<[u64; 5]> = None;
        // The first of a hash goes only when another has come, and only if it does not stay.
        let mut first_given = false;
        while let Some(passage) = sorted.next_record()? {
            let [_, _, document, start, end] = passage;
            let Some(kept) = first.filter(|first| first[..2] == passage[..2]) else {
                first = Some(passage);
                first_given = self.config.keep_first;
                continue;
            };
            if !first_given {
                ranges.add([kept[2], kept[3], kept[4]])?;
                first_given = true;
            }
            // A copy that overlaps the one that stays goes from where that ends.
            let overlaps = self.config.keep_first && kept[2] == document;
            let start = if overlaps { start.max(kept[4]) } else { start };
            if start < end {
                ranges.add([document, start, end])?;
            }
        }
        drop(sorted);
        let mut sorted = ranges.sorted()?;
        let next = sorted.next_record()?;
        Ok(Cuts { sorted, next })
    }
}

/// Documents in increasing order, each with the byte ranges that go: in order, apart, between characters, not empty.
pub struct Cuts {
    sorted: Sorted<3>,
    next: Option<[u64; 3]>,
}

impl Cuts {
    /// Add to `ranges` those of the document that is next, whose number this is.
    fn next_document(&mut self, ranges: &mut Vec<Range<usize>>) -> Result<Option<u64>, Error> {
        let Some([document, ..]) = self.next else {
            return Ok(None);
        };
        while let Some([same, start, end]) = self.next
            && same == document
        {
            let (start, end) = (start as usize, end as usize);
            match ranges.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ => ranges.push(start..end),
            }
            self.next = self.sorted.next_record()?;
        }
        Ok(Some(document))
    }
}

impl Iterator for Cuts {
    type Item = Result<DocumentRanges, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut ranges = Vec::new();
        let document = self.next_document(&mut ranges).transpose()?;
        Some(document.map(|document| (document, ranges)))
    }
}

/// A text without the ranges that [`Cuts`] names.
pub fn without_ranges(text: &str, ranges: &[Range<usize>]) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut kept_to = 0;
    for range in ranges {
        rest.push_str(&text[kept_to..range.start]);
        kept_to = range.end;
    }
    rest.push_str(&text[kept_to..]);
    rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn rewritten(texts: &[String], config: &SubstringsConfig, max_memory: u64) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut finder = SubstringFinder::new(config, folder.path(), max_memory).unwrap();
        for (number, text) in (0..).zip(texts) {
            finder.add(number, text).unwrap();
        }
        let mut second = finder.into_second_pass().unwrap();
        for (number, text) in (0..).zip(texts) {
            second.add(number, text).unwrap();
        }
        let mut rest = texts.to_vec();
        for cut in second.finish().unwrap() {
            let (document, ranges) = cut.unwrap();
            let text = &mut rest[document as usize];
            *text = without_ranges(text, &ranges);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        rest
    }

    /// The rule itself: every n bytes of every text, in a map.
    fn by_the_rule(texts: &[String], config: &SubstringsConfig) -> Vec<String> {
        let n = config.min_bytes;
        let mut places: BTreeMap<&[u8], Vec<(usize, usize)>> = BTreeMap::new();
        for (number, text) in texts.iter().enumerate() {
            for (start, bytes) in text.as_bytes().windows(n).enumerate() {
                places.entry(bytes).or_default().push((number, start));
            }
        }
        let mut struck: Vec<Vec<bool>> = texts.iter().map(|text| vec![false; text.len()]).collect();
        for places in places.values().filter(|places| places.len() > 1) {
            let (first_number, first_start) = places[0];
            let kept_end = texts[first_number].floor_char_boundary(first_start + n);
            for &(number, start) in &places[usize::from(config.keep_first)..] {
                let text = &texts[number];
                let end = text.floor_char_boundary(start + n);
                let mut start = text.ceil_char_boundary(start);
                if config.keep_first && number == first_number {
                    start = start.max(kept_end);
                }
                if start < end {
                    struck[number][start..end].fill(true);
                }
            }
        }
        let rest = texts.iter().zip(&struck).map(|(text, struck)| {
            let bytes = text.bytes().zip(struck).filter(|(_, struck)| !**struck);
            String::from_utf8(bytes.map(|(byte, _)| byte).collect()).unwrap()
        });
        rest.collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn every_repeat_is_found(
            texts in proptest::collection::vec("([ab]{0,9}(the same words again|é é é é é é é|abab)){0,6}", 0..6),
            min_bytes in 16..30_usize,
            keep_first: bool,
            max_memory in prop_oneof![0..3000_u64, Just(1 << 20)],
        ) {
            let config = SubstringsConfig { min_bytes, keep_first };
            prop_assert_eq!(rewritten(&texts, &config, max_memory), by_the_rule(&texts, &config));
        }
    }

    #[test]
    fn cut() {
        let check = |keep_first: bool, texts: &[&str], expected: &[&str]| {
            let config = SubstringsConfig {
                min_bytes: 16,
                keep_first,
            };
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(by_the_rule(&texts, &config), expected);
            assert_eq!(rewritten(&texts, &config, 1 << 20), expected);
        };
        check(
            true,
            &["- once upon a time.", "+ once upon a time!"],
            &["- once upon a time.", "+!"],
        );
        check(
            false,
            &["- once upon a time.", "+ once upon a time!"],
            &["-.", "+!"],
        );
        check(
            true,
            &["- upon a time.", "+ upon a time!"],
            &["- upon a time.", "+ upon a time!"],
        );
        check(
            true,
            &["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"],
            &["aaaaaaaaaaaaaaaab"],
        );
        // The two spaces begin with the same byte, of which no half is cut.
        check(
            true,
            &["\u{2002}once upon a time", "\u{2003}once upon a time"],
            &["\u{2002}once upon a time", "\u{2003}"],
        );
        check(
            true,
            &["once upon a time\u{2002}", "once upon a time\u{2003}"],
            &["once upon a time\u{2002}", "\u{2003}"],
        );
    }

    #[test]
    fn too_short_to_look_for() {
        let config = SubstringsConfig {
            min_bytes: 15,
            keep_first: true,
        };
        let refused = SubstringFinder::new(&config, Path::new("."), 0)
            .err()
            .unwrap();
        assert!(refused.to_string().contains("at least 16"), "{refused}");
    }
}
