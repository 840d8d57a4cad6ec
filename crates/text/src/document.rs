//! A document: text, where it came from, and what is known about it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One unit of text. As JSON it has the keys of dolma's and datatrove's lines: `id`, `text`, `source`, `metadata`. datatrove
/// reads it as it is; dolma wants a text for `source`, which is an object here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The same at each reading. Unique within its corpus, unless the sources give their records ids that are not.
    pub id: String,
    /// The text itself.
    pub text: String,
    /// Where it was read.
    pub source: Provenance,
    /// BCP 47 language tag, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Everything else: `label`, `value`, the fields of a pair, measures. Keys in the order they were set.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}

/// Where a document was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The file, as the recipe's source and the folder below it name it; a generator's name where there is no file.
    pub path: String,
    /// The byte at which the document begins in it (the record, for a file of records).
    pub offset: u64,
    /// The address it was fetched from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// SPDX expression or the publisher's words, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

impl Provenance {
    /// A place in a file.
    pub fn at(path: impl Into<String>, offset: u64) -> Self {
        Self {
            path: path.into(),
            offset,
            ..Self::default()
        }
    }
}

/// Metadata keys that rooms agree on.
mod key {
    pub(super) const LABEL: &str = "label";
    pub(super) const VALUE: &str = "value";
    pub(super) const CONTINUES: &str = "continues";
    pub(super) const LOG_PROBABILITY: &str = "log_probability";
}

impl Document {
    /// A document with no metadata.
    pub fn new(id: impl Into<String>, text: impl Into<String>, source: Provenance) -> Self {
        Self {
            id: id.into(),
            text: text.into(),
            source,
            language: None,
            metadata: Map::new(),
        }
    }

    /// The class it belongs to.
    pub fn label(&self) -> Option<&str> {
        self.metadata.get(key::LABEL)?.as_str()
    }

    /// Set the class it belongs to.
    pub fn set_label(&mut self, label: impl Into<String>) {
        self.metadata
            .insert(key::LABEL.into(), Value::String(label.into()));
    }

    /// The numbers to be predicted from it: `value` is one number or an array of them.
    pub fn values(&self) -> Option<Vec<f64>> {
        match self.metadata.get(key::VALUE)? {
            Value::Array(items) => items.iter().map(Value::as_f64).collect(),
            one => Some(vec![one.as_f64()?]),
        }
    }

    /// Set the number to be predicted from it.
    pub fn set_value(&mut self, value: f64) {
        self.metadata.insert(key::VALUE.into(), Value::from(value));
    }

    /// Set the numbers to be predicted from it.
    pub fn set_values(&mut self, values: &[f64]) {
        self.metadata.insert(key::VALUE.into(), Value::from(values));
    }

    /// Whether the next document goes on in the same text, as the pieces of one long file do: no separator between them.
    pub fn continues(&self) -> bool {
        self.metadata
            .get(key::CONTINUES)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// Say that the next document goes on in the same text.
    pub fn set_continues(&mut self, continues: bool) {
        if continues {
            self.metadata
                .insert(key::CONTINUES.into(), Value::Bool(true));
        } else {
            self.metadata.shift_remove(key::CONTINUES);
        }
    }

    /// Put another text in the place of this one. What was known of this one's words alone, its probability, goes.
    pub fn replace_text(&mut self, text: String) {
        if text != self.text {
            self.text = text;
            self.metadata.shift_remove(key::LOG_PROBABILITY);
        }
    }

    /// Natural logarithm of the probability of this text under the process that generated it, if that is known exactly.
    pub fn log_probability(&self) -> Option<f64> {
        self.metadata.get(key::LOG_PROBABILITY)?.as_f64()
    }

    /// Set the logarithm of its probability, in nats (at most zero).
    pub fn set_log_probability(&mut self, nats: f64) {
        self.metadata
            .insert(key::LOG_PROBABILITY.into(), Value::from(nats));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_documents_carry_no_empty_fields() {
        let document = Document::new("a.txt", "Hello.", Provenance::at("a.txt", 0));
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"id":"a.txt","text":"Hello.","source":{"path":"a.txt","offset":0}}"#
        );
    }

    #[test]
    fn another_text_has_another_probability_and_keys_stay_in_order() {
        let mut document = Document::new("x", "one", Provenance::default());
        document.set_continues(true);
        document.set_log_probability(-3.0);
        document.metadata.insert("a".into(), Value::from(1));
        document.metadata.insert("b".into(), Value::from(2));
        document.replace_text("one".to_owned());
        assert_eq!(document.log_probability(), Some(-3.0));
        document.set_continues(false);
        document.replace_text("two".to_owned());
        assert_eq!(document.text, "two");
        let keys: Vec<_> = document.metadata.keys().collect();
        assert_eq!(keys, ["a", "b"]);
    }

    #[test]
    fn one_value_and_several_are_both_read() {
        let mut document = Document::new("x", "", Provenance::default());
        document.set_value(2.5);
        assert_eq!(document.values(), Some(vec![2.5]));
        document
            .metadata
            .insert("value".into(), serde_json::json!([1, 2.5]));
        assert_eq!(document.values(), Some(vec![1.0, 2.5]));
        document
            .metadata
            .insert("value".into(), serde_json::json!("two"));
        assert_eq!(document.values(), None);
    }
}
