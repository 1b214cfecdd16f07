//! Go's `url.Parse`, from its documented behaviour and measured answers of k6.

use std::fmt;

use percent_encoding::percent_decode;

use super::{Scheme, Url, go_quoted};
use crate::error::{NetError, code};

/// A URL that does not parse. Displays as Go prints it: `parse "http://a b/": …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError {
    url: String,
    reason: String,
}

impl UrlError {
    pub(super) fn new(url: &str, reason: impl Into<String>) -> UrlError {
        UrlError { url: url.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parse {}: {}", go_quoted(self.url.as_bytes()), self.reason)
    }
}

impl std::error::Error for UrlError {}

impl From<UrlError> for NetError {
    fn from(error: UrlError) -> NetError {
        NetError::body(code::INVALID_URL, format!("invalid URL: {error}"))
    }
}

/// URLs longer than this are refused: offsets are 32 bits, and no server takes them.
const MAX_URL_BYTES: usize = 16 << 20;

pub(super) fn parse(url: &str) -> Result<Url, UrlError> {
    let fail = |reason: String| UrlError::new(url, reason);
    if url.len() > MAX_URL_BYTES {
        let start: String = url.chars().take(80).collect();
        return Err(UrlError::new(&start, "URL too long"));
    }
    if url.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err(fail("net/url: invalid control character in URL".into()));
    }
    let (before_fragment, fragment) = match url.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment)),
        None => (url, None),
    };
    let scheme = scheme_of(before_fragment).map_err(fail)?;
    let mut rest = before_fragment;
    let mut text = String::with_capacity(url.len() + 8);
    if let Some(scheme) = scheme {
        text.push_str(scheme);
        text.make_ascii_lowercase();
        rest = &rest[scheme.len() + 1..];
    }
    let scheme_end = offset(&text);
    let kind = match text.as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => Scheme::Other,
    };
    if scheme.is_some() {
        text.push(':');
    }
    let (hierarchy, query) = match rest.find('?') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if scheme.is_none() && !hierarchy.starts_with('/') {
        let first = hierarchy.split('/').next().unwrap_or_default();
        if first.contains(':') {
            return Err(fail("first path segment in URL cannot contain colon".into()));
        }
    }
    let mut out = Url {
        text,
        scheme: kind,
        scheme_end,
        user: (0, 0),
        authority: (0, 0),
        host_end: 0,
        path_start: 0,
        query_start: 0,
        fragment_start: 0,
        port: None,
        ascii_host: None,
    };
    let path = match hierarchy.strip_prefix("//") {
        Some(after) if scheme.is_some() || !hierarchy.starts_with("///") => {
            let end = after.find('/').unwrap_or(after.len());
            out.text.push_str("//");
            authority(&mut out, &after[..end]).map_err(fail)?;
            &after[end..]
        }
        _ => hierarchy,
    };
    out.path_start = offset(&out.text);
    push_path(&mut out.text, path).map_err(fail)?;
    out.query_start = offset(&out.text);
    out.text.push_str(query);
    out.fragment_start = offset(&out.text);
    if let Some(fragment) = fragment {
        check_escapes(fragment.as_bytes()).map_err(fail)?;
        out.text.push('#');
        out.text.push_str(fragment);
    }
    Ok(out)
}

fn offset(text: &str) -> u32 {
    // Bounded by MAX_URL_BYTES times the threefold growth of escaping.
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// The scheme, if the text starts with one.
fn scheme_of(text: &str) -> Result<Option<&str>, String> {
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok(Some(&text[..i])),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn authority(out: &mut Url, authority: &str) -> Result<(), String> {
    let host_port = match authority.rsplit_once('@') {
        Some((user, host_port)) => {
            let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
            if !user.bytes().all(fine) {
                return Err("net/url: invalid userinfo".into());
            }
            check_escapes(user.as_bytes())?;
            let from = offset(&out.text);
            out.text.push_str(user);
            out.user = (from, offset(&out.text));
            out.text.push('@');
            host_port
        }
        None => authority,
    };
    let host = split_port(out, host_port)?;
    check_host(host)?;
    let from = offset(&out.text);
    out.text.push_str(host);
    out.host_end = offset(&out.text);
    out.text.push_str(&host_port[host.len()..]);
    out.authority = (from, offset(&out.text));
    if !host.is_ascii() || host.contains('%') && !host.starts_with('[') {
        let plain = unescape(host.as_bytes());
        let plain = String::from_utf8_lossy(&plain);
        let ascii = match ::url::Host::parse(&plain) {
            Ok(::url::Host::Domain(name)) => name,
            _ => plain.into_owned(),
        };
        out.ascii_host = Some(ascii.into());
    }
    Ok(())
}

/// The host of `host:port`; notes the port.
fn split_port<'a>(out: &mut Url, host_port: &'a str) -> Result<&'a str, String> {
    let (host, port) = if host_port.starts_with('[') {
        let end = host_port.rfind(']').ok_or("missing ']' in host")?;
        (&host_port[..=end], &host_port[end + 1..])
    } else {
        match host_port.rfind(':') {
            Some(at) => host_port.split_at(at),
            None => (host_port, ""),
        }
    };
    if !port.is_empty() {
        let digits = port.strip_prefix(':');
        match digits {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                if !digits.is_empty() {
                    out.port = Some(digits.parse().unwrap_or(u32::MAX));
                }
            }
            _ => return Err(format!("invalid port {} after host", go_quoted(port.as_bytes()))),
        }
    }
    Ok(host)
}

fn check_host(host: &str) -> Result<(), String> {
    let bytes = host.as_bytes();
    for (i, &b) in bytes.iter().enumerate() {
        match b {
            b'%' => {
                let code = escape_at(bytes, i)?;
                // Only other than ASCII may hide behind an escape (a zone is the exception).
                if code < 0x80 && !host.starts_with('[') {
                    let shown = &bytes[i..(i + 3).min(bytes.len())];
                    return Err(format!("invalid URL escape {}", go_quoted(shown)));
                }
            }
            b if b >= 0x80 || b.is_ascii_alphanumeric() => {}
            b if b"-_.~!$&'()*+,;=:[]<>\"".contains(&b) => {}
            b => return Err(format!("invalid character {} in host name", go_quoted(&[b]))),
        }
    }
    Ok(())
}

/// Appends the path, escaping what may not stand in one.
fn push_path(text: &mut String, path: &str) -> Result<(), String> {
    let bytes = path.as_bytes();
    check_escapes(bytes)?;
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@[]%/".contains(&b);
    if bytes.iter().all(|&b| fine(b)) {
        text.push_str(path);
        return Ok(());
    }
    // One bad byte and Go escapes the whole decoded path anew.
    for b in unescape(bytes) {
        if b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b) {
            text.push(char::from(b));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            text.push('%');
            text.push(char::from(HEX[usize::from(b >> 4)]));
            text.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
    Ok(())
}

fn check_escapes(bytes: &[u8]) -> Result<(), String> {
    for (i, &b) in bytes.iter().enumerate() {
        if b == b'%' {
            escape_at(bytes, i)?;
        }
    }
    Ok(())
}

/// The byte that the escape at `i` stands for.
fn escape_at(bytes: &[u8], i: usize) -> Result<u8, String> {
    let hex = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
    match (hex(i + 1), hex(i + 2)) {
        (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
        _ => {
            let shown = &bytes[i..(i + 3).min(bytes.len())];
            Err(format!("invalid URL escape {}", go_quoted(shown)))
        }
    }
}

/// Decodes escapes; those that are not valid stay as they are.
pub(super) fn unescape(bytes: &[u8]) -> Vec<u8> {
    percent_decode(bytes).collect()
}
