//! The pattern of GPT-4's `cl100k_base` and its kin: Llama 3 has the same one, Qwen2 the same with one number a word.

use crate::tokenizer::words::Scanner;
use crate::tokenizer::words::classes::{Classes, LETTER, NUMBER, SPACE};
use crate::tokenizer::words::scan::{
    contraction_end, letters_end, numbers_end, others_end, spaces,
};

/// As in the `tokenizer.json` of Llama 3 and the conversions of `cl100k_base`.
pub(crate) const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// As in the `tokenizer.json` of Qwen2.
pub(crate) const ONE_NUMBER: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

#[derive(Clone, Copy)]
pub(crate) struct Cl100k {
    pub(crate) classes: Classes,
    /// Most numbers in a word.
    pub(crate) numbers: usize,
}

impl Scanner for Cl100k {
    #[inline(always)]
    fn word_end(self, text: &[u8], start: usize) -> usize {
        let classes = self.classes;
        let first = text[start];
        if first == b'\''
            && let Some(end) = contraction_end(text, start, true)
        {
            return end;
        }
        let (class, second) = classes.at(text, start);
        if class & LETTER != 0 {
            return letters_end(classes, text, second);
        }
        if class & NUMBER != 0 {
            return numbers_end(classes, text, second, self.numbers - 1);
        }
        let (next, third) = classes.at(text, second);
        if next & LETTER != 0 && !matches!(first, b'\r' | b'\n') {
            return letters_end(classes, text, third);
        }
        others_or_spaces(classes, text, start, b"\r\n")
    }
}

/// The end of ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, with the bytes that may follow what is neither letter,
/// number nor space.
#[inline]
pub(crate) fn others_or_spaces(
    classes: Classes,
    text: &[u8],
    start: usize,
    following: &[u8],
) -> usize {
    let body = start + usize::from(text[start] == b' ');
    let (class, end) = classes.at(text, body);
    if end > body && class & (LETTER | NUMBER | SPACE) == 0 {
        let mut end = others_end(classes, text, end);
        while text.get(end).is_some_and(|byte| following.contains(byte)) {
            end += 1;
        }
        return end;
    }
    let found = spaces(classes, text, start);
    found
        .line_end
        .unwrap_or_else(|| found.word_end(text, start))
}
