//! Training.

use super::model::{Model, best};
use super::table::Table;

/// How a classifier is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Passes over the examples, by [`train`].
    pub passes: usize,
    /// Where the order of examples is drawn from, by [`train`].
    pub seed: u64,
    /// An example is learned from when the right class is not ahead of all others by more than this, not only when
    /// another is ahead of it. The unit is that of one update of one feature; 0 is the plain perceptron.
    pub margin: i32,
    /// A feature counts once it was in so many updates (Goldberg and Elhadad 2011, "Learning Sparser Perceptron
    /// Models"); 1 or 0 counts all.
    pub minimum_updates: u32,
    /// Average weights below this are left out of the model. The unit is that of one update.
    pub minimum_weight: f32,
    /// Average weights are kept in steps of one by this.
    pub steps: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            passes: 8,
            seed: 1,
            margin: 0,
            minimum_updates: 2,
            minimum_weight: 0.05,
            steps: 32,
        }
    }
}

/// Features and the right class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Features, in any order; one that stands twice counts twice.
    pub features: Vec<u64>,
    /// The right class.
    pub class: u16,
}

/// A weight on the way to its average.
#[derive(Clone, Debug)]
struct Cell {
    class: u16,
    weight: i32,
    /// Sum of the weight over all steps up to `seen`.
    total: i64,
    seen: u32,
}

#[derive(Clone, Debug, Default)]
struct Row {
    key: u32,
    updates: u32,
    /// In the order in which classes were met.
    cells: Vec<Cell>,
}

/// A classifier that is being trained.
#[derive(Clone, Debug)]
pub struct Trainer {
    classes: u16,
    settings: Settings,
    table: Table,
    rows: Vec<Row>,
    step: u32,
    scores: Vec<i32>,
}

impl Trainer {
    /// All weights zero; `passes` and `seed` of the settings are the caller's business.
    pub fn new(classes: u16, settings: &Settings) -> Self {
        Self {
            classes,
            settings: settings.clone(),
            table: Table::with_room_for(1 << 16),
            rows: Vec::new(),
            step: 0,
            scores: Vec::new(),
        }
    }

    /// Scores of all classes by the weights as they are now, not averaged.
    pub fn scores(&self, features: &[u64], scores: &mut Vec<i32>) {
        scores.clear();
        scores.resize(self.classes as usize, 0);
        for &feature in features {
            let Some(row) = self.table.get(Table::key(feature)) else {
                continue;
            };
            let row = &self.rows[row as usize];
            if row.updates >= self.settings.minimum_updates {
                for cell in &row.cells {
                    scores[cell.class as usize] += cell.weight;
                }
            }
        }
    }

    /// One step: what the weights say now, after which they are mended if that was wrong, or right by no more than
    /// the margin.
    ///
    /// # Panics
    /// `truth` is not below the number of classes.
    pub fn learn(&mut self, features: &[u64], truth: u16) -> u16 {
        self.learn_among(features, truth, None)
    }

    /// The same, where only some classes (`candidates`, ascending; all if `None`) come into question. If the right
    /// one is not among them nothing is learned.
    ///
    /// # Panics
    /// `truth` or a candidate is not below the number of classes.
    pub fn learn_among(&mut self, features: &[u64], truth: u16, candidates: Option<&[u16]>) -> u16 {
        let mut scores = std::mem::take(&mut self.scores);
        self.scores(features, &mut scores);
        if let Some(candidates) = candidates {
            let mut kept = candidates.iter().copied().peekable();
            for (class, score) in (0..).zip(scores.iter_mut()) {
                if kept.next_if_eq(&class).is_none() {
                    *score = i32::MIN;
                }
            }
        }
        let guess = best(&scores);
        let right = scores[truth as usize];
        if right > i32::MIN {
            scores[truth as usize] = i32::MIN;
            let rival = best(&scores);
            let ahead = i64::from(right) - i64::from(scores[rival as usize]);
            let learns = guess != truth || ahead <= i64::from(self.settings.margin);
            if learns && rival != truth && scores[rival as usize] > i32::MIN {
                self.update(features, truth, rival);
            }
        }
        self.scores = scores;
        self.tick();
        guess
    }

    /// Let `features` speak more for one class and less for another.
    ///
    /// # Panics
    /// A class is not below the number of classes.
    pub fn update(&mut self, features: &[u64], more: u16, less: u16) {
        for &feature in features {
            self.change(feature, &[(more, 1), (less, -1)]);
        }
    }

    /// Let a feature speak more or less for one class alone: for features that only some classes have.
    ///
    /// # Panics
    /// The class is not below the number of classes.
    pub fn update_class(&mut self, feature: u64, class: u16, change: i32) {
        self.change(feature, &[(class, change)]);
    }

    fn change(&mut self, feature: u64, changes: &[(u16, i32)]) {
        let key = Table::key(feature);
        let row = self.table.get_or_insert(key, self.rows.len() as u32) as usize;
        if row == self.rows.len() {
            self.rows.push(Row {
                key,
                ..Row::default()
            });
        }
        let row = &mut self.rows[row];
        row.updates = row.updates.saturating_add(1);
        for &(class, change) in changes {
            assert!(class < self.classes, "class {class} of {}", self.classes);
            let place = row.cells.iter().position(|cell| cell.class == class);
            let place = place.unwrap_or_else(|| {
                row.cells.push(Cell {
                    class,
                    weight: 0,
                    total: 0,
                    seen: self.step,
                });
                row.cells.len() - 1
            });
            let cell = &mut row.cells[place];
            cell.total += i64::from(cell.weight) * i64::from(self.step - cell.seen);
            cell.seen = self.step;
            cell.weight += change;
        }
    }

    /// The margin of the settings, for those who call [`update`](Self::update) themselves.
    pub fn margin(&self) -> i32 {
        self.settings.margin
    }

    /// A step of the average is over: for those who call [`update`](Self::update) themselves.
    pub fn tick(&mut self) {
        self.step = self.step.saturating_add(1);
    }

    /// The averaged model.
    pub fn finish(self) -> Model {
        let steps = f64::from(self.step.max(1));
        let mut rows = Vec::new();
        for row in &self.rows {
            if row.updates < self.settings.minimum_updates {
                continue;
            }
            let mut weights: Vec<(u16, i16)> = row
                .cells
                .iter()
                .filter_map(|cell| {
                    let total =
                        cell.total + i64::from(cell.weight) * i64::from(self.step - cell.seen);
                    let average = total as f64 / steps;
                    let kept = average.abs() >= f64::from(self.settings.minimum_weight);
                    let rounded = (average * f64::from(self.settings.steps)).round() as i16;
                    (kept && rounded != 0).then_some((cell.class, rounded))
                })
                .collect();
            if !weights.is_empty() {
                weights.sort_unstable();
                rows.push((row.key, weights));
            }
        }
        rows.sort_unstable();
        Model::new(self.classes, rows)
    }
}

/// Train on examples that are known beforehand.
///
/// # Panics
/// A class is not below `classes`.
pub fn train(classes: u16, examples: &[Example], settings: &Settings) -> Model {
    let mut trainer = Trainer::new(classes, settings);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    for pass in 0..settings.passes {
        shuffle(&mut order, settings.seed.wrapping_add(pass as u64));
        for &index in &order {
            trainer.learn(&examples[index].features, examples[index].class);
        }
    }
    trainer.finish()
}

/// Bring into an order that depends on the seed alone (Fisher and Yates, with the numbers of SplitMix64).
pub fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = state;
        random = (random ^ random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ random >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^= random >> 31;
        let place = (u128::from(random) * (last as u128 + 1)) >> 64;
        items.swap(last, place as usize);
    }
}
