//! Named measures.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One measured value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Measure {
    /// A count or a share.
    Number(f64),
    /// A name: a language, the entry of a list that was found.
    Text(String),
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Measures by name, in the order in which they were taken. As JSON an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values(Vec<(Cow<'static, str>, Measure)>);

impl Values {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a number.
    pub fn number(&mut self, name: &'static str, value: f64) {
        self.0.push((name.into(), Measure::Number(value)));
    }

    /// Add a name.
    pub fn text(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name.into(), Measure::Text(value.into())));
    }

    /// A value; values are few.
    pub fn get(&self, name: &str) -> Option<&Measure> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    }

    /// A number, or NaN (which no threshold fails) where there is none of this name.
    pub fn get_number(&self, name: &str) -> f64 {
        match self.get(name) {
            Some(Measure::Number(number)) => *number,
            _ => f64::NAN,
        }
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Measure)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers and names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values, A::Error> {
                let mut values = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Measure>()? {
                    values.push((name.into(), value));
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
