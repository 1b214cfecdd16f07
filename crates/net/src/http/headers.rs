//! Headers of a request, kept as the bytes that go out.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::error::{NetError, code};
use crate::url::go_quoted;

/// Request headers, in the order they were added. Clear and refill one block to save allocations.
///
/// `Host` is kept apart (it comes first and replaces the URL's), `User-Agent` goes out right after
/// it, as Go does. `Content-Length`, `Transfer-Encoding` and `Trailer` belong to the client and are
/// ignored when set.
#[derive(Clone, Default)]
pub struct Headers {
    text: Vec<u8>,
    fields: Vec<Field>,
    host: Option<Box<str>>,
    closes: bool,
}

#[derive(Clone, Copy)]
struct Field {
    start: u32,
    name_end: u32,
    /// Past the line's CR LF.
    end: u32,
}

impl Field {
    fn name(self) -> Range<usize> {
        self.start as usize..self.name_end as usize
    }
    fn value(self) -> Range<usize> {
        self.name_end as usize + 2..self.end as usize - 2
    }
    fn line(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A header Go's client refuses to send. Displays as Go's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The name is no HTTP token.
    Name(String),
    /// The value of this header holds a control character.
    Value(String),
    /// All headers together exceed the limit of 1 MiB.
    TooLarge,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::Name(name) => {
                write!(f, "net/http: invalid header field name {}", go_quoted(name.as_bytes()))
            }
            HeaderError::Value(name) => {
                let name = go_quoted(name.as_bytes());
                write!(f, "net/http: invalid header field value for {name}")
            }
            HeaderError::TooLarge => f.write_str("request headers exceed 1 MiB"),
        }
    }
}

impl std::error::Error for HeaderError {}

impl From<HeaderError> for NetError {
    fn from(error: HeaderError) -> NetError {
        NetError::new(code::GENERIC, error.to_string())
    }
}

const MAX_BYTES: usize = 1 << 20;

impl Headers {
    /// No headers.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// Removes all, keeping the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
        self.host = None;
        self.closes = false;
    }

    /// Adds a header after those that are there. The value loses the blanks around it; the name
    /// goes out as given (see [`canonical_name`]).
    ///
    /// # Errors
    /// [`HeaderError`] where Go's client would refuse to send.
    pub fn add(&mut self, name: &str, value: &[u8]) -> Result<(), HeaderError> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(HeaderError::Name(name.to_owned()));
        }
        if value.iter().any(|&b| (b < 0x20 && b != b'\t') || b == 0x7f) {
            return Err(HeaderError::Value(name.to_owned()));
        }
        if self.text.len() + name.len() + value.len() > MAX_BYTES {
            return Err(HeaderError::TooLarge);
        }
        let value = value.trim_ascii();
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                self.host = Some(String::from_utf8_lossy(value).into());
                return Ok(());
            }
            7 if name.eq_ignore_ascii_case("trailer") => return Ok(()),
            14 if name.eq_ignore_ascii_case("content-length") => return Ok(()),
            17 if name.eq_ignore_ascii_case("transfer-encoding") => return Ok(()),
            10 if name.eq_ignore_ascii_case("connection") => {
                self.closes |= has_token(value, b"close");
            }
            _ => {}
        }
        // Offsets fit: MAX_BYTES is far below 4 GiB.
        let start = self.text.len() as u32;
        self.text.extend_from_slice(name.as_bytes());
        let name_end = self.text.len() as u32;
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
        self.fields.push(Field { start, name_end, end: self.text.len() as u32 });
        Ok(())
    }

    /// Replaces every header of this name by one.
    ///
    /// # Errors
    /// As [`Headers::add`].
    pub fn set(&mut self, name: &str, value: &[u8]) -> Result<(), HeaderError> {
        self.remove(name);
        self.add(name, value)
    }

    /// Removes every header of this name.
    pub fn remove(&mut self, name: &str) {
        if name.eq_ignore_ascii_case("host") {
            self.host = None;
        }
        if name.eq_ignore_ascii_case("connection") {
            self.closes = false;
        }
        let text = &self.text;
        self.fields.retain(|f| !text[f.name()].eq_ignore_ascii_case(name.as_bytes()));
    }

    /// The value of the first header of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        if name.eq_ignore_ascii_case("host") {
            return self.host.as_deref().map(str::as_bytes);
        }
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers but `Host`, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|f| {
            // Names were checked to be ASCII tokens.
            let name = std::str::from_utf8(&self.text[f.name()]).unwrap_or_default();
            (name, &self.text[f.value()])
        })
    }

    /// How many there are, `Host` not counted.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.host.is_none()
    }

    /// Puts them in the order of their names, as Go's client sends them. Equal names keep theirs.
    pub fn sort(&mut self) {
        let text = &self.text;
        self.fields.sort_by(|a, b| text[a.name()].cmp(&text[b.name()]));
    }

    /// The host to name instead of the URL's.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether the connection is not to be kept after this request.
    pub(crate) fn closes(&self) -> bool {
        self.closes
    }

    /// Appends the `User-Agent` line, if there is one.
    pub(crate) fn write_user_agent(&self, out: &mut Vec<u8>) {
        for field in &self.fields {
            if is_user_agent(&self.text[field.name()]) {
                out.extend_from_slice(&self.text[field.line()]);
            }
        }
    }

    /// Appends all other lines.
    pub(crate) fn write_others(&self, out: &mut Vec<u8>) {
        for field in &self.fields {
            if !is_user_agent(&self.text[field.name()]) {
                out.extend_from_slice(&self.text[field.line()]);
            }
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.iter().map(|(n, v)| (n.to_owned(), String::from_utf8_lossy(v).into_owned())),
            )
            .finish()
    }
}

fn is_user_agent(name: &[u8]) -> bool {
    name.len() == 10 && name.eq_ignore_ascii_case(b"user-agent")
}

pub(crate) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// Whether a comma-separated header value holds `token` (in lower case).
pub(crate) fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|&b| b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

/// The name as Go writes it: a capital at the start and after each `-`, small letters elsewhere.
/// Names that are no HTTP tokens stay as they are.
pub fn canonical_name(name: &str) -> Cow<'_, str> {
    let mut upper = true;
    let mut changed = false;
    for b in name.bytes() {
        if !is_token(b) {
            return Cow::Borrowed(name);
        }
        changed |= if upper { b.is_ascii_lowercase() } else { b.is_ascii_uppercase() };
        upper = b == b'-';
    }
    if !changed {
        return Cow::Borrowed(name);
    }
    let mut upper = true;
    Cow::Owned(
        name.chars()
            .map(|c| {
                let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                upper = c == '-';
                c
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_canonical_as_in_go() {
        for (name, canonical) in [
            ("content-type", "Content-Type"),
            ("X-API-KEY", "X-Api-Key"),
            ("Accept", "Accept"),
            ("bad header", "bad header"),
            ("a--b", "A--B"),
        ] {
            assert_eq!(canonical_name(name), canonical);
        }
    }

    #[test]
    fn headers_keep_order_and_can_be_replaced_and_sorted() {
        let mut headers = Headers::new();
        headers.add("Zeta", b" 1 ").unwrap();
        headers.add("User-Agent", b"me").unwrap();
        headers.add("Alpha", b"2").unwrap();
        headers.set("zeta", b"3").unwrap();
        headers.add("Content-Length", b"99").unwrap();
        headers.add("host", b"other").unwrap();
        headers.sort();
        let all: Vec<_> =
            headers.iter().map(|(n, v)| (n, std::str::from_utf8(v).unwrap())).collect();
        assert_eq!(all, [("Alpha", "2"), ("User-Agent", "me"), ("zeta", "3")]);
        assert_eq!(headers.host(), Some("other"));
        assert_eq!(headers.get("ALPHA"), Some(&b"2"[..]));
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        let mut headers = Headers::new();
        let error = headers.add("bad header", b"x").unwrap_err();
        assert_eq!(error.to_string(), "net/http: invalid header field name \"bad header\"");
        let error = headers.add("X", b"a\nb").unwrap_err();
        assert_eq!(error.to_string(), "net/http: invalid header field value for \"X\"");
        assert_eq!(headers.add("", b"x"), Err(HeaderError::Name(String::new())));
        assert_eq!(headers.add("X", &[b'a'; MAX_BYTES]), Err(HeaderError::TooLarge));
    }
}
