//! Which edit script a word takes that training did not see with its tag, or saw with several.

use super::script::Script;
use super::word::Word;
use crate::perceptron::{Model, feature};

/// A word that has no tag.
pub(super) const UNTAGGED: u16 = u16::MAX;

/// Features of a word for the choice of its script. `identity` adds the form itself: for forms between whose own
/// scripts is chosen. With it, others would learn their form by heart and nothing of its end.
pub(super) fn features(
    words: &[Word<'_>],
    tags: &[u16],
    place: usize,
    identity: bool,
    to: &mut Vec<u64>,
) {
    let word = &words[place];
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
    if identity {
        let own = under(word.form);
        add(220, own);
        add(221, feature(own, before));
        add(222, feature(own, after));
        add(223, feature(own, word.shape));
        let near = |place: Option<usize>| {
            place
                .and_then(|place| words.get(place))
                .map_or(1, |word| word.form)
        };
        add(224, feature(own, near(place.checked_sub(1))));
        add(225, feature(own, near(Some(place + 1))));
        add(226, feature(feature(own, before), after));
        add(227, feature(own, tag(Some(place + 2))));
        add(228, feature(own, tag(place.checked_sub(2))));
    }
}


/// The script of the highest score that fits the form, and what it makes of it.
pub(super) fn choose(
    model: &Model,
    scripts: &[Script],
    features: &[u64],
    form: &str,
    scores: &mut Vec<i32>,
) -> Option<String> {
    model.scores(features, scores);
    loop {
        let (best, &score) = scores
            .iter()
            .enumerate()
            .max_by_key(|&(place, &score)| (score, std::cmp::Reverse(place)))?;
        if score == i32::MIN {
            return None;
        }
        if let Some(lemma) = scripts[best].apply(form) {
            return Some(lemma);
        }
        scores[best] = i32::MIN;
    }
}
