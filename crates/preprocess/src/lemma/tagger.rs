//! Parts of speech: two averaged perceptrons, one after the other.
//!
//! The first goes from left to right and sees the words around and the tags it gave to those before. The second goes
//! from left to right again and sees what the first said of the words that follow too. It is trained on what the first
//! says of sentences that it was not trained on (stacking: Cohen and Carvalho 2005, "Stacked sequential learning").

use rayon::prelude::*;

use super::word::Word;
use crate::perceptron::{Broken, Model, Settings, Trainer, Values, feature, shuffle};

/// Words and their right tags.
pub(super) type Tagged<'a> = (Vec<Word<'a>>, Vec<u16>);

/// Sentences by their place, and the tags that were drafted for them.
type Drafts = Vec<(usize, Vec<u16>)>;

/// A trained tagger.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tagger {
    first: Model,
    second: Model,
}

/// Room that is used again from sentence to sentence.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    features: Vec<u64>,
    scores: Vec<i32>,
    drafts: Vec<u16>,
}

/// Tags before the first and behind the last word.
const OUTSIDE: u16 = u16::MAX;

/// Parts of the training data that the first tagger is in turn kept from.
const FOLDS: usize = 5;

impl Tagger {
    /// The tag of each word, into `tags`; those that are given in `allowed` (by place) are chosen among those.
    pub(super) fn tag(
        &self,
        words: &[Word<'_>],
        allowed: Option<&dyn Fn(usize) -> Option<Vec<u16>>>,
        scratch: &mut Scratch,
        tags: &mut Vec<u16>,
    ) {
        let mut drafts = std::mem::take(&mut scratch.drafts);
        drafts.clear();
        for (model, second) in [(&self.first, false), (&self.second, true)] {
            tags.clear();
            for (place, word) in words.iter().enumerate() {
                let among = allowed.and_then(|allowed| allowed(place));
                if let (None, Some(tag)) = (&among, word.fixed()) {
                    tags.push(tag);
                    continue;
                }
                features(
                    words,
                    tags,
                    second.then_some(&drafts),
                    place,
                    &mut scratch.features,
                );
                model.scores(&scratch.features, &mut scratch.scores);
                tags.push(choose(&scratch.scores, among));
            }
            if !second {
                drafts.extend_from_slice(tags);
            }
        }
        scratch.drafts = drafts;
    }

    /// Train both. The result is the same for any number of threads.
    pub(super) fn train(sentences: &[Tagged<'_>], tags: u16, settings: &Settings) -> Self {
        let all: Vec<usize> = (0..sentences.len()).collect();
        let fold = |sentence: usize| sentence * FOLDS / sentences.len().max(1);
        // Job 0 is the first tagger itself, the others draft the tags of one part each.
        let jobs: Vec<(Model, Drafts)> = (0..=FOLDS)
            .into_par_iter()
            .map(|job| {
                let part: Vec<usize> = all
                    .iter()
                    .copied()
                    .filter(|&sentence| job == 0 || fold(sentence) != job - 1)
                    .collect();
                let model = pass(sentences, &part, None, tags, settings);
                let mut drafts = Vec::new();
                let mut scratch = Scratch::default();
                for &sentence in &all {
                    if job > 0 && fold(sentence) == job - 1 {
                        let words = &sentences[sentence].0;
                        let mut draft: Vec<u16> = Vec::with_capacity(words.len());
                        for (place, word) in words.iter().enumerate() {
                            if let Some(tag) = word.fixed() {
                                draft.push(tag);
                                continue;
                            }
                            features(words, &draft, None, place, &mut scratch.features);
                            model.scores(&scratch.features, &mut scratch.scores);
                            draft.push(choose(&scratch.scores, None));
                        }
                        drafts.push((sentence, draft));
                    }
                }
                (model, drafts)
            })
            .collect();
        let mut drafts = vec![Vec::new(); sentences.len()];
        let mut first = None;
        for (job, (model, parts)) in jobs.into_iter().enumerate() {
            for (sentence, draft) in parts {
                drafts[sentence] = draft;
            }
            if job == 0 {
                first = Some(model);
            }
        }
        let second = pass(sentences, &all, Some(&drafts), tags, settings);
        Self {
            first: first.unwrap_or_else(|| second.clone()),
            second,
        }
    }

    /// Number of weights of both.
    pub(super) fn weights(&self) -> usize {
        self.first.weights() + self.second.weights()
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        self.first.write(to);
        self.second.write(to);
    }

    pub(super) fn read(from: &mut Values<'_>, tags: usize) -> Result<Self, Broken> {
        let (first, second) = (Model::read(from)?, Model::read(from)?);
        if first.classes() as usize != tags || second.classes() as usize != tags {
            return Err(from.broken("a tagger for the tags of this model"));
        }
        Ok(Self { first, second })
    }
}

/// Train one of the two on some sentences.
fn pass(
    sentences: &[Tagged<'_>],
    part: &[usize],
    drafts: Option<&[Vec<u16>]>,
    tags: u16,
    settings: &Settings,
) -> Model {
    let mut trainer = Trainer::new(tags, settings);
    let mut order = part.to_vec();
    let mut found = Vec::new();
    let mut guesses = Vec::new();
    for round in 0..settings.passes {
        shuffle(&mut order, settings.seed.wrapping_add(round as u64));
        for &sentence in &order {
            let (words, truth) = &sentences[sentence];
            guesses.clear();
            for (place, word) in words.iter().enumerate() {
                if let Some(tag) = word.fixed() {
                    guesses.push(tag);
                    continue;
                }
                let drafts = drafts.map(|drafts| &drafts[sentence]);
                features(words, &guesses, drafts, place, &mut found);
                guesses.push(trainer.learn(&found, truth[place]));
            }
        }
    }
    trainer.finish()
}

/// The class with the highest score, among those given; the first of several.
fn choose(scores: &[i32], among: Option<Vec<u16>>) -> u16 {
    match among {
        Some(among) if !among.is_empty() => {
            let score = |class: u16| scores.get(usize::from(class)).copied();
            among
                .into_iter()
                .reduce(|best, class| {
                    if score(class) > score(best) {
                        class
                    } else {
                        best
                    }
                })
                .unwrap_or(0)
        }
        _ => {
            // Two plain passes, which the compiler makes quick.
            let highest = scores.iter().copied().fold(i32::MIN, i32::max);
            scores
                .iter()
                .position(|&score| score == highest)
                .unwrap_or(0) as u16
        }
    }
}

/// The features of a word. `tags` are those given to the words before; `drafts` what the first tagger gave to all.
fn features(
    words: &[Word<'_>],
    tags: &[u16],
    drafts: Option<&Vec<u16>>,
    place: usize,
    to: &mut Vec<u64>,
) {
    let word = &words[place];
    let near = |offset: isize| {
        place
            .checked_add_signed(offset)
            .and_then(|place| words.get(place))
    };
    let form = |offset| near(offset).map_or(1, |word| word.form);
    let class = |offset| near(offset).map_or(1, |word| word.class);
    let shape = |offset| near(offset).map_or(1, |word| word.shape);
    let end = |offset| near(offset).map_or(1, |word| word.ends[2]);
    let tag = |back: usize| {
        u64::from(
            place
                .checked_sub(back)
                .and_then(|place| tags.get(place))
                .map_or(OUTSIDE, |&tag| tag),
        )
    };
    let pair = |a: u64, b: u64| feature(a, b);
    let first = u64::from(place == 0);
    to.clear();
    let mut add = |kind: u64, values: &[u64]| {
        to.extend(
            (kind..)
                .zip(values)
                .map(|(kind, &value)| feature(kind, value)),
        );
    };
    add(
        0,
        &[
            word.form,
            pair(word.exact, first),
            word.class,
            pair(word.class, word.shape),
            word.ends[1],
            word.ends[2],
            word.ends[3],
            pair(word.ends[2], word.shape),
            word.starts[2],
            form(-1),
            form(1),
            class(1),
            class(2),
            pair(word.class, class(1)),
            pair(form(-1), word.form),
            pair(word.form, form(1)),
            tag(1),
            pair(tag(1), tag(2)),
            pair(tag(1), word.form),
            pair(tag(1), word.class),
            pair(tag(1), word.ends[2]),
            pair(pair(tag(1), word.class), class(1)),
            pair(word.shape, first),
        ],
    );
    let Some(drafts) = drafts else {
        return;
    };
    let draft = |offset: isize| {
        u64::from(
            place
                .checked_add_signed(offset)
                .and_then(|place| drafts.get(place))
                .map_or(OUTSIDE, |&tag| tag),
        )
    };
    add(
        50,
        &[
            word.ends[0],
            word.ends[4],
            word.starts[0],
            word.starts[1],
            word.starts[3],
            form(-2),
            form(2),
            shape(1),
            shape(-1),
            end(1),
            end(-1),
            pair(pair(tag(1), tag(2)), word.class),
            draft(0),
            draft(1),
            pair(draft(1), draft(2)),
            pair(draft(1), word.form),
            pair(draft(1), word.class),
            pair(draft(1), word.ends[2]),
            pair(tag(1), draft(1)),
            pair(pair(tag(1), draft(1)), word.class),
            pair(pair(tag(1), draft(1)), word.ends[2]),
            pair(pair(tag(1), tag(2)), draft(1)),
            pair(pair(tag(1), draft(2)), draft(1)),
            pair(draft(1), form(1)),
            pair(tag(1), form(-1)),
            pair(draft(0), word.form),
            pair(pair(tag(2), tag(3)), tag(1)),
        ],
    );
}
