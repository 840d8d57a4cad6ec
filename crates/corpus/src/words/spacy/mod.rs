//! The word pieces of spaCy's tokenizer for English (`spacy.blank("en")`, version 3.8), which is what datatrove counts.
//!
//! The algorithm is spaCy's, as its documentation tells it under "How spaCy's tokenizer works": chunks between white space
//! are looked up among the special cases, else their prefixes and suffixes come off one by one, else they are cut at their
//! infixes; at last, sequences of pieces that are a special case together (`:`, `)`) are cut as that. The special cases are
//! a table, the patterns are matched by hand, and a chunk of ASCII letters costs one look into the table.
//!
//! One thing is not as in datatrove: spaCy fails, depending on what it read before, on texts with the word `IS_ALPHA`, which
//! datatrove then deletes. Here it is a word.

mod affixes;
mod chunk;
mod rules;
mod sentences;
#[cfg(test)]
mod tests;
mod url;

use super::python;
use chunk::Cutter;
use rules::{ENGLISH, Rules};

pub(super) use sentences::{count as sentence_count, count_of_words as sentence_count_of_words};

/// What becomes of the pieces of a text.
trait Sink<'a> {
    /// The next piece.
    fn word(&mut self, word: &'a str);

    /// A piece of white space, which spaCy makes of anything but one blank between two chunks.
    fn space(&mut self);
}

impl<'a> Sink<'a> for Vec<&'a str> {
    fn word(&mut self, word: &'a str) {
        self.push(word);
    }

    fn space(&mut self) {}
}

/// The words of a text.
pub(super) fn split(text: &str) -> Vec<&str> {
    // English has about five bytes a piece.
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    pieces(text, &mut words);
    words
}

/// Bytes as the scanner sees them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    Letter,
    Space,
    /// May begin a character of white space outside ASCII.
    MaybeSpace,
    Other,
}

const BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Byte::Letter,
            b'\t'..=b'\r' | 0x1C..=0x1F | b' ' => Byte::Space,
            // U+0085 and U+00A0; U+1680; U+2000 to U+205F; U+3000
            0xC2 | 0xE1 | 0xE2 | 0xE3 => Byte::MaybeSpace,
            _ => Byte::Other,
        };
        byte += 1;
    }
    bytes
};

/// The bytes of the white space at a byte of a text.
fn space_at(text: &str, at: usize) -> usize {
    match text
        .as_bytes()
        .get(at)
        .map(|byte| BYTES[usize::from(*byte)])
    {
        Some(Byte::Space) => 1,
        Some(Byte::MaybeSpace) => {
            let first = text[at..].chars().next();
            first
                .filter(|c| python::is_space(*c))
                .map_or(0, char::len_utf8)
        }
        _ => 0,
    }
}

/// Hand the pieces of a text to a sink.
fn pieces<'a>(text: &'a str, sink: &mut impl Sink<'a>) {
    let bytes = text.as_bytes();
    let rules = &*ENGLISH;
    let mut cutter = Cutter::default();
    let mut run = Run {
        text,
        rules,
        pieces: Vec::new(),
        numbers: Vec::new(),
        sink,
    };
    let mut at = 0;
    while at < bytes.len() {
        let begin = at;
        loop {
            match space_at(text, at) {
                0 => break,
                length => at += length,
            }
        }
        let is_blank = at - begin == 1 && bytes[begin] == b' ' && begin > 0;
        if at > begin && !is_blank {
            run.space();
        }

        let begin = at;
        while at < bytes.len() && BYTES[usize::from(bytes[at])] == Byte::Letter {
            at += 1;
        }
        let letters = at;
        while at < bytes.len() && space_at(text, at) == 0 {
            at += 1;
        }
        if at == begin {
            continue;
        }
        if letters == at {
            // No rule but a special case cuts a chunk of ASCII letters.
            match rules.get(&text[begin..at]) {
                Some(entry) if entry.is_special() => {
                    entry.each_piece(begin, &mut |begin, end, number| {
                        run.push(begin, end, number)
                    });
                }
                Some(entry) => run.push(begin, at, entry.number),
                None => run.push(begin, at, 0),
            }
        } else {
            cutter.cut(rules, text, begin, at, &mut |begin, end, number| {
                run.push(begin, end, number)
            });
        }
    }
    run.flush();
}

/// Pieces in a row that each occur in a sequence that makes a special case.
struct Run<'a, 'r, S> {
    text: &'a str,
    rules: &'r Rules,
    pieces: Vec<(usize, usize)>,
    numbers: Vec<u16>,
    sink: &'r mut S,
}

impl<'a, S: Sink<'a>> Run<'a, '_, S> {
    /// The next piece.
    #[inline]
    fn push(&mut self, begin: usize, end: usize, number: u16) {
        if number == 0 {
            self.flush();
            self.sink.word(&self.text[begin..end]);
        } else {
            self.pieces.push((begin, end));
            self.numbers.push(number);
        }
    }

    /// White space, which is in no sequence.
    fn space(&mut self) {
        self.flush();
        self.sink.space();
    }

    /// Hand on the run, with the special cases in it cut as such.
    #[inline]
    fn flush(&mut self) {
        match self.pieces.as_slice() {
            [] => return,
            [(begin, end)] => self.sink.word(&self.text[*begin..*end]),
            _ => self.replace(),
        }
        self.pieces.clear();
        self.numbers.clear();
    }

    fn replace(&mut self) {
        let mut next = 0;
        for (begin, end) in self.chosen() {
            self.keep(next, begin);
            next = end;
            let (from, to) = (self.pieces[begin].0, self.pieces[end - 1].1);
            let entry = self.rules.get(&self.text[from..to]);
            match entry.filter(|entry| entry.is_special()) {
                Some(entry) => {
                    let (text, sink) = (self.text, &mut *self.sink);
                    entry.each_piece(from, &mut |begin, end, _| sink.word(&text[begin..end]));
                }
                // There are blanks between the pieces.
                None => self.keep(begin, end),
            }
        }
        self.keep(next, self.pieces.len());
    }

    fn keep(&mut self, begin: usize, end: usize) {
        for (begin, end) in &self.pieces[begin..end] {
            self.sink.word(&self.text[*begin..*end]);
        }
    }

    /// The sequences that are replaced, from left to right: the longest first, of equals the first, and none that meets one
    /// that was looked at before, chosen or not, with an end of its own.
    fn chosen(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for begin in 0..self.numbers.len() {
            self.rules
                .sequences(&self.numbers, begin, |end| found.push((begin, end)));
        }
        if found.len() < 2 {
            return found;
        }
        found.sort_by_key(|(begin, end)| (std::cmp::Reverse(end - begin), *begin));
        let mut seen = vec![false; self.numbers.len()];
        found.retain(|(begin, end)| {
            let free = !seen[*begin] && !seen[end - 1];
            seen[*begin..*end].fill(true);
            free
        });
        found.sort_unstable();
        found
    }
}
