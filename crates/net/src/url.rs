//! URLs as Go's `net/url` reads them, because k6 scripts were written against it: nothing is
//! normalised but what must be escaped, and errors have Go's words.
//!
//! A [`Url`] is one string and a few offsets. Parsing an ordinary URL is one pass and one
//! allocation.

mod parse;
mod reference;

use std::borrow::Cow;
use std::fmt;

pub use parse::UrlError;

/// What the client can do with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
    /// Anything else, or none: parses, but cannot be requested.
    Other,
}

/// An absolute or relative URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    scheme: Scheme,
    scheme_end: u32,
    /// User info without the `@`; empty range if there is none.
    user: (u32, u32),
    /// Host and port as written, without user info.
    authority: (u32, u32),
    /// The end of the host within the authority.
    host_end: u32,
    path_start: u32,
    query_start: u32,
    fragment_start: u32,
    port: Option<u32>,
    /// The host in ASCII where it is written in other letters.
    ascii_host: Option<Box<str>>,
}

impl Url {
    /// Parses as Go's `url.Parse` does.
    ///
    /// # Errors
    /// [`UrlError`], whose text is Go's.
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        parse::parse(text)
    }

    /// Resolves a reference (a `Location` header, for example) against this URL, after RFC 3986
    /// section 5.2.
    ///
    /// # Errors
    /// [`UrlError`] if the reference does not parse.
    pub fn join(&self, reference: &str) -> Result<Url, UrlError> {
        reference::join(self, reference)
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which protocol it asks for.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The scheme in lower case; empty if there is none.
    pub fn scheme_str(&self) -> &str {
        &self.text[..self.scheme_end as usize]
    }

    /// Host and port as written: what the `Host` header carries. International names in ASCII.
    pub fn host_header(&self) -> Cow<'_, str> {
        let authority = self.authority();
        match &self.ascii_host {
            None => Cow::Borrowed(authority.strip_suffix(':').unwrap_or(authority)),
            Some(ascii) => match self.port {
                Some(port) => Cow::Owned(format!("{ascii}:{port}")),
                None => Cow::Borrowed(ascii),
            },
        }
    }

    /// Host and port as written.
    pub fn authority(&self) -> &str {
        self.slice(self.authority)
    }

    /// The host, without port and without the brackets of an IPv6 address; in ASCII.
    pub fn host(&self) -> &str {
        if let Some(ascii) = &self.ascii_host {
            return ascii;
        }
        let host = self.slice((self.authority.0, self.host_end));
        host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host)
    }

    /// The port written in the URL, which may exceed 65535.
    pub fn explicit_port(&self) -> Option<u32> {
        self.port
    }

    /// The port to connect to: the one written, else the scheme's.
    ///
    /// # Errors
    /// The written port, if it is no port number.
    pub fn port(&self) -> Result<u16, u32> {
        match self.port {
            Some(port) => u16::try_from(port).map_err(|_| port),
            None if self.scheme == Scheme::Https => Ok(443),
            None => Ok(80),
        }
    }

    /// The user name and the password of the user info, decoded, if it is there.
    pub fn user_info(&self) -> Option<(String, Option<String>)> {
        if self.user.0 == self.user.1 {
            return None;
        }
        let raw = self.slice(self.user);
        let (user, password) = match raw.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (raw, None),
        };
        Some((decoded(user), password.map(decoded)))
    }

    /// The escaped path; may be empty.
    pub fn path(&self) -> &str {
        &self.text[self.path_start as usize..self.query_start as usize]
    }

    /// The raw query without its `?`, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.text[self.query_start as usize..self.fragment_start as usize].strip_prefix('?')
    }

    /// The fragment without its `#`, if there is one.
    pub fn fragment(&self) -> Option<&str> {
        self.text[self.fragment_start as usize..].strip_prefix('#')
    }

    /// Path and query as the request line carries them, but for the `/` an empty path gets.
    pub(crate) fn raw_target(&self) -> &str {
        &self.text[self.path_start as usize..self.fragment_start as usize]
    }

    /// Path and query as the request line carries them.
    pub fn target(&self) -> Cow<'_, str> {
        let raw = self.raw_target();
        if raw.starts_with('/') { Cow::Borrowed(raw) } else { Cow::Owned(format!("/{raw}")) }
    }

    /// The URL as k6's `url` tag shows it: user name and password replaced by asterisks.
    pub fn masked(&self) -> Cow<'_, str> {
        if self.user.0 == self.user.1 {
            return Cow::Borrowed(&self.text);
        }
        let mask = if self.slice(self.user).contains(':') { "****:****" } else { "****" };
        let (before, after) =
            (&self.text[..self.user.0 as usize], &self.text[self.user.1 as usize..]);
        Cow::Owned([before, mask, after].concat())
    }

    fn slice(&self, (from, to): (u32, u32)) -> &str {
        &self.text[from as usize..to as usize]
    }
}

fn decoded(text: &str) -> String {
    // The parser has checked the escapes.
    String::from_utf8_lossy(&parse::unescape(text.as_bytes())).into_owned()
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.text)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `text` in double quotes as Go's `%q` prints it.
pub fn go_quoted(text: &[u8]) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{7}' => out.push_str("\\a"),
                '\u{8}' => out.push_str("\\b"),
                '\u{b}' => out.push_str("\\v"),
                '\u{c}' => out.push_str("\\f"),
                c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                    let _ = write!(out, "\\x{:02x}", c as u32);
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
