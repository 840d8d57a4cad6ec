//! From a JSON object to a document, with only the wanted fields of it taken apart.

use std::borrow::Cow;
use std::fmt;

use kiln_text::{Document, Error};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::config::Names;
use crate::counts::Skipped;
use crate::record::{Fields, Place, set_values, shorten_list};

/// What serde_json has to say, without the line that it counts in our single line.
pub(crate) fn json_problem(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let said = whole.split(" at line ").next().unwrap_or(&whole);
    format!("{said} at column {}", error.column())
}

/// The document of an object as it is written.
pub(crate) fn object_document(
    json: &str,
    fields: &Fields,
    place: Place,
    skipped: &mut Skipped,
) -> Result<Option<Document>, Error> {
    if let Some(parts) = wanted_parts(json, fields)
        && let Some(document) = parts.document(fields, place, skipped)
    {
        return Ok(document);
    }
    // Something is not as it should be, or not as it mostly is: say exactly what.
    let object: Map<String, Value> = serde_json::from_str(json).map_err(|error| {
        place.mistake(format!("is not a JSON object: {}", json_problem(&error)))
    })?;
    whole_document(&object, fields, place, skipped)
}

/// The wanted fields of an object, or `None` if it is none.
fn wanted_parts<'j>(json: &'j str, fields: &Fields) -> Option<Parts<'j>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parts = deserializer
        .deserialize_map(ObjectVisitor { fields })
        .ok()?;
    deserializer.end().ok()?;
    Some(parts)
}

/// The wanted fields; the last one where a name comes twice.
#[derive(Default)]
struct Parts<'j> {
    text: Option<Part<'j>>,
    label: Option<Part<'j>>,
    values: Vec<Option<Part<'j>>>,
    own: Own<'j>,
}

/// What a record says of itself, wherever it does: tools for corpora write these fields, and look documents up by them.
#[derive(Default)]
struct Own<'j> {
    id: Option<Cow<'j, str>>,
    url: Option<Cow<'j, str>>,
}

pub(crate) const ID: &str = "id";
pub(crate) const URL: &str = "url";

impl Own<'_> {
    fn of<'v>(object: &'v Map<String, Value>, fields: &Fields) -> Own<'v> {
        let text = |name: &str| match object.get(name)? {
            Value::String(text) if name != fields.text => Some(Cow::Borrowed(text.as_str())),
            Value::Number(number) if name == ID => Some(Cow::Owned(number.to_string())),
            _ => None,
        };
        Own {
            id: text(ID),
            url: text(URL),
        }
    }

    fn set(self, document: &mut Document, fields: &Fields) {
        if let Some(id) = self.id.filter(|id| !id.trim().is_empty()) {
            document.id = format!("{id}{}", fields.id_suffix);
        }
        if let Some(url) = self.url.filter(|url| !url.trim().is_empty()) {
            document.source.url = Some(url.into_owned());
        }
    }
}

#[derive(Clone)]
enum Part<'j> {
    Text(Cow<'j, str>),
    Number(Number),
    Bool(bool),
    /// Null, a list or an object.
    Other,
}

impl Parts<'_> {
    /// `None` if anything is missing or of another kind than most are.
    fn document(
        self,
        fields: &Fields,
        place: Place,
        skipped: &mut Skipped,
    ) -> Option<Option<Document>> {
        let Some(Part::Text(text)) = self.text else {
            return None;
        };
        let label = match (&fields.label, self.label) {
            (None, _) => None,
            (Some(_), Some(Part::Text(label))) if !label.trim().is_empty() => {
                Some(label.trim().to_owned())
            }
            (Some(_), Some(Part::Number(label))) => Some(label.to_string()),
            (Some(_), Some(Part::Bool(label))) => Some(label.to_string()),
            _ => return None,
        };
        let names = fields.value.as_ref().map_or(&[][..], Names::as_slice);
        let number = |(name, part): (&String, Option<Part>)| match part? {
            Part::Number(number) => place.value(name, &number.to_string()).ok(),
            Part::Text(text) => place.value(name, &text).ok(),
            Part::Bool(_) | Part::Other => None,
        };
        let numbers = names.iter().zip(self.values).map(number);
        let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
        let Some(mut document) = place.document(text, fields, skipped) else {
            return Some(None);
        };
        if let Some(label) = label {
            document.set_label(label);
        }
        if let Some(names) = &fields.value {
            set_values(&mut document, names, numbers);
        }
        self.own.set(&mut document, fields);
        Some(Some(document))
    }
}

struct ObjectVisitor<'f> {
    fields: &'f Fields,
}

impl<'j> Visitor<'j> for ObjectVisitor<'_> {
    type Value = Parts<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Parts<'j>, A::Error> {
        let names = self.fields.value.as_ref().map_or(&[][..], Names::as_slice);
        let mut parts = Parts::default();
        parts.values.resize_with(names.len(), || None);
        while let Some(key) = map.next_key_seed(KeyVisitor)? {
            let is_text = key == self.fields.text;
            let is_label = self.fields.label.as_deref() == Some(&key);
            let in_values = names.iter().any(|name| *name == key);
            let is_own = !is_text && (key == ID || key == URL);
            if !is_text && !is_label && !in_values && !is_own {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let part = map.next_value_seed(PartVisitor)?;
            if is_own {
                let said = match part.clone() {
                    Part::Text(text) => Some(text),
                    Part::Number(number) if key == ID => Some(Cow::Owned(number.to_string())),
                    _ => None,
                };
                match key == ID {
                    true => parts.own.id = said,
                    false => parts.own.url = said,
                }
            }
            for (name, value) in names.iter().zip(&mut parts.values) {
                if *name == key {
                    *value = Some(part.clone());
                }
            }
            if is_label {
                parts.label = Some(part.clone());
            }
            if is_text {
                parts.text = Some(part);
            }
        }
        Ok(parts)
    }
}

struct KeyVisitor;

impl<'j> DeserializeSeed<'j> for KeyVisitor {
    type Value = Cow<'j, str>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'j> Visitor<'j> for KeyVisitor {
    type Value = Cow<'j, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'j str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

struct PartVisitor;

impl<'j> DeserializeSeed<'j> for PartVisitor {
    type Value = Part<'j>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Part<'j>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'j> Visitor<'j> for PartVisitor {
    type Value = Part<'j>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'j str) -> Result<Part<'j>, E> {
        Ok(Part::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Part<'j>, E> {
        Ok(Part::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Part<'j>, E> {
        Ok(Part::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Part<'j>, E> {
        Ok(Part::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Part<'j>, E> {
        Ok(Part::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Part<'j>, E> {
        Ok(Number::from_f64(number).map_or(Part::Other, Part::Number))
    }

    fn visit_unit<E>(self) -> Result<Part<'j>, E> {
        Ok(Part::Other)
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut list: A) -> Result<Part<'j>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Part<'j>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }
}

/// The document of an object with all its fields, or what is wrong with it.
pub(crate) fn whole_document(
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
    Own::of(object, fields).set(&mut document, fields);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(label: bool, values: &[&str]) -> Fields {
        let source = crate::config::SourceConfig {
            label: label.then(|| "label".to_owned()),
            value: (!values.is_empty())
                .then(|| Names::Many(values.iter().map(|&name| name.to_owned()).collect())),
            ..Default::default()
        };
        Fields::of(&source)
    }

    /// The document, the count of empty texts, or the message.
    type Outcome = Result<(Option<Document>, u64), String>;

    /// By the quick way first, and by the whole object alone.
    fn both(json: &str, fields: &Fields) -> (Outcome, Outcome) {
        let place = Place {
            path: "a.jsonl".as_ref(),
            name: "a.jsonl",
            line: 1,
            record: None,
            offset: 0,
        };
        let outcome = |result: Result<Option<Document>, Error>, skipped: Skipped| match result {
            Ok(document) => Ok((document, skipped.empty_texts)),
            Err(error) => Err(error.to_string()),
        };
        let mut skipped = Skipped::default();
        let ours = object_document(json, fields, place, &mut skipped);
        let ours = outcome(ours, skipped);
        let mut skipped = Skipped::default();
        let whole = serde_json::from_str(json).map_err(|error| {
            place.mistake(format!("is not a JSON object: {}", json_problem(&error)))
        });
        let whole = whole.and_then(|object| whole_document(&object, fields, place, &mut skipped));
        (ours, outcome(whole, skipped))
    }

    #[test]
    fn a_name_that_comes_twice_has_its_last_value() {
        let json = r#"{"text":"One","x":[{"text":"no"}],"label":1,"text":"Tw\u006f","label":"b"}"#;
        let (ours, whole) = both(json, &fields(true, &[]));
        assert_eq!(ours, whole);
        let document = ours.unwrap().0.unwrap();
        assert_eq!(
            (document.text.as_str(), document.label()),
            ("Two", Some("b"))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn the_quick_way_gives_what_the_whole_object_gives(
            pairs in proptest::collection::vec(
                (
                    prop::sample::select(vec!["text", "label", "v", "w", "other", "te\\u0078t"]),
                    prop::sample::select(vec![
                        "\"One\"", "\"\"", "\" \"", "\"a\\\"\\ud83d\\ude42\"", "null", "true", "1", "-2.50", "-0.0",
                        "12345678901234567890123", "[1]", "{\"text\":1}", "\"3.5\"", "\"nan\"", "",
                    ]),
                ),
                0..6,
            ),
            end in prop::sample::select(vec!["}", "} ", "", ",}", "}x"]),
            label in any::<bool>(),
            values in prop::sample::select(vec![vec![], vec!["v"], vec!["v", "w"], vec!["text"], vec!["v", "v"]]),
        ) {
            let written = |(name, value): &(&str, &str)| format!("\"{name}\": {value}");
            let pairs: Vec<_> = pairs.iter().map(written).collect();
            let json = format!("{{{}{end}", pairs.join(", "));
            let (ours, whole) = both(&json, &fields(label, &values));
            prop_assert_eq!(ours, whole);
        }
    }
}
