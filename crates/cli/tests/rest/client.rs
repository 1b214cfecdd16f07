//! A client that shares nothing with what it tests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

/// One request on a connection of its own; `None` where nobody listens.
pub(crate) fn try_call(address: &str, method: &str, path: &str, body: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let body = match header("transfer-encoding") {
        Some(_) => unchunked(body),
        None => body.to_owned(),
    };
    let length = header("content-length").map_or(body.len(), |n| n.parse().unwrap());
    assert_eq!(length, body.len(), "{text}");
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        content_type: header("content-type"),
        location: header("location"),
        body,
    })
}

/// A body that came in chunks; all of these tests are ASCII.
fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = &after[(size + 2).min(after.len())..];
    }
    body
}

/// One request that must be answered.
pub(crate) fn call(address: &str, method: &str, path: &str, body: &str) -> Answer {
    try_call(address, method, path, body)
        .unwrap_or_else(|| panic!("no answer to {method} {path} {body}"))
}
