//! The document as a tree in which every value knows where it came from.

use toml::de::{DeTable, DeValue};

use crate::Error;

/// Where a value was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of the file, counted from 1.
    Line(usize),
    /// An override, by its number on the command line.
    Override(usize),
    /// Nowhere: the room's default.
    Default,
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// As it is written: no key takes a date, but the document may hold one.
    Date(String),
    Array(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(pub(crate) Vec<(String, Node)>);

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.0
            .iter()
            .find_map(|(name, node)| (name == key).then_some(node))
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0
            .iter_mut()
            .find_map(|(name, node)| (name == key).then_some(node))
    }

    /// Set a key, in its old place if it has one.
    pub(crate) fn set(&mut self, key: &str, node: Node) {
        match self.get_mut(key) {
            Some(old) => *old = node,
            None => self.0.push((key.to_owned(), node)),
        }
    }

    /// The table without one key.
    pub(crate) fn without(&self, key: &str) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| name != key)
                .cloned()
                .collect(),
        )
    }
}

impl Node {
    pub(crate) fn empty_table(origin: Origin) -> Self {
        Self {
            value: Value::Table(Table::default()),
            origin,
        }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The node at the end of a path below this one.
    pub(crate) fn at(&self, path: &[Step]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |node, step| match (step, &node.value) {
                (Step::Key(key), Value::Table(table)) => table.get(key),
                (Step::Item(index), Value::Array(items)) => items.get(*index),
                _ => None,
            })
    }

    /// The node one step below this one.
    pub(crate) fn at_mut(&mut self, step: &Step) -> Option<&mut Self> {
        match (step, &mut self.value) {
            (Step::Key(key), Value::Table(table)) => table.get_mut(key),
            (Step::Item(index), Value::Array(items)) => items.get_mut(*index),
            _ => None,
        }
    }

    /// A typed value, whose parts take their origins from the same places of the raw document.
    pub(crate) fn typed(value: &toml::Value, raw: Option<&Self>) -> Self {
        let value = match value {
            toml::Value::String(text) => Value::String(text.clone()),
            toml::Value::Integer(number) => Value::Integer(*number),
            toml::Value::Float(number) => Value::Float(*number),
            toml::Value::Boolean(truth) => Value::Boolean(*truth),
            toml::Value::Datetime(date) => Value::Date(date.to_string()),
            toml::Value::Array(items) => {
                let raw = match raw.map(|raw| &raw.value) {
                    Some(Value::Array(items)) => items.as_slice(),
                    _ => &[],
                };
                let typed = |(index, item)| Self::typed(item, raw.get(index));
                Value::Array(items.iter().enumerate().map(typed).collect())
            }
            toml::Value::Table(entries) => {
                let raw = raw.and_then(Self::table);
                let typed = |(key, value): (&String, _)| {
                    let raw = raw.and_then(|raw| raw.get(key));
                    (key.clone(), Self::typed(value, raw))
                };
                Value::Table(Table(entries.iter().map(typed).collect()))
            }
        };
        Self {
            value,
            origin: raw.map_or(Origin::Default, |raw| raw.origin),
        }
    }
}

/// One step of a path into the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// Read a TOML document; `name` is the file's name in messages.
pub(crate) fn parse(text: &str, name: &str) -> Result<Node, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| syntax_error(&error, name, &lines))?;
    let root = table(document.get_ref(), name, &lines)?;
    Ok(Node {
        value: Value::Table(root),
        origin: Origin::Line(1),
    })
}

fn table(entries: &DeTable<'_>, name: &str, lines: &Lines) -> Result<Table, Error> {
    let mut table = Table::default();
    for (key, value) in entries {
        let line = lines.line(key.span().start);
        table.0.push((
            key.get_ref().to_string(),
            node(value.get_ref(), line, name, lines)?,
        ));
    }
    Ok(table)
}

fn node(value: &DeValue<'_>, line: usize, name: &str, lines: &Lines) -> Result<Node, Error> {
    let refused = |problem: String| Error::Mistake {
        place: format!("{name}:{line}"),
        problem,
    };
    let value = match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| {
                refused(format!(
                    "{number} is out of range: whole numbers go up to {}",
                    i64::MAX
                ))
            })?,
        ),
        DeValue::Float(number) => Value::Float(
            number
                .as_str()
                .parse()
                .map_err(|_| refused(format!("{number} is not a number")))?,
        ),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| node(item.get_ref(), lines.line(item.span().start), name, lines))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(entries) => Value::Table(table(entries, name, lines)?),
    };
    Ok(Node {
        value,
        origin: Origin::Line(line),
    })
}

fn syntax_error(error: &toml::de::Error, name: &str, lines: &Lines) -> Error {
    let place = match error.span() {
        Some(span) => {
            let (line, column) = lines.line_and_column(span.start);
            format!("{name}:{line}:{column}")
        }
        None => name.to_owned(),
    };
    Error::Mistake {
        place,
        problem: format!("not TOML: {}", error.message().replace('\n', ", ")),
    }
}

/// Byte offsets to line numbers.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}
