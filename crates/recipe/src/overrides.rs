//! `--set key.path=value`.

use crate::Error;
use crate::message::Names;
use crate::node::{Node, Origin, Step, Table, Value, parse};

/// Apply all overrides to the document, in their order.
pub(crate) fn apply(root: &mut Node, names: &Names<'_>) -> Result<(), Error> {
    for (number, text) in names.overrides.iter().enumerate() {
        let origin = Origin::Override(number);
        let refused = |problem: String| names.error(Some(origin), problem);
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| refused("expected key=value, as in schedule.warmup_steps=100".into()))?;
        let path =
            keys(path.trim()).ok_or_else(|| refused(format!("{:?} is not a key", path.trim())))?;
        let value = value_of(value.trim(), origin);
        set(root, &path, value, origin).map_err(refused)?;
    }
    Ok(())
}

/// A dotted key by TOML's own rules; a part may be quoted.
fn keys(path: &str) -> Option<Vec<String>> {
    if path.contains('\n') {
        return None;
    }
    let mut node = parse(&format!("{path} = 0"), "").ok()?;
    let mut keys = Vec::new();
    while let Value::Table(Table(mut entries)) = node.value {
        let (key, below) = entries.pop()?;
        keys.push(key);
        node = below;
    }
    Some(keys)
}

/// The value as TOML, else as a plain text.
fn value_of(text: &str, origin: Origin) -> Node {
    let parsed = parse(&format!("value = {text}"), "").ok();
    let mut node = match parsed.map(|root| root.value) {
        Some(Value::Table(Table(mut entries))) if entries.len() == 1 => entries.remove(0).1,
        _ => Node {
            value: Value::String(text.to_owned()),
            origin,
        },
    };
    mark(&mut node, origin);
    node
}

fn mark(node: &mut Node, origin: Origin) {
    node.origin = origin;
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, origin)),
        Value::Table(table) => table.0.iter_mut().for_each(|(_, node)| mark(node, origin)),
        _ => {}
    }
}

/// Put a value at a path; tables that are missing on the way are made, items of an array are named by their number.
fn set(root: &mut Node, path: &[String], value: Node, origin: Origin) -> Result<(), String> {
    let Some((last, way)) = path.split_last() else {
        return Err("expected a key before `=`".into());
    };
    let mut node = root;
    for (depth, key) in way.iter().enumerate() {
        let so_far = path[..=depth].join(".");
        if let Value::Table(table) = &mut node.value
            && table.get(key).is_none()
        {
            table.set(key, Node::empty_table(origin));
        }
        node = child(node, key, &so_far)?;
    }
    let so_far = path.join(".");
    match &mut node.value {
        Value::Table(table) => table.set(last, value),
        _ => *child(node, last, &so_far)? = value,
    }
    Ok(())
}

fn child<'a>(node: &'a mut Node, key: &str, so_far: &str) -> Result<&'a mut Node, String> {
    let step = match &node.value {
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len());
            Step::Item(index.ok_or_else(|| {
                format!(
                    "`{so_far}`: an array of {} items has no {key:?}",
                    items.len()
                )
            })?)
        }
        Value::Table(_) => Step::Key(key.to_owned()),
        _ => {
            return Err(format!(
                "`{so_far}` cannot be set: what is before `.{key}` is a single value, not a table"
            ));
        }
    };
    node.at_mut(&step)
        .ok_or_else(|| format!("`{so_far}` is not there"))
}
