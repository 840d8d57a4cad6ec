//! A network whose parameters are declared but not yet laid out.

use kiln_learn::{Head, Model, Network, Result};
use kiln_tensor::{Builder, Precision, Role};

use crate::pooling::{Pooled, Pooling};

/// What the head of a network gives for each place that it scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// A logit for each token of the vocabulary.
    Tokens,
    /// A logit for each class.
    Classes(i64),
    /// Real numbers.
    Values(i64),
}

/// A trunk, a head, and the declared parameters of both.
pub struct Draft {
    pub(crate) trunk: Box<dyn Model>,
    pub(crate) head: Box<dyn Head>,
    pub(crate) builder: Builder,
}

impl Draft {
    /// A trunk that gives a state at each place, with a head that scores places for `Outputs::Tokens` and pooled rows otherwise.
    pub(crate) fn of_places(
        trunk: Box<dyn Model>,
        head: Box<dyn Head>,
        builder: Builder,
        outputs: Outputs,
        pooling: Pooling,
    ) -> Self {
        let trunk = match outputs {
            Outputs::Tokens => trunk,
            Outputs::Classes(_) | Outputs::Values(_) => Box::new(Pooled { trunk, pooling }),
        };
        Self {
            trunk,
            head,
            builder,
        }
    }

    /// What it comes to before anything is allocated.
    pub fn size(&self, context_length: i64) -> Size {
        let mut size = Size {
            operations_per_token: self.trunk.operations_per_token(context_length),
            ..Size::default()
        };
        for parameter in self.builder.declared() {
            let count = parameter.elements().unsigned_abs();
            match parameter.role() {
                Role::Matrix => size.matrices += count,
                Role::Embedding => size.embeddings += count,
                Role::Head => size.head += count,
                Role::Vector => size.vectors += count,
                Role::Frozen => size.frozen += count,
            }
        }
        size
    }

    /// Lay the parameters out and give them their initial values.
    ///
    /// # Errors
    /// libtorch has no memory for them.
    pub fn finish(self, precision: Precision) -> Result<Network> {
        Ok(Network {
            trunk: self.trunk,
            head: self.head,
            parameters: self.builder.finish(precision)?,
        })
    }
}

/// Numbers of parameters by their role, and what one token costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Values in matrices and kernels between hidden layers.
    pub matrices: u64,
    /// Values in tables with a row for each token, position or segment.
    pub embeddings: u64,
    /// Values of a head of its own.
    pub head: u64,
    /// Values of biases and gains.
    pub vectors: u64,
    /// Values that no step changes.
    pub frozen: u64,
    /// Floating-point operations of forward and backward for one token.
    pub operations_per_token: f64,
}

impl Size {
    /// All parameters that are trained.
    pub fn trained(&self) -> u64 {
        self.matrices + self.embeddings + self.head + self.vectors
    }

    /// All parameters.
    pub fn parameters(&self) -> u64 {
        self.trained() + self.frozen
    }
}

/// A key of a configuration whose value cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The key.
    pub key: &'static str,
    /// What was read, what was expected.
    pub problem: String,
}

impl Wrong {
    pub(crate) fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self {
            key,
            problem: problem.into(),
        }
    }
}

/// Refuse a count of zero or less, and one that no machine has memory for.
pub(crate) fn at_least_one(counts: &[(&'static str, i64)]) -> std::result::Result<(), Wrong> {
    const MOST: i64 = 1_000_000;
    match counts.iter().find(|(_, count)| !(1..=MOST).contains(count)) {
        Some((key, count)) => Err(Wrong::new(key, format!("{count}: expected 1 to {MOST}"))),
        None => Ok(()),
    }
}

/// Refuse a dropout that is no probability below one.
pub(crate) fn probability(key: &'static str, value: f64) -> std::result::Result<(), Wrong> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(Wrong::new(
            key,
            format!("{value}: expected 0 or more and less than 1"),
        ))
    }
}

/// Refuse a coefficient that is negative or no number.
pub(crate) fn not_negative(key: &'static str, value: f64) -> std::result::Result<(), Wrong> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Wrong::new(key, format!("{value}: expected 0 or more")))
    }
}
