//! The trigrams of a text by their frequency.
//!
//! A text is a sequence of codes, which are small numbers in the order of the characters that they stand for, and 0 for what is no
//! letter.

/// The bits of a code: enough for all characters of Unicode.
const BITS: u32 = 21;

/// Three codes in one number, which has their order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Trigram(u64);

impl Trigram {
    fn new([first, middle, last]: [u32; 3]) -> Self {
        Self(u64::from(first) << (2 * BITS) | u64::from(middle) << BITS | u64::from(last))
    }

    pub(super) fn codes(self) -> [u32; 3] {
        [2, 1, 0].map(|place| self.code(place))
    }

    /// The code at a place, counted from the last.
    fn code(self, place: u32) -> u32 {
        (self.0 >> (place * BITS)) as u32 & ((1 << BITS) - 1)
    }
}

/// The different trigrams of a text, each with its rank: 0 for the most frequent, of equally frequent ones for the greatest.
/// Those with a blank in their middle count only where letters stand on both sides. All codes are below `codes`.
pub(super) fn ranked(text: &[u32], codes: usize) -> Vec<(Trigram, u32)> {
    let sorted = sorted(all(text), codes);
    // Where the runs of equal ones begin and end. No loop has a branch that the processor cannot foresee: these would take most of
    // the time.
    let mut bounds = vec![0; sorted.len() + 1];
    let mut different = 0;
    for index in 0..sorted.len() {
        bounds[different + 1] = index + 1;
        different += usize::from(sorted.get(index + 1) != Some(&sorted[index]));
    }
    bounds.truncate(different + 1);

    // Which rank those begin with that come so many times: behind all that come more often.
    let runs = || bounds.windows(2).map(|pair| (pair[0], pair[1] - pair[0]));
    let longest = runs().map(|(_, times)| times).max();
    let mut ranks = vec![0; longest.unwrap_or(0) + 1];
    for (_, times) in runs() {
        ranks[times] += 1;
    }
    let mut rank = 0;
    for count in ranks.iter_mut().rev() {
        rank += std::mem::replace(count, rank);
    }
    let ranked = runs().rev().map(|(start, times)| {
        let rank = ranks[times];
        ranks[times] += 1;
        (sorted[start], rank)
    });
    ranked.collect()
}

/// The trigrams in the order of the text, which has a blank on either side.
fn all(text: &[u32]) -> Vec<Trigram> {
    let mut all = vec![Trigram(0); text.len() + 1];
    let mut length = 0;
    let [mut before, mut middle] = [0; 2];
    for &after in text.iter().chain(&[0]) {
        all[length] = Trigram::new([before, middle, after]);
        length += usize::from((middle != 0) | ((before != 0) & (after != 0)));
        (before, middle) = (middle, after);
    }
    all.truncate(length);
    all
}

/// Sorts by the last code, then by the middle one, then by the first, each time by counting.
fn sorted(mut trigrams: Vec<Trigram>, codes: usize) -> Vec<Trigram> {
    let mut starts = vec![[0; 3]; codes];
    for trigram in &trigrams {
        for place in 0..3 {
            starts[trigram.code(place) as usize][place as usize] += 1;
        }
    }
    let mut start = [0; 3];
    for counts in &mut starts {
        for (count, start) in counts.iter_mut().zip(&mut start) {
            *start += std::mem::replace(count, *start);
        }
    }
    let mut other = vec![Trigram(0); trigrams.len()];
    for place in 0..3 {
        for &trigram in &trigrams {
            let next: &mut u32 = &mut starts[trigram.code(place) as usize][place as usize];
            other[*next as usize] = trigram;
            *next += 1;
        }
        std::mem::swap(&mut trigrams, &mut other);
    }
    trigrams
}
