//! Cookies as Go's `net/http/cookiejar` keeps them, which is what k6 uses: RFC 6265 without a public-suffix list.
//!
//! [`SetCookie::parse`] reads one `Set-Cookie` line, [`Jar`] decides what it stores and what goes out with a request. Both are pure: the
//! caller brings the wall clock. The one stricter rule here: a bare top-level domain (`Domain=com`) is refused.

use std::borrow::Cow;

use jiff::civil::DateTime;

/// The most cookies one jar keeps; beyond it the oldest goes. Browsers stop at about 3,000.
pub const JAR_LIMIT: usize = 10_000;
/// The longest `Set-Cookie` line that is parsed, bytes.
pub const LINE_LIMIT: usize = 64 * 1024;

/// One parsed `Set-Cookie` line, or a cookie made by a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetCookie {
    /// Name, a non-empty HTTP token.
    pub name: String,
    /// Value without its surrounding quotes.
    pub value: String,
    /// The value stood in double quotes, and is sent in them.
    pub quoted: bool,
    /// `Domain` as written, empty when absent.
    pub domain: String,
    /// `Path` as written, empty when absent.
    pub path: String,
    /// `Expires`, unix seconds.
    pub expires: Option<i64>,
    /// `Max-Age` in seconds; 0 when absent, -1 for "delete now".
    pub max_age: i64,
    /// Only over TLS (or to a loopback host).
    pub secure: bool,
    /// Kept from page scripts; stored only to be shown.
    pub http_only: bool,
}

impl SetCookie {
    /// Parses one `Set-Cookie` header value; `None` for what Go ignores (no `=`, bad name or value).
    pub fn parse(line: &str) -> Option<Self> {
        if line.len() > LINE_LIMIT {
            return None;
        }
        let mut parts = line.trim_matches(is_space).split(';');
        let (name, value) = parts.next()?.trim_matches(is_space).split_once('=')?;
        let name = name.trim_matches(is_space);
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, quoted) = match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
            Some(inner) => (inner, true),
            None => (value, false),
        };
        if !value.bytes().all(is_value_byte) {
            return None;
        }
        let mut cookie =
            Self { name: name.to_owned(), value: value.to_owned(), quoted, ..Self::default() };
        for part in parts {
            cookie.attribute(part.trim_matches(is_space));
        }
        Some(cookie)
    }

    fn attribute(&mut self, part: &str) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if !value.bytes().all(is_value_byte) {
            return;
        }
        match name.to_ascii_lowercase().as_str() {
            "secure" => self.secure = true,
            "httponly" => self.http_only = true,
            "domain" => self.domain = value.to_owned(),
            "path" => self.path = value.to_owned(),
            "expires" => self.expires = parse_date(value).or(self.expires),
            "max-age" => {
                if let Ok(secs) = value.parse::<i64>()
                    && (secs == 0 || !value.starts_with('0'))
                {
                    self.max_age = if secs <= 0 { -1 } else { secs };
                }
            }
            _ => {}
        }
    }
}

/// Appends `name=value` as it goes into a `Cookie` header: bytes that may not stand there are dropped, values with a space or a comma are quoted.
pub fn write_pair(out: &mut String, name: &str, value: &str, quoted: bool) {
    if !out.is_empty() {
        out.push_str("; ");
    }
    out.extend(name.chars().map(|c| if c == '\n' || c == '\r' { '-' } else { c }));
    out.push('=');
    let clean: Cow<'_, str> = if value.bytes().all(is_value_byte) {
        Cow::Borrowed(value)
    } else {
        // Go drops invalid bytes one by one; non-ASCII characters consist of nothing else.
        Cow::Owned(value.chars().filter(|c| c.is_ascii() && is_value_byte(*c as u8)).collect())
    };
    if quoted || clean.contains([' ', ',']) {
        out.push('"');
        out.push_str(&clean);
        out.push('"');
    } else {
        out.push_str(&clean);
    }
}

/// Reads the `name=value` pairs of a `Cookie` header, skipping what Go skips.
pub fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|part| {
        let part = part.trim_matches(is_space);
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        let good =
            !name.is_empty() && name.bytes().all(is_token) && value.bytes().all(is_value_byte);
        good.then_some((name, value))
    })
}

/// What the jar must know of a request's address.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The scheme is `https` (or `wss`).
    pub tls: bool,
    /// Host without port or brackets.
    pub host: &'a str,
    /// Decoded path, possibly empty.
    pub path: &'a str,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    value: String,
    quoted: bool,
    domain: String,
    path: String,
    host_only: bool,
    secure: bool,
    /// Unix seconds; `None` lives as long as the jar.
    expires: Option<i64>,
    /// Creation order: equal paths are sent oldest first.
    seq: u64,
}

/// Cookies of one virtual user.
#[derive(Debug, Clone, Default)]
pub struct Jar {
    entries: Vec<Entry>,
    next_seq: u64,
}

impl Jar {
    /// An empty jar; allocates nothing.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), next_seq: 0 }
    }

    /// Whether there is nothing to send to anybody.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Stores a cookie that came from `site`, or removes the one it replaces when it has expired. `now` in unix seconds.
    ///
    /// # Errors
    /// Why the cookie is refused, when its domain is not one that `site` may set.
    pub fn set(&mut self, site: Site<'_>, cookie: &SetCookie, now: i64) -> Result<(), Refused> {
        let host = canonical_host(site.host);
        let (domain, host_only) = domain_of(&host, &cookie.domain)?;
        let path = if cookie.path.starts_with('/') {
            cookie.path.as_str()
        } else {
            default_path(site.path)
        };
        let expires = match cookie.max_age {
            age if age < 0 => Some(i64::MIN),
            0 => cookie.expires,
            age => Some(now.saturating_add(age)),
        };
        let found = self
            .entries
            .iter()
            .position(|e| e.name == cookie.name && e.domain == domain && e.path == path);
        if expires.is_some_and(|at| at <= now) {
            if let Some(idx) = found {
                self.entries.remove(idx);
            }
            return Ok(());
        }
        let seq = match found {
            Some(idx) => self.entries.remove(idx).seq,
            None => {
                self.next_seq += 1;
                self.next_seq
            }
        };
        if self.entries.len() >= JAR_LIMIT {
            self.entries.remove(0);
        }
        self.entries.push(Entry {
            name: cookie.name.clone(),
            value: cookie.value.clone(),
            quoted: cookie.quoted,
            domain: domain.into_owned(),
            path: path.to_owned(),
            host_only,
            secure: cookie.secure,
            expires,
            seq,
        });
        Ok(())
    }

    /// Removes the cookies that would go to `site`, or those of one name.
    pub fn remove(&mut self, site: Site<'_>, name: Option<&str>, now: i64) {
        let host = canonical_host(site.host);
        let path = if site.path.is_empty() { "/" } else { site.path };
        self.entries.retain(|e| {
            name.is_some_and(|name| name != e.name) || !e.goes_to(site.tls, &host, path, now)
        });
    }

    /// The cookies that go to `site`: longest path first, then oldest first. `(name, value, quoted)`.
    pub fn cookies(&self, site: Site<'_>, now: i64) -> Vec<(&str, &str, bool)> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        let host = canonical_host(site.host);
        let path = if site.path.is_empty() { "/" } else { site.path };
        let mut found: Vec<&Entry> =
            self.entries.iter().filter(|e| e.goes_to(site.tls, &host, path, now)).collect();
        found.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then(a.seq.cmp(&b.seq)));
        found.into_iter().map(|e| (e.name.as_str(), e.value.as_str(), e.quoted)).collect()
    }
}

impl Entry {
    fn goes_to(&self, tls: bool, host: &str, path: &str, now: i64) -> bool {
        let domain = self.domain == host || (!self.host_only && is_subdomain(host, &self.domain));
        domain
            && path_matches(path, &self.path)
            && (!self.secure || tls || is_loopback(&self.domain))
            && self.expires.is_none_or(|at| at > now)
    }
}

/// A cookie's domain is not one its sender may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The domain is no domain (`.`, `a.`, a bare top-level domain).
    #[error("malformed cookie domain attribute")]
    Malformed,
    /// The domain does not cover the host.
    #[error("illegal cookie domain attribute")]
    Illegal,
}

fn domain_of<'a>(host: &'a str, attribute: &str) -> Result<(Cow<'a, str>, bool), Refused> {
    if attribute.is_empty() {
        return Ok((Cow::Borrowed(host), true));
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        return if host == attribute {
            Ok((Cow::Borrowed(host), true))
        } else {
            Err(Refused::Illegal)
        };
    }
    let domain = attribute.strip_prefix('.').unwrap_or(attribute).to_ascii_lowercase();
    if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') {
        return Err(Refused::Malformed);
    }
    if domain == host {
        return Ok((Cow::Owned(domain), false));
    }
    if !is_subdomain(host, &domain) {
        return Err(Refused::Illegal);
    }
    if !domain.contains('.') {
        return Err(Refused::Malformed);
    }
    Ok((Cow::Owned(domain), false))
}

fn canonical_host(host: &str) -> Cow<'_, str> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

fn is_subdomain(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
}

fn is_loopback(domain: &str) -> bool {
    domain == "localhost"
        || domain.ends_with(".localhost")
        || domain.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn path_matches(request: &str, cookie: &str) -> bool {
    request
        .strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(idx) if idx > 0 && path.starts_with('/') => &path[..idx],
        _ => "/",
    }
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

const fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const fn is_value_byte(b: u8) -> bool {
    b >= 0x20 && b < 0x7f && !matches!(b, b'"' | b';' | b'\\')
}

/// Parses the two date forms Go accepts, `Wed, 21 Oct 2037 07:28:00 GMT` and `Wed, 21-Oct-2037 07:28:00 GMT`, to unix seconds.
pub fn parse_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (weekday, rest) = text.split_once(", ")?;
    if weekday.len() != 3 {
        return None;
    }
    let mut fields = rest.split(' ').filter(|f| !f.is_empty());
    let first = fields.next()?;
    let (day, month, year) = if first.contains('-') {
        let mut date = first.split('-');
        (date.next()?, date.next()?, date.next()?)
    } else {
        (first, fields.next()?, fields.next()?)
    };
    let month = month.to_ascii_lowercase();
    let month = MONTHS.iter().position(|m| *m == month)? as i16 + 1;
    let (day, year) = (number(day, 31)?, number(year, 9999)?);
    let mut time = fields.next()?.split(':');
    let (hour, minute, second) =
        (number(time.next()?, 23)?, number(time.next()?, 59)?, number(time.next()?, 59)?);
    // Any zone abbreviation other than a known one counts as UTC in Go.
    fields.next()?;
    // Every field is below 100 but the year.
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(|n| n as i8);
    let date = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(date.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs())
}

fn number(text: &str, max: i16) -> Option<i16> {
    let ok = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    ok.then(|| text.parse().ok()).flatten().filter(|n| *n <= max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn site<'a>(host: &'a str, path: &'a str) -> Site<'a> {
        Site { tls: false, host, path }
    }

    fn sent(jar: &Jar, site: Site<'_>) -> String {
        let mut out = String::new();
        for (name, value, quoted) in jar.cookies(site, 1000) {
            write_pair(&mut out, name, value, quoted);
        }
        out
    }

    fn jar(lines: &[(&str, &str, &str)]) -> Jar {
        let mut jar = Jar::new();
        for (host, path, line) in lines {
            let _ = jar.set(site(host, path), &SetCookie::parse(line).unwrap(), 1000);
        }
        jar
    }

    #[test]
    fn set_cookie_lines_give_their_fields() {
        let c = SetCookie::parse("c=3; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Secure; SameSite=Lax; HttpOnly; Path=/p; Domain=x.test").unwrap();
        assert_eq!(
            (c.name.as_str(), c.value.as_str(), c.path.as_str(), c.domain.as_str()),
            ("c", "3", "/p", "x.test")
        );
        assert_eq!(
            (c.expires, c.secure, c.http_only, c.max_age),
            (Some(2_139_722_880), true, true, 0)
        );
        let q = SetCookie::parse("b=\"q v\"; max-age=100").unwrap();
        assert_eq!((q.value.as_str(), q.quoted, q.max_age), ("q v", true, 100));
        assert_eq!(SetCookie::parse("a=1; Max-Age=0").unwrap().max_age, -1);
        assert_eq!(SetCookie::parse("a=1; Max-Age=010").unwrap().max_age, 0);
        for bad in ["", "noequals", "=v", "a b=1", "a=\"", "a=b\\c", "a=\u{7f}"] {
            assert_eq!(SetCookie::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn dates_of_both_forms_are_read() {
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:01 GMT"), Some(1));
        assert_eq!(parse_date("Thu, 01-Jan-1970 00:00:01 GMT"), Some(1));
        assert_eq!(parse_date("Tue, 29 Feb 2000 12:00:00 UTC"), Some(951_825_600));
        assert_eq!(parse_date("Fri, 31 Dec 9999 23:59:59 GMT"), Some(253_402_300_799));
        assert_eq!(parse_date("Wed, 30 Feb 2000 12:00:00 GMT"), None);
        assert_eq!(parse_date("1970-01-01T00:00:00Z"), None);
    }

    #[test]
    fn longer_paths_go_first_then_older_cookies() {
        let jar = jar(&[
            ("h.test", "/", "a=1; Path=/"),
            ("h.test", "/", "b=2; Path=/x"),
            ("h.test", "/", "c=3; Path=/"),
            ("h.test", "/", "a=9; Path=/"),
        ]);
        assert_eq!(sent(&jar, site("h.test", "/x/y")), "b=2; a=9; c=3");
        assert_eq!(sent(&jar, site("h.test", "/xy")), "a=9; c=3");
    }

    #[test]
    fn host_only_and_domain_cookies_reach_the_right_hosts() {
        let jar = jar(&[
            ("a.x.test", "/d/f", "h=1"),
            ("a.x.test", "/", "d=2; Domain=x.test"),
            ("a.x.test", "/", "t=3; Domain=test"),
            ("a.x.test", "/", "o=4; Domain=y.test"),
        ]);
        assert_eq!(sent(&jar, site("A.x.test", "/d/")), "h=1; d=2");
        assert_eq!(sent(&jar, site("b.x.test", "/")), "d=2");
        assert_eq!(sent(&jar, site("x.test", "")), "d=2");
        assert_eq!(sent(&jar, site("evilx.test", "/")), "");
    }

    #[test]
    fn secure_cookies_need_tls_or_a_loopback_host() {
        let jar = jar(&[
            ("x.test", "/", "a=1; Secure"),
            ("127.0.0.1", "/", "b=2; Secure; Domain=127.0.0.1"),
        ]);
        assert_eq!(sent(&jar, site("x.test", "/")), "");
        assert_eq!(sent(&jar, Site { tls: true, ..site("x.test", "/") }), "a=1");
        assert_eq!(sent(&jar, site("127.0.0.1", "/")), "b=2");
    }

    #[test]
    fn expired_cookies_are_removed_and_not_sent() {
        let mut jar = jar(&[("x.test", "/", "a=1"), ("x.test", "/", "b=2; Max-Age=10")]);
        assert_eq!(jar.cookies(site("x.test", "/"), 1009).len(), 2);
        assert_eq!(jar.cookies(site("x.test", "/"), 1010).len(), 1);
        jar.set(site("x.test", "/"), &SetCookie::parse("a=; Max-Age=-1").unwrap(), 1000).unwrap();
        assert_eq!(sent(&jar, site("x.test", "/")), "b=2");
    }

    #[test]
    fn request_cookies_are_quoted_and_cleaned_as_go_does() {
        let mut out = String::new();
        for (name, value) in [("a", "x y"), ("b", "é1\""), ("c", "1,2"), ("d", "")] {
            write_pair(&mut out, name, value, false);
        }
        assert_eq!(out, "a=\"x y\"; b=1; c=\"1,2\"; d=");
        assert_eq!(
            pairs("z=1; ck=\"v w\"; bad name=1; e").collect::<Vec<_>>(),
            [("z", "1"), ("ck", "v w"), ("e", "")]
        );
    }

    proptest! {
        #[test]
        fn parsers_and_jar_never_panic(line in ".{0,200}", host in ".{0,30}", path in ".{0,30}") {
            let _ = parse_date(&line);
            let _ = pairs(&line).count();
            let mut jar = Jar::new();
            if let Some(cookie) = SetCookie::parse(&line) {
                let _ = jar.set(Site { tls: false, host: &host, path: &path }, &cookie, 0);
            }
            let _ = jar.cookies(Site { tls: true, host: &host, path: &path }, 0);
        }

        #[test]
        fn attribute_soup_never_panics(attrs in proptest::collection::vec("(?i)(domain|path|expires|max-age|secure|httponly)=?[ -~]{0,12}", 0..6)) {
            let line = format!("a=b; {}", attrs.join("; "));
            if let Some(cookie) = SetCookie::parse(&line) {
                let mut jar = Jar::new();
                let _ = jar.set(site("a.b.test", "/x/y"), &cookie, 0);
                prop_assert!(jar.cookies(site("a.b.test", "/x/y"), 0).len() <= 1);
            }
        }
    }
}
