//! Types read from JSON that has been parsed, with little code for each of them.
//!
//! What `serde_json` generates for a type is several times as much: it reads a struct from a list as well as from an object, its
//! fields' names from numbers and bytes as well as from text, and counts lines to say where something is wrong. Here a type gets
//! what it asks for or is refused, without the place.

use std::{fmt, slice};

use serde::{
    Deserializer,
    de::{DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
};
use serde_json::{Value, map};

/// Why a text is not read.
#[derive(Debug)]
pub struct Unread(String);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unread {}

impl serde::de::Error for Unread {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A value, or the key of an object.
#[derive(Clone, Copy)]
pub enum Node<'a> {
    Key(&'a str),
    Value(&'a Value),
}

type Result<T> = std::result::Result<T, Unread>;

impl<'a> Node<'a> {
    fn text(self) -> Result<&'a str> {
        match self {
            Self::Key(key) => Ok(key),
            Self::Value(value) => value.as_str().ok_or_else(|| other("a text")),
        }
    }

    fn unsigned(self) -> Result<u64> {
        match self {
            Self::Key(key) => key.parse().ok(),
            Self::Value(value) => value.as_u64(),
        }
        .ok_or_else(|| other("a whole number"))
    }

    fn signed(self) -> Result<i64> {
        match self {
            Self::Key(key) => key.parse().ok(),
            Self::Value(value) => value.as_i64(),
        }
        .ok_or_else(|| other("a whole number"))
    }

    fn float(self) -> Result<f64> {
        match self {
            // No object of ours has such keys, and the tables for reading them are large.
            Self::Key(_) => None,
            Self::Value(value) => value.as_f64(),
        }
        .ok_or_else(|| other("a number"))
    }

    fn truth(self) -> Result<bool> {
        match self {
            Self::Key(key) => key.parse().ok(),
            Self::Value(value) => value.as_bool(),
        }
        .ok_or_else(|| other("true or false"))
    }

    fn items(self) -> Result<Items<'a>> {
        match self {
            Self::Value(Value::Array(items)) => Ok(Items(items.iter())),
            Self::Key(_) | Self::Value(_) => Err(other("a list")),
        }
    }

    fn entries(self) -> Result<Entries<'a>> {
        match self {
            Self::Value(Value::Object(entries)) => Ok(Entries { rest: entries.iter(), value: &Value::Null }),
            Self::Key(_) | Self::Value(_) => Err(other("an object")),
        }
    }

    fn is_null(self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }
}

fn other(wanted: &'static str) -> Unread {
    Unread(format!("there is something else where {wanted} should be"))
}

macro_rules! plain {
    ($($method:ident $visit:ident $read:ident;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(self.$read()?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Unread;

    plain! {
        deserialize_bool visit_bool truth;
        deserialize_u8 visit_u64 unsigned;
        deserialize_u16 visit_u64 unsigned;
        deserialize_u32 visit_u64 unsigned;
        deserialize_u64 visit_u64 unsigned;
        deserialize_i8 visit_i64 signed;
        deserialize_i16 visit_i64 signed;
        deserialize_i32 visit_i64 signed;
        deserialize_i64 visit_i64 signed;
        deserialize_f32 visit_f64 float;
        deserialize_f64 visit_f64 float;
        deserialize_char visit_str text;
        deserialize_str visit_str text;
        deserialize_string visit_str text;
        deserialize_identifier visit_str text;
        deserialize_bytes visit_seq items;
        deserialize_byte_buf visit_seq items;
        deserialize_seq visit_seq items;
        deserialize_map visit_map entries;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            Self::Key(key) => visitor.visit_str(key),
            Self::Value(Value::Null) => visitor.visit_unit(),
            Self::Value(Value::Bool(truth)) => visitor.visit_bool(*truth),
            Self::Value(Value::Number(number)) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(self.float()?),
            },
            Self::Value(Value::String(text)) => visitor.visit_str(text),
            Self::Value(Value::Array(_)) => visitor.visit_seq(self.items()?),
            Self::Value(Value::Object(_)) => visitor.visit_map(self.entries()?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_null() { visitor.visit_unit() } else { Err(other("nothing")) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _name: &'static str, _length: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _name: &'static str, _fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _name: &'static str, _variants: &'static [&'static str], visitor: V) -> Result<V::Value> {
        let variant = match self {
            Self::Value(Value::Object(entries)) => match entries.iter().next() {
                Some((name, value)) if entries.len() == 1 => Variant { name, value },
                Some(_) | None => return Err(other("an object with one entry")),
            },
            Self::Key(_) | Self::Value(_) => Variant { name: self.text()?, value: &Value::Null },
        };
        visitor.visit_enum(variant)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}

struct Items<'a>(slice::Iter<'a, Value>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.0.next().map(|item| seed.deserialize(Node::Value(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Entries<'a> {
    rest: map::Iter<'a>,
    /// Of the key that was read last.
    value: &'a Value,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Unread;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = value;
        seed.deserialize(Node::Key(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(Node::Value(self.value))
    }
}

struct Variant<'a> {
    name: &'a str,
    value: &'a Value,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Unread;
    type Variant = Node<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Node<'de>)> {
        Ok((seed.deserialize(Node::Key(self.name))?, Node::Value(self.value)))
    }
}

impl<'de> VariantAccess<'de> for Node<'de> {
    type Error = Unread;

    fn unit_variant(self) -> Result<()> {
        if self.is_null() { Ok(()) } else { Err(other("nothing")) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt::Debug, num::NonZeroU32};

    use proptest::prelude::*;
    use serde::{Deserialize, Serialize, de::DeserializeOwned};

    use super::super::read;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Whole {
        name: String,
        numbers: (u8, i64, f64, NonZeroU32),
        perhaps: Option<bool>,
        kinds: Vec<Kind>,
        counts: BTreeMap<u32, Newtype>,
        words: BTreeMap<Word, bool>,
    }

    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Word {
        One,
        Other,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Newtype(i32);

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Plain,
        Named { at: Word },
        Holding(Box<Whole>),
        Pair(u64, char),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Text(String),
        List(Vec<i8>),
    }

    fn both<T: DeserializeOwned + Debug + PartialEq>(text: &str) {
        assert_eq!(read::<T>(text).ok(), serde_json::from_str::<T>(text).ok(), "{text}");
    }

    fn whole() -> impl Strategy<Value = Whole> {
        let numbers = (any::<u8>(), any::<i64>(), any::<i32>().prop_map(|number| f64::from(number) / 8.0), 1..u32::MAX);
        let words = prop::collection::btree_map(prop_oneof![Just(Word::One), Just(Word::Other)], any::<bool>(), 0..3);
        let counts = prop::collection::btree_map(any::<u32>(), any::<i32>().prop_map(Newtype), 0..3);
        (".*", numbers, any::<Option<bool>>(), words, counts).prop_map(|(name, (a, b, c, d), perhaps, words, counts)| Whole {
            name,
            numbers: (a, b, c, NonZeroU32::new(d).unwrap()),
            perhaps,
            kinds: vec![Kind::Plain, Kind::Named { at: Word::Other }, Kind::Pair(u64::MAX, 'ø')],
            counts,
            words,
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(inner in whole(), outer in whole()) {
            let mut outer = outer;
            outer.kinds.push(Kind::Holding(Box::new(inner)));
            prop_assert_eq!(read::<Whole>(&serde_json::to_string(&outer).unwrap()).unwrap(), outer);
        }
    }

    #[test]
    fn what_is_not_as_it_should_be_is_refused_as_by_serde_json() {
        for text in [
            "",
            "null",
            "1",
            "-1",
            "256",
            "1.5",
            "\"One\"",
            "\"x\"",
            "[]",
            "[1,2]",
            "[300]",
            "{}",
            "{\"One\":null}",
            "{\"Named\":{\"at\":\"One\"}}",
            "{\"Named\":1}",
        ] {
            both::<u8>(text);
            both::<i64>(text);
            both::<f64>(text);
            both::<bool>(text);
            both::<String>(text);
            both::<Option<i8>>(text);
            both::<Vec<u8>>(text);
            both::<(u8, u8)>(text);
            both::<Word>(text);
            both::<Kind>(text);
            both::<Either>(text);
            both::<BTreeMap<Word, bool>>(text);
            both::<()>(text);
        }
    }
}
