//! What several pages need.

use serde_json::Value;

/// Longest text of a cell, characters.
const MAX_CELL: usize = 400;

/// A cell of a probe's table as text.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => crate::short::shorten(text, MAX_CELL),
        Value::Number(number) => match number.as_f64() {
            Some(value) => crate::quantity::plain(value),
            None => number.to_string(),
        },
        other => crate::short::shorten(&other.to_string(), MAX_CELL),
    }
}

/// Text within HTML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c < ' ' && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
