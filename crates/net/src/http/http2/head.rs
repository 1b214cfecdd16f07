//! Heads: a request's to what `h2` sends, a response's to the text the rest of the client knows.

use std::borrow::Cow;

use http::header::{CONTENT_LENGTH, COOKIE, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Uri};

use crate::error::{NetError, code};
use crate::h1::Limits;
use crate::http::Version;
use crate::http::request::{self, Request};
use crate::http::response::{Notable, Response};
use crate::http::status;
use crate::url::go_quoted;

fn refused(text: String) -> NetError {
    NetError::new(code::GENERIC, text)
}

/// The request as Go's client sends it over HTTP/2.
///
/// # Errors
/// With Go's text, for headers that make no sense there.
pub(super) fn request(request: &Request) -> Result<http::Request<()>, NetError> {
    let mut wire = http::Request::new(());
    *wire.method_mut() = method(&request.method);
    *wire.uri_mut() = uri(request)?;
    let headers = wire.headers_mut();
    headers.reserve(request.headers.len() + 1);
    for (name, value) in request.headers.iter() {
        add(headers, name, value)?;
    }
    match request.body.length() {
        Some(0) if !request.method.expects_body() => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {}
    }
    Ok(wire)
}

fn method(method: &request::Method) -> Method {
    match method {
        request::Method::Get => Method::GET,
        request::Method::Head => Method::HEAD,
        request::Method::Post => Method::POST,
        request::Method::Put => Method::PUT,
        request::Method::Patch => Method::PATCH,
        request::Method::Delete => Method::DELETE,
        request::Method::Options => Method::OPTIONS,
        // It has been checked to be a token.
        request::Method::Other(name) => Method::from_bytes(name.as_bytes()).unwrap_or_default(),
    }
}

fn uri(request: &Request) -> Result<Uri, NetError> {
    let url = &request.url;
    let host = match request.headers.host() {
        Some(host) => Cow::Borrowed(host),
        None => url.host_header(),
    };
    let authority = Authority::try_from(&*host).map_err(|_| {
        refused(format!("http2: invalid Host header {}", go_quoted(host.as_bytes())))
    })?;
    let mut parts = http::uri::Parts::default();
    parts.scheme =
        Some(if url.scheme() == crate::url::Scheme::Https { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query = Some(path(url.raw_target())?);
    Uri::from_parts(parts).map_err(|error| refused(format!("http2: invalid request URI: {error}")))
}

/// The target, with the few bytes escaped that Go would send as they are and `http` refuses.
fn path(target: &str) -> Result<PathAndQuery, NetError> {
    let with_slash;
    let target = if target.starts_with('/') {
        target
    } else {
        with_slash = format!("/{target}");
        &with_slash
    };
    if let Ok(path) = PathAndQuery::try_from(target) {
        return Ok(path);
    }
    let mut escaped = String::with_capacity(target.len() + 8);
    for b in target.bytes() {
        match b {
            b'<'
            | b'>'
            | b'`'
            | b'"'
            | b'{'
            | b'}'
            | b'|'
            | b'\\'
            | b'^'
            | b'#'
            | 0..=0x20
            | 0x7f.. => {
                escaped.push_str(&format!("%{b:02X}"));
            }
            b => escaped.push(char::from(b)),
        }
    }
    let text = || refused(format!("http2: invalid request :path {}", go_quoted(target.as_bytes())));
    PathAndQuery::try_from(escaped).map_err(|_| text())
}

/// Adds a header unless it belongs to HTTP/1.1's connections, where Go leaves it out too.
fn add(headers: &mut HeaderMap, name: &str, value: &[u8]) -> Result<(), NetError> {
    let invalid = |name: &str| {
        let value = go_quoted(value);
        Err(refused(format!("http2: invalid {name} request header: [{value}]")))
    };
    match name.len() {
        7 if name.eq_ignore_ascii_case("upgrade") => {
            return if value.is_empty() { Ok(()) } else { invalid("Upgrade") };
        }
        10 if name.eq_ignore_ascii_case("connection") => {
            let known = ["", "close", "keep-alive"];
            let is_known = known.iter().any(|k| value.eq_ignore_ascii_case(k.as_bytes()));
            return if is_known { Ok(()) } else { invalid("Connection") };
        }
        10 if name.eq_ignore_ascii_case("keep-alive") => return Ok(()),
        16 if name.eq_ignore_ascii_case("proxy-connection") => return Ok(()),
        10 if name.eq_ignore_ascii_case("user-agent") && value.is_empty() => return Ok(()),
        // RFC 9113, 8.2.2: the only value it may have.
        2 if name.eq_ignore_ascii_case("te") && !value.eq_ignore_ascii_case(b"trailers") => {
            return Ok(());
        }
        _ => {}
    }
    if name.eq_ignore_ascii_case("cookie") {
        // Go sends each pair by itself, as RFC 9113, 8.2.3 allows: what does not change is then not sent again.
        for pair in value.split(|&b| b == b';').map(<[u8]>::trim_ascii).filter(|p| !p.is_empty()) {
            headers.append(COOKIE, HeaderValue::from_bytes(pair).map_err(|_| refused_name(name))?);
        }
        return Ok(());
    }
    // Both have been checked when they were added to the request.
    let (Ok(name), Ok(value)) =
        (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
    else {
        return Err(refused_name(name));
    };
    headers.append(name, value);
    Ok(())
}

#[cold]
fn refused_name(name: &str) -> NetError {
    refused(format!("http2: invalid header {}", go_quoted(name.as_bytes())))
}

/// Puts the head into the response as HTTP/1.1 would have sent it.
///
/// # Errors
/// When it is larger than it may be.
pub(super) fn receive(
    head: &http::response::Parts,
    limits: &Limits,
    response: &mut Response,
) -> Result<(), NetError> {
    response.status = head.status.as_u16();
    response.version = Version::Http2;
    if head.headers.len() > limits.max_headers {
        return Err(too_many(limits));
    }
    let buffer = &mut response.buffer;
    buffer.clear();
    buffer.extend_from_slice(b"HTTP/2.0 ");
    buffer.extend_from_slice(head.status.as_str().as_bytes());
    buffer.push(b' ');
    buffer.extend_from_slice(status::reason(response.status).as_bytes());
    buffer.extend_from_slice(b"\r\n");
    let mut notable = Notable::default();
    for (name, value) in &head.headers {
        buffer.extend_from_slice(name.as_str().as_bytes());
        buffer.extend_from_slice(b": ");
        buffer.extend_from_slice(value.as_bytes());
        buffer.extend_from_slice(b"\r\n");
        if buffer.len() > limits.max_head_bytes {
            return Err(too_many(limits));
        }
        match name.as_str() {
            "set-cookie" => notable.sets_cookies = true,
            "content-encoding" => notable.is_encoded = true,
            _ => {}
        }
    }
    buffer.extend_from_slice(b"\r\n");
    response.notable = notable;
    response.head_len = buffer.len();
    Ok(())
}

/// The length of the body, if the head says it.
pub(super) fn length(head: &http::response::Parts) -> Option<u64> {
    head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cold]
fn too_many(limits: &Limits) -> NetError {
    refused(format!(
        "http2: response head exceeds the limit of {} headers and {} bytes",
        limits.max_headers, limits.max_head_bytes
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Url;

    fn of(url: &str, headers: &[(&str, &str)]) -> Result<http::Request<()>, NetError> {
        let mut one = Request::new(request::Method::Get, Url::parse(url).unwrap());
        for (name, value) in headers {
            one.headers.add(name, value.as_bytes()).unwrap();
        }
        request(&one)
    }

    #[test]
    fn what_belongs_to_a_connection_stays_behind() {
        let kept = of(
            "https://h:8/p?q=1",
            &[
                ("Connection", "keep-alive"),
                ("Keep-Alive", "5"),
                ("Proxy-Connection", "x"),
                ("TE", "gzip"),
                ("User-Agent", ""),
                ("X-A", "1"),
                ("X-A", "2"),
                ("Cookie", "a=1; b=2"),
            ],
        )
        .unwrap();
        let names: Vec<_> =
            kept.headers().iter().map(|(n, v)| (n.as_str(), v.as_bytes())).collect();
        let all = [("x-a", &b"1"[..]), ("x-a", b"2"), ("cookie", b"a=1"), ("cookie", b"b=2")];
        assert_eq!(names, all);
        assert_eq!(kept.uri().to_string(), "https://h:8/p?q=1");
        let error = of("https://h/", &[("Upgrade", "websocket")]).unwrap_err();
        assert_eq!(error.message, "http2: invalid Upgrade request header: [\"websocket\"]");
        assert!(of("https://h/", &[("Connection", "upgrade")]).is_err());
    }

    #[test]
    fn the_host_header_is_the_authority_and_odd_targets_are_escaped() {
        let one = of("https://h/a?x=<b>", &[("Host", "other:1")]).unwrap();
        assert_eq!(one.uri().authority().unwrap(), "other:1");
        assert_eq!(one.uri().path_and_query().unwrap(), "/a?x=%3Cb%3E");
        assert_eq!(of("https://h", &[]).unwrap().uri().path(), "/");
        assert!(of("https://h/", &[("Host", "a b")]).is_err());
    }
}
