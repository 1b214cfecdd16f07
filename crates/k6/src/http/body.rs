//! Request bodies: what a script may pass, and the bytes and headers k6 makes of it.

use std::fmt::Write as _;

use super::exported::{Exported, FileData};

/// The largest multipart or urlencoded body that is built, bytes.
const BODY_LIMIT: usize = 1 << 30;

/// A body ready to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The header k6 adds unless the script brought its own.
    pub content_type: Option<String>,
}

/// Makes a body from what the script passed; `boundary` is asked for once, for multipart bodies.
///
/// # Errors
/// k6's text for values that are no body.
pub(super) fn build(
    value: Exported,
    boundary: impl FnOnce() -> String,
) -> Result<Option<Body>, String> {
    match value {
        Exported::Nil => Ok(None),
        Exported::Text(text) => Ok(Some(Body { bytes: text.into_bytes(), content_type: None })),
        Exported::Bytes(bytes) => Ok(Some(Body { bytes, content_type: None })),
        Exported::Map(mut entries) => {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let body = if entries.iter().any(|(_, v)| matches!(v, Exported::File(_))) {
                multipart(&entries, &boundary())
            } else {
                urlencoded(&entries)
            };
            if body.bytes.len() > BODY_LIMIT {
                return Err(format!(
                    "request body of {} bytes is larger than {BODY_LIMIT}",
                    body.bytes.len()
                ));
            }
            Ok(Some(body))
        }
        other => Err(format!("unknown request body type {}", other.go_type())),
    }
}

fn urlencoded(entries: &[(String, Exported)]) -> Body {
    let mut out = String::new();
    let mut pair = |key: &str, value: &Exported| {
        if !out.is_empty() {
            out.push('&');
        }
        query_escape(&mut out, key);
        out.push('=');
        query_escape(&mut out, &value.go_text());
    };
    for (key, value) in entries {
        match value {
            Exported::List(items) => items.iter().for_each(|item| pair(key, item)),
            other => pair(key, other),
        }
    }
    Body {
        bytes: out.into_bytes(),
        content_type: Some("application/x-www-form-urlencoded".to_owned()),
    }
}

/// Go's `url.QueryEscape`.
pub(super) fn query_escape(out: &mut String, text: &str) {
    for b in text.bytes() {
        match b {
            b' ' => out.push('+'),
            b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => out.push(b as char),
            b => {
                let _ = write!(out, "%{b:02X}");
            }
        }
    }
}

fn multipart(entries: &[(String, Exported)], boundary: &str) -> Body {
    let mut out = Vec::new();
    for (name, value) in entries {
        let name = quote_parameter(name);
        out.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"").as_bytes(),
        );
        match value {
            Exported::File(FileData { data, filename, content_type }) => {
                let filename = quote_parameter(filename);
                out.extend_from_slice(
                    format!("; filename=\"{filename}\"\r\nContent-Type: {content_type}\r\n\r\n")
                        .as_bytes(),
                );
                out.extend_from_slice(data);
            }
            other => {
                out.extend_from_slice(b"\r\n\r\n");
                out.extend_from_slice(other.go_text().as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Body { bytes: out, content_type: Some(format!("multipart/form-data; boundary={boundary}")) }
}

/// Quotes and backslashes are escaped; line ends would forge headers and are percent-encoded as browsers do.
fn quote_parameter(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Exported {
        Exported::Text(s.to_owned())
    }

    #[test]
    fn objects_become_sorted_urlencoded_pairs() {
        let map = Exported::Map(vec![
            ("b".into(), Exported::Int(1)),
            ("a".into(), text("x y&z")),
            (
                "c".into(),
                Exported::List(vec![
                    Exported::Int(1),
                    text("2"),
                    Exported::Nil,
                    Exported::Bool(true),
                ]),
            ),
            ("e".into(), Exported::Map(vec![("f".into(), Exported::Int(1))])),
            ("k k".into(), text("é")),
            ("m".into(), Exported::Float(-0.0)),
        ]);
        let body = build(map, String::new).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(body.bytes).unwrap(),
            "a=x+y%26z&b=1&c=1&c=2&c=%3Cnil%3E&c=true&e=map%5Bf%3A1%5D&k+k=%C3%A9&m=-0"
        );
        assert_eq!(body.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    }

    #[test]
    fn a_file_makes_the_body_multipart() {
        let file = FileData {
            data: b"data".to_vec(),
            filename: "a\"b.txt".into(),
            content_type: "text/plain".into(),
        };
        let map = Exported::Map(vec![("f".into(), Exported::File(file)), ("b".into(), text("1"))]);
        let body = build(map, || "BB".into()).unwrap().unwrap();
        let want = "--BB\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n--BB\r\nContent-Disposition: form-data; name=\"f\"; \
                    filename=\"a\\\"b.txt\"\r\nContent-Type: text/plain\r\n\r\ndata\r\n--BB--\r\n";
        assert_eq!(String::from_utf8(body.bytes).unwrap(), want);
        assert_eq!(body.content_type.as_deref(), Some("multipart/form-data; boundary=BB"));
    }

    #[test]
    fn other_values_are_refused_with_gos_type_name() {
        for (value, name) in [
            (Exported::Int(5), "int64"),
            (Exported::Bool(true), "bool"),
            (Exported::List(vec![]), "[]interface {}"),
            (Exported::Other("time.Time"), "time.Time"),
        ] {
            assert_eq!(
                build(value, String::new).unwrap_err(),
                format!("unknown request body type {name}")
            );
        }
        assert_eq!(build(Exported::Nil, String::new).unwrap(), None);
    }
}
