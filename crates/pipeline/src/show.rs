//! Things as text for a person or JSON for a program.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// Write a value: as one line of JSON, or as lines `name: value`.
pub(crate) fn show(
    value: &impl Serialize,
    json: bool,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    let written = if json {
        serde_json::to_writer(&mut *writer, value)
            .map_err(std::io::Error::from)
            .and_then(|()| writer.write_all(b"\n"))
    } else {
        serde_json::to_value(value)
            .map_err(std::io::Error::from)
            .and_then(|value| lines(&value, "", writer))
    };
    written.map_err(Error::Output)
}

fn lines(value: &Value, name: &str, writer: &mut dyn Write) -> std::io::Result<()> {
    let below = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}.{key}")
        }
    };
    match value {
        Value::Object(entries) if !entries.is_empty() => entries
            .iter()
            .try_for_each(|(key, value)| lines(value, &below(key), writer)),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| lines(value, &below(&index.to_string()), writer))
        }
        Value::String(text) if !text.contains(char::is_control) => {
            writeln!(writer, "{name}: {text}")
        }
        other => writeln!(writer, "{name}: {other}"),
    }
}
