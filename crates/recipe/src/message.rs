//! Faults as sentences: place, what was read, what was expected, what to do.

use crate::Error;
use crate::fault::{Fault, Problem};
use crate::node::{Node, Origin, Step, Value};
use crate::suggest::nearest;
use crate::write;

/// The names that messages need.
pub(crate) struct Names<'a> {
    /// The file's name.
    pub(crate) file: &'a str,
    /// The overrides as they were given.
    pub(crate) overrides: &'a [String],
}

impl Names<'_> {
    /// A mistake at a place.
    pub(crate) fn error(&self, origin: Option<Origin>, problem: impl Into<String>) -> Error {
        let place = match origin {
            Some(Origin::Line(line)) => format!("{}:{line}", self.file),
            Some(Origin::Override(number)) => match self.overrides.get(number) {
                Some(text) => format!("--set {}", text.replace('\n', "\\n")),
                None => "--set".to_owned(),
            },
            Some(Origin::Default) | None => self.file.to_owned(),
        };
        Error::Mistake {
            place,
            problem: problem.into(),
        }
    }

    /// A fault of the document `root`; `example` may know a value for a key that is missing.
    pub(crate) fn fault(
        &self,
        root: &Node,
        fault: Fault,
        example: impl Fn(&[Step], &str) -> Option<String>,
    ) -> Error {
        let Fault {
            path,
            origin,
            problem,
        } = fault;
        let problem = match problem {
            Problem::UnknownKey { key, known } => {
                let hint = hint(
                    &key,
                    known.iter().copied(),
                    "it has no other keys",
                    |known| format!("`{known}`"),
                );
                format!("unknown key `{}`{}{hint}", write::key(&key), within(&path))
            }
            Problem::MissingKey(key) => {
                let example = example(&path, key)
                    .map(|value| format!("; add for example `{key} = {value}`"))
                    .unwrap_or_default();
                format!("{} has no `{key}`{example}", table_name(&path))
            }
            Problem::UnknownVariant { found, known } => {
                let hint = hint(&found, known.iter().copied(), "", |known| {
                    format!("{known:?}")
                });
                // A name given as a key has no value of its own to show.
                match root.at(&path) {
                    Some(node) if node.table().is_none() => {
                        format!("{}: unknown{hint}", assignment(root, &path))
                    }
                    _ => format!("{}: unknown {found:?}{hint}", assignment(root, &path)),
                }
            }
            Problem::Type { expected, .. } => {
                format!("{}: expected {}", assignment(root, &path), plain(&expected))
            }
            Problem::Other(message) => format!("{}: {message}", assignment(root, &path)),
        };
        self.error(origin, problem)
    }
}

/// `; did you mean X?`, or the known names if none is near.
pub(crate) fn hint<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    none: &str,
    quote: impl Fn(&str) -> String,
) -> String {
    if let Some(name) = nearest(given, known.clone()) {
        return format!("; did you mean {}?", quote(name));
    }
    let all: Vec<_> = known.into_iter().map(quote).collect();
    if all.is_empty() {
        if none.is_empty() {
            String::new()
        } else {
            format!("; {none}")
        }
    } else {
        format!("; known: {}", all.join(", "))
    }
}

/// `[model] layers = "four"`: the value at a path as the document has it.
pub(crate) fn assignment(root: &Node, path: &[Step]) -> String {
    let name = value_name(path);
    match root.at(path) {
        Some(node) if node.table().is_none() => format!("{name} = {}", shown(node)),
        _ => name,
    }
}

/// An address without what follows its `?`, or wholly hidden if a user stands in it: both may be secrets.
fn without_query(text: &str) -> &str {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return text;
    }
    match text.contains('@') {
        true => "***",
        false => text.split('?').next().unwrap_or_default(),
    }
}

/// A value on one line, cut if it is long.
fn shown(node: &Node) -> String {
    const LONGEST: usize = 60;
    let text = match &node.value {
        Value::String(text) => write::inline(&Value::String(without_query(text).to_owned())),
        value => write::inline(value),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    let head: String = text.chars().take(LONGEST - 3).collect();
    format!("{head}...")
}

/// ` in [schedule]`, nothing for the top of the document.
fn within(path: &[Step]) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" in {}", table_name(path))
    }
}

/// A table: `[corpus.split]`, `[corpus] sources[0]`, `the recipe`.
fn table_name(path: &[Step]) -> String {
    let keys: Option<Vec<_>> = path
        .iter()
        .map(|step| match step {
            Step::Key(key) => Some(write::key(key)),
            Step::Item(_) => None,
        })
        .collect();
    match keys {
        Some(keys) if keys.is_empty() => "the recipe".to_owned(),
        Some(keys) => format!("[{}]", keys.join(".")),
        None => value_name(path),
    }
}

/// A value: `seed`, `[model] layers`, `[corpus] sources[0].path`.
fn value_name(path: &[Step]) -> String {
    let mut name = String::new();
    for (depth, step) in path.iter().enumerate() {
        match step {
            Step::Key(key) if depth == 0 && path.len() > 1 => {
                name = format!("[{}]", write::key(key));
            }
            Step::Key(key) => {
                if depth == 1 {
                    name.push(' ');
                } else if depth > 1 {
                    name.push('.');
                }
                name.push_str(&write::key(key));
            }
            Step::Item(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name
}

/// serde's names of types in TOML's words.
fn plain(expected: &str) -> String {
    match expected {
        "u8" => "a whole number from 0 to 255".into(),
        "u16" => "a whole number from 0 to 65535".into(),
        "u32" => "a whole number from 0 to 4294967295".into(),
        "u64" | "usize" => "a whole number, 0 or more".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        nonzero if nonzero.starts_with("a nonzero") => "a whole number, 1 or more".into(),
        "f32" | "f64" => "a number".into(),
        "a string" | "str" | "path string" | "string" => "text in quotes".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array [..]".into(),
        "a map" => "a table".into(),
        other => {
            let table = [
                "struct ",
                "internally tagged enum ",
                "adjacently tagged enum ",
            ];
            if table.iter().any(|kind| other.starts_with(kind)) {
                "a table { key = value, .. }".into()
            } else {
                other.to_owned()
            }
        }
    }
}
