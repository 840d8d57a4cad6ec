//! A trained segmenter at work.

use std::ops::Range;
#[cfg(feature = "english")]
use std::path::Path;
#[cfg(feature = "english")]
use std::sync::{Arc, LazyLock};

use super::Segments;
use super::decision::Decision;
use super::sentences::Ends;
use super::tokens::{Around, Chunk};

/// What training leaves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trained {
    /// As it was named.
    pub(super) language: String,
    /// Words that were met often.
    pub(super) words: Words,
    /// Whether a token begins at a place: class 1.
    pub(super) tokens: Decision,
    /// Whether a sentence begins at a token: class 1.
    pub(super) sentences: Decision,
}

/// What is known of words, by the upper halves of the hashes of their small letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Ascending.
    words: Vec<(u32, u8)>,
    /// Where the words of each of the 4096 upper 12 bits begin.
    starts: Vec<u32>,
}

/// Of a word's byte in [`Words`], the bit that says whether it is written in small letters too; the five bits below
/// are the part of speech that it mostly has.
pub(super) const SMALL: u8 = 0x20;

impl Words {
    pub(super) fn new(mut words: Vec<(u32, u8)>) -> Self {
        words.sort_unstable();
        words.dedup_by_key(|(word, _)| *word);
        let starts = (0..=4096)
            .map(|upper| words.partition_point(|(word, _)| word >> 20 < upper) as u32)
            .collect();
        Self { words, starts }
    }

    /// All of them, in ascending order.
    pub(super) fn words(&self) -> &[(u32, u8)] {
        &self.words
    }

    /// What is known of the word of a hash; 0 if nothing.
    #[inline]
    pub(super) fn get(&self, hash: u64) -> u8 {
        let word = (hash >> 32) as u32;
        let upper = (word >> 20) as usize;
        self.words[self.starts[upper] as usize..self.starts[upper + 1] as usize]
            .iter()
            .find(|(known, _)| *known == word)
            .map_or(0, |(_, what)| *what)
    }
}

impl Trained {
    /// The model that is built in, read once.
    #[cfg(feature = "english")]
    pub(super) fn english() -> Arc<Self> {
        static ENGLISH: LazyLock<Arc<Trained>> = LazyLock::new(|| {
            let bytes = include_bytes!("../../models/english.segmenter");
            let trained = super::file::read(bytes, Path::new("english.segmenter"));
            Arc::new(trained.expect("a test reads it"))
        });
        ENGLISH.clone()
    }

    /// Segment one paragraph of a text.
    pub(super) fn segment(&self, text: &str, paragraph: Range<usize>, segments: &mut Segments) {
        let first = segments.tokens.len();
        find_tokens(
            &self.tokens,
            &self.words,
            text,
            paragraph,
            &mut segments.tokens,
        );
        Ends::new(text, &segments.tokens[first..], &self.words)
            .find(&mut segments.sentences, |features, _| {
                self.sentences.is_yes(features)
            });
    }
}

/// The tokens of a paragraph, as a classifier finds them.
pub(super) fn find_tokens(
    model: &Decision,
    words: &Words,
    text: &str,
    paragraph: Range<usize>,
    tokens: &mut Vec<Range<usize>>,
) {
    cut(text, paragraph, words, tokens, |features, _| {
        model.is_yes(features)
    });
}

/// Cut a paragraph at white space, and what that leaves where `parts` says.
pub(super) fn cut(
    text: &str,
    paragraph: Range<usize>,
    words: &Words,
    tokens: &mut Vec<Range<usize>>,
    mut parts: impl FnMut(&[u64], usize) -> bool,
) {
    let offset = paragraph.start;
    let text = &text[paragraph];
    let start_of = |chunk: &str| chunk.as_ptr() as usize - text.as_ptr() as usize + offset;
    let mut chunks = text.split_whitespace();
    let mut work = Chunk::default();
    let mut before = "";
    let mut next = chunks.next();
    while let Some(chunk) = next {
        next = chunks.next();
        let around = Around {
            before,
            after: next.unwrap_or(""),
            words,
        };
        work.cut(chunk, start_of(chunk), around, tokens, &mut parts);
        before = chunk;
    }
}
