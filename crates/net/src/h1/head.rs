//! The head of a response: parsed by `httparse`, judged here.

use std::mem::MaybeUninit;

use super::{Limits, seen};
use crate::error::{NetError, code};
use crate::http::{Notable, Version};
use crate::url::go_quoted;

/// What the head says about the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) len: usize,
    pub(super) status: u16,
    pub(super) version: Version,
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) keep_alive: bool,
    pub(super) notable: Notable,
}

/// The outcome of looking at some bytes.
pub(super) enum Parsed {
    Complete(Head),
    Partial,
    /// A header goes on in the next line: unfold and parse again.
    Folded,
}

/// Enough for almost every response; more are parsed in a second go.
const FEW_HEADERS: usize = 64;

pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Parsed, NetError> {
    if matches!(bytes.first(), Some(b'\r' | b'\n')) {
        return Err(broken("malformed HTTP response \"\"".into()));
    }
    // What was taken under one limit need not be taken under another: only the usual one is remembered.
    let usual = limits.max_headers == Limits::STANDARD.max_headers;
    if usual && let Some(head) = seen::recall(bytes) {
        return Ok(Parsed::Complete(head));
    }
    let parsed = parse_anew(bytes, limits)?;
    if usual && let Parsed::Complete(head) = &parsed {
        seen::remember(bytes, head);
    }
    Ok(parsed)
}

fn parse_anew(bytes: &[u8], limits: &Limits) -> Result<Parsed, NetError> {
    let mut few = [const { MaybeUninit::uninit() }; FEW_HEADERS];
    let few_limit = FEW_HEADERS.min(limits.max_headers);
    match parse_into(bytes, &mut few[..few_limit]) {
        Err(Fault::TooManyHeaders) if limits.max_headers > FEW_HEADERS => {
            let mut many = vec![MaybeUninit::uninit(); limits.max_headers];
            parse_into(bytes, &mut many)
        }
        other => other,
    }
    .map_err(|fault| explain(fault, bytes, limits))
}

enum Fault {
    TooManyHeaders,
    Syntax,
    Refused(String),
}

fn parse_into<'b>(
    bytes: &'b [u8],
    headers: &mut [MaybeUninit<httparse::Header<'b>>],
) -> Result<Parsed, Fault> {
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    let mut response = httparse::Response::new(&mut []);
    match config.parse_response_with_uninit_headers(&mut response, bytes, headers) {
        Ok(httparse::Status::Complete(len)) => judge(&response, len).map(Parsed::Complete),
        Ok(httparse::Status::Partial) => Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => Err(Fault::TooManyHeaders),
        Err(_) if has_fold(bytes) => Ok(Parsed::Folded),
        Err(_) => Err(Fault::Syntax),
    }
}

fn judge(response: &httparse::Response<'_, '_>, len: usize) -> Result<Head, Fault> {
    let version = match response.version {
        Some(0) => Version::Http10,
        _ => Version::Http11,
    };
    let mut head = Head {
        len,
        status: response.code.unwrap_or_default(),
        version,
        content_length: None,
        chunked: false,
        keep_alive: version == Version::Http11,
        notable: Notable::default(),
    };
    let mut length_text: Option<&[u8]> = None;
    for header in response.headers.iter() {
        // By length first: few names pass, and most headers cost one comparison.
        match header.name.len() {
            10 if header.name.eq_ignore_ascii_case("set-cookie") => {
                head.notable.sets_cookies = true;
            }
            16 if header.name.eq_ignore_ascii_case("content-encoding") => {
                head.notable.is_encoded = true;
            }
            10 if header.name.eq_ignore_ascii_case("connection") => {
                for token in header.value.split(|&b| b == b',') {
                    let token = token.trim_ascii();
                    if token.eq_ignore_ascii_case(b"close") {
                        head.keep_alive = false;
                    } else if token.eq_ignore_ascii_case(b"keep-alive")
                        && version == Version::Http10
                    {
                        head.keep_alive = true;
                    }
                }
            }
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                let text = header.value.trim_ascii();
                match length_text {
                    Some(first) if first != text => {
                        let (a, b) = (go_quoted(first), go_quoted(text));
                        return Err(Fault::Refused(format!(
                            "http: message cannot contain multiple Content-Length headers; got [{a} {b}]"
                        )));
                    }
                    _ => length_text = Some(text),
                }
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                if head.chunked {
                    return Err(Fault::Refused("too many transfer encodings".into()));
                }
                if !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                    let shown = go_quoted(header.value);
                    return Err(Fault::Refused(format!("unsupported transfer encoding: {shown}")));
                }
                head.chunked = true;
            }
            _ => {}
        }
    }
    if let Some(text) = length_text {
        let value = decimal(text)
            .ok_or_else(|| Fault::Refused(format!("bad Content-Length {}", go_quoted(text))))?;
        if head.chunked {
            // Chunking wins, as RFC 9112 6.3 and Go have it; what follows can't be trusted.
            head.keep_alive = false;
        } else {
            head.content_length = Some(value);
        }
    }
    Ok(head)
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Go reads it into 63 bits.
    std::str::from_utf8(text).ok()?.parse().ok().filter(|&n| n <= i64::MAX as u64)
}

fn has_fold(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|w| w[0] == b'\n' && matches!(w[1], b' ' | b'\t'))
}

/// Joins folded lines by overwriting the line break with blanks. Only values may be folded: a line
/// without a colon stays as it is, and is refused.
pub(super) fn unfold(head: &mut [u8]) {
    let mut colon = false;
    for i in 1..head.len() {
        if head[i - 1] != b'\n' {
            colon |= head[i] == b':';
        } else if matches!(head[i], b' ' | b'\t') {
            if !colon {
                return;
            }
            head[i - 1] = b' ';
            if i >= 2 && head[i - 2] == b'\r' {
                head[i - 2] = b' ';
            }
        } else {
            colon = head[i] == b':';
        }
    }
}

/// The position after the empty line that ends a head, if it is there; bytes before `from` have
/// been searched.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    while let Some(newline) = bytes[at..].iter().position(|&b| b == b'\n') {
        at += newline + 1;
        match &bytes[at..] {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// The head exceeds its limit.
#[cold]
pub(super) fn too_large(limits: &Limits) -> NetError {
    broken(format!(
        "net/http: server response headers exceeded {} bytes; aborted",
        limits.max_head_bytes
    ))
}

/// The stream ended within a head.
#[cold]
pub(super) fn cut_off(bytes: &[u8]) -> NetError {
    if bytes.is_empty() {
        return NetError::new(code::GENERIC, "EOF");
    }
    let last = bytes.rsplit(|&b| b == b'\n').next().unwrap_or_default();
    if last.len() < bytes.len() && !last.is_empty() && !last.contains(&b':') {
        return broken(format!("malformed MIME header: missing colon: {}", quoted_start(last)));
    }
    broken("unexpected EOF".into())
}

/// An error in Go's words. The log's text has the prefix of Go's transport.
fn broken(message: String) -> NetError {
    let detail = format!("net/http: HTTP/1.x transport connection broken: {message}");
    NetError::new(code::GENERIC, message).with_detail(detail)
}

#[cold]
fn explain(fault: Fault, bytes: &[u8], limits: &Limits) -> NetError {
    match fault {
        Fault::Refused(message) => broken(message),
        Fault::TooManyHeaders => {
            broken(format!("response has more than {} headers", limits.max_headers))
        }
        Fault::Syntax => malformed(bytes),
    }
}

/// The head does not parse.
#[cold]
pub(super) fn malformed(bytes: &[u8]) -> NetError {
    broken(syntax(bytes))
}

fn syntax(bytes: &[u8]) -> String {
    let mut lines = bytes.split(|&b| b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l));
    let first = lines.next().unwrap_or_default();
    let Some(space) = first.iter().position(|&b| b == b' ') else {
        return format!("malformed HTTP response {}", quoted_start(first));
    };
    let (proto, rest) = (&first[..space], first[space..].trim_ascii_start());
    let status = rest.split(|&b| b == b' ').next().unwrap_or_default();
    if status.len() != 3 || !status.iter().all(u8::is_ascii_digit) {
        return format!("malformed HTTP status code {}", quoted_start(status));
    }
    if !matches!(proto, b"HTTP/1.1" | b"HTTP/1.0") {
        return format!("malformed HTTP version {}", quoted_start(proto));
    }
    for line in lines {
        if line.is_empty() {
            break;
        }
        if !line.contains(&b':') {
            return format!("malformed MIME header: missing colon: {}", quoted_start(line));
        }
        let name = line.split(|&b| b == b':').next().unwrap_or_default();
        let value = &line[name.len() + 1..];
        let name_ok =
            !name.is_empty() && name.trim_ascii_end().iter().all(|&b| crate::http::is_token(b));
        if !name_ok || value.iter().any(|&b| b < 0x20 && b != b'\t') {
            return format!("malformed MIME header line: {}", quoted_start(line));
        }
    }
    format!("malformed HTTP response {}", quoted_start(first))
}

/// Quoted, and cut where garbage would fill the log.
fn quoted_start(bytes: &[u8]) -> String {
    go_quoted(&bytes[..bytes.len().min(120)])
}
