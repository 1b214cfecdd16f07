//! Request bodies taken apart: content encodings, urlencoded forms, multipart forms.

use std::io::{self, Read};

/// The longest decoded body, bytes; what goes beyond is cut off by an error.
const MAX_DECODED: u64 = 64 * 1024 * 1024;
/// The most parts of a multipart body that are read.
const MAX_PARTS: usize = 1000;

/// Undoes a `Content-Encoding` list such as `gzip` or `gzip, br`, last first.
///
/// # Errors
/// When the encoding is unknown or the bytes are not of it.
pub(crate) fn decode(encodings: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut data = body.to_vec();
    for encoding in encodings.rsplit(',') {
        data = decode_one(encoding.trim(), &data)?;
    }
    Ok(data)
}

fn decode_one(encoding: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut reader: Box<dyn Read + '_> = match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => Box::new(body),
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(body)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(body)),
        "br" => Box::new(brotli::Decompressor::new(body, 4096)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(body)?),
        other => return Err(io::Error::other(format!("unknown content encoding `{other}`"))),
    };
    let n = reader.by_ref().take(MAX_DECODED + 1).read_to_end(&mut out)?;
    if n as u64 > MAX_DECODED {
        return Err(io::Error::other(format!("decoded body is longer than {MAX_DECODED} bytes")));
    }
    Ok(out)
}

/// One part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) data: Vec<u8>,
}

/// The media type without its parameters, lower case.
pub(crate) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The parts of a `multipart/form-data` body (RFC 7578), as far as they are well-formed; none when
/// the content type has no boundary.
pub(crate) fn parts(content_type: &str, body: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let Some(boundary) = parameter(content_type, "boundary").filter(|b| !b.is_empty()) else {
        return parts;
    };
    let delimiter = format!("--{boundary}");
    let Some(mut rest) = find(body, delimiter.as_bytes()).map(|at| &body[at + delimiter.len()..])
    else {
        return parts;
    };
    let next = format!("\r\n{delimiter}");
    while parts.len() < MAX_PARTS && !rest.starts_with(b"--") {
        let Some(section) = rest.strip_prefix(b"\r\n") else { break };
        let Some(end) = find(section, next.as_bytes()) else { break };
        parts.extend(part(&section[..end]));
        rest = &section[end + next.len()..];
    }
    parts
}

fn part(section: &[u8]) -> Option<Part> {
    // A part without headers starts with the empty line itself.
    let (head, data) = match section.strip_prefix(b"\r\n") {
        Some(data) => (&section[..0], data),
        None => find(section, b"\r\n\r\n").map(|at| (&section[..at], &section[at + 4..]))?,
    };
    let head = String::from_utf8_lossy(head);
    let mut part =
        Part { name: String::new(), filename: None, content_type: None, data: data.to_vec() };
    for line in head.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                part.name = parameter(value, "name").unwrap_or_default();
                part.filename = parameter(value, "filename");
            }
            "content-type" => part.content_type = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    Some(part)
}

/// The parameter `name` of a header value such as `form-data; name="a"; filename="b\"c"`.
fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = &value[value.find(';')? + 1..];
    loop {
        let (key, after) = rest.split_once('=')?;
        let (text, tail) = quoted(after.trim_start());
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(text);
        }
        rest = &tail[tail.find(';')? + 1..];
    }
}

/// A token or quoted string at the start of `text`, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut out = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (out, &inner[at + 1..]),
            '\\' => out.extend(chars.next().map(|(_, escaped)| escaped)),
            other => out.push(other),
        }
    }
    (out, "")
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // Jumping from one first byte to the next keeps large uploads linear in practice.
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|b| *b == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn multipart_bodies_come_apart() {
        let body = b"preamble\r\n--b1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n\
            --b1\r\ncontent-disposition: form-data; name=f; filename=\"x \\\"y;z\\\".txt\"\r\n\
            Content-Type: text/plain\r\n\r\nline\r\n--b\r\n\r\n--b1\r\n\r\nbare\r\n--b1--\r\nepilogue";
        let parts = parts("multipart/form-data; charset=x; boundary=\"b1\"", body);
        let got: Vec<_> = parts
            .iter()
            .map(|p| (p.name.as_str(), p.filename.as_deref(), p.data.as_slice()))
            .collect();
        assert_eq!(
            got,
            [
                ("a", None, &b"value"[..]),
                ("f", Some("x \"y;z\".txt"), &b"line\r\n--b\r\n"[..]),
                ("", None, &b"bare"[..]),
            ]
        );
        assert_eq!(parts[1].content_type.as_deref(), Some("text/plain"));
    }

    #[test]
    fn broken_multipart_gives_what_is_whole() {
        for (content_type, body) in [
            ("multipart/form-data", &b"--b\r\n\r\nx\r\n--b--"[..]),
            ("multipart/form-data; boundary=b", b""),
            ("multipart/form-data; boundary=b", b"--b"),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Disp"),
            ("multipart/form-data; boundary=\"", b"--b\r\n\r\nx\r\n--b--"),
        ] {
            assert_eq!(parts(content_type, body), []);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_multipart_body_is_too_strange(
            content_type in "multipart/form-data; ?(boundary=[a-b\"]{0,3})?.{0,8}",
            body in "(--[ab]{1,2}(\r\n)?|\r\n|[a-z]: [a-z;=\"\\\\]{0,9}|.){0,20}",
        ) {
            let parts = parts(&content_type, body.as_bytes());
            let total: usize = parts.iter().map(|part| part.data.len()).sum();
            proptest::prop_assert!(total <= body.len());
        }
    }

    #[test]
    fn content_encodings_are_undone_in_reverse() {
        let plain = b"hello hello hello";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::stream::encode_all(&gzip[..], 1).unwrap();
        assert_eq!(decode("gzip", &gzip).unwrap(), plain);
        assert_eq!(decode("gzip, zstd", &zstd).unwrap(), plain);
        assert_eq!(decode("identity", plain).unwrap(), plain);
        assert!(decode("gzip", plain).is_err());
        assert!(decode("rot13", plain).is_err());
    }
}
