//! Which edit script a word takes that training did not see with its tag, or saw with several.

use super::script::Script;
use super::word::Word;
use crate::perceptron::{Model, Trainer, feature};

/// A word that has no tag.
pub(super) const UNTAGGED: u16 = u16::MAX;

/// Features of the word at `place` for the choice of its script. `near` are the forms before and after it: with them
/// comes the form itself, for words between whose own scripts is chosen. Without, since others would learn their form
/// by heart and nothing of its end.
pub(super) fn features(
    word: &Word<'_>,
    tags: &[u16],
    place: usize,
    near: Option<[u64; 2]>,
    to: &mut Vec<u64>,
) {
    let tag = |place: Option<usize>| {
        u64::from(
            place
                .and_then(|place| tags.get(place).copied())
                .unwrap_or(UNTAGGED),
        )
    };
    let own = tag(Some(place));
    let (before, after) = (tag(place.checked_sub(1)), tag(Some(place + 1)));
    let under = |value: u64| feature(own, value);
    to.clear();
    let mut add = |kind: u64, value: u64| to.push(feature(kind, value));
    add(200, own);
    for (kind, &end) in (201..).zip(&word.ends) {
        add(kind, under(end));
        add(kind + 10, end);
    }
    add(206, under(word.starts[0]));
    add(207, under(word.starts[1]));
    add(208, under(word.starts[2]));
    add(209, under(word.shape));
    add(210, feature(word.ends[4], under(word.starts[0])));
    add(217, under(word.end6));
    if let Some([form_before, form_after]) = near {
        let own = under(word.form);
        let values = [
            own,
            feature(own, before),
            feature(own, after),
            feature(own, word.shape),
            feature(own, form_before),
            feature(own, form_after),
            feature(feature(own, before), after),
            feature(own, tag(Some(place + 2))),
            feature(own, tag(place.checked_sub(2))),
        ];
        for (kind, value) in (220..).zip(values) {
            add(kind, value);
        }
    }
}

/// The form beside a word, or of none.
pub(super) const NO_FORM: u64 = 1;

/// Scripts whose lemmas are made and looked up.
const CANDIDATES: usize = 8;

/// The feature of a script whose lemma is one that the treebank has with this UPOS, by another form: *close* rather
/// than *clos* for *closest*.
fn known_feature(upos: u64) -> u64 {
    feature(240, upos)
}

/// The best scripts by their scores, at most [`CANDIDATES`] that fit the form: class, score with what is known of the
/// lemma, whether it is known, the lemma.
fn candidates(
    scripts: &[Script],
    scores: &mut [i32],
    known_scores: &[i32],
    form: &str,
    known: impl Fn(&str) -> bool,
) -> Vec<(u16, i32, bool, String)> {
    let mut found = Vec::with_capacity(CANDIDATES);
    for _ in 0..2 * CANDIDATES {
        let Some(class) = highest(scores) else {
            break;
        };
        let place = usize::from(class);
        let score = std::mem::replace(&mut scores[place], i32::MIN);
        if let Some(lemma) = scripts[place].apply(form) {
            let known = known(&lemma);
            let more = if known { known_scores[place] } else { 0 };
            found.push((class, score + more, known, lemma));
            if found.len() == CANDIDATES {
                break;
            }
        }
    }
    found
}

/// The first place of the highest score, if any is left.
fn highest(scores: &[i32]) -> Option<u16> {
    (0..)
        .zip(scores)
        .filter(|(_, score)| **score > i32::MIN)
        .max_by_key(|&(place, &score)| (score, std::cmp::Reverse(place)))
        .map(|(place, _): (u16, _)| place)
}

/// The lemma by the script of the highest score that fits the form; `known` tells whether the treebank has a lemma
/// with `upos`.
pub(super) fn choose(
    model: &Model,
    scripts: &[Script],
    features: &[u64],
    form: &str,
    upos: u64,
    known: impl Fn(&str) -> bool,
) -> Option<String> {
    let (mut scores, mut known_scores) = (Vec::new(), Vec::new());
    model.scores(features, &mut scores);
    model.scores(&[known_feature(upos)], &mut known_scores);
    candidates(scripts, &mut scores, &known_scores, form, known)
        .into_iter()
        .rev()
        .max_by_key(|(_, score, _, _)| *score)
        .map(|(_, _, _, lemma)| lemma)
}

/// One step of training for [`choose`].
pub(super) fn learn(
    trainer: &mut Trainer,
    scripts: &[Script],
    (features, truth): (&[u64], u16),
    form: &str,
    upos: u64,
    known: impl Fn(&str) -> bool,
) {
    let (mut scores, mut known_scores) = (Vec::new(), Vec::new());
    trainer.scores(features, &mut scores);
    trainer.scores(&[known_feature(upos)], &mut known_scores);
    let right = scores[usize::from(truth)];
    scores[usize::from(truth)] = i32::MIN;
    if let Some(lemma) = scripts[usize::from(truth)].apply(form) {
        let truth_known = known(&lemma);
        let right = right
            + if truth_known {
                known_scores[usize::from(truth)]
            } else {
                0
            };
        let rivals = candidates(scripts, &mut scores, &known_scores, form, known);
        // A script that makes the same lemma is no rival.
        let rival = rivals
            .into_iter()
            .filter(|(_, _, _, other)| *other != lemma)
            .rev()
            .max_by_key(|(_, score, _, _)| *score);
        if let Some((rival, score, rival_known, _)) = rival
            && right - score <= trainer.margin()
        {
            trainer.update(features, truth, rival);
            for (class, known, change) in [(truth, truth_known, 1), (rival, rival_known, -1)] {
                if known {
                    trainer.update_class(known_feature(upos), class, change);
                }
            }
        }
    }
    trainer.tick();
}
