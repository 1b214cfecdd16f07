//! What the target received, one line a request and one a header.

use crate::normal::Names;
use demo::TranscriptEntry;
use std::collections::HashMap;

/// One line per request: connection (numbered in order of first use, only where the order is fixed), request line,
/// headers in order, and the body or its parts.
pub(crate) fn lines(entries: &[TranscriptEntry], names: &Names, is_ordered: bool) -> Vec<String> {
    let mut connections = HashMap::new();
    let mut out = Vec::new();
    for entry in entries {
        let next = connections.len() + 1;
        let connection = *connections.entry(entry.connection).or_insert(next);
        let mut line = if is_ordered { format!("#{connection} ") } else { String::new() };
        line += &format!("{} {}", entry.method, entry.target);
        for (name, value) in &entry.headers {
            line += &format!(" | {name}: {}", header_value(entry, name, value));
        }
        line += &body(entry);
        out.push(
            names.clean(&line).escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'"),
        );
    }
    out
}

/// Boundaries are random, and lengths of encoded bodies depend on them or on the compressor.
fn header_value(entry: &TranscriptEntry, name: &str, value: &str) -> String {
    let is_multipart = !entry.parts.is_empty();
    let is_encoded =
        entry.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
    if name.eq_ignore_ascii_case("content-length") && (is_multipart || is_encoded) {
        return "{LENGTH}".into();
    }
    if name.eq_ignore_ascii_case("sec-websocket-key") {
        return "{KEY}".into();
    }
    if let Some(fields) = value.strip_prefix("Digest ") {
        return digest(fields);
    }
    match value.split_once("boundary=") {
        Some((before, _)) if is_multipart => format!("{before}boundary={{BOUNDARY}}"),
        _ => value.to_owned(),
    }
}

/// The fields of a digest, which k6 sends in random order, without what is random in them.
fn digest(fields: &str) -> String {
    let field = |field: &str| -> String {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        if matches!(name, "cnonce" | "response") {
            format!("{name}=…")
        } else {
            format!("{name}={value}")
        }
    };
    let mut fields: Vec<String> = fields.split(", ").map(field).collect();
    fields.sort();
    format!("Digest {}", fields.join(", "))
}

fn body(entry: &TranscriptEntry) -> String {
    if !entry.parts.is_empty() {
        let part = |part: &demo::TranscriptPart| {
            let data = part.text.clone().unwrap_or_else(|| format!("md5 {}", part.md5));
            format!(" | part {} {:?} {:?} {data}", part.name, part.filename, part.content_type)
        };
        // Their order is random in k6.
        let mut parts: Vec<String> = entry.parts.iter().map(part).collect();
        parts.sort();
        return parts.concat();
    }
    match &entry.body {
        _ if entry.body_bytes == 0 => String::new(),

        Some(text) => format!(" | body {text}"),
        None => format!(" | body of {} bytes, md5 {}", entry.body_bytes, entry.body_md5),
    }
}
