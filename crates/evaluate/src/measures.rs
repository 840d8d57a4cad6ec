//! Measures of answers against what was expected.

use kiln_learn::Measures;

/// Accuracy and macro-averaged F1 of class numbers. A class that was neither expected nor chosen does not count in the average.
///
/// # Panics
/// If a number is not below `classes`.
pub fn classification(expected: &[i64], chosen: &[i64], classes: usize) -> Measures {
    /// Rows of a class that were expected, chosen, and both.
    #[derive(Clone, Copy, Default)]
    struct Counts {
        expected: u64,
        chosen: u64,
        both: u64,
    }
    let mut counts = vec![Counts::default(); classes];
    let mut right = 0u64;
    for (&expected, &chosen) in expected.iter().zip(chosen) {
        counts[expected as usize].expected += 1;
        counts[chosen as usize].chosen += 1;
        if expected == chosen {
            counts[expected as usize].both += 1;
            right += 1;
        }
    }
    let scores: Vec<f64> = counts
        .iter()
        .filter(|count| count.expected + count.chosen > 0)
        .map(|count| 2.0 * count.both as f64 / (count.expected + count.chosen) as f64)
        .collect();
    vec![
        (
            "accuracy".to_owned(),
            right as f64 / expected.len().max(1) as f64,
        ),
        (
            "f1_macro".to_owned(),
            scores.iter().sum::<f64>() / scores.len().max(1) as f64,
        ),
    ]
}

/// Mean squared error, mean absolute error, Pearson's correlation and the share of variance explained, for each number in turn. With
/// more than one number in a row their names end in `_0`, `_1` and so on.
pub fn regression(expected: &[Vec<f64>], predicted: &[Vec<f64>]) -> Measures {
    let width = expected.first().map_or(0, Vec::len);
    (0..width)
        .flat_map(|index| {
            let column =
                |rows: &[Vec<f64>]| -> Vec<f64> { rows.iter().map(|row| row[index]).collect() };
            let suffix = if width == 1 {
                String::new()
            } else {
                format!("_{index}")
            };
            one_number(&column(expected), &column(predicted))
                .map(|(name, value)| (format!("{name}{suffix}"), value))
        })
        .collect()
}

fn one_number(expected: &[f64], predicted: &[f64]) -> [(&'static str, f64); 4] {
    let count = expected.len().max(1) as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (centre, guess) = (mean(expected), mean(predicted));
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        expected
            .iter()
            .zip(predicted)
            .map(|(&e, &p)| of(e, p))
            .sum()
    };
    let squared = sum(&|e, p| (e - p).powi(2));
    let spread = sum(&|e, _| (e - centre).powi(2));
    let wander = sum(&|_, p| (p - guess).powi(2));
    let together = sum(&|e, p| (e - centre) * (p - guess));
    [
        ("mean_squared_error", squared / count),
        ("mean_absolute_error", sum(&|e, p| (e - p).abs()) / count),
        ("pearson", together / (spread * wander).sqrt()),
        ("r_squared", 1.0 - squared / spread),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(measures: &Measures, expected: &[(&str, f64)]) {
        assert_eq!(measures.len(), expected.len(), "{measures:?}");
        for ((name, value), (known, number)) in measures.iter().zip(expected) {
            assert_eq!(name, known);
            assert!(
                (value - number).abs() < 1e-12,
                "{name}: {value}, not {number}"
            );
        }
    }

    #[test]
    fn f1_is_the_mean_over_classes_that_occur() {
        // Class 0: 2 hits of 2 expected and 3 chosen; class 1: 1 hit of 2 and 1; class 2: none; class 3 never occurs.
        let measures = classification(&[0, 0, 1, 1, 2], &[0, 0, 0, 1, 1], 4);
        let f1 = [2.0 * 2.0 / 5.0, 2.0 / 4.0, 0.0];
        check(
            &measures,
            &[
                ("accuracy", 0.6),
                ("f1_macro", f1.iter().sum::<f64>() / 3.0),
            ],
        );
    }

    #[test]
    fn regression_by_hand() {
        let rows = |values: &[f64]| values.iter().map(|&v| vec![v]).collect::<Vec<_>>();
        let measures = regression(&rows(&[1.0, 2.0, 3.0]), &rows(&[1.0, 2.0, 6.0]));
        // Means 2 and 3; deviations -1 0 1 and -2 -1 3.
        check(
            &measures,
            &[
                ("mean_squared_error", 3.0),
                ("mean_absolute_error", 1.0),
                ("pearson", 5.0 / (2.0f64 * 14.0).sqrt()),
                ("r_squared", 1.0 - 9.0 / 2.0),
            ],
        );
    }
}
