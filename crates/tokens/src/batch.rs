//! Batches as named columns in host memory, and the trait that serves them by position.

use std::collections::BTreeMap;

use crate::Error;

/// A target that is not scored: padding, or the part of a window past the end of its split.
pub const IGNORED: i64 = -100;

/// Column names that rooms agree on.
pub mod column {
    /// Token ids read by the model, `[rows, time]`.
    pub const INPUTS: &str = "inputs";
    /// Token ids to be predicted, `[rows, time]`; [`super::IGNORED`] where there is none.
    pub const TARGETS: &str = "targets";
    /// Number of ids of each row that are not padding, `[rows, 1]`.
    pub const LENGTHS: &str = "lengths";
    /// Class numbers, `[rows, 1]`.
    pub const LABELS: &str = "labels";
    /// 1 for each class that a row belongs to, else 0, `[rows, classes]`, as real numbers.
    pub const LABEL_SET: &str = "label_set";
    /// Numbers to be predicted, `[rows, values]`.
    pub const VALUES: &str = "values";
    /// 1 where a carried state must be forgotten before the row is read, else 0, `[rows, 1]`.
    pub const RESET: &str = "reset";
    /// Number of the document of each id of a row that several were packed into, `[rows, time]`.
    pub const DOCUMENTS: &str = "documents";
    /// 0 for the ids of a pair's first text, 1 for those of its second, `[rows, time]`.
    pub const SEGMENTS: &str = "segments";
    /// Token ids that an encoder reads, `[rows, source time]`.
    pub const SOURCE: &str = "source";
    /// Number of ids of each row of the source that are not padding, `[rows, 1]`.
    pub const SOURCE_LENGTHS: &str = "source_lengths";
}

/// One column: `rows` x `width` values, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    width: usize,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    Ids(Vec<i64>),
    Floats(Vec<f32>),
}

impl Column {
    /// Whole numbers, `rows` of equal width.
    ///
    /// # Panics
    /// If the values do not divide into `rows`.
    pub fn ids(rows: usize, values: Vec<i64>) -> Self {
        Self {
            width: width(rows, values.len()),
            values: Values::Ids(values),
        }
    }

    /// Real numbers, `rows` of equal width.
    ///
    /// # Panics
    /// If the values do not divide into `rows`.
    pub fn floats(rows: usize, values: Vec<f32>) -> Self {
        Self {
            width: width(rows, values.len()),
            values: Values::Floats(values),
        }
    }

    /// Values in each row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The values, if they are whole numbers.
    pub fn as_ids(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Ids(values) => Some(values),
            Values::Floats(_) => None,
        }
    }

    /// The values, if they are real numbers.
    pub fn as_floats(&self) -> Option<&[f32]> {
        match &self.values {
            Values::Floats(values) => Some(values),
            Values::Ids(_) => None,
        }
    }
}

fn width(rows: usize, values: usize) -> usize {
    if rows == 0 {
        assert_eq!(values, 0, "a column of no rows holds no values");
        return 0;
    }
    assert_eq!(
        values % rows,
        0,
        "{values} values do not divide into {rows} rows"
    );
    values / rows
}

/// Some rows of a dataset. The number of scored targets is known on the host, before any arithmetic: the trainer
/// divides by the count of the whole global batch, however it is cut into micro-batches and ranks.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    rows: usize,
    targets: u64,
    columns: BTreeMap<&'static str, Column>,
}

impl Batch {
    /// A batch with no columns yet; `targets` is the number of scored targets in all its rows.
    pub fn new(rows: usize, targets: u64) -> Self {
        Self {
            rows,
            targets,
            columns: BTreeMap::new(),
        }
    }

    /// The batch with one more column.
    pub fn with(mut self, name: &'static str, column: Column) -> Self {
        self.columns.insert(name, column);
        self
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of scored targets: tokens of a language model, rows of a classifier.
    pub fn targets(&self) -> u64 {
        self.targets
    }

    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// All columns, by name.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &Column)> {
        self.columns.iter().map(|(name, column)| (*name, column))
    }
}

/// How many rows of an order lie before a point: the whole state of a data loader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SamplePosition(pub u64);

impl std::ops::Add<u64> for SamplePosition {
    type Output = Self;
    fn add(self, rows: u64) -> Self {
        Self(self.0 + rows)
    }
}

/// A dataset in a fixed order. Rows are a pure function of the position, so seeking costs nothing, and batch size,
/// accumulation and the number of ranks only decide how many rows are taken at once.
pub trait BatchSource: Send + Sync {
    /// The rows at positions `at .. at + count`. An order without end gives exactly `count`; one that ends gives fewer
    /// at its end and none after it.
    ///
    /// # Errors
    /// The data behind it could not be read.
    fn rows(&self, at: SamplePosition, count: usize) -> Result<Batch, Error>;

    /// Rows after which the data has been seen once (on average, for an order that draws at random).
    fn rows_per_epoch(&self) -> u64;

    /// A hash of the data and of everything that decides the order: equal identities give equal rows at every position.
    fn identity(&self) -> String;
}
