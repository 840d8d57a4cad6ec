//! The wanted columns of a schema, and the cells of a batch as JSON values.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, FieldRef, Fields as SchemaFields, Schema};
use kiln_text::Document;
use serde_json::{Map, Number, Value};

use crate::broken::Refusal;
use crate::config::Names;
use crate::counts::Skipped;
use crate::object::{self, ID, URL};
use crate::record::{Fields, Place, shorten};

/// The names that lead to a column: more than one if it lies within a struct.
pub(super) type Route = Vec<String>;

/// The columns that a source wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Each with its name in the recipe.
    columns: Vec<(String, Route)>,
}

impl Wanted {
    /// Find the columns. The error says what is wrong in one line.
    pub(super) fn find(schema: &Schema, fields: &Fields) -> Result<Self, String> {
        let values = fields.value.as_ref().map_or(&[][..], Names::as_slice);
        let text = std::iter::once(("text", &fields.text));
        let label = fields.label.iter().map(|name| ("label", name));
        let values = values.iter().map(|name| ("value", name));
        let mut columns: Vec<(String, Route)> = Vec::new();
        for (key, name) in text.chain(label).chain(values) {
            let (path, data_type) = find(schema, key, name)?;
            check(key, name, data_type)?;
            columns.push((name.clone(), path));
        }
        // What a record says of itself, as in JSON: read wherever there is such a column.
        for name in [ID, URL] {
            let known = columns.iter().any(|(known, _)| known == name);
            let column = schema.column_with_name(name).filter(|_| !known);
            if column.is_some_and(|(_, field)| says_of_itself(name, field.data_type())) {
                columns.push((name.to_owned(), vec![name.to_owned()]));
            }
        }
        Ok(Self { columns })
    }

    /// The names that lead to each wanted column.
    pub(super) fn paths(&self) -> impl Iterator<Item = &[String]> {
        self.columns.iter().map(|(_, path)| path.as_slice())
    }

    /// The wanted columns of a batch.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<Batch, String> {
        let columns = self.columns.iter().map(|(name, path)| {
            let missing = || format!("has no column `{name}` here");
            let mut columns = vec![batch.column_by_name(&path[0]).ok_or_else(missing)?.clone()];
            for name in &path[1..] {
                let parent = columns.last().and_then(|parent| parent.as_struct_opt());
                let child = parent
                    .and_then(|parent| parent.column_by_name(name))
                    .ok_or_else(missing)?;
                columns.push(child.clone());
            }
            Ok((name.clone(), columns))
        });
        Ok(Batch {
            columns: columns.collect::<Result<_, String>>()?,
            rows: batch.num_rows(),
        })
    }
}

/// The wanted columns of some rows.
pub(super) struct Batch {
    /// Each with its name, and the columns from the outermost struct down to it.
    columns: Vec<(String, Vec<ArrayRef>)>,
    pub(super) rows: usize,
}

impl Batch {
    /// The document of a row, or none if it has no text.
    pub(super) fn document(
        &self,
        row: usize,
        fields: &Fields,
        place: Place,
        skipped: &mut Skipped,
    ) -> Result<Option<Document>, Refusal> {
        let cells = self.row(row).map_err(|problem| place.mistake(problem));
        cells
            .and_then(|cells| object::whole_document(&cells, fields, place, skipped))
            .map_err(|error| Refusal::record(error, b""))
    }

    /// The cells of a row by their names; the error says what is wrong with one of them.
    fn row(&self, row: usize) -> Result<Map<String, Value>, String> {
        let mut cells = Map::new();
        for (name, columns) in &self.columns {
            let null = columns.iter().any(|column| column.is_null(row));
            let value = match columns.last().filter(|_| !null) {
                Some(column) => cell(column.as_ref(), row)
                    .map_err(|problem| format!("the column `{name}` {problem}"))?,
                None => Value::Null,
            };
            cells.insert(name.clone(), value);
        }
        Ok(cells)
    }
}

fn find<'a>(schema: &'a Schema, key: &str, name: &str) -> Result<(Route, &'a DataType), String> {
    if let Some((_, field)) = schema.column_with_name(name) {
        return Ok((vec![name.to_owned()], field.data_type()));
    }
    let path: Route = name.split('.').map(str::to_owned).collect();
    let mut fields = schema.fields();
    let mut found: Option<&FieldRef> = None;
    for (depth, part) in path.iter().enumerate() {
        if depth > 0 {
            match found.map(|field| field.data_type()) {
                Some(DataType::Struct(children)) => fields = children,
                Some(other) => {
                    let outer = path[..depth].join(".");
                    return Err(format!(
                        "the column `{outer}` is {}; only the fields of a struct can be named as `{name}`",
                        described(other)
                    ));
                }
                None => {}
            }
        }
        found = fields.iter().find(|field| field.name() == part);
        if found.is_none() {
            break;
        }
    }
    match found {
        Some(field) => Ok((path, field.data_type())),
        None => {
            let names: Vec<String> = schema
                .fields()
                .iter()
                .take(20)
                .map(|field| shorten(field.name()))
                .collect();
            let more = if schema.fields().len() > 20 {
                ", ..."
            } else {
                ""
            };
            Err(format!(
                "has no column `{name}`; the columns are: {}{more}; name the right one with {key} = \"...\"",
                names.join(", ")
            ))
        }
    }
}

/// Whether a column of this type names its records, or where they come from. Others of the same name are passed over.
fn says_of_itself(name: &str, data_type: &DataType) -> bool {
    let inner = match data_type {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    match inner {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        other => name == ID && (other.is_integer() || other.is_floating()),
    }
}

/// Whether a column of this type can be used so.
fn check(key: &str, name: &str, data_type: &DataType) -> Result<(), String> {
    let inner = match data_type {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let text = matches!(
        inner,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::Null
    );
    let number =
        inner.is_integer() || inner.is_floating() || matches!(inner, DataType::Decimal128(..));
    let (fits, expected) = match key {
        "text" => (text, "a text"),
        "label" => (
            text || inner.is_integer() || *inner == DataType::Boolean,
            "a text or an integer",
        ),
        _ => (text || number, "a number"),
    };
    if fits {
        return Ok(());
    }
    let advice = match inner {
        DataType::Struct(fields) if !fields.is_empty() => {
            format!(
                "; name a field of it, such as `{name}.{}`",
                fields[0].name()
            )
        }
        _ => String::new(),
    };
    Err(format!(
        "the column `{name}` is {}; expected {expected}{advice}",
        described(data_type)
    ))
}

fn described(data_type: &DataType) -> String {
    match data_type {
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_) => "a list".to_owned(),
        DataType::Struct(_) => "a struct".to_owned(),
        DataType::Map(..) => "a map".to_owned(),
        DataType::Boolean => "true or false".to_owned(),
        DataType::Binary | DataType::FixedSizeBinary(_) => "bytes".to_owned(),
        other if other.is_integer() => "an integer".to_owned(),
        other if other.is_floating() => "a number".to_owned(),
        other => format!("of the type {}", shorten(&other.to_string())),
    }
}

/// The same schema with the texts of the wanted columns as views: a text that stands a thousand times in a column is
/// held once.
pub(super) fn with_views(schema: &Schema, wanted: &Wanted) -> Schema {
    let paths: Vec<&[String]> = wanted.paths().collect();
    Schema::new(views(schema.fields(), &paths))
}

fn views(fields: &SchemaFields, paths: &[&[String]]) -> Vec<FieldRef> {
    let viewed = fields.iter().map(|field| {
        let below: Vec<&[String]> = paths
            .iter()
            .filter(|path| path.first() == Some(field.name()))
            .map(|path| &path[1..])
            .collect();
        let data_type = match field.data_type() {
            _ if below.is_empty() => return field.clone(),
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            DataType::Struct(children) => DataType::Struct(views(children, &below).into()),
            _ => return field.clone(),
        };
        Arc::new(Field::clone(field).with_data_type(data_type))
    });
    viewed.collect()
}

/// The value of a cell that is not null.
fn cell(column: &dyn Array, row: usize) -> Result<Value, String> {
    macro_rules! number {
        ($kind:ty) => {
            Value::from(column.as_primitive::<$kind>().value(row))
        };
    }
    Ok(match column.data_type() {
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Value::from(column.as_string::<i64>().value(row)),
        DataType::Utf8View => Value::from(column.as_string_view().value(row)),
        DataType::Binary => text(column.as_binary::<i32>().value(row))?,
        DataType::LargeBinary => text(column.as_binary::<i64>().value(row))?,
        DataType::BinaryView => text(column.as_binary_view().value(row))?,
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float16 => finite(column.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => {
            // Its shortest notation, as it would be written in a csv file: 0.1 and not 0.10000000149011612.
            let number = column.as_primitive::<Float32Type>().value(row);
            finite(number.to_string().parse().unwrap_or(f64::NAN))
        }
        DataType::Float64 => finite(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => {
            Value::from(column.as_primitive::<Decimal128Type>().value_as_string(row))
        }
        DataType::Dictionary(..) => return entry(column, row),
        _ => Value::Null,
    })
}

/// A number that JSON has no notation for becomes a text, which is refused with its name.
fn finite(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::from(number.to_string()), Value::Number)
}

fn text(bytes: &[u8]) -> Result<Value, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Value::from(text)),
        Err(error) => Err(format!(
            "is not UTF-8 at its byte {}; expected a text",
            error.valid_up_to()
        )),
    }
}

/// What the key of a dictionary stands for.
fn entry(column: &dyn Array, row: usize) -> Result<Value, String> {
    let dictionary = column.as_any_dictionary();
    macro_rules! key {
        ($kind:ty) => {
            usize::try_from(dictionary.keys().as_primitive::<$kind>().value(row)).ok()
        };
    }
    let key = match dictionary.keys().data_type() {
        DataType::Int8 => key!(Int8Type),
        DataType::Int16 => key!(Int16Type),
        DataType::Int32 => key!(Int32Type),
        DataType::Int64 => key!(Int64Type),
        DataType::UInt8 => key!(UInt8Type),
        DataType::UInt16 => key!(UInt16Type),
        DataType::UInt32 => key!(UInt32Type),
        _ => key!(UInt64Type),
    };
    let values = dictionary.values();
    match key.filter(|&key| key < values.len()) {
        Some(key) if values.is_null(key) => Ok(Value::Null),
        Some(key) => cell(values.as_ref(), key),
        None => Err("has a key that is not in its dictionary".to_owned()),
    }
}
