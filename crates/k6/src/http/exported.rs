//! JavaScript values as k6's engine exports them to Go, and how Go prints them.
//!
//! k6 decides by the exported Go type what a request body or a tag may be, and puts Go's `%v` and `%T` of it on the wire and into
//! errors. So the rules are written against this type, not against QuickJS.

use std::borrow::Cow;
use std::fmt::Write as _;

/// An exported value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Exported {
    /// `null` and `undefined`.
    Nil,
    /// A boolean.
    Bool(bool),
    /// A number that is an integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// An `ArrayBuffer` or `Uint8Array` (its exact bytes).
    Bytes(Vec<u8>),
    /// What `http.file()` returned.
    File(FileData),
    /// An array.
    List(Vec<Exported>),
    /// A plain object, own enumerable keys in order.
    Map(Vec<(String, Exported)>),
    /// Something Go has its own type for: a function, a date, a `Uint16Array`. The text is Go's type name.
    Other(&'static str),
}

/// The data of `http.file(data, filename, contentType)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileData {
    /// The content.
    pub data: Vec<u8>,
    /// What the server is told the file is called.
    pub filename: String,
    /// MIME type.
    pub content_type: String,
}

impl Exported {
    /// Go's `%T`.
    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::File(_) => "http.FileData",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Other(name) => name,
        }
    }

    /// Go's `%v`.
    pub(crate) fn go_text(&self) -> Cow<'_, str> {
        if let Self::Text(text) = self {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        self.write(&mut out);
        Cow::Owned(out)
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Nil => out.push_str("<nil>"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Int(i) => {
                let _ = write!(out, "{i}");
            }
            Self::Float(f) => out.push_str(&go_float(*f)),
            Self::Text(text) => out.push_str(text),
            Self::Bytes(bytes) => {
                out.push('[');
                for (at, byte) in bytes.iter().enumerate() {
                    let _ = write!(out, "{}{byte}", if at > 0 { " " } else { "" });
                }
                out.push(']');
            }
            Self::File(file) => {
                let _ = write!(
                    out,
                    "&{{{} {} {}}}",
                    String::from_utf8_lossy(&file.data),
                    file.filename,
                    file.content_type
                );
            }
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(' ');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                let mut sorted: Vec<&(String, Self)> = entries.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                out.push_str("map[");
                for (at, (key, value)) in sorted.into_iter().enumerate() {
                    let _ = write!(out, "{}{key}:", if at > 0 { " " } else { "" });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Other(name) => out.push_str(name),
        }
    }
}

/// Go's `%v` of a float64: shortest digits, exponent form below 1e-4 and from 1e6.
pub(super) fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) || value == 0.0 {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_in_go() {
        let cases = [
            (Exported::Nil, "<nil>"),
            (Exported::Float(1.5), "1.5"),
            (Exported::Float(1e21), "1e+21"),
            (Exported::Float(1.25e-7), "1.25e-07"),
            (Exported::Float(-0.0), "-0"),
            (
                Exported::List(vec![
                    Exported::Int(1),
                    Exported::List(vec![Exported::Text("a b".into())]),
                ]),
                "[1 [a b]]",
            ),
            (
                Exported::Map(vec![
                    ("f".into(), Exported::Int(1)),
                    ("a".into(), Exported::Bool(true)),
                ]),
                "map[a:true f:1]",
            ),
        ];
        for (value, text) in cases {
            assert_eq!(value.go_text(), text);
        }
    }
}
