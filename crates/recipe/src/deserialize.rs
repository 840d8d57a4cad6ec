//! serde's view of the document. Values are taken as they stand; faults learn their place on the way out.

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::fault::Fault;
use crate::node::{Node, Step, Table, Value};

/// A node as a deserializer.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a Node);

impl Reader<'_> {
    fn unexpected(&self) -> Unexpected<'_> {
        match &self.0.value {
            Value::String(text) => Unexpected::Str(text),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::Float(number) => Unexpected::Float(*number),
            Value::Boolean(truth) => Unexpected::Bool(*truth),
            Value::Date(_) => Unexpected::Other("a date"),
            Value::Array(_) => Unexpected::Seq,
            Value::Table(_) => Unexpected::Map,
        }
    }

    fn tuple<'de, V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::Array(items) if items.len() != length => Err(Fault::invalid_length(
                items.len(),
                &format!("an array of {length} values").as_str(),
            )),
            _ => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(truth) => visitor.visit_bool(*truth),
            Value::Date(_) => Err(Fault::invalid_type(self.unexpected(), &visitor)),
            Value::Array(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Table(table) => visitor.visit_map(Entries { table, next: 0 }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.tuple(length, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::String(name) => visitor.visit_enum(Variant { name, body: None }),
            Value::Table(Table(entries)) if entries.len() == 1 => visitor.visit_enum(Variant {
                name: &entries[0].0,
                body: Some(&entries[0].1),
            }),
            _ => {
                let names: Vec<_> = variants.iter().map(|name| format!("{name:?}")).collect();
                let expected = format!("one of {}", names.join(", "));
                Err(Fault::invalid_type(self.unexpected(), &expected.as_str()))
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq map
        struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Reader<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<'a> {
    items: &'a [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let index = self.next;
        let Some(item) = self.items.get(index) else {
            return Ok(None);
        };
        self.next += 1;
        seed.deserialize(Reader(item))
            .map(Some)
            .map_err(|fault| fault.within(Step::Item(index), item.origin))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'a> {
    table: &'a Table,
    next: usize,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.table.0.get(self.next) else {
            return Ok(None);
        };
        self.next += 1;
        let reader: StringDeserializer<Fault> = key.clone().into_deserializer();
        seed.deserialize(reader)
            .map(Some)
            .map_err(|fault| fault.at(node.origin))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, node)) = self.next.checked_sub(1).and_then(|at| self.table.0.get(at)) else {
            return Err(Fault::custom("a value was asked for before its key"));
        };
        seed.deserialize(Reader(node))
            .map_err(|fault| fault.within(Step::Key(key.clone()), node.origin))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.table.0.len() - self.next)
    }
}

/// An alternative by name: the name alone, or a table of one key with its contents.
struct Variant<'a> {
    name: &'a str,
    body: Option<&'a Node>,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a> {
    type Error = Fault;
    type Variant = Body<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Body<'a>), Fault> {
        let reader: StringDeserializer<Fault> = self.name.to_owned().into_deserializer();
        Ok((seed.deserialize(reader)?, Body(self)))
    }
}

struct Body<'a>(Variant<'a>);

impl Body<'_> {
    fn read<T>(self, read: impl FnOnce(Reader<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let Variant { name, body } = self.0;
        match body {
            Some(node) => read(Reader(node))
                .map_err(|fault| fault.within(Step::Key(name.to_owned()), node.origin)),
            None => Err(Fault::custom(format!(
                "{name:?} needs values: write {{ {name} = ... }}"
            ))),
        }
    }
}

impl<'de> VariantAccess<'de> for Body<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.0.body {
            None => Ok(()),
            Some(_) => Err(Fault::custom(format!("{:?} takes no values", self.0.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.read(|reader| seed.deserialize(reader))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.read(|reader| reader.tuple(length, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.read(|reader| reader.deserialize_any(visitor))
    }
}
