//! Values as TOML text.

use std::fmt::Write;

use crate::node::{Node, Origin, Table, Value};

/// A value on one line, as a person would write it in a recipe.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::Boolean(truth) => truth.to_string(),
        Value::Date(date) => date.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| inline(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(Table(entries)) if entries.is_empty() => "{}".to_owned(),
        Value::Table(Table(entries)) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, node)| format!("{} = {}", key(name), inline(&node.value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A whole document: plain keys, then a header for each table, a line for each value with its origin behind it.
pub(crate) fn document(root: &Table) -> String {
    let mut text = String::new();
    table(&mut text, "", root);
    text
}

fn table(text: &mut String, path: &str, table: &Table) {
    for (name, node) in &table.0 {
        if !stands_apart(&node.value) {
            let origin = match node.origin {
                Origin::Line(line) => format!("recipe line {line}"),
                Origin::Override(_) => "--set".to_owned(),
                Origin::Default => "default".to_owned(),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} = {} # {origin}", key(name), inline(&node.value));
        }
    }
    for (name, node) in &table.0 {
        let path = if path.is_empty() {
            key(name)
        } else {
            format!("{path}.{}", key(name))
        };
        match &node.value {
            Value::Table(below) => header(text, &format!("[{path}]"), &path, below),
            Value::Array(items) if stands_apart(&node.value) => {
                for item in items.iter().filter_map(Node::table) {
                    header(text, &format!("[[{path}]]"), &path, item);
                }
            }
            _ => {}
        }
    }
}

fn header(text: &mut String, line: &str, path: &str, below: &Table) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
    table(text, path, below);
}

/// Whether a value gets headers of its own: a table, or an array of nothing but tables.
fn stands_apart(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => !items.is_empty() && items.iter().all(|item| item.table().is_some()),
        _ => false,
    }
}

/// A key, bare where TOML allows it.
pub(crate) fn key(name: &str) -> String {
    let bare = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "nan".to_owned()
    } else {
        format!("{number:?}")
    }
}
