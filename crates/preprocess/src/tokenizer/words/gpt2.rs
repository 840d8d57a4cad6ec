//! GPT-2's pattern.

use crate::tokenizer::words::Scanner;
use crate::tokenizer::words::classes::{Classes, LETTER, NUMBER, SPACE};
use crate::tokenizer::words::scan::{
    contraction_end, letters_end, numbers_end, others_end, spaces,
};

/// As in the `encoder.py` of Radford et al. 2019, and in the `ByteLevel` pre-tokenizer of the `tokenizers` crate.
pub(crate) const PATTERN: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

#[derive(Clone, Copy)]
pub(crate) struct Gpt2(pub(crate) Classes);

impl Scanner for Gpt2 {
    #[inline(always)]
    fn word_end(self, text: &[u8], start: usize) -> usize {
        let classes = self.0;
        let first = text[start];
        if first == b'\''
            && let Some(end) = contraction_end(text, start, false)
        {
            return end;
        }
        let body = start + usize::from(first == b' ');
        let (class, end) = classes.at(text, body);
        if class & LETTER != 0 {
            letters_end(classes, text, end)
        } else if end == body || class & SPACE != 0 {
            spaces(classes, text, start).word_end(text, start)
        } else if class & NUMBER != 0 {
            numbers_end(classes, text, end, usize::MAX)
        } else {
            others_end(classes, text, end)
        }
    }
}
