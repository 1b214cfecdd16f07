//! URLs as Go's `net/url` parses and writes them, because k6 shows them in responses, tags and errors and sends them on the wire.
//!
//! The difference to a browser's parser is visible: the query goes out as written, a path is escaped only where Go would, nothing is
//! normalised. Errors are Go's texts (`parse "://bad": missing protocol scheme`).

use std::fmt::Write as _;

/// The longest URL that is accepted, bytes.
pub(super) const URL_LIMIT: usize = 1 << 20;

/// A parsed absolute or relative URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Address {
    /// Lower case, empty when relative.
    pub scheme: String,
    /// User and password, decoded.
    pub user: Option<(String, Option<String>)>,
    /// Host with its port, decoded.
    pub host: String,
    /// Opaque part (`mailto:x`), when there is one.
    pub opaque: String,
    /// Path as it goes on the wire, escaped.
    pub path: String,
    /// After `?`, as written; `Some("")` for a lone `?`.
    pub query: Option<String>,
    /// After `#`, decoded and re-escaped.
    pub fragment: String,
}

impl Address {
    /// Parses as `url.Parse` does.
    ///
    /// # Errors
    /// Go's text, `parse "URL": why`.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let fail = |why: String| format!("parse {}: {why}", quote(raw));
        if raw.len() > URL_LIMIT {
            return Err(format!("parse: url of {} bytes is longer than {URL_LIMIT}", raw.len()));
        }
        if raw.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err(fail("net/url: invalid control character in URL".to_owned()));
        }
        let (rest, fragment) = raw.split_once('#').unwrap_or((raw, ""));
        let mut out = Self::parse_head(rest).map_err(fail)?;
        let decoded = unescape(fragment, Part::Fragment).map_err(fail)?;
        out.fragment = if is_valid_encoding(fragment, Part::Fragment) {
            fragment.to_owned()
        } else {
            escape(&decoded, Part::Fragment)
        };
        Ok(out)
    }

    fn parse_head(rest: &str) -> Result<Self, String> {
        let mut out = Self::default();
        if rest == "*" {
            out.path = "*".to_owned();
            return Ok(out);
        }
        let (scheme, rest) = split_scheme(rest)?;
        out.scheme = scheme.to_ascii_lowercase();
        let rest = match rest.split_once('?') {
            Some((head, query)) => {
                out.query = Some(query.to_owned());
                head
            }
            None => rest,
        };
        let mut path = rest;
        if !rest.starts_with('/') {
            if !out.scheme.is_empty() {
                out.opaque = rest.to_owned();
                return Ok(out);
            }
            if rest.split('/').next().is_some_and(|s| s.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        } else if let Some(after) = rest.strip_prefix("//")
            && (!out.scheme.is_empty() || !rest.starts_with("///"))
        {
            let end = after.find('/').unwrap_or(after.len());
            path = &after[end..];
            out.set_authority(&after[..end])?;
        }
        let decoded = unescape(path, Part::Path)?;
        out.path = if is_valid_encoding(path, Part::Path) {
            path.to_owned()
        } else {
            escape(&decoded, Part::Path)
        };
        Ok(out)
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), String> {
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((info, host)) => {
                let fine = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
                if !info.bytes().all(fine) {
                    return Err("net/url: invalid userinfo".to_owned());
                }
                let text = |s: &str| {
                    unescape(s, Part::User).map(|b| String::from_utf8_lossy(&b).into_owned())
                };
                self.user = Some(match info.split_once(':') {
                    None => (text(info)?, None),
                    Some((user, password)) => (text(user)?, Some(text(password)?)),
                });
                host
            }
        };
        let port = if let Some(rest) = host.strip_prefix('[') {
            let end = rest.rfind(']').ok_or("missing ']' in host")?;
            &rest[end + 1..]
        } else {
            host.rfind(':').map_or("", |at| &host[at..])
        };
        let valid = port.is_empty()
            || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
        if !valid {
            return Err(format!("invalid port {} after host", quote(port)));
        }
        let host = unescape(host, Part::Host)?;
        self.host = String::from_utf8_lossy(&host).into_owned();
        Ok(())
    }

    /// Host without port and brackets, lower case, international names in ASCII form.
    pub fn hostname(&self) -> String {
        let host = if let Some(rest) = self.host.strip_prefix('[') {
            rest.split(']').next().unwrap_or(rest)
        } else {
            self.host.rsplit_once(':').map_or(self.host.as_str(), |(host, _)| host)
        };
        if host.is_ascii() {
            return host.to_ascii_lowercase();
        }
        match url::Host::parse(host) {
            Ok(parsed) => parsed.to_string(),
            Err(_) => host.to_owned(),
        }
    }

    /// The port as written, empty when there is none.
    pub fn port(&self) -> &str {
        match self.host.rsplit_once(':') {
            Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => port,
            _ => "",
        }
    }

    /// What stands in the request line: path and query.
    pub fn request_target(&self) -> String {
        let mut out = if self.path.is_empty() { "/".to_owned() } else { self.path.clone() };
        if let Some(query) = &self.query {
            out.push('?');
            out.push_str(query);
        }
        out
    }

    /// The decoded path, for cookies.
    pub fn decoded_path(&self) -> String {
        match unescape(&self.path, Part::Path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => self.path.clone(),
        }
    }

    /// The URL as Go's `String()` writes it; `user` replaces the user part.
    fn write(&self, user: &str) -> String {
        let mut out = String::with_capacity(self.host.len() + self.path.len() + 40);
        if !self.scheme.is_empty() {
            let _ = write!(out, "{}:", self.scheme);
        }
        if self.opaque.is_empty() {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    out.push_str("//");
                }
                out.push_str(user);
                out.push_str(&escape(self.host.as_bytes(), Part::Host));
            }
            if !self.path.is_empty() && !self.path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            out.push_str(&self.path);
        } else {
            out.push_str(&self.opaque);
        }
        if let Some(query) = &self.query {
            out.push('?');
            out.push_str(query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&self.fragment);
        }
        out
    }

    /// The whole URL, user and password included.
    pub fn full(&self) -> String {
        match &self.user {
            None => self.write(""),
            Some((user, password)) => {
                let mut info = escape(user.as_bytes(), Part::User);
                if let Some(password) = password {
                    info.push(':');
                    info.push_str(&escape(password.as_bytes(), Part::User));
                }
                info.push('@');
                self.write(&info)
            }
        }
    }

    /// The URL as tags show it: user and password masked.
    pub fn clean(&self) -> String {
        match &self.user {
            None => self.write(""),
            Some((_, None)) => self.write("****@"),
            Some((_, Some(_))) => self.write("****:****@"),
        }
    }

    /// The URL without user, password and fragment kept: what a `Referer` may say.
    pub fn referer(&self) -> String {
        self.write("")
    }

    /// Resolves `reference` against this URL (RFC 3986, 5.2.2, as Go's `ResolveReference`).
    ///
    /// # Errors
    /// As [`Address::parse`].
    pub fn join(&self, reference: &str) -> Result<Self, String> {
        let mut next = Self::parse(reference)?;
        if next.scheme.is_empty() {
            next.scheme.clone_from(&self.scheme);
        } else if next.scheme != self.scheme || !next.host.is_empty() || next.user.is_some() {
            next.path = remove_dots(&next.path, "");
            return Ok(next);
        }
        if !next.opaque.is_empty() {
            return Ok(next);
        }
        if !next.host.is_empty() || next.user.is_some() {
            next.path = remove_dots(&next.path, "");
            return Ok(next);
        }
        if next.path.is_empty() && next.query.is_none() {
            next.query.clone_from(&self.query);
            if next.fragment.is_empty() {
                next.fragment.clone_from(&self.fragment);
            }
        }
        next.host.clone_from(&self.host);
        next.user.clone_from(&self.user);
        next.path = remove_dots(&self.path, &next.path);
        Ok(next)
    }
}

fn split_scheme(raw: &str) -> Result<(&str, &str), String> {
    for (at, b) in raw.bytes().enumerate() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&raw[..at], &raw[at + 1..])),
            _ => break,
        }
    }
    Ok(("", raw))
}

/// Joins and removes dot segments (Go's `resolvePath`).
fn remove_dots(base: &str, reference: &str) -> String {
    let full = if reference.is_empty() {
        base.to_owned()
    } else if reference.starts_with('/') {
        reference.to_owned()
    } else {
        let dir = base.rfind('/').map_or("", |at| &base[..=at]);
        format!("{dir}{reference}")
    };
    if full.is_empty() {
        return full;
    }
    let mut out: Vec<&str> = Vec::new();
    let mut last_was_dots = false;
    for segment in full.strip_prefix('/').unwrap_or(&full).split('/') {
        last_was_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    if last_was_dots {
        out.push("");
    }
    format!("/{}", out.join("/"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    User,
    Fragment,
}

fn must_escape(b: u8, part: Part) -> bool {
    if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
        return false;
    }
    match part {
        Part::Host => !b"!$&'()*+,;=:[]<>\"".contains(&b),
        Part::Path => !b"$&+,/:;=@".contains(&b),
        Part::User => !b"$&+,;=".contains(&b),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&b),
    }
}

fn is_valid_encoding(text: &str, part: Part) -> bool {
    text.bytes().all(|b| b"!$&'()*+,;=:@[]%".contains(&b) || !must_escape(b, part))
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut out = String::with_capacity(bytes.len());
    // A host keeps its international characters in Go's String().
    for &b in bytes {
        if must_escape(b, part) {
            let _ = write!(out, "%{b:02X}");
        } else {
            out.push(b as char);
        }
    }
    out
}

fn unescape(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let b = bytes[at];
        if b == b'%' {
            let hex =
                bytes.get(at + 1..at + 3).and_then(|h| Some((hex_value(h[0])?, hex_value(h[1])?)));
            let Some((high, low)) = hex else {
                let shown = &bytes[at..bytes.len().min(at + 3)];
                return Err(format!(
                    "invalid URL escape {}",
                    quote(&String::from_utf8_lossy(shown))
                ));
            };
            let value = high << 4 | low;
            // Hosts may only escape non-ASCII bytes (and a zone's percent sign).
            if part == Part::Host && value < 0x80 && value != b'%' {
                return Err(format!("invalid URL escape {}", quote(&text[at..at + 3])));
            }
            out.push(value);
            at += 3;
            continue;
        }
        if part == Part::Host && b < 0x80 && must_escape(b, Part::Host) {
            let shown = (b as char).to_string();
            return Err(format!("invalid character {} in host name", quote(&shown)));
        }
        out.push(b);
        at += 1;
    }
    Ok(out)
}

const fn hex_value(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

/// Go's `%q`: a double-quoted string with Go's escapes.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_go_writes_them() {
        let cases = [
            ("http://127.0.0.1:1/a b?x=y z&ü=é#frag", "http://127.0.0.1:1/a%20b?x=y z&ü=é#frag"),
            (
                "http://h/%7Efoo/[x]|\"<>^`{}\\é?q=\"<>`{}|^[]",
                "http://h/~foo/%5Bx%5D%7C%22%3C%3E%5E%60%7B%7D%5C%C3%A9?q=\"<>`{}|^[]",
            ),
            ("http://h/[x]", "http://h/[x]"),
            ("http://h?q=1", "http://h?q=1"),
            ("HTTP://h/up", "http://h/up"),
            ("http://us%20er:pa%40ss@h/ui", "http://us%20er:pa%40ss@h/ui"),
            ("/rel", "/rel"),
            ("http:///x", "http:///x"),
            ("", ""),
            ("http://h/?", "http://h/?"),
        ];
        for (raw, shown) in cases {
            assert_eq!(Address::parse(raw).unwrap().full(), shown, "{raw}");
        }
    }

    #[test]
    fn wire_target_and_clean_name_differ_from_the_url() {
        let url = Address::parse("http://user:pw@h:8080?q=1#f").unwrap();
        assert_eq!(url.request_target(), "/?q=1");
        assert_eq!(url.clean(), "http://****:****@h:8080?q=1#f");
        assert_eq!((url.hostname().as_str(), url.port()), ("h", "8080"));
        assert_eq!(Address::parse("http://user@h/").unwrap().clean(), "http://****@h/");
        let v6 = Address::parse("http://[::1]:80/x").unwrap();
        assert_eq!((v6.hostname().as_str(), v6.port()), ("::1", "80"));
        assert_eq!(Address::parse("http://[::1]/x").unwrap().port(), "");
    }

    #[test]
    fn bad_urls_give_gos_errors() {
        let cases = [
            ("://bad", "parse \"://bad\": missing protocol scheme"),
            ("http://a b/", "parse \"http://a b/\": invalid character \" \" in host name"),
            (
                "http://h/a\nb",
                "parse \"http://h/a\\nb\": net/url: invalid control character in URL",
            ),
            ("http://h:abc/x", "parse \"http://h:abc/x\": invalid port \":abc\" after host"),
            ("http://h/a%zz", "parse \"http://h/a%zz\": invalid URL escape \"%zz\""),
            ("a:b/c", "unreached"),
        ];
        for (raw, why) in &cases[..5] {
            assert_eq!(Address::parse(raw).unwrap_err(), *why);
        }
        assert_eq!(
            Address::parse("1a:b").unwrap_err(),
            "parse \"1a:b\": first path segment in URL cannot contain colon"
        );
    }

    #[test]
    fn references_resolve_as_in_rfc_3986() {
        let base = Address::parse("http://u:p@h/a/b?x=1#f").unwrap();
        for (reference, full) in [
            ("/y", "http://u:p@h/y"),
            ("y", "http://u:p@h/a/y"),
            ("../z/./q?k=v#g", "http://u:p@h/z/q?k=v#g"),
            ("?q", "http://u:p@h/a/b?q"),
            ("", "http://u:p@h/a/b?x=1#f"),
            ("//o/p", "http://o/p"),
            ("https://o:1/p/..", "https://o:1/"),
        ] {
            assert_eq!(base.join(reference).unwrap().full(), full, "{reference}");
        }
    }
}
