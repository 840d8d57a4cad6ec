//! The built-in way to tell a language: its script, then, where several languages share that, trigrams and letters.
//!
//! The method and its numbers are those of the crate whatlang 0.18, to the last bit of the confidence; the tests compare them. What
//! is different is how the profiles are searched: whatlang looks up all 300 trigrams of every language in a table of the text's,
//! and here each of the text's is looked up once in a table of all profiles.

use std::cmp::Reverse;

use super::profiles::{Agreement, LANES, Profiles};
use super::script::{Census, Languages};

/// A language that a text seems to be in.
pub(super) struct Found {
    /// ISO 639-3.
    pub(super) language: &'static str,
    /// From 0 to 1: how far it is ahead of the next.
    pub(super) confidence: f64,
}

/// The most likely language; none for a text without letters.
pub(super) fn detect(text: &str) -> Option<Found> {
    let census = Census::of(text);
    let script = census.main()?;
    let (language, confidence) = match script.languages {
        Languages::One(language) => (language, 1.0),
        Languages::ChineseOrJapanese => chinese_or_japanese(&census),
        Languages::Several => {
            let profiles = Profiles::of(script.code)?;
            let (number, confidence) = closest(&profiles.compare(text), profiles.languages.len())?;
            (profiles.languages[number], confidence)
        }
    };
    Some(Found {
        language,
        confidence,
    })
}

/// By the share of kana.
fn chinese_or_japanese(census: &Census) -> (&'static str, f64) {
    let kana = census.count("Kana") + census.count("Hira");
    let share = kana as f64 / (census.count("Hani") + kana) as f64;
    match share {
        _ if share > 0.2 => ("jpn", 1.0),
        _ if share > 0.05 => ("jpn", 0.5),
        _ if share > 0.02 => ("cmn", 0.5),
        _ => ("cmn", 1.0),
    }
}

/// The number of the language that agrees best, and the confidence.
fn closest(agreement: &Agreement, languages: usize) -> Option<(usize, f64)> {
    // Letters count for 2/3 in an empty text, for 1/3 from 100 letters on.
    let letters = (-(agreement.letters as f64 / 300.0) + 2.0 / 3.0).clamp(1.0 / 3.0, 2.0 / 3.0);
    let scores: [f64; LANES] = std::array::from_fn(|number| {
        let of_letters = f64::from(agreement.by_letters[number]) / agreement.letters as f64;
        of_letters * letters + agreement.by_trigrams[number] * (1.0 - letters)
    });
    let scores = scores.get(..languages)?;

    let best = scores.iter().copied().fold(0.0, f64::max);
    let mut equals = (0..languages).filter(|&number| scores[number] == best);
    let first = equals.next()?;
    let (first, second) = match equals.next() {
        Some(_) => (first_of_equals(agreement, scores), best),
        None => {
            let others = (0..languages).filter(|&number| number != first);
            (
                first,
                others.map(|number| scores[number]).fold(0.0, f64::max),
            )
        }
    };
    Some((first, confidence(best, second, agreement.trigrams)))
}

/// Which of the languages with the same, highest score whatlang names, which sorts them twice by the library's unstable sort: by
/// their letters, then by their scores.
fn first_of_equals(agreement: &Agreement, scores: &[f64]) -> usize {
    let letters = |number: u8| agreement.by_letters[usize::from(number)] as usize;
    let mut by_letters: Vec<(u8, usize)> = (0..scores.len() as u8)
        .map(|number| (number, letters(number)))
        .collect();
    by_letters.sort_unstable_by_key(|&(_, letters)| Reverse(letters));
    let mut by_score: Vec<(u8, f64)> = by_letters
        .into_iter()
        .map(|(number, _)| (number, scores[usize::from(number)]))
        .collect();
    by_score.sort_unstable_by(|left, right| right.1.total_cmp(&left.1));
    usize::from(by_score[0].0)
}

/// How sure it is that the language with the highest score is right: 1 where it is ahead by a share that is smaller for more
/// trigrams, else in proportion to that.
fn confidence(best: f64, second: f64, trigrams: usize) -> f64 {
    if best == 0.0 {
        return 0.0;
    }
    if second == 0.0 {
        return best;
    }
    let ahead = (best - second) / second;
    let enough = 3.0 / trigrams as f64 + 0.015;
    if ahead > enough { 1.0 } else { ahead / enough }
}
