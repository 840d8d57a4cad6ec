//! What each step did to the texts.

use std::collections::HashSet;
use std::fmt;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Pass;
use super::count::for_each_batch;
use super::parts::{Part, parts};
use super::rule::Rule;
use crate::Error;

/// Text that is looked at, from the beginning of the training documents.
const REPORT_BYTES: usize = 64 << 20;

/// Sizes before any step and after each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreprocessingReport {
    /// The text as it came, then as each step left it.
    pub rows: Vec<ReportRow>,
}

/// The sizes of the looked-at texts at one point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The step's kind, or `text`.
    pub after: String,
    /// UTF-8 bytes.
    pub bytes: u64,
    /// Words (Unicode Standard Annex 29) and names like `<url>`.
    pub words: u64,
    /// Different words among them.
    pub distinct_words: u64,
}

impl fmt::Display for PreprocessingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<12} {:>14} {:>14} {:>14}",
            "after", "bytes", "words", "distinct words"
        )?;
        for row in &self.rows {
            write!(
                f,
                "\n{:<12} {:>14} {:>14} {:>14}",
                row.after, row.bytes, row.words, row.distinct_words
            )?;
        }
        Ok(())
    }
}

/// Measure the texts of a pass, at most [`REPORT_BYTES`] of them, before and after each rule. A rule goes by the name of
/// its step; a step may be several rules, which are measured together.
pub(crate) fn measure(
    pass: Pass<'_>,
    rules: &[Rule],
    steps: &[(&'static str, usize)],
) -> Result<PreprocessingReport, Error> {
    let points = steps.len() + 1;
    let mut rows: Vec<ReportRow> = std::iter::once("text")
        .chain(steps.iter().map(|(kind, _)| *kind))
        .map(|after| ReportRow {
            after: after.to_owned(),
            ..ReportRow::default()
        })
        .collect();
    let mut seen: Vec<HashSet<u64>> = vec![HashSet::new(); points];
    let mut left = REPORT_BYTES;
    let pass = pass.take_while(|text| {
        let go_on = left > 0;
        left = left.saturating_sub(text.as_ref().map_or(0, String::len));
        go_on
    });
    for_each_batch(Box::new(pass), |texts| {
        let measured: Vec<Vec<Point>> = texts
            .par_iter()
            .map(|text| points_of(text, rules, steps))
            .collect();
        for point in measured {
            for ((row, seen), point) in rows.iter_mut().zip(&mut seen).zip(point) {
                row.bytes += point.bytes;
                row.words += point.words;
                seen.extend(point.distinct);
            }
        }
    })?;
    for (row, seen) in rows.iter_mut().zip(seen) {
        row.distinct_words = seen.len() as u64;
    }
    Ok(PreprocessingReport { rows })
}

struct Point {
    bytes: u64,
    words: u64,
    /// Hashes of the words: 64 bits, of which two words share one once in many billions of pairs.
    distinct: HashSet<u64>,
}

fn points_of(text: &str, rules: &[Rule], steps: &[(&'static str, usize)]) -> Vec<Point> {
    let mut rules = rules.iter();
    let mut text = text.to_owned();
    let mut points = vec![point(&text)];
    for (_, count) in steps {
        for rule in rules.by_ref().take(*count) {
            text = rule.apply(&text).into_owned();
        }
        points.push(point(&text));
    }
    points
}

fn point(text: &str) -> Point {
    let mut point = Point {
        bytes: text.len() as u64,
        words: 0,
        distinct: HashSet::new(),
    };
    for part in parts(text) {
        if let Part::Word(word) | Part::Name(word) = part {
            point.words += 1;
            let hash = blake3::hash(word.as_bytes());
            let first: [u8; 8] = hash.as_bytes()[..8].try_into().unwrap_or_default();
            point.distinct.insert(u64::from_le_bytes(first));
        }
    }
    point
}
