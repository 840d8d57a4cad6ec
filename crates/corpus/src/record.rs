//! From the named parts of a record to a document.

use std::path::Path;

use kiln_text::{Document, Error, Position, Provenance};
use serde_json::{Map, Value};

use crate::config::{Names, SourceConfig};
use crate::counts::{Skipped, counted};
use crate::encoding::Encoding;

/// What a source's files hold: their encoding, and which parts of a record are wanted.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) text: String,
    pub(crate) label: Option<String>,
    pub(crate) value: Option<Names>,
    /// Names for tables without a header line.
    pub(crate) columns: Option<Vec<String>>,
    /// `None`: as is usual for the format.
    pub(crate) quotes: Option<bool>,
    /// Between the cells of a csv file: one ASCII character, `None` for the comma.
    pub(crate) delimiter: Option<char>,
    /// `None`: as the bytes look.
    pub(crate) encoding: Option<Encoding>,
    /// Ends the id of each record where two sources read different texts from the same file.
    pub(crate) id_suffix: String,
}

impl Fields {
    pub(crate) fn of(source: &SourceConfig) -> Self {
        Self {
            text: source.text.clone().unwrap_or_else(|| "text".to_owned()),
            label: source.label.clone(),
            value: source.value.clone(),
            columns: source.columns.clone(),
            quotes: source.quotes,
            delimiter: source.delimiter,
            encoding: source.encoding(),
            id_suffix: String::new(),
        }
    }
}

/// Where a record was found.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    /// The file's name in documents.
    pub(crate) name: &'a str,
    /// Counted from 1.
    pub(crate) line: u64,
    /// In a format that is not cut at lines: the record's number, counted from 1.
    pub(crate) record: Option<u64>,
    pub(crate) offset: u64,
}

impl Place<'_> {
    pub(crate) fn mistake(&self, problem: impl Into<String>) -> Error {
        let position = match self.record {
            None => Position::Line(self.line),
            Some(_) => Position::Byte(self.offset),
        };
        Error::mistake(self.path, position, problem)
    }

    /// What the record is called beside the file's name: its line or its number.
    fn number(&self) -> u64 {
        self.record.unwrap_or(self.line)
    }

    /// A document of this text, or `None` (counted) if the text is empty.
    fn document(&self, text: &str, fields: &Fields, skipped: &mut Skipped) -> Option<Document> {
        if text.trim().is_empty() {
            skipped.empty_text(self.name, self.number());
            return None;
        }
        let id = format!("{}#{}{}", self.name, self.number(), fields.id_suffix);
        Some(Document::new(
            id,
            text,
            Provenance::at(self.name, self.offset),
        ))
    }

    fn set_label(&self, document: &mut Document, name: &str, label: &str) -> Result<(), Error> {
        match label.trim() {
            "" => Err(self.mistake(format!(
                "the label `{name}` is empty; give every record its class"
            ))),
            label => {
                document.set_label(label);
                Ok(())
            }
        }
    }

    fn value(&self, name: &str, text: &str) -> Result<f64, Error> {
        match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(self.mistake(format!(
                "the value `{name}` is `{}`; expected a finite number, such as -1.5",
                shorten(text)
            ))),
        }
    }
}

fn set_values(document: &mut Document, names: &Names, numbers: Vec<f64>) {
    match (names, numbers.as_slice()) {
        (Names::One(_), &[number]) => document.set_value(number),
        _ => document.set_values(&numbers),
    }
}

/// At most forty characters of something that is shown in a message.
pub(crate) fn shorten(text: &str) -> String {
    let text = text.trim();
    let mut shown = String::new();
    for character in text.chars().take(40) {
        match character.is_control() {
            true => shown.extend(character.escape_debug()),
            false => shown.push(character),
        }
    }
    if text.chars().nth(40).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The wanted columns of one table.
#[derive(Debug)]
pub(crate) struct Columns {
    header: Vec<String>,
    text: usize,
    label: Option<usize>,
    values: Vec<usize>,
}

impl Columns {
    pub(crate) fn find(header: Vec<String>, fields: &Fields, place: Place) -> Result<Self, Error> {
        let find = |key: &str, name: &str| find_column(&header, key, name, place);
        let values = fields.value.as_ref().map_or(&[][..], Names::as_slice);
        let text = find("text", &fields.text)?;
        let label = fields
            .label
            .as_deref()
            .map(|name| find("label", name))
            .transpose()?;
        let values = values
            .iter()
            .map(|name| find("value", name))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            header,
            text,
            label,
            values,
        })
    }

    /// The row's document. `cell(i)` is the text of column `i`, `count` the number of columns.
    pub(crate) fn document<'a>(
        &self,
        count: usize,
        cell: impl Fn(usize) -> &'a str,
        fields: &Fields,
        place: Place,
        skipped: &mut Skipped,
    ) -> Result<Option<Document>, Error> {
        let expected = self.header.len();
        if count != expected {
            let advice = if count > expected {
                "a text that holds the separator must stand in double quotes"
            } else {
                "complete the row or remove it (if a quoted text goes over several lines, see the key `quotes`)"
            };
            return Err(place.mistake(format!(
                "has {}, expected {expected} ({}); {advice}",
                counted(count as u64, "column"),
                shorten_list(self.header.iter().map(String::as_str))
            )));
        }
        let Some(mut document) = place.document(cell(self.text), fields, skipped) else {
            return Ok(None);
        };
        if let Some(label) = self.label {
            place.set_label(&mut document, &self.header[label], cell(label))?;
        }
        if let Some(names) = &fields.value {
            let number = |&column: &usize| place.value(&self.header[column], cell(column));
            let numbers = self.values.iter().map(number).collect::<Result<_, _>>()?;
            set_values(&mut document, names, numbers);
        }
        Ok(Some(document))
    }
}

fn find_column(header: &[String], key: &str, name: &str, place: Place) -> Result<usize, Error> {
    let mut found = (0..header.len()).filter(|&column| header[column].trim() == name);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (Some(_), Some(_)) => Err(place.mistake(format!(
            "has two columns named `{name}`; rename one of them"
        ))),
        (None, _) => {
            let advice = match header {
                [only] if only.contains([';', '|', '\t']) => {
                    "if another character than the comma separates them, name it with delimiter = \";\"".to_owned()
                }
                _ => format!(
                    "name the right one with {key} = \"...\" \
                     (or all of them with columns = [...] if the file has no header line)"
                ),
            };
            Err(place.mistake(format!(
                "has no column `{name}`; the columns are: {}; {advice}",
                shorten_list(header.iter().map(String::as_str))
            )))
        }
    }
}

/// The document of a JSON object.
pub(crate) fn object_document(
    object: &Map<String, Value>,
    fields: &Fields,
    place: Place,
    skipped: &mut Skipped,
) -> Result<Option<Document>, Error> {
    let find = |key: &str, name: &str| {
        object.get(name).ok_or_else(|| {
            place.mistake(format!(
                "has no field `{name}`; the fields are: {}; name the right one with {key} = \"...\"",
                shorten_list(object.keys().map(String::as_str))
            ))
        })
    };
    let text = match find("text", &fields.text)? {
        Value::String(text) => text,
        Value::Null => "",
        other => return Err(unexpected(place, &fields.text, other, "a text")),
    };
    let Some(mut document) = place.document(text, fields, skipped) else {
        return Ok(None);
    };
    if let Some(name) = &fields.label {
        match find("label", name)? {
            Value::String(label) => place.set_label(&mut document, name, label)?,
            label @ (Value::Number(_) | Value::Bool(_)) => document.set_label(label.to_string()),
            other => return Err(unexpected(place, name, other, "a text or a number")),
        }
    }
    if let Some(names) = &fields.value {
        let number = |name: &String| match find("value", name)? {
            Value::Number(number) => place.value(name, &number.to_string()),
            Value::String(text) => place.value(name, text),
            other => Err(unexpected(place, name, other, "a number")),
        };
        let numbers = names
            .as_slice()
            .iter()
            .map(number)
            .collect::<Result<_, _>>()?;
        set_values(&mut document, names, numbers);
    }
    Ok(Some(document))
}

fn unexpected(place: Place, name: &str, found: &Value, expected: &str) -> Error {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    place.mistake(format!(
        "the field `{name}` is {found}; expected {expected}"
    ))
}

/// Up to twenty names, for a message.
fn shorten_list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let left_out = names.len().saturating_sub(20);
    let mut shown: Vec<String> = names.take(20).map(shorten).collect();
    if left_out > 0 {
        shown.push(format!("and {left_out} more"));
    }
    shown.join(", ")
}
