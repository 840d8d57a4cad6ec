//! Equal documents, and equal parts of documents.
//!
//! Documents are equal where their bytes are. Parts are lines or paragraphs; two are equal where their bytes are,
//! without the white space around them. Equal means an equal XXH3 hash of 128 bits: among 10^12 different texts two
//! such hashes agree with a probability below 10^-14.

use std::ops::Range;
use std::path::Path;

use kiln_text::Error;
use twox_hash::XxHash3_128;

use super::candidates::halves;
use super::config::PartsConfig;
use super::sorting::{Sorted, Sorter};

/// The hash by which documents are equal: XXH3 of 128 bits, seed 0, of the bytes of the text.
pub fn text_hash(text: &str) -> u128 {
    XxHash3_128::oneshot(text.as_bytes())
}

/// A kind of part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// What ends with a line feed, and the rest after the last one.
    Line,
    /// Lines in a row that are not blank, and the blank lines after them.
    Paragraph,
}

impl Unit {
    /// The parts of a text, in order and apart; byte positions. Only blank lines at the beginning are in no paragraph.
    pub fn parts(self, text: &str) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        let (mut start, mut after_blank) = (0, true);
        for line in text.split_inclusive('\n') {
            let end = start + line.len();
            let blank = line.trim().is_empty();
            match (self, parts.last_mut()) {
                (Self::Line, _) => parts.push(start..end),
                (Self::Paragraph, Some(open)) if blank || !after_blank => open.end = end,
                (Self::Paragraph, None) if blank => {}
                (Self::Paragraph, _) => parts.push(start..end),
            }
            after_blank = blank;
            start = end;
        }
        parts
    }
}

/// The number of a document, and the byte ranges of its text that go.
pub type DocumentRanges = (u64, Vec<Range<usize>>);

/// Finds the second and every later copy of a part, in the order of the documents' numbers and within a document from
/// its beginning. What lies behind the first 4 GiB of a text is not looked at.
///
/// Disk: 32 bytes for each part.
pub struct PartSorter {
    unit: Unit,
    min_bytes: usize,
    /// Hash (two), document, place of the part.
    sorter: Sorter<4>,
    repeated: Sorter<2>,
}

impl PartSorter {
    /// Hold at most `max_memory` bytes of records; what is more lies in `folder` until this and what came of it are
    /// dropped.
    pub fn new(unit: Unit, config: &PartsConfig, folder: &Path, max_memory: u64) -> Self {
        Self {
            unit,
            // Blank lines are never copies.
            min_bytes: config.min_bytes.max(1),
            sorter: Sorter::new(folder, max_memory / 2),
            repeated: Sorter::new(folder, max_memory / 2),
        }
    }

    /// Add a document under its number.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn add(&mut self, document: u64, text: &str) -> Result<(), Error> {
        for range in self.unit.parts(text) {
            let part = text[range.clone()].trim();
            if part.len() >= self.min_bytes
                && let Some(place) = place(&range)
            {
                let [high, low] = halves(text_hash(part));
                self.sorter.add([high, low, document, place])?;
            }
        }
        Ok(())
    }

    /// The documents with copies in them.
    ///
    /// # Errors
    /// The disk is full or fails.
    pub fn into_repeats(mut self) -> Result<Repeats, Error> {
        let mut sorted = self.sorter.sorted()?;
        let mut last = None;
        while let Some([high, low, document, place]) = sorted.next_record()? {
            if last.replace([high, low]) == Some([high, low]) {
                self.repeated.add([document, place])?;
            }
        }
        drop(sorted);
        let mut sorted = self.repeated.sorted()?;
        let next = sorted.next_record()?;
        Ok(Repeats { sorted, next })
    }
}

/// Where a part begins and ends, in one number that increases with where it begins.
fn place(range: &Range<usize>) -> Option<u64> {
    let (start, end) = (u32::try_from(range.start), u32::try_from(range.end));
    Some((u64::from(start.ok()?) << 32) | u64::from(end.ok()?))
}

fn range(place: u64) -> Range<usize> {
    (place >> 32) as usize..(place & u64::from(u32::MAX)) as usize
}

/// Documents in increasing order, each with the byte ranges of its parts that go: in order and apart, a part each
/// ([`without_ranges`](super::without_ranges)).
pub struct Repeats {
    sorted: Sorted<2>,
    next: Option<[u64; 2]>,
}

impl Repeats {
    fn next_document(&mut self) -> Result<Option<DocumentRanges>, Error> {
        let Some([document, place]) = self.next.take() else {
            return Ok(None);
        };
        let mut ranges = vec![range(place)];
        loop {
            match self.sorted.next_record()? {
                Some([same, place]) if same == document => ranges.push(range(place)),
                other => {
                    self.next = other;
                    return Ok(Some((document, ranges)));
                }
            }
        }
    }
}

impl Iterator for Repeats {
    type Item = Result<DocumentRanges, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_document().transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::duplicates::without_ranges;

    #[test]
    fn the_hash_is_xxh3() {
        // python -c "import xxhash; print(xxhash.xxh3_128_hexdigest(''), xxhash.xxh3_128_hexdigest('a line'))"
        assert_eq!(text_hash(""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
    }

    #[test]
    fn cut_into_parts() {
        let check = |text: &str, lines: &[&str], paragraphs: &[&str]| {
            let cut = |unit: Unit| -> Vec<&str> {
                unit.parts(text)
                    .into_iter()
                    .map(|part| &text[part])
                    .collect()
            };
            assert_eq!(cut(Unit::Line), lines);
            assert_eq!(cut(Unit::Paragraph), paragraphs);
        };
        check("", &[], &[]);
        check("a", &["a"], &["a"]);
        check("\n \na", &["\n", " \n", "a"], &["a"]);
        check(
            "a\r\nb\r\n\r\nc\n",
            &["a\r\n", "b\r\n", "\r\n", "c\n"],
            &["a\r\nb\r\n\r\n", "c\n"],
        );
        check(
            "a\n\n\nb\nc",
            &["a\n", "\n", "\n", "b\n", "c"],
            &["a\n\n\n", "b\nc"],
        );
    }

    #[test]
    fn places_of_parts() {
        for part in [0..0, 5..9, 0..u32::MAX as usize] {
            assert_eq!(range(place(&part).unwrap()), part);
        }
        assert!(place(&(2..3)) > place(&(1..u32::MAX as usize)));
        assert_eq!(place(&(1..1 << 32)), None);
    }

    fn rewritten(unit: Unit, min_bytes: usize, max_memory: u64, texts: &[String]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter =
            PartSorter::new(unit, &PartsConfig { min_bytes }, folder.path(), max_memory);
        for (number, text) in (0..).zip(texts) {
            sorter.add(number, text).unwrap();
        }
        let mut rest = texts.to_vec();
        for repeats in sorter.into_repeats().unwrap() {
            let (document, ranges) = repeats.unwrap();
            let text = &mut rest[document as usize];
            *text = without_ranges(text, &ranges);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        rest
    }

    #[test]
    fn later_copies_go() {
        let check = |unit: Unit, min_bytes: usize, texts: &[&str], expected: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(rewritten(unit, min_bytes, 1 << 20, &texts), expected);
        };
        check(Unit::Line, 0, &["a\nb\na\n", "b\nc"], &["a\nb\n", "c"]);
        check(
            Unit::Line,
            0,
            &["a\n\n\nb", " b \n\nc"],
            &["a\n\n\nb", "\nc"],
        );
        check(Unit::Line, 2, &["}\naa\n}", "aa\n}"], &["}\naa\n}", "}"]);
        check(
            Unit::Paragraph,
            0,
            &["a\nb\n\nc\n", "c\n\na\n\na\nb"],
            &["a\nb\n\nc\n", "a\n\n"],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn as_with_a_set_in_memory(
            texts in proptest::collection::vec("[ab\n]{0,12}", 0..20),
            max_memory in prop_oneof![0..500_u64, Just(1 << 20)],
        ) {
            let mut seen = BTreeSet::new();
            let expected: Vec<String> = texts.iter().map(|text| {
                let lines = text.split_inclusive('\n');
                lines.filter(|line| line.trim().is_empty() || seen.insert(line.trim().to_owned())).collect()
            }).collect();
            prop_assert_eq!(rewritten(Unit::Line, 0, max_memory, &texts), expected);
        }
    }
}
