//! A value for a missing key, found by trying: the type itself says what it takes.

use crate::fault::{Fault, Problem};
use crate::node::{Node, Origin, Step, Table, Value};
use crate::write;

/// An example of a value that `read` takes for `key` in the table at `path`.
pub(crate) fn example(
    root: &Node,
    path: &[Step],
    key: &str,
    read: &dyn Fn(&Node) -> Option<Fault>,
) -> Option<String> {
    let text = || Value::String("...".to_owned());
    let node = |value| Node {
        value,
        origin: Origin::Default,
    };
    // A fraction is refused where a whole number is wanted, a whole number is taken for either: the stricter first.
    let candidates = [
        (Value::Float(0.1), None),
        (Value::Integer(64), None),
        (Value::Boolean(true), None),
        (text(), None),
        (Value::Array(vec![node(text())]), None),
        (
            Value::Array(vec![Node::empty_table(Origin::Default)]),
            Some("[{ .. }]"),
        ),
        (Value::Array(Vec::new()), Some("[..]")),
        (Value::Table(Table::default()), Some("{ .. }")),
    ];
    for (candidate, shown) in candidates {
        let shown = shown.map_or_else(|| write::inline(&candidate), str::to_owned);
        let mut trial = root.clone();
        let Value::Table(table) = &mut path.iter().try_fold(&mut trial, Node::at_mut)?.value else {
            return None;
        };
        table.set(key, node(candidate));
        match read(&trial).map(|fault| fault.problem) {
            None => return Some(shown),
            Some(Problem::MissingKey(other)) if other != key => return Some(shown),
            Some(Problem::UnknownVariant { found, known }) if found == "..." => {
                return known.first().map(|name| format!("{name:?}"));
            }
            _ => {}
        }
    }
    None
}
