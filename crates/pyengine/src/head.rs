//! What goes out: request line, headers, body.
//!
//! Headers come in two parts, as both of Locust's clients have them: the session's, which seldom change and are kept as
//! bytes ([`Lines`]), and the request's own, which are laid over them. What either library would refuse or rewrite is not
//! taken here ([`NotPlain`]): the caller then asks the library.

use crate::target::Target;

/// Something that is not sent as it stands; the library in Python says what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not plain: {0}")]
pub struct NotPlain(pub &'static str);

#[derive(Clone, Debug)]
struct Field {
    name: Box<str>,
    /// With its line break.
    line: Box<[u8]>,
}

/// Headers of a session, in order.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    fields: Vec<Field>,
}

/// Headers that say how long the message is: they are made here.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

impl Lines {
    /// Takes the headers of a session; of equal names there is one.
    ///
    /// # Errors
    /// [`NotPlain`] for names and values that cannot be sent, and for those that say how long a message is.
    pub fn new<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Lines, NotPlain> {
        let mut fields = Vec::new();
        for (name, value) in headers {
            check(name, value)?;
            if FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
                return Err(NotPlain("a header of the session says how long messages are"));
            }
            let mut line = Vec::new();
            push_line(&mut line, name, value);
            fields.push(Field { name: name.into(), line: line.into() });
        }
        Ok(Lines { fields })
    }

    /// Whether there is a header of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name))
    }
}

/// A header of one request; without a value it takes the session's away.
pub type Extra<'a> = (&'a str, Option<&'a [u8]>);

/// Which library's order of headers is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `Host` comes first (Python's `http.client`, which requests uses).
    HostFirst,
    /// `Host` comes behind the headers that were asked for (geventhttpclient).
    HostLast,
}

/// A request to be written down.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Where to.
    pub target: &'a Target,
    /// The session's headers.
    pub lines: &'a Lines,
    /// The request's own.
    pub extras: &'a [Extra<'a>],
    /// The `Cookie` header; one of the request's own goes before it.
    pub cookie: Option<&'a [u8]>,
    /// The `Authorization` header; goes before all others of this name.
    pub authorization: Option<&'a [u8]>,
    /// The body, if there is one.
    pub body: Option<&'a [u8]>,
    /// What the body is, unless a header says so.
    pub content_type: Option<&'a str>,
    /// A request without a body says that its length is zero.
    pub tells_zero: bool,
}

/// Writes a request, body included, behind what is in `out`. Gives the length of its head.
///
/// # Errors
/// [`NotPlain`]; `out` may then hold a part of it.
pub fn write(draft: &Draft<'_>, order: Order, out: &mut Vec<u8>) -> Result<usize, NotPlain> {
    let start = out.len();
    if draft.method.is_empty() || !draft.method.bytes().all(is_token) {
        return Err(NotPlain("the method is no token"));
    }
    out.extend_from_slice(draft.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(draft.target.path_url().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for (at, (name, value)) in draft.extras.iter().enumerate() {
        check(name, value.unwrap_or_default())?;
        if FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing)) {
            return Err(NotPlain("a header says how long the message is"));
        }
        if draft.extras[..at].iter().any(|(other, _)| name.eq_ignore_ascii_case(other)) {
            return Err(NotPlain("a header is given twice"));
        }
    }
    let names_host = has(draft, "host");
    if order == Order::HostFirst && !names_host {
        push_line(out, "Host", draft.target.authority().as_bytes());
    }
    write_headers(draft, out)?;
    if order == Order::HostLast && !names_host {
        push_line(out, "Host", draft.target.authority().as_bytes());
    }
    let length = match draft.body {
        Some(body) if !body.is_empty() => Some(body.len()),
        _ => draft.tells_zero.then_some(0),
    };
    if let Some(length) = length {
        push_line(out, "Content-Length", length.to_string().as_bytes());
    }
    if let (Some(kind), Some(_)) = (draft.content_type, draft.body)
        && !has(draft, "content-type")
    {
        push_line(out, "Content-Type", kind.as_bytes());
    }
    if let Some(authorization) = draft.authorization {
        check("Authorization", authorization)?;
        push_line(out, "Authorization", authorization);
    }
    out.extend_from_slice(b"\r\n");
    let head = out.len() - start;
    out.extend_from_slice(draft.body.unwrap_or_default());
    Ok(head)
}

/// The session's headers with the request's laid over them, each in the place it first had, then the cookie.
fn write_headers(draft: &Draft<'_>, out: &mut Vec<u8>) -> Result<(), NotPlain> {
    let replaced = draft.authorization.is_some();
    let is_replaced = |name: &str| replaced && name.eq_ignore_ascii_case("authorization");
    for field in &draft.lines.fields {
        if is_replaced(&field.name) {
            continue;
        }
        let extra = draft.extras.iter().find(|(name, _)| name.eq_ignore_ascii_case(&field.name));
        match extra {
            None => out.extend_from_slice(&field.line),
            Some((name, Some(value))) => push_line(out, name, value),
            Some((_, None)) => {}
        }
    }
    for (name, value) in draft.extras {
        if let Some(value) = value
            && !is_replaced(name)
            && !draft.lines.has(name)
        {
            push_line(out, name, value);
        }
    }
    if let Some(cookie) = draft.cookie
        && !has(draft, "cookie")
    {
        check("Cookie", cookie)?;
        push_line(out, "Cookie", cookie);
    }
    Ok(())
}

/// Whether a header of this name goes out.
fn has(draft: &Draft<'_>, name: &str) -> bool {
    match draft.extras.iter().find(|(extra, _)| extra.eq_ignore_ascii_case(name)) {
        Some((_, value)) => value.is_some(),
        None => draft.lines.has(name),
    }
}

/// Writes a request whose headers are all given, in this order; framing included. `Host` is added if it is not among them.
///
/// # Errors
/// [`NotPlain`] for what cannot be sent.
pub fn write_prepared<'a>(
    method: &str,
    target: &Target,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
    order: Order,
    out: &mut Vec<u8>,
) -> Result<usize, NotPlain> {
    let start = out.len();
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err(NotPlain("the method is no token"));
    }
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.path_url().as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut lines = Vec::new();
    let mut names_host = false;
    for (name, value) in headers {
        check(name, value)?;
        names_host |= name.eq_ignore_ascii_case("host");
        push_line(&mut lines, name, value);
    }
    if !names_host && order == Order::HostFirst {
        push_line(out, "Host", target.authority().as_bytes());
    }
    out.append(&mut lines);
    if !names_host && order == Order::HostLast {
        push_line(out, "Host", target.authority().as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    let head = out.len() - start;
    out.extend_from_slice(body);
    Ok(head)
}

fn push_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn check(name: &str, value: &[u8]) -> Result<(), NotPlain> {
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(NotPlain("the name of a header is no token"));
    }
    if value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(NotPlain("the value of a header holds a control character"));
    }
    if matches!(value.first(), Some(b' ' | b'\t')) {
        return Err(NotPlain("the value of a header begins with a blank"));
    }
    Ok(())
}

fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Lines {
        let headers: [(&str, &[u8]); 3] =
            [("User-Agent", b"me"), ("Accept", b"*/*"), ("Connection", b"keep-alive")];
        Lines::new(headers).unwrap()
    }

    fn text(draft: &Draft<'_>, order: Order) -> String {
        let mut out = Vec::new();
        let head = write(draft, order, &mut out).unwrap();
        assert_eq!(&out[head - 4..head], b"\r\n\r\n");
        String::from_utf8(out).unwrap().replace("\r\n", "\n")
    }

    fn draft<'a>(target: &'a Target, lines: &'a Lines) -> Draft<'a> {
        Draft {
            method: "GET",
            target,
            lines,
            extras: &[],
            cookie: None,
            authorization: None,
            body: None,
            content_type: None,
            tells_zero: false,
        }
    }

    #[test]
    fn headers_come_in_the_order_of_each_library() {
        let (target, lines) = (Target::plain("http://h:81/a?b").unwrap(), session());
        let get = draft(&target, &lines);
        let request = "GET /a?b HTTP/1.1\n";
        let session = "User-Agent: me\nAccept: */*\nConnection: keep-alive\n";
        assert_eq!(text(&get, Order::HostFirst), format!("{request}Host: h:81\n{session}\n"));
        assert_eq!(text(&get, Order::HostLast), format!("{request}{session}Host: h:81\n\n"));
    }

    #[test]
    fn the_request_s_headers_replace_remove_and_follow_the_session_s() {
        let (target, lines) = (Target::plain("http://h/").unwrap(), session());
        let extras: [Extra<'_>; 3] =
            [("accept", Some(b"text/html")), ("User-Agent", None), ("X-One", Some(b"1"))];
        let post = Draft {
            method: "POST",
            extras: &extras,
            cookie: Some(b"a=b"),
            authorization: Some(b"Basic eA=="),
            body: Some(b"{}"),
            content_type: Some("application/json"),
            ..draft(&target, &lines)
        };
        assert_eq!(
            text(&post, Order::HostFirst),
            "POST / HTTP/1.1\nHost: h\naccept: text/html\nConnection: keep-alive\nX-One: 1\n\
             Cookie: a=b\nContent-Length: 2\nContent-Type: application/json\n\
             Authorization: Basic eA==\n\n{}"
        );
        let zero = Draft { method: "DELETE", tells_zero: true, ..draft(&target, &lines) };
        assert!(text(&zero, Order::HostFirst).ends_with("keep-alive\nContent-Length: 0\n\n"));
    }

    #[test]
    fn one_of_the_request_s_own_goes_before_what_would_be_added() {
        let (target, lines) = (Target::plain("http://h/").unwrap(), session());
        let extras: [Extra<'_>; 3] = [
            ("Content-Type", Some(b"text/x")),
            ("cookie", Some(b"own=1")),
            ("host", Some(b"other")),
        ];
        let own = Draft {
            method: "PUT",
            extras: &extras,
            cookie: Some(b"jar=1"),
            body: Some(b"x"),
            content_type: Some("application/json"),
            ..draft(&target, &lines)
        };
        let text = text(&own, Order::HostFirst);
        assert!(text.contains("cookie: own=1\nhost: other\n"), "{text}");
        assert!(!text.contains("jar=1") && !text.contains("json") && !text.contains("Host: h"));
    }

    #[test]
    fn what_the_libraries_refuse_is_left_to_them() {
        let (target, lines) = (Target::plain("http://h/").unwrap(), session());
        let refused: [&[Extra<'_>]; 6] = [
            &[("X", Some(b"a\r\nb"))],
            &[("X", Some(b" a"))],
            &[("X y", Some(b"a"))],
            &[("", Some(b"a"))],
            &[("Content-length", Some(b"3"))],
            &[("X", Some(b"a")), ("x", Some(b"b"))],
        ];
        for extras in refused {
            let draft = Draft { extras, ..draft(&target, &lines) };
            assert!(write(&draft, Order::HostFirst, &mut Vec::new()).is_err(), "{extras:?}");
        }
        let draft = Draft { method: "G T", ..draft(&target, &lines) };
        assert!(write(&draft, Order::HostFirst, &mut Vec::new()).is_err());
        let framing: [(&str, &[u8]); 1] = [("Transfer-Encoding", b"chunked")];
        assert!(Lines::new(framing).is_err());
    }

    #[test]
    fn prepared_requests_are_sent_as_they_are() {
        let target = Target::prepared("http://h/%20").unwrap();
        let headers: [(&str, &[u8]); 2] = [("A", b"1"), ("Content-Length", b"1")];
        let mut out = Vec::new();
        write_prepared("PUT", &target, headers, b"x", Order::HostFirst, &mut out).unwrap();
        assert_eq!(out, b"PUT /%20 HTTP/1.1\r\nHost: h\r\nA: 1\r\nContent-Length: 1\r\n\r\nx");
    }
}
