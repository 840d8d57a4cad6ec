//! How the trainers cut texts into words, and the same as the library's pre-tokenizers.

use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split as LibrarySplit, SplitPattern};
use tokenizers::{
    OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, PreTokenizerWrapper,
    SplitDelimiterBehavior,
};

use crate::tokenizer::train::count::WordCounts;
use crate::tokenizer::words::{Scanner, Split, WithScanner};
use crate::{Error, SplitName};

/// What sentencepiece's vocabularies have for a space.
pub(crate) const SPACE: char = '\u{2581}';

impl SplitName {
    pub(crate) fn split(self) -> Split {
        match self {
            Self::Gpt2 => Split::Gpt2,
            Self::Cl100k => Split::Cl100k,
            Self::Qwen2 => Split::Qwen2,
            Self::O200k => Split::O200k,
        }
    }
}

/// Count the words of a text.
pub(crate) fn count_words(split: Split, text: &str, counts: &mut WordCounts) {
    split.with(Count { text, counts });
}

struct Count<'a> {
    text: &'a str,
    counts: &'a mut WordCounts,
}

impl WithScanner for Count<'_> {
    type Output = ();

    fn run(self, scanner: impl Scanner) {
        let mut start = 0;
        while start < self.text.len() {
            let end = scanner.word_end(self.text.as_bytes(), start);
            if let Some(word) = self.text.get(start..end) {
                self.counts.add(word, 1);
            }
            start = end;
        }
    }
}

/// Number of words of a text.
pub(crate) fn number_of_words(split: Split, text: &str) -> usize {
    let mut counts = WordCounts::default();
    count_words(split, text, &mut counts);
    counts.total() as usize
}

/// Count the words of a text as the library's pre-tokenizer cuts it; `written` is the text as it was normalised.
pub(crate) fn count_words_of_library(
    pre_tokenizer: &impl PreTokenizer,
    mut written: PreTokenizedString,
    counts: &mut WordCounts,
) -> Result<(), Error> {
    pre_tokenizer
        .pre_tokenize(&mut written)
        .map_err(Error::library("cannot cut a text into words"))?;
    for (word, _, _) in written.get_splits(OffsetReferential::Normalized, OffsetType::None) {
        if !word.is_empty() {
            counts.add(word, 1);
        }
    }
    Ok(())
}

/// What the characters of ASCII are for a split into words. The library keeps every character's origin, which takes several
/// times as long as the split; stretches of ASCII between spaces do not go that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ascii {
    /// Left out.
    Nothing,
    /// Words of several.
    Letter,
    /// Words of several, but not together with letters.
    Mark,
    /// Each a word of its own.
    MarkAlone,
}

/// Count the words of a stretch of ASCII without spaces, written in lower case if so asked; `word` is room for one.
pub(crate) fn count_ascii_words(
    stretch: &str,
    class: impl Fn(u8) -> Ascii,
    lowercase: bool,
    word: &mut String,
    counts: &mut WordCounts,
) {
    word.clear();
    let mut before = Ascii::Nothing;
    for byte in stretch.bytes() {
        let class = class(byte);
        if class == Ascii::Nothing {
            continue;
        }
        if (class != before || class == Ascii::MarkAlone) && !word.is_empty() {
            counts.add(word, 1);
            word.clear();
        }
        before = class;
        let byte = if lowercase {
            byte.to_ascii_lowercase()
        } else {
            byte
        };
        word.push(char::from(byte));
    }
    if !word.is_empty() {
        counts.add(word, 1);
    }
}

/// The split before words are written in the alphabet of bytes.
pub(crate) fn byte_level(split: Split) -> Result<PreTokenizerWrapper, Error> {
    if split == Split::Gpt2 {
        return Ok(ByteLevel::new(false, false, true).into());
    }
    let only_bytes = ByteLevel::new(false, false, false);
    Ok(Sequence::new(vec![by_pattern(split)?.into(), only_bytes.into()]).into())
}

/// The split before spaces are written as [`SPACE`].
pub(crate) fn metaspace(split: Split) -> Result<PreTokenizerWrapper, Error> {
    let only_spaces = Metaspace::new(SPACE, PrependScheme::Never, false);
    Ok(Sequence::new(vec![by_pattern(split)?.into(), only_spaces.into()]).into())
}

fn by_pattern(split: Split) -> Result<LibrarySplit, Error> {
    let pattern = SplitPattern::Regex(split.pattern().to_owned());
    LibrarySplit::new(pattern, SplitDelimiterBehavior::Isolated, false)
        .map_err(Error::library("cannot write the split of the tokenizer"))
}
