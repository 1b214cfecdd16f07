//! The three formats of log lines, byte for byte those of k6 (its reference, section F).

use std::borrow::Cow;
use std::fmt::Write as _;

use super::Line;

/// How bad a line is. Ordered: a logger shows its level and everything before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something failed.
    Error,
    /// Something may be wrong.
    Warning,
    /// News.
    Info,
    /// Only with `--verbose`.
    Debug,
}

impl Level {
    /// The level as it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// Reads a level's name; k6 takes `warn` too.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "error" | "fatal" | "panic" => Self::Error,
            "warning" | "warn" => Self::Warning,
            "info" => Self::Info,
            "debug" | "trace" => Self::Debug,
            _ => return None,
        })
    }

    fn color(self) -> u8 {
        match self {
            Self::Error => 31,
            Self::Warning => 33,
            Self::Info => 36,
            Self::Debug => 37,
        }
    }
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `time=… level=… msg=…`.
    Text,
    /// Coloured, for eyes; seconds count from this unix time, nanoseconds.
    Colored {
        /// When the process started.
        since_unix_ns: u64,
    },
    /// One JSON object a line.
    Json,
    /// The message alone.
    Raw,
}

impl Format {
    /// Appends the line, ending in a newline.
    pub(crate) fn render(self, line: &Line, out: &mut String) {
        let mut fields: Vec<(&str, &str)> =
            line.fields.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
        match self {
            Self::Raw => {
                out.push_str(&line.message);
                out.push('\n');
            }
            Self::Text => {
                fields.sort_unstable();
                let _ =
                    write!(out, "time={:?} level={}", local_time(line.unix_ns), line.level.name());
                if !line.message.is_empty() {
                    out.push_str(" msg=");
                    append_value(&line.message, out);
                }
                for (name, value) in fields {
                    let _ = write!(out, " {name}=");
                    append_value(value, out);
                }
                out.push('\n');
            }
            Self::Colored { since_unix_ns } => {
                fields.sort_unstable();
                let color = line.level.color();
                let letters = line.level.name()[..4].to_ascii_uppercase();
                let seconds = line.unix_ns.saturating_sub(since_unix_ns) / 1_000_000_000;
                let message = line.message.strip_suffix('\n').unwrap_or(&line.message);
                let _ = write!(out, "\x1b[{color}m{letters}\x1b[0m[{seconds:04}] {message:<44} ");
                for (name, value) in fields {
                    let _ = write!(out, " \x1b[{color}m{name}\x1b[0m=");
                    append_value(value, out);
                }
                out.push('\n');
            }
            Self::Json => {
                let time = local_time(line.unix_ns);
                fields.extend([
                    ("level", line.level.name()),
                    ("msg", line.message.as_str()),
                    ("time", time.as_str()),
                ]);
                fields.sort_unstable();
                out.push('{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    append_json(name, out);
                    out.push(':');
                    append_json(value, out);
                }
                out.push_str("}\n");
            }
        }
    }
}

/// RFC 3339 with whole seconds in the local time zone.
pub(crate) fn local_time(unix_ns: u64) -> String {
    let zoned = jiff::Timestamp::from_nanosecond(i128::from(unix_ns))
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::system());
    let zone = if zoned.offset().seconds() == 0 { "Z".into() } else { zone_suffix(zoned.offset()) };
    format!("{}{zone}", zoned.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn zone_suffix(offset: jiff::tz::Offset) -> Cow<'static, str> {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60).into()
}

/// A bare value where it needs no quotes, else Go's `%q`.
fn append_value(value: &str, out: &mut String) {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if value.chars().all(bare) {
        out.push_str(value);
    } else {
        append_go_quoted(value, out);
    }
}

/// Go's `strconv.Quote`.
fn append_go_quoted(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if c != ' ' && (c.is_control() || c.is_whitespace()) => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A JSON string as Go's encoder writes it, HTML characters escaped.
fn append_json(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Origin;

    fn line(message: &str, fields: &[(&'static str, &str)]) -> Line {
        Line {
            unix_ns: 1_795_215_492_044_788_169,
            level: Level::Warning,
            message: message.into(),
            fields: fields.iter().map(|(k, v)| (Cow::Borrowed(*k), (*v).to_owned())).collect(),
            origin: Origin::Program,
        }
    }

    fn check(format: Format, line: &Line, after_time: &str) {
        let mut text = String::new();
        format.render(line, &mut text);
        let rest = match format {
            Format::Text => text.split_once("level=").unwrap().1,
            _ => &text,
        };
        assert_eq!(rest, after_time);
    }

    #[test]
    fn text_quotes_only_what_needs_it_and_sorts_fields() {
        let text = Format::Text;
        check(text, &line("inf", &[("source", "console")]), "warning msg=inf source=console\n");
        check(
            text,
            &line("", &[("group", ""), ("error", "a b")]),
            "warning error=\"a b\" group=\n",
        );
        check(
            text,
            &line("w \"q\" x=1\nnl\u{1}", &[]),
            "warning msg=\"w \\\"q\\\" x=1\\nnl\\x01\"\n",
        );
    }

    #[test]
    fn json_sorts_keys_and_escapes_html() {
        let mut text = String::new();
        Format::Json.render(&line("a<b", &[("source", "console"), ("executor", "x")]), &mut text);
        assert!(text.starts_with(
            "{\"executor\":\"x\",\"level\":\"warning\",\"msg\":\"a\\u003cb\",\"source\":\"console\",\"time\":\""
        ));
        assert!(text.ends_with("\"}\n"));
    }

    #[test]
    fn raw_loses_the_fields() {
        check(Format::Raw, &line("hello\n", &[("source", "console")]), "hello\n\n");
    }

    #[test]
    fn colored_pads_the_message_to_44() {
        let line = line("hello", &[("source", "console")]);
        let format = Format::Colored { since_unix_ns: line.unix_ns - 12_900_000_000 };
        let message = format!("{:<44}", "hello");
        check(
            format,
            &line,
            &format!("\x1b[33mWARN\x1b[0m[0012] {message}  \x1b[33msource\x1b[0m=console\n"),
        );
    }
}
