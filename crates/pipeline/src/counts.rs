//! What a prepared split holds.

use kiln_tokens::Scale;
use serde::{Deserialize, Serialize};

/// How much a split holds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitCounts {
    /// Documents; a long text is as many as it was stored in pieces.
    pub documents: u64,
    /// UTF-8 bytes of their texts.
    pub bytes: u64,
    /// Unicode scalar values of their texts.
    pub characters: u64,
    /// Tokens, separators between documents included.
    pub tokens: u64,
    /// Examples that were cut to the context length.
    pub cut_examples: u64,
    /// Documents without any token, which are no examples.
    pub skipped_examples: u64,
    /// Sum of -log p of all documents under the process that generated them, if it is known of every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nats: Option<f64>,
}

impl Default for SplitCounts {
    /// Nothing: of no documents, everything is known.
    fn default() -> Self {
        Self {
            documents: 0,
            bytes: 0,
            characters: 0,
            tokens: 0,
            cut_examples: 0,
            skipped_examples: 0,
            nats: Some(0.0),
        }
    }
}

impl std::ops::AddAssign for SplitCounts {
    fn add_assign(&mut self, more: Self) {
        self.documents += more.documents;
        self.bytes += more.bytes;
        self.characters += more.characters;
        self.tokens += more.tokens;
        self.cut_examples += more.cut_examples;
        self.skipped_examples += more.skipped_examples;
        self.nats = self.nats.zip(more.nats).map(|(one, other)| one + other);
    }
}

/// Mean and squared deviations of columns of numbers, gathered one row at a time (Welford 1962).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moments {
    rows: u64,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    pub(crate) fn add(&mut self, row: &[f64]) {
        let one = Self {
            rows: 1,
            means: row.to_vec(),
            squares: vec![0.0; row.len()],
        };
        self.merge(&one);
    }

    /// Chan, Golub and LeVeque 1979, equation 2.1.
    pub(crate) fn merge(&mut self, more: &Self) {
        if self.rows == 0 {
            self.clone_from(more);
            return;
        }
        let (here, there) = (self.rows as f64, more.rows as f64);
        let rows = here + there;
        for (column, (mean, squares)) in self.means.iter_mut().zip(&mut self.squares).enumerate() {
            let (Some(other), Some(other_squares)) =
                (more.means.get(column), more.squares.get(column))
            else {
                continue;
            };
            let distance = other - *mean;
            *mean += distance * there / rows;
            *squares += other_squares + distance * distance * here * there / rows;
        }
        self.rows += more.rows;
    }

    pub(crate) fn scales(&self) -> Vec<Scale> {
        let scale = |(mean, squares): (&f64, &f64)| {
            let deviation = (squares / self.rows as f64).sqrt();
            Scale {
                mean: *mean,
                standard_deviation: if deviation > 0.0 { deviation } else { 1.0 },
            }
        };
        self.means.iter().zip(&self.squares).map(scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_moments_are_those_of_all_rows() {
        // Mean 5 and standard deviation 2 of these numbers are the textbook example.
        let numbers = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        for cut in 0..=numbers.len() {
            let mut parts = [Moments::default(), Moments::default()];
            for (index, number) in numbers.into_iter().enumerate() {
                parts[usize::from(index >= cut)].add(&[number, 3.0]);
            }
            let [mut all, rest] = parts;
            if rest.rows > 0 {
                all.merge(&rest);
            }
            let [first, second] = all.scales()[..] else {
                panic!()
            };
            assert!(
                (first.mean - 5.0).abs() < 1e-12 && (first.standard_deviation - 2.0).abs() < 1e-12
            );
            assert_eq!((second.mean, second.standard_deviation), (3.0, 1.0));
        }
    }

    #[test]
    fn what_one_document_does_not_know_the_split_does_not_know() {
        let known = SplitCounts {
            documents: 1,
            nats: Some(2.5),
            ..SplitCounts::default()
        };
        let mut all = SplitCounts::default();
        all += known;
        all += known;
        assert_eq!((all.documents, all.nats), (2, Some(5.0)));
        all += SplitCounts {
            nats: None,
            ..known
        };
        all += known;
        assert_eq!((all.documents, all.nats), (4, None));
    }
}
