//! One sample or metric as a line of k6's json output (its output reference, section F), byte for byte.

use std::fmt::Write as _;

use metrics::Metadata;

use crate::time::LocalTimes;

/// Appends a JSON string as Go writes it with HTML escaping off.
pub(super) fn append_text(text: &str, out: &mut String) {
    out.push('"');
    let mut plain_from = 0;
    for (at, c) in text.char_indices() {
        let is_plain = !matches!(c, '"' | '\\' | '\u{0}'..='\u{1f}' | '\u{2028}' | '\u{2029}');
        if is_plain {
            continue;
        }
        out.push_str(&text[plain_from..at]);
        plain_from = at + c.len_utf8();
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
        }
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}

/// Appends a number as Go's JSON encoder does: plain between 1e-6 and 1e21, else with an exponent.
/// JSON has no infinities; k6 fails to write such a sample, we write `null`.
pub(super) fn append_number(value: f64, out: &mut String) {
    if !value.is_finite() {
        out.push_str("null");
        return;
    }
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => {
                let _ = write!(out, "{mantissa}e+{exponent:0>2}");
            }
            _ => out.push_str(&text),
        }
    } else {
        let _ = write!(out, "{value}");
    }
}

/// Appends a `Point` line. `tags` is the tags as one JSON object; without metadata there is no word of it.
pub(super) fn append_point(
    metric: &str,
    unix_ns: u64,
    value: f64,
    tags: &str,
    metadata: &Metadata,
    times: &mut LocalTimes,
    out: &mut String,
) {
    out.push_str("{\"metric\":");
    append_text(metric, out);
    out.push_str(",\"type\":\"Point\",\"data\":{\"time\":\"");
    times.append_nanos(unix_ns, out);
    out.push_str("\",\"value\":");
    append_number(value, out);
    out.push_str(",\"tags\":");
    out.push_str(tags);
    if !metadata.is_empty() {
        out.push_str(",\"metadata\":");
        let pairs = metadata.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        out.push_str(&tags_object(pairs));
    }
    out.push_str("}}\n");
}

/// Tags, sorted by the caller, as one JSON object.
pub(super) fn tags_object<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::from("{");
    for (i, (key, value)) in tags.enumerate() {
        if i > 0 {
            out.push(',');
        }
        append_text(key, &mut out);
        out.push(':');
        append_text(value, &mut out);
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (8.407_378, "8.407378"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (1e21, "1e+21"),
            (123_456_789.125, "123456789.125"),
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (f64::NAN, "null"),
        ] {
            let mut out = String::new();
            append_number(value, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_point_is_one_line_without_html_escapes() {
        let mut out = String::new();
        let tags = tags_object([("a", "x=<&>\"\n"), ("group", "")].into_iter());
        append_point("tr", 1_500_000_000, 3.0, &tags, &[], &mut LocalTimes::default(), &mut out);
        assert!(out.starts_with("{\"metric\":\"tr\",\"type\":\"Point\",\"data\":{\"time\":\"19"));
        assert!(out.contains(".5"));
        assert!(
            out.ends_with("\",\"value\":3,\"tags\":{\"a\":\"x=<&>\\\"\\n\",\"group\":\"\"}}}\n")
        );
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["data"]["tags"]["a"], "x=<&>\"\n");
    }
}
