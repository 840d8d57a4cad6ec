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

/// The different trigrams of a text, the most frequent first and of equally frequent ones the greatest first. Those with a blank
/// in their middle count only where letters stand on both sides. All codes are below `codes`.
pub(super) fn ranked(text: &[u32], codes: usize) -> Vec<Trigram> {
    let sorted = sorted(all(text), codes);
    // Most come once, and are in order by that. No loop has a branch that the processor cannot foresee: these would take most of
    // the time.
    let mut once = vec![Trigram(0); sorted.len()];
    let mut more = vec![(Trigram(0), 0); sorted.len()];
    let (mut of_once, mut of_more, mut times) = (0, 0, 0);
    for (index, &trigram) in sorted.iter().enumerate().rev() {
        let ends = index == 0 || sorted[index - 1] != trigram;
        times += 1;
        once[of_once] = trigram;
        of_once += usize::from(ends & (times == 1));
        more[of_more] = (trigram, times);
        of_more += usize::from(ends & (times > 1));
        times = if ends { 0 } else { times };
    }
    let more = &more[..of_more];

    // Where those begin that come so many times: behind all that come more often.
    let longest = more.iter().map(|&(_, times)| times).max();
    let mut starts = vec![0; longest.unwrap_or(0) + 1];
    for &(_, times) in more {
        starts[times] += 1;
    }
    let mut start = 0;
    for count in starts.iter_mut().rev() {
        start += std::mem::replace(count, start);
    }
    let mut ranked = vec![Trigram(0); of_more];
    for &(trigram, times) in more {
        let place: &mut usize = &mut starts[times];
        ranked[*place] = trigram;
        *place += 1;
    }
    ranked.extend(&once[..of_once]);
    ranked
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Digits for codes; trigrams with a blank between.
    fn check(text: &str, expected: &str) {
        let text: Vec<u32> = text.bytes().map(|byte| u32::from(byte - b'0')).collect();
        let ranked = ranked(&text, 10).into_iter();
        let found = ranked.map(|trigram| trigram.codes().map(|code| code.to_string()).concat());
        assert_eq!(found.collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn ranks_by_frequency_then_by_code() {
        check("", "");
        check("000", "");
        check("1", "010");
        check("12", "120 012");
        check("1000020", "020 010");
        check("1020", "102 020 010");
        check("12121", "121 212 210 012");
        check("1212121", "121 212 210 012");
        check("33333333123", "333 331 312 230 123 033");
        check("1202101202", "202 120 012 210 101 021 020");
    }
}
