//! Paragraphs of a treebank, with their sentences and tokens.

use std::io::BufRead;
use std::ops::Range;

use kiln_text::Error;

use super::Segments;
use crate::conllu::Reader;

/// A paragraph as a treebank has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gold {
    /// Its text, put together again from the tokens and their `SpaceAfter=No`, with one space elsewhere.
    pub text: String,
    /// Its sentences and surface tokens (multiword tokens whole), in bytes.
    pub segments: Segments,
    /// Part of speech of each token, a place in [`TAGS`]; of a multiword token that of its first word.
    pub(super) tags: Vec<u8>,
}

/// The universal parts of speech. What is none of them, or is not marked, counts as the first.
const TAGS: [&str; 18] = [
    "_", "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON",
    "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
];

/// All paragraphs of a CoNLL-U file. They begin at `# newpar` and `# newdoc`; where a file has neither, every ten
/// sentences make one, so that what stands at the end of a text is not all that is seen of sentence ends.
///
/// # Errors
/// The file cannot be read or is no CoNLL-U.
pub fn read_gold<R: BufRead>(reader: Reader<R>) -> Result<Vec<Gold>, Error> {
    let mut sentences = Vec::new();
    let mut marked = false;
    for sentence in reader {
        let sentence = sentence?;
        let begins = sentence.begins_paragraph();
        marked |= begins;
        let tags: Vec<&str> = sentence.words().map(|word| word.upos()).collect();
        let mut words = tags.into_iter();
        let tokens: Vec<Token> = sentence
            .tokens()
            .map(|token| {
                let tag = words.next().unwrap_or_default();
                words.by_ref().take(token.words - 1).for_each(drop);
                Token {
                    form: token.row.form().to_owned(),
                    space_after: token.row.space_after(),
                    tag: TAGS.iter().position(|known| *known == tag).unwrap_or(0) as u8,
                }
            })
            .collect();
        if !tokens.is_empty() {
            sentences.push((begins, tokens));
        }
    }
    let mut paragraphs: Vec<Gold> = Vec::new();
    for (number, (begins, tokens)) in sentences.into_iter().enumerate() {
        let begins = if marked {
            begins
        } else {
            number % UNMARKED == 0
        };
        match paragraphs.last_mut() {
            Some(paragraph) if !begins => paragraph.push(&tokens),
            _ => {
                let mut paragraph = Gold::default();
                paragraph.push(&tokens);
                paragraphs.push(paragraph);
            }
        }
    }
    for paragraph in &mut paragraphs {
        paragraph.text.truncate(paragraph.text.trim_end().len());
    }
    Ok(paragraphs)
}

/// Sentences of a paragraph where the treebank marks none.
const UNMARKED: usize = 10;

/// A surface token on its way into a paragraph.
struct Token {
    form: String,
    space_after: bool,
    tag: u8,
}

impl Gold {
    fn push(&mut self, tokens: &[Token]) {
        let mut sentence: Option<Range<usize>> = None;
        for token in tokens {
            let start = self.text.len();
            self.text.push_str(&token.form);
            let end = self.text.len();
            self.segments.tokens.push(start..end);
            sentence = Some(sentence.map_or(start, |range| range.start)..end);
            self.tags.push(token.tag);
            if token.space_after {
                self.text.push(' ');
            }
        }
        self.segments.sentences.extend(sentence);
    }
}
