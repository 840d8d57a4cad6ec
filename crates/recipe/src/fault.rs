//! What serde finds wrong, kept in parts until it can be said with its place.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::node::{Node, Origin, Step, Value};

/// A value that does not fit its type.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The way to the value, or to the table in which a key is unknown or missing.
    pub(crate) path: Vec<Step>,
    /// The innermost origin that is known.
    pub(crate) origin: Option<Origin>,
    pub(crate) problem: Problem,
}

#[derive(Debug)]
pub(crate) enum Problem {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    UnknownVariant {
        found: String,
        known: &'static [&'static str],
    },
    Type {
        found: Found,
        expected: String,
    },
    Other(String),
}

/// The value that serde was given, to find it again in the document.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(String),
    Array,
    Other,
}

impl Fault {
    fn new(problem: Problem) -> Self {
        Self {
            path: Vec::new(),
            origin: None,
            problem,
        }
    }

    /// The fault as seen from one level further out.
    pub(crate) fn within(mut self, step: Step, origin: Origin) -> Self {
        self.path.insert(0, step);
        self.at(origin)
    }

    /// The fault with an origin, unless a more exact one is known.
    pub(crate) fn at(mut self, origin: Origin) -> Self {
        self.origin.get_or_insert(origin);
        self
    }

    /// Where serde buffers a table before it knows its type (enums told apart by `kind`), only the table's place is
    /// known. The value itself says which one was meant.
    pub(crate) fn refine(&mut self, root: &Node) {
        let Some(node) = root.at(&self.path) else {
            return;
        };
        let mut way = Vec::new();
        let place = match &self.problem {
            Problem::UnknownKey { key, .. } => {
                let place = find(node, &mut way, &|node| {
                    node.table().and_then(|table| table.get(key)).is_some()
                });
                place.and_then(|table| table.table()?.get(key))
            }
            Problem::Type { found, .. } if node.table().is_some() => {
                find(node, &mut way, &|node| matches(&node.value, found))
            }
            Problem::UnknownVariant { found, .. } if node.table().is_some() => find(
                node,
                &mut way,
                &|node| matches!(&node.value, Value::String(text) if text == found),
            ),
            _ => None,
        };
        if let Some(place) = place {
            self.origin = Some(place.origin);
            self.path.extend(way);
        }
    }
}

/// The first node at or below this one that fits, and the way to it.
fn find<'a>(node: &'a Node, way: &mut Vec<Step>, fits: &dyn Fn(&Node) -> bool) -> Option<&'a Node> {
    if fits(node) {
        return Some(node);
    }
    let children: Vec<(Step, &Node)> = match &node.value {
        Value::Table(table) => table
            .0
            .iter()
            .map(|(key, node)| (Step::Key(key.clone()), node))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, node)| (Step::Item(index), node))
            .collect(),
        _ => Vec::new(),
    };
    for (step, child) in children {
        way.push(step);
        if let Some(found) = find(child, way, fits) {
            return Some(found);
        }
        way.pop();
    }
    None
}

fn matches(value: &Value, found: &Found) -> bool {
    match (value, found) {
        (Value::Boolean(value), Found::Boolean(found)) => value == found,
        (Value::Integer(value), Found::Integer(found)) => value == found,
        (Value::Float(value), Found::Float(found)) => value == found,
        (Value::String(value), Found::String(found)) => value == found,
        (Value::Array(_), Found::Array) => true,
        _ => false,
    }
}

impl From<Unexpected<'_>> for Found {
    fn from(unexpected: Unexpected<'_>) -> Self {
        match unexpected {
            Unexpected::Bool(truth) => Self::Boolean(truth),
            Unexpected::Signed(number) => Self::Integer(number),
            Unexpected::Unsigned(number) => {
                i64::try_from(number).map_or(Self::Other, Self::Integer)
            }
            Unexpected::Float(number) => Self::Float(number),
            Unexpected::Str(text) => Self::String(text.to_owned()),
            Unexpected::Seq => Self::Array,
            _ => Self::Other,
        }
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string().replace('\n', " ")))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Problem::Type {
            found: unexpected.into(),
            expected: expected.to_string(),
        })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(_length: usize, expected: &dyn Expected) -> Self {
        Self::new(Problem::Type {
            found: Found::Array,
            expected: expected.to_string(),
        })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownVariant {
            found: variant.to_owned(),
            known: expected,
        })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Problem::UnknownKey {
            key: field.to_owned(),
            known: expected,
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::MissingKey(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format!("`{field}` is set twice"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.problem)
    }
}

impl std::error::Error for Fault {}
