//! The recipe with everything filled in.

use serde::{Serialize, Serializer};

use crate::difference;
use crate::node::{Node, Table, Value, parse};
use crate::write;

/// All sections as their rooms understood them, with defaults filled in and the origin of each value.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub(crate) root: Table,
    /// Sections that were not asked for, but left to others.
    pub(crate) left: Vec<String>,
}

impl Resolved {
    /// The recipe as TOML: itself a recipe that resolves to the same values. Behind each value stands where it came
    /// from: `# recipe line 12`, `# --set`, `# default`.
    pub fn text(&self) -> String {
        write::document(&self.root)
    }

    /// Whether another resolved recipe's text says the same; comments, order and notation do not count.
    pub fn same_as(&self, other: &str) -> bool {
        self.first_difference(other).is_none()
    }

    /// The first value in which another resolved recipe's text differs: "`schedule.warmup_steps` is 100 there and 200
    /// here".
    pub fn first_difference(&self, other: &str) -> Option<String> {
        match parse(other, "recipe.toml") {
            Ok(other) => match other.value {
                Value::Table(other) => difference::first(&self.root, &other, &self.left),
                _ => None,
            },
            Err(error) => Some(error.to_string()),
        }
    }
}

/// As a map of sections, for those who want the values in another notation.
impl Serialize for Resolved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root.serialize(serializer)
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, node)| (key, node)))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::String(text) | Value::Date(text) => serializer.serialize_str(text),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::Boolean(truth) => serializer.serialize_bool(*truth),
            Value::Array(items) => serializer.collect_seq(items),
            Value::Table(table) => table.serialize(serializer),
        }
    }
}
