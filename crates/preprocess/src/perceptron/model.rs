//! What training leaves: rounded weights in a table that is fast to look up.

use super::table::Table;
use super::values::{Broken, Values, put, put_signed};

/// A trained classifier.
#[derive(Clone, Debug)]
pub struct Model {
    classes: u16,
    /// Upper halves of the features, ascending.
    keys: Vec<u32>,
    /// Where each row of weights begins in `weights`, and behind the last one its end.
    starts: Vec<u32>,
    /// Class and weight, classes ascending within a row.
    weights: Vec<(u16, i16)>,
    /// Rows that have many weights, written out for all classes: added without looking at the class of each.
    dense: Vec<i16>,
    /// Feature to row, or with [`DENSE`] to the number of a dense row.
    table: Table,
}

/// Marks the number of a dense row.
const DENSE: u32 = 1 << 30;

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        (self.classes, &self.keys, &self.starts, &self.weights)
            == (other.classes, &other.keys, &other.starts, &other.weights)
    }
}

impl Model {
    /// From rows in ascending order of their keys.
    pub(super) fn new(classes: u16, rows: Vec<(u32, Vec<(u16, i16)>)>) -> Self {
        let mut keys = Vec::with_capacity(rows.len());
        let mut starts = vec![0];
        let mut weights = Vec::new();
        for (key, row) in rows {
            keys.push(key);
            weights.extend(row);
            starts.push(weights.len() as u32);
        }
        Self::indexed(classes, keys, starts, weights)
    }

    fn indexed(classes: u16, keys: Vec<u32>, starts: Vec<u32>, weights: Vec<(u16, i16)>) -> Self {
        let mut table = Table::with_room_for(keys.len());
        let mut dense = Vec::new();
        let width = classes as usize;
        for (row, &key) in keys.iter().enumerate() {
            let weights = &weights[starts[row] as usize..starts[row + 1] as usize];
            let mut value = row as u32;
            if weights.len() * 8 > width {
                value = DENSE | (dense.len() / width) as u32;
                let start = dense.len();
                dense.resize(start + width, 0);
                for &(class, weight) in weights {
                    dense[start + class as usize] = weight;
                }
            }
            table.get_or_insert(key, value);
        }
        Self {
            classes,
            keys,
            starts,
            weights,
            dense,
            table,
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> u16 {
        self.classes
    }

    /// Number of features that have a weight.
    pub fn features(&self) -> usize {
        self.keys.len()
    }

    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.weights.len()
    }

    /// Upper 32 bits of each feature that has a weight, ascending, and its weights by class: for those who lay them out
    /// otherwise.
    pub fn rows(&self) -> impl Iterator<Item = (u32, &[(u16, i16)])> {
        self.keys
            .iter()
            .zip(self.starts.windows(2))
            .map(|(&key, pair)| (key, &self.weights[pair[0] as usize..pair[1] as usize]))
    }

    /// Add the weights of a feature to the scores, one for each class.
    ///
    /// # Panics
    /// `scores` is shorter than [`classes`](Self::classes).
    #[inline]
    pub fn add(&self, feature: u64, scores: &mut [i32]) {
        if let Some(row) = self.table.get(Table::key(feature)) {
            if row & DENSE != 0 {
                let width = self.classes as usize;
                let start = (row & !DENSE) as usize * width;
                let weights = &self.dense[start..start + width];
                for (score, &weight) in scores[..width].iter_mut().zip(weights) {
                    *score += i32::from(weight);
                }
                return;
            }
            let row = row as usize;
            let (start, end) = (self.starts[row] as usize, self.starts[row + 1] as usize);
            for &(class, weight) in &self.weights[start..end] {
                scores[class as usize] += i32::from(weight);
            }
        }
    }

    /// The scores of all classes, in `scores`, whatever was there before. They are comparable with each other and
    /// with those of other examples, and have no unit.
    pub fn scores(&self, features: &[u64], scores: &mut Vec<i32>) {
        scores.clear();
        scores.resize(self.classes as usize, 0);
        for &feature in features {
            self.add(feature, scores);
        }
    }

    /// The class with the highest score, the first of them if there are several.
    pub fn predict(&self, features: &[u64]) -> u16 {
        let mut scores = Vec::new();
        self.scores(features, &mut scores);
        best(&scores)
    }

    /// Append the model, which says itself where it ends.
    pub fn write(&self, to: &mut Vec<u8>) {
        put(to, u64::from(self.classes));
        put(to, self.keys.len() as u64);
        // Column by column, so that what is alike stands together for a compressor.
        let mut before = 0;
        for &key in &self.keys {
            put(to, u64::from(key - before));
            before = key;
        }
        for pair in self.starts.windows(2) {
            put(to, u64::from(pair[1] - pair[0]));
        }
        for pair in self.starts.windows(2) {
            let mut before = 0;
            for &(class, _) in &self.weights[pair[0] as usize..pair[1] as usize] {
                put(to, u64::from(class - before));
                before = class;
            }
        }
        for &(_, weight) in &self.weights {
            put_signed(to, i64::from(weight));
        }
    }

    /// The model that [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// The bytes are cut short or changed.
    pub fn read(from: &mut Values<'_>) -> Result<Self, Broken> {
        let classes =
            u16::try_from(from.number()?).map_err(|_| from.broken("at most 65,535 classes"))?;
        let count = from.count()?;
        let mut keys = Vec::with_capacity(count);
        let mut key = 0;
        for row in 0..count {
            let step = from.number()?;
            key = u64::from(key)
                .checked_add(step)
                .and_then(|key| u32::try_from(key).ok())
                .filter(|_| step > 0 || row == 0)
                .ok_or_else(|| from.broken("ascending features of 32 bits"))?;
            keys.push(key);
        }
        let mut starts = Vec::with_capacity(count + 1);
        starts.push(0);
        let mut end = 0;
        for _ in 0..count {
            let length = from.count()?;
            end += length as u64;
            if length > classes as usize || end > from.left() as u64 {
                return Err(from.broken("the length of a row of weights"));
            }
            starts.push(end as u32);
        }
        let mut weights = Vec::with_capacity(end as usize);
        for pair in starts.windows(2) {
            let mut class = 0u64;
            for place in pair[0]..pair[1] {
                let step = from.number()?;
                class = class.saturating_add(step);
                if class >= u64::from(classes) || (step == 0 && place > pair[0]) {
                    return Err(from.broken("ascending classes"));
                }
                weights.push((class as u16, 0));
            }
        }
        for (_, weight) in &mut weights {
            *weight =
                i16::try_from(from.signed()?).map_err(|_| from.broken("a weight of 16 bits"))?;
        }
        Ok(Self::indexed(classes, keys, starts, weights))
    }
}

/// The place of the highest score, the first of them if there are several; 0 of none.
pub(super) fn best(scores: &[i32]) -> u16 {
    let mut best = 0;
    for (class, &score) in scores.iter().enumerate().skip(1) {
        if score > scores[best] {
            best = class;
        }
    }
    best as u16
}
