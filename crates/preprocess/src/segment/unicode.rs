//! Sentences and words by the rules of Unicode (UAX #29), and words of scripts without spaces by dictionaries.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::Segments;

/// How words are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// By the rules alone.
    Rules,
    /// By the rules, and by a dictionary where they end.
    #[cfg(feature = "dictionaries")]
    Dictionary,
}

/// Segment one paragraph of a text.
pub(super) fn segment(text: &str, paragraph: Range<usize>, words: Words, segments: &mut Segments) {
    for (start, sentence) in text[paragraph.clone()].split_sentence_bound_indices() {
        let first = segments.tokens.len();
        let start = paragraph.start + start;
        match words {
            Words::Rules => {
                for (place, word) in sentence.split_word_bound_indices() {
                    push(word, start + place, &mut segments.tokens);
                }
            }
            #[cfg(feature = "dictionaries")]
            Words::Dictionary => {
                let segmenter = icu_segmenter::WordSegmenter::new_dictionary(Default::default());
                let mut before = 0;
                for border in segmenter.segment_str(sentence) {
                    push(
                        &sentence[before..border],
                        start + before,
                        &mut segments.tokens,
                    );
                    before = border;
                }
            }
        }
        let found = &segments.tokens[first..];
        if let (Some(one), Some(last)) = (found.first(), found.last()) {
            segments.sentences.push(one.start..last.end);
        }
    }
}

/// What a word's range holds besides white space; by the rules an accent may stand on a space.
fn push(word: &str, start: usize, tokens: &mut Vec<Range<usize>>) {
    for part in word.split_whitespace() {
        let place = start + (part.as_ptr() as usize - word.as_ptr() as usize);
        tokens.push(place..place + part.len());
    }
}
