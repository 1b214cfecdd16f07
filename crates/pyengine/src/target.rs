//! Where a request goes: URLs as Python's HTTP libraries leave them.
//!
//! requests rewrites a URL before it uses it, at some 20 µs each. [`Target::plain`] takes those that would come out as they
//! went in, and only those: whatever needs thought is left to requests, whose result [`Target::prepared`] reads.

use std::net::IpAddr;
use std::sync::Arc;

/// Whom a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// With TLS.
    pub secure: bool,
    /// A name or an address without brackets.
    pub host: Box<str>,
    /// The port to connect to.
    pub port: u16,
    /// The address, where the host is one.
    pub literal: Option<IpAddr>,
}

/// A URL that can be requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Box<str>,
    /// Path and query, as the request line carries them.
    path: (u32, u32),
    origin: Arc<Origin>,
    /// The host as the `Host` header carries it.
    authority: Box<str>,
}

/// Longest URL that is taken.
const MAX_URL_BYTES: usize = 1 << 20;

impl Target {
    /// Reads a URL that requests would use as it is; `None` for all others.
    pub fn plain(url: &str) -> Option<Target> {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let slash = rest.find('/')?;
        let (authority, target) = rest.split_at(slash);
        if !authority.bytes().all(is_plain_in_authority) || authority.starts_with('.') {
            return None;
        }
        let (path, query) = match target.split_once('?') {
            Some((_, "")) => return None,
            Some((path, query)) => (path, query),
            None => (target, ""),
        };
        // A segment that begins with a dot may be one that is resolved; two slashes at the start may be read as a host.
        if path.starts_with("//") || path.contains("/.") {
            return None;
        }
        let is_plain = path.bytes().all(is_plain_in_path)
            && query.bytes().all(|b| b == b'?' || is_plain_in_path(b));
        if is_plain { Target::prepared(url) } else { None }
    }

    /// Reads a URL that has been prepared: only its parts are looked for. `None` where it is none of HTTP.
    pub fn prepared(url: &str) -> Option<Target> {
        if url.len() > MAX_URL_BYTES || url.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return None;
        }
        let (secure, rest) = match url.strip_prefix("http://") {
            Some(rest) => (false, rest),
            None => (true, url.strip_prefix("https://")?),
        };
        let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let start = url.len() - rest.len();
        let path_start = start + authority_end;
        let path_end = url[path_start..].find('#').map_or(url.len(), |at| path_start + at);
        let authority = &rest[..authority_end];
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(authority)?;
        let default_port = if secure { 443 } else { 80 };
        let port = port.unwrap_or(default_port);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() {
            return None;
        }
        let authority =
            if port == default_port { host.into() } else { format!("{host}:{port}").into() };
        let origin =
            Origin { secure, host: bare.into(), port, literal: bare.parse::<IpAddr>().ok() };
        let at = |place: usize| u32::try_from(place).ok();
        Some(Target {
            url: url.into(),
            path: (at(path_start)?, at(path_end)?),
            origin: Arc::new(origin),
            authority,
        })
    }

    /// The whole URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Path and query; begins with `/`.
    pub fn path_url(&self) -> std::borrow::Cow<'_, str> {
        let raw = &self.url[self.path.0 as usize..self.path.1 as usize];
        if raw.starts_with('/') { raw.into() } else { format!("/{raw}").into() }
    }

    /// Whom to connect to.
    pub fn origin(&self) -> &Arc<Origin> {
        &self.origin
    }

    /// The host as the `Host` header carries it: the port is there if it is not the scheme's.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[bracket..].rfind(':') {
        None => Some((authority, None)),
        Some(at) => {
            let (host, port) = authority.split_at(bracket + at);
            let port = &port[1..];
            if port.is_empty() {
                return Some((host, None));
            }
            let is_number = port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse::<u16>().ok().filter(|port| is_number && *port > 0)?;
            Some((host, Some(port)))
        }
    }
}

/// Small letters only: others are rewritten.
fn is_plain_in_authority(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b':' | b'_')
}

/// What neither urllib3 nor requests escapes or unescapes in paths and queries.
fn is_plain_in_path(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_urls_are_read_and_others_are_left() {
        let target = Target::plain("http://127.0.0.1:8080/a/b?c=d&e=f").unwrap();
        assert_eq!(target.path_url(), "/a/b?c=d&e=f");
        assert_eq!(target.authority(), "127.0.0.1:8080");
        assert_eq!(target.origin().literal, Some("127.0.0.1".parse().unwrap()));
        let target = Target::plain("https://shop.example/").unwrap();
        assert_eq!((target.authority(), target.origin().port), ("shop.example", 443));
        assert_eq!(target.origin().literal, None);
        for url in [
            "http://h",
            "http://h?x=1",
            "http://H/",
            "HTTP://h/",
            "http://h/a b",
            "http://h/%41",
            "http://h/a/../b",
            "http://h/?",
            "http://h/a#b",
            "http://u:p@h/",
            "http://h//a",
            "http://ä/",
            "http://h/ä",
            "http://h/[1]",
            "ftp://h/",
            "http://h:0/",
            "http://h:99999/",
            "http://h:+1/",
            "/a",
        ] {
            assert_eq!(Target::plain(url), None, "{url}");
        }
    }

    #[test]
    fn prepared_urls_lose_user_and_fragment() {
        let target = Target::prepared("http://u:p@[::1]:81/%20?q=[1]#top").unwrap();
        assert_eq!(target.path_url(), "/%20?q=[1]");
        assert_eq!(target.authority(), "[::1]:81");
        assert_eq!(target.origin().literal, Some("::1".parse().unwrap()));
        assert_eq!(&*target.origin().host, "::1");
        let target = Target::prepared("http://h?x").unwrap();
        assert_eq!(target.path_url(), "/?x");
        assert_eq!(Target::prepared("http://h/a b"), None);
        assert_eq!(Target::prepared("http:///a"), None);
    }
}
