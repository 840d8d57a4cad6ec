//! Training on a treebank.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::decision::Decision;
use super::sentences::Ends;
use super::tokens::{in_small_letters, lower_hash};
use super::trained::{SMALL, Trained, Words, cut, find_tokens};
use super::{Gold, Segmenter};
use crate::perceptron::{self, Trainer, shuffle};

/// How a segmenter is trained. The defaults were found on the development split of UD English-EWT.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Passes over the treebank and the weights, of the classifier of token borders.
    pub tokens: perceptron::Settings,
    /// The same of the classifier of sentence ends.
    pub sentences: perceptron::Settings,
    /// How often a word must stand in small letters for the segmenter to know that it is written so.
    pub known_from: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tokens: perceptron::Settings::default(),
            sentences: perceptron::Settings {
                passes: 10,
                margin: 10,
                ..perceptron::Settings::default()
            },
            known_from: 2,
        }
    }
}

/// Train a segmenter on the paragraphs of a treebank. The same paragraphs and settings give the same segmenter, bit for
/// bit, on every machine. Of a treebank without paragraphs comes one that never parts anything but at white space.
pub fn train(language: &str, gold: &[Gold], settings: &Settings) -> Segmenter {
    let words = words_of(gold, settings.known_from);
    let all: Vec<usize> = (0..gold.len()).collect();
    let tokens = train_tokens(gold, all.clone(), &words, settings);
    // Sentence ends are learnt behind tokens as they will be found, by classifiers that have not seen the paragraph.
    let mut found: Vec<Vec<Range<usize>>> = vec![Vec::new(); gold.len()];
    for fold in 0..FOLDS {
        let (inside, outside) = all
            .iter()
            .partition(|&&paragraph| paragraph / BLOCK % FOLDS == fold);
        let inside: Vec<usize> = inside;
        let model = train_tokens(gold, outside, &words, settings);
        for paragraph in inside {
            let text = &gold[paragraph].text;
            find_tokens(&model, &words, text, 0..text.len(), &mut found[paragraph]);
        }
    }
    let mut sentences = Trainer::new(2, &settings.sentences);
    let mut order = all;
    for pass in 0..settings.sentences.passes {
        shuffle(
            &mut order,
            settings.sentences.seed.wrapping_add(pass as u64),
        );
        for &paragraph in &order {
            learn_sentences(&mut sentences, &gold[paragraph], &found[paragraph], &words);
        }
    }
    Segmenter::trained(Arc::new(Trained {
        language: language.to_owned(),
        words,
        tokens,
        sentences: Decision::new(sentences.finish()),
    }))
}

/// Parts of the treebank, each of which is cut into tokens by a classifier that was trained on the others.
const FOLDS: usize = 4;
/// Paragraphs that stay together in a part: neighbours are of one text.
const BLOCK: usize = 20;

fn train_tokens(
    gold: &[Gold],
    mut order: Vec<usize>,
    words: &Words,
    settings: &Settings,
) -> Decision {
    let mut trainer = Trainer::new(2, &settings.tokens);
    for pass in 0..settings.tokens.passes {
        shuffle(&mut order, settings.tokens.seed.wrapping_add(pass as u64));
        for &paragraph in &order {
            learn_tokens(&mut trainer, &gold[paragraph], words);
        }
    }
    Decision::new(trainer.finish())
}

/// What the treebank says of words that it has `from` times or oftener.
fn words_of(gold: &[Gold], from: usize) -> Words {
    // Of each word: how often it stands in small letters, and how often with each part of speech.
    let mut counts: BTreeMap<u32, (usize, [usize; 32])> = BTreeMap::new();
    for paragraph in gold {
        for (token, tag) in paragraph.segments.tokens.iter().zip(&paragraph.tags) {
            let form = &paragraph.text[token.clone()];
            let (small, tags) = counts.entry((lower_hash(form) >> 32) as u32).or_default();
            *small += usize::from(in_small_letters(form));
            tags[usize::from(*tag)] += 1;
        }
    }
    let often = counts
        .into_iter()
        .filter(|(_, (_, tags))| tags.iter().sum::<usize>() >= from);
    let known = often.map(|(word, (small, tags))| {
        let most = tags.iter().copied().max().unwrap_or(0);
        let tag = tags.iter().position(|count| *count == most).unwrap_or(0) as u8;
        (word, tag | if small >= from { SMALL } else { 0 })
    });
    Words::new(known.collect())
}

/// One pass over a paragraph. The next question is put as if this one had been answered rightly.
fn learn_tokens(trainer: &mut Trainer, gold: &Gold, words: &Words) {
    let mut starts = gold
        .segments
        .tokens
        .iter()
        .map(|token| token.start)
        .peekable();
    let all = 0..gold.text.len();
    cut(
        &gold.text,
        all,
        words,
        &mut Vec::new(),
        |features, place| {
            while starts.next_if(|start| *start < place).is_some() {}
            let truth = starts.peek() == Some(&place);
            trainer.learn(features, u16::from(truth));
            truth
        },
    );
}

fn learn_sentences(trainer: &mut Trainer, gold: &Gold, tokens: &[Range<usize>], words: &Words) {
    let mut starts = gold
        .segments
        .sentences
        .iter()
        .map(|sentence| sentence.start)
        .peekable();
    Ends::new(&gold.text, tokens, words).find(&mut Vec::new(), |features, next| {
        let place = tokens[next].start;
        while starts.next_if(|start| *start < place).is_some() {}
        let truth = starts.peek() == Some(&place);
        trainer.learn(features, u16::from(truth));
        truth
    });
}
