//! The pattern of GPT-4o's `o200k_base`, which also cuts before a capital.

use crate::tokenizer::words::Scanner;
use crate::tokenizer::words::cl100k::others_or_spaces;
use crate::tokenizer::words::classes::{
    CASELESS, Class, Classes, LETTER, LOWER, MARK, NUMBER, UPPER,
};
use crate::tokenizer::words::scan::{contraction_end, numbers_end};

/// As in the conversions of `o200k_base`.
pub(crate) const PATTERN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
const HEAD: Class = UPPER | CASELESS | MARK;
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
const TAIL: Class = LOWER | CASELESS | MARK;

#[derive(Clone, Copy)]
pub(crate) struct O200k(pub(crate) Classes);

impl Scanner for O200k {
    #[inline(always)]
    fn word_end(self, text: &[u8], start: usize) -> usize {
        let classes = self.0;
        let (class, second) = classes.at(text, start);
        if class & NUMBER != 0 {
            return numbers_end(classes, text, second, 2);
        }
        let may_lead = class & LETTER == 0 && !matches!(text[start], b'\r' | b'\n');
        let bodies = [may_lead.then_some(second), Some(start)];
        let first_that = |end: fn(Classes, &[u8], usize) -> Option<usize>| {
            bodies
                .into_iter()
                .flatten()
                .find_map(|body| end(classes, text, body))
        };
        match first_that(with_tail).or_else(|| first_that(with_head)) {
            Some(end) => contraction(text, end),
            None => others_or_spaces(classes, text, start, b"\r\n/"),
        }
    }
}

/// The end of a run of classes.
#[inline(always)]
fn run_end(classes: Classes, text: &[u8], mut at: usize, of: Class) -> usize {
    loop {
        let (class, end) = classes.at(text, at);
        if class & of == 0 {
            return at;
        }
        at = end;
    }
}

/// The end of `HEAD* TAIL+`. If no tail follows the longest head, the head gives back characters up to the last that is of
/// both classes.
#[inline(always)]
fn with_tail(classes: Classes, text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut last_of_both = None;
    loop {
        let (class, end) = classes.at(text, at);
        if class & HEAD == 0 {
            break;
        }
        at = end;
        if class & TAIL != 0 {
            last_of_both = Some(end);
        }
    }
    let end = run_end(classes, text, at, TAIL);
    if end > at { Some(end) } else { last_of_both }
}

/// The end of `HEAD+ TAIL*`.
#[inline(always)]
fn with_head(classes: Classes, text: &[u8], start: usize) -> Option<usize> {
    let head = run_end(classes, text, start, HEAD);
    (head > start).then(|| run_end(classes, text, head, TAIL))
}

/// The end of a contraction after a word, if it has one.
#[inline(always)]
fn contraction(text: &[u8], at: usize) -> usize {
    if text.get(at) != Some(&b'\'') {
        return at;
    }
    contraction_end(text, at, true).unwrap_or(at)
}
