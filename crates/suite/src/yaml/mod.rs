//! YAML as a tree whose every value knows its place, and that as serde's input.
//!
//! The parser is `granit-parser`; here are the tree, its limits, and errors that name a line and a column.

mod parse;
mod serde_input;

pub(crate) use parse::parse;
pub(crate) use serde_input::read;

use plan::suite::{Path, Step};

/// Values of a plan; more are refused, aliases counted each time they are used.
pub(crate) const MAX_VALUES: usize = 100_000;
/// How deep values may lie in each other.
pub(crate) const MAX_DEPTH: usize = 64;

/// A place in a file, in characters from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) const START: Place = Place { line: 1, column: 1 };
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// A value in its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a value is. Scalars stay text until it is known what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A scalar.
    Text {
        /// Its text.
        text: String,
        /// Written without quotes: it may be a number, a truth value, or nothing.
        is_plain: bool,
        /// The characters on its line before the text's first: a quote.
        lead: Option<usize>,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Node {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Where the value at `path` is; of a key, where the key is when the value is of several lines. Where the path leads
    /// nowhere, the last place on it.
    pub(crate) fn place_of(&self, path: &Path, column: Option<usize>) -> Place {
        let mut node = self;
        let mut place = self.place;
        for step in path.steps() {
            let next = match (step, &node.value) {
                (Step::Key(key), Value::Map(entries)) => {
                    entries.iter().find(|(k, _)| k.text == *key).map(|(key, value)| {
                        let is_scalar = matches!(value.value, Value::Text { .. });
                        (value, if is_scalar { value.place } else { key.place })
                    })
                }
                (Step::Index(at), Value::List(items)) => items.get(*at).map(|n| (n, n.place)),
                // A list of one may be written as the value itself.
                (Step::Index(0), _) => Some((node, node.place)),
                _ => None,
            };
            match next {
                Some((value, at)) => (node, place) = (value, at),
                None => return place,
            }
        }
        match (column, &node.value) {
            (Some(column), Value::Text { lead: Some(lead), .. }) => {
                Place { line: place.line, column: place.column + lead + column - 1 }
            }
            _ => place,
        }
    }

    /// The same as JSON, for what is kept or handed on.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Text { text, is_plain, .. } => {
                if !is_plain {
                    return Json::String(text.clone());
                }
                match Scalar::of(text) {
                    Scalar::Nothing => Json::Null,
                    Scalar::Truth(truth) => Json::Bool(truth),
                    Scalar::Whole(number) => Json::from(number),
                    Scalar::Number(number) => Json::from(number),
                    Scalar::Text => Json::String(text.clone()),
                }
            }
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect()
            }
        }
    }
}

/// What a plain scalar is by YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    Nothing,
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text,
}

impl Scalar {
    pub(crate) fn of(text: &str) -> Scalar {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Scalar::Nothing,
            "true" | "True" | "TRUE" => return Scalar::Truth(true),
            "false" | "False" | "FALSE" => return Scalar::Truth(false),
            _ => {}
        }
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map_or(Scalar::Text, Scalar::Whole);
        }
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && digits.bytes().any(|b| b.is_ascii_digit())
            && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
        match text.parse::<f64>() {
            Ok(number) if is_number => Scalar::Number(number),
            _ => Scalar::Text,
        }
    }
}
