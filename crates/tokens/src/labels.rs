//! What is predicted besides tokens: classes, and numbers with their units.

use serde::{Deserialize, Serialize};

/// Class names, in a fixed order: a label's number is its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LabelSet(Vec<String>);

impl LabelSet {
    /// The distinct names, sorted, so that the order of the corpus does not decide the numbers.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.into_iter().collect();
        names.sort();
        names.dedup();
        Self(names)
    }

    /// How many classes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of a class.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.0
            .binary_search_by(|known| known.as_str().cmp(name))
            .ok()
    }

    /// The name of a class.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    /// All names, by number.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// Mean and spread of one number to be predicted, over the training split: a network learns it in units of the spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    /// Mean.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub standard_deviation: f64,
}

impl Scale {
    /// A standardised number in the units of the data.
    pub fn value(&self, standardised: f64) -> f64 {
        standardised * self.standard_deviation + self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::LabelSet;

    #[test]
    fn numbers_do_not_depend_on_the_order_of_the_corpus() {
        let one = LabelSet::new(["b", "a", "b"].map(String::from));
        let other = LabelSet::new(["a", "b"].map(String::from));
        assert_eq!(one, other);
        assert_eq!(one.index("b"), Some(1));
        assert_eq!(one.index("c"), None);
        assert_eq!(one.name(0), Some("a"));
    }
}
