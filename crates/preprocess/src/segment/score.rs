//! Agreement with a treebank: F1 of exact spans, as in the CoNLL 2018 shared task (Zeman et al. 2018).

use std::ops::Range;

use super::{Gold, Segmenter};

/// Spans that agree, that were found, and that are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In both.
    pub agreeing: u64,
    /// In the segmenter's answer.
    pub found: u64,
    /// In the treebank.
    pub gold: u64,
}

impl Counts {
    /// Share of the found spans that are right, 0 to 1.
    pub fn precision(&self) -> f64 {
        share(self.agreeing, self.found)
    }

    /// Share of the right spans that were found, 0 to 1.
    pub fn recall(&self) -> f64 {
        share(self.agreeing, self.gold)
    }

    /// Harmonic mean of both, 0 to 1.
    pub fn f1(&self) -> f64 {
        share(2 * self.agreeing, self.found + self.gold)
    }

    pub(super) fn add(&mut self, found: &[Range<usize>], gold: &[Range<usize>]) {
        self.found += found.len() as u64;
        self.gold += gold.len() as u64;
        let mut rest = gold.iter().peekable();
        for span in found {
            while rest.next_if(|other| other.start < span.start).is_some() {}
            self.agreeing += u64::from(rest.peek() == Some(&span));
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// How well a segmenter agrees with a treebank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Of sentences.
    pub sentences: Counts,
    /// Of surface tokens.
    pub tokens: Counts,
}

pub(super) fn score(segmenter: &Segmenter, gold: &[Gold]) -> Score {
    let mut score = Score::default();
    for paragraph in gold {
        let found = segmenter.segment(&paragraph.text);
        score
            .sentences
            .add(&found.sentences, &paragraph.segments.sentences);
        score.tokens.add(&found.tokens, &paragraph.segments.tokens);
    }
    score
}
