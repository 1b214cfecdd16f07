//! The tree as serde's input. An error gets the place of the innermost value it concerns; for a key or a word that is not
//! known it says which one may have been meant.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::{Fault, Key, Node, Place, Scalar, Value};
use crate::near;

/// Reads a value from the tree.
///
/// # Errors
/// The first thing that is not as it must be.
pub(crate) fn read<T: DeserializeOwned>(node: &Node) -> Result<T, Fault> {
    T::deserialize(Input(node))
        .map_err(|error| Fault { place: error.place.unwrap_or(node.place), message: error.message })
}

/// What is wrong; where, as soon as that is known.
#[derive(Debug)]
struct Error {
    place: Option<Place>,
    message: String,
}

impl Error {
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Error { place: None, message: message.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", Found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", Found(found)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(near::unknown("key", field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(near::unknown("word", variant, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("`{field}` is there twice"))
    }
}

/// What was found, in words for people who write YAML.
struct Found<'a>(Unexpected<'a>);

impl Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Unexpected::Str(text) => write!(f, "`{text}`"),
            Unexpected::Unit => f.write_str("nothing"),
            Unexpected::Bool(truth) => write!(f, "`{truth}`"),
            Unexpected::Signed(number) => write!(f, "`{number}`"),
            Unexpected::Unsigned(number) => write!(f, "`{number}`"),
            Unexpected::Float(number) => write!(f, "`{number}`"),
            Unexpected::Seq => f.write_str("a list"),
            Unexpected::Map => f.write_str("a map"),
            other => write!(f, "{other}"),
        }
    }
}

struct Input<'a>(&'a Node);

impl<'a> Input<'a> {
    /// A scalar as what it is.
    fn scalar<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.value {
            Value::Text { text, is_plain: true, .. } => match Scalar::of(text) {
                Scalar::Nothing => visitor.visit_unit(),
                Scalar::Truth(truth) => visitor.visit_bool(truth),
                Scalar::Whole(number) => visitor.visit_i64(number),
                Scalar::Number(number) => visitor.visit_f64(number),
                Scalar::Text => visitor.visit_str(text),
            },
            Value::Text { text, .. } => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries::new(entries)),
        }
    }

    fn is_nothing(&self) -> bool {
        let Value::Text { text, is_plain: true, .. } = &self.0.value else { return false };
        Scalar::of(text) == Scalar::Nothing
    }
}

impl<'de> de::Deserializer<'de> for Input<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let place = self.0.place;
        self.scalar(visitor).map_err(|error| error.at(place))
    }

    /// A text is a text, whatever it looks like: `version: 1.10`.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let place = self.0.place;
        let result = match &self.0.value {
            Value::Text { text, .. } if !self.is_nothing() => visitor.visit_str(text),
            _ => self.scalar(visitor),
        };
        result.map_err(|error| error.at(place))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let place = self.0.place;
        let result =
            if self.is_nothing() { visitor.visit_none() } else { visitor.visit_some(self) };
        result.map_err(|error| error.at(place))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let place = self.0.place;
        let choice = match &self.0.value {
            Value::Text { text, .. } => Choice { name: text, value: None, place },
            Value::Map(entries) => match &entries[..] {
                [(key, value)] => Choice { name: &key.text, value: Some(value), place },
                _ => return Err(de::Error::custom("expected a map of one key")).map_err(at(place)),
            },
            Value::List(_) => {
                return Err(de::Error::custom("expected a word, found a list")).map_err(at(place));
            }
        };
        visitor.visit_enum(choice).map_err(at(place))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

fn at(place: Place) -> impl Fn(Error) -> Error {
    move |error| error.at(place)
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|node| seed.deserialize(Input(node)).map_err(at(node.place))).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [(Key, Node)]) -> Self {
        Self { entries: entries.iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        let text: StrDeserializer<'_, Error> = key.text.as_str().into_deserializer();
        seed.deserialize(text).map(Some).map_err(at(key.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(value) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(Input(value)).map_err(at(value.place))
    }
}

struct Choice<'a> {
    name: &'a str,
    value: Option<&'a Node>,
    place: Place,
}

impl<'a, 'de> EnumAccess<'de> for Choice<'a> {
    type Error = Error;
    type Variant = Choice<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Choice<'a>), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        let variant = seed.deserialize(name).map_err(at(self.place))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(value) => {
                let text = format!("`{}` is a word, it has no value", self.name);
                Err(Error { place: Some(value.place), message: text })
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        match self.value {
            Some(value) => seed.deserialize(Input(value)).map_err(at(value.place)),
            None => Err(Error {
                place: Some(self.place),
                message: format!("`{}` lacks its value", self.name),
            }),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Error> {
        self.any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.any(visitor)
    }
}

impl Choice<'_> {
    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Some(value) => de::Deserializer::deserialize_any(Input(value), visitor),
            None => Err(Error {
                place: Some(self.place),
                message: format!("`{}` lacks its values", self.name),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        #[serde(default)]
        count: Option<u32>,
        #[serde(default)]
        env: BTreeMap<String, String>,
        #[serde(default)]
        mode: Option<Mode>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Quick,
        Slow { by: u32 },
    }

    fn sample(text: &str) -> Result<Sample, (usize, usize, String)> {
        read(&parse(text).unwrap())
            .map_err(|fault| (fault.place.line, fault.place.column, fault.message))
    }

    #[test]
    fn texts_are_texts_whatever_they_look_like() {
        let read = sample("name: 1.10\ncount: 3\nenv: {PORT: 8000, ON: true}\nmode: quick\n");
        let read = read.unwrap();
        assert_eq!(
            (read.name.as_str(), read.count, read.mode),
            ("1.10", Some(3), Some(Mode::Quick))
        );
        assert_eq!(read.env["PORT"], "8000");
        let slow = sample("name: a\nmode: {slow: {by: 3}}\ncount:\n").unwrap();
        assert_eq!((slow.mode, slow.count), (Some(Mode::Slow { by: 3 }), None));
    }

    #[test]
    fn errors_have_the_place_of_what_is_wrong() {
        let told = |line, column, text: &str| Err((line, column, text.to_owned()));
        assert_eq!(
            sample("name: a\ncuont: 3\n"),
            told(2, 1, "unknown key `cuont`: did you mean `count`?")
        );
        assert_eq!(sample("count: 3\n"), told(1, 1, "`name` is missing"));
        assert_eq!(sample("name: a\ncount: many\n"), told(2, 8, "expected u32, found `many`"));
        assert_eq!(sample("name: [a]\n"), told(1, 7, "expected a string, found a list"));
        assert_eq!(
            sample("name: a\nmode: quik\n"),
            told(2, 7, "unknown word `quik`: did you mean `quick`?")
        );
    }
}
