//! InfluxDB's line protocol, as its Go client writes it.

use std::fmt::Write as _;

/// What a tag becomes that is sent as a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    Text,
    Bool,
    Float,
    Int,
}

/// The unit of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Precision {
    /// Its name in queries.
    pub(super) name: &'static str,
    /// Nanoseconds of it.
    pub(super) nanos: u64,
}

impl Precision {
    /// The unit of this name; nanoseconds for none.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (name, nanos) = match name {
            "" | "ns" | "n" => ("ns", 1),
            "us" | "u" | "µs" => ("us", 1_000),
            "ms" => ("ms", 1_000_000),
            "s" => ("s", 1_000_000_000),
            "m" => ("m", 60_000_000_000),
            "h" => ("h", 3_600_000_000_000),
            _ => return None,
        };
        Some(Self { name, nanos })
    }
}

/// The parts of a line that do not change from sample to sample of a series: `metric,tags ` and the fields before and
/// after `value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    head: String,
    tail: String,
}

impl Frame {
    /// Of a metric with these tags, sorted by key; those named in `fields` (sorted) become fields. Empty tags vanish.
    pub(super) fn new<'a>(
        metric: &str,
        tags: impl Iterator<Item = (&'a str, &'a str)>,
        fields: &[(String, FieldKind)],
    ) -> Self {
        let mut head = String::new();
        append_escaped(metric, &[',', ' '], &mut head);
        let mut as_fields: Vec<(&str, &str, FieldKind)> = Vec::new();
        for (key, value) in tags {
            if let Some((_, kind)) = fields.iter().find(|(name, _)| name == key) {
                as_fields.push((key, value, *kind));
            } else if !key.is_empty() && !value.is_empty() {
                head.push(',');
                append_escaped(key, &[',', ' ', '='], &mut head);
                head.push('=');
                append_escaped(value, &[',', ' ', '='], &mut head);
            }
        }
        head.push(' ');
        let mut tail = String::new();
        for (key, value, kind) in as_fields.into_iter().filter(|(key, ..)| *key != "value") {
            let before = key < "value";
            let out = if before { &mut head } else { &mut tail };
            if !before {
                out.push(',');
            }
            append_escaped(key, &[',', ' ', '=', '"'], out);
            out.push('=');
            append_field(value, kind, out);
            if before {
                out.push(',');
            }
        }
        head.push_str("value=");
        Self { head, tail }
    }

    /// Appends a sample's line. `value` must be finite.
    pub(super) fn append(&self, value: f64, unix_ns: u64, precision: Precision, out: &mut String) {
        out.push_str(&self.head);
        let _ = write!(out, "{value}");
        out.push_str(&self.tail);
        let _ = writeln!(out, " {}", unix_ns / precision.nanos);
    }
}

fn append_escaped(text: &str, special: &[char], out: &mut String) {
    for c in text.chars() {
        match c {
            // A line ends at a newline whatever precedes it: one in a name or value would damage all that follows.
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => {
                if special.contains(&c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
    // A backslash at the end would escape what comes behind.
    if text.ends_with('\\') {
        out.push(' ');
    }
}

/// What can't be converted stays a text, as in k6.
fn append_field(value: &str, kind: FieldKind, out: &mut String) {
    let converted = match kind {
        FieldKind::Text => None,
        FieldKind::Bool => crate::config::parse_bool(value).map(|on| on.to_string()),
        FieldKind::Float => {
            value.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| n.to_string())
        }
        FieldKind::Int => value.parse::<i64>().ok().map(|n| format!("{n}i")),
    };
    match converted {
        Some(text) => out.push_str(&text),
        None => {
            out.push('"');
            for c in value.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(
        metric: &str,
        tags: &[(&str, &str)],
        fields: &[(&str, FieldKind)],
        value: f64,
    ) -> String {
        let fields: Vec<_> =
            fields.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        let mut out = String::new();
        Frame::new(metric, tags.iter().copied(), &fields).append(
            value,
            1_795_215_352_036_999_999,
            Precision::parse("ms").unwrap(),
            &mut out,
        );
        out
    }

    #[test]
    fn lines_are_those_of_influxdbs_go_client() {
        let url = ("url", FieldKind::Text);
        assert_eq!(
            line(
                "http_reqs",
                &[
                    ("error", ""),
                    ("name", "http://h/ok?q=\"x\""),
                    ("testid", "a b,c=d"),
                    ("url", "http://h/ok?q=\"x\\\"")
                ],
                &[url],
                1.0
            ),
            "http_reqs,name=http://h/ok?q\\=\"x\",testid=a\\ b\\,c\\=d url=\"http://h/ok?q=\\\"x\\\\\\\"\",value=1 \
             1795215352036\n"
        );
        assert_eq!(
            line(
                "m",
                &[("b", "T"), ("f", "1.50"), ("n", "7"), ("x", "y"), ("z", "seven")],
                &[
                    ("b", FieldKind::Bool),
                    ("f", FieldKind::Float),
                    ("n", FieldKind::Int),
                    ("z", FieldKind::Int)
                ],
                2.5e-7
            ),
            "m,x=y b=true,f=1.5,n=7i,value=0.00000025,z=\"seven\" 1795215352036\n"
        );
        assert_eq!(
            line("m", &[("t", "a\nb\\")], &[], -1.0),
            "m,t=a\\nb\\  value=-1 1795215352036\n"
        );
    }
}
