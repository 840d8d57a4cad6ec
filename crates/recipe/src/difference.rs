//! Where two resolved recipes part.

use crate::node::{Node, Origin, Table, Value};
use crate::write;

/// The first value in which `other` differs from `own`, described. `left` are the sections that the reader of `own`
/// leaves to others: there, `other` may hold more (defaults that were filled in).
pub(crate) fn first(own: &Table, other: &Table, left: &[String]) -> Option<String> {
    tables(own, other, "", left)
}

fn tables(own: &Table, other: &Table, path: &str, left: &[String]) -> Option<String> {
    let name = |key: &str| {
        if path.is_empty() {
            write::key(key)
        } else {
            format!("{path}.{}", write::key(key))
        }
    };
    for (key, node) in &own.0 {
        let difference = match other.get(key) {
            Some(other) => nodes(node, other, &name(key), left),
            // A version or a build that did not know the key did what the default does.
            None if all_default(node) => None,
            None => Some(format!(
                "`{}` is not set there and {} here",
                name(key),
                write::inline(&node.value)
            )),
        };
        if difference.is_some() {
            return difference;
        }
    }
    let section = path.split('.').next().unwrap_or_default();
    for (key, node) in &other.0 {
        let left_to_others = if path.is_empty() {
            left.contains(key)
        } else {
            left.iter().any(|name| name == section)
        };
        if own.get(key).is_none() && !left_to_others {
            return Some(format!(
                "`{}` is {} there and not set here",
                name(key),
                write::inline(&node.value)
            ));
        }
    }
    None
}

fn nodes(own: &Node, other: &Node, path: &str, left: &[String]) -> Option<String> {
    match (&own.value, &other.value) {
        (Value::Table(own), Value::Table(other)) => tables(own, other, path, left),
        (Value::Array(mine), Value::Array(theirs)) if mine.len() == theirs.len() => mine
            .iter()
            .zip(theirs)
            .enumerate()
            .find_map(|(index, (own, other))| nodes(own, other, &format!("{path}.{index}"), left)),
        (own, other) if same(own, other) => None,
        (own, other) => Some(format!(
            "`{path}` is {} there and {} here",
            write::inline(other),
            write::inline(own)
        )),
    }
}

fn same(own: &Value, other: &Value) -> bool {
    match (own, other) {
        (Value::String(own), Value::String(other)) | (Value::Date(own), Value::Date(other)) => {
            own == other
        }
        (Value::Boolean(own), Value::Boolean(other)) => own == other,
        (Value::Integer(own), Value::Integer(other)) => own == other,
        (Value::Float(own), Value::Float(other)) => {
            own == other || (own.is_nan() && other.is_nan())
        }
        // A section left to others is compared as it is written: 1 and 1.0 are one number.
        (Value::Integer(whole), Value::Float(float))
        | (Value::Float(float), Value::Integer(whole)) => *whole as f64 == *float,
        _ => false,
    }
}

fn all_default(node: &Node) -> bool {
    match &node.value {
        Value::Table(table) => {
            node.origin == Origin::Default || table.0.iter().all(|(_, node)| all_default(node))
        }
        _ => node.origin == Origin::Default,
    }
}
