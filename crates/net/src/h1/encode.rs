//! The head of a request.

use crate::http::Request;

/// What the client means to do with the connection afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// Keep it: HTTP/1.1's default, nothing is said.
    Keep,
    /// Close it: `Connection: close` is sent.
    Close,
}

/// Whom a request is handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// The server itself.
    Origin,
    /// A proxy, which gets the whole URL.
    Proxy {
        /// The value of `Proxy-Authorization`, if it wants one.
        authorization: Option<&'a str>,
    },
}

/// Appends request line and headers, the empty line included, in the order of Go's client: `Host`,
/// `User-Agent`, framing, then the caller's headers.
pub fn encode_head(
    request: &Request,
    keep_alive: KeepAlive,
    recipient: Recipient<'_>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(request.method.as_str().as_bytes());
    out.push(b' ');
    if let Recipient::Proxy { .. } = recipient {
        out.extend_from_slice(request.url.scheme_str().as_bytes());
        out.extend_from_slice(b"://");
        push_host(request, out);
    }
    let target = request.url.raw_target();
    if !target.starts_with('/') {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    push_host(request, out);
    out.extend_from_slice(b"\r\n");
    request.headers.write_user_agent(out);
    match request.body.length() {
        Some(0) if !request.method.expects_body() => {}
        Some(length) => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(length, out);
            out.extend_from_slice(b"\r\n");
        }
        None => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    request.headers.write_others(out);
    if keep_alive == KeepAlive::Close && !request.headers.closes() {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    if let Recipient::Proxy { authorization: Some(authorization) } = recipient {
        out.extend_from_slice(b"Proxy-Authorization: ");
        out.extend_from_slice(authorization.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn push_host(request: &Request, out: &mut Vec<u8>) {
    match request.headers.host() {
        Some(host) => out.extend_from_slice(host.as_bytes()),
        None => out.extend_from_slice(request.url.host_header().as_bytes()),
    }
}

fn push_decimal(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
