//! Which proxy a request goes through: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` by the rules of
//! Go's client. The values come from whoever may read the environment.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;

use crate::dns::Cidr;
use crate::url::{Scheme, Url};

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP: whole URLs are asked for, and `CONNECT` for those that are protected.
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS5 (RFC 1928); names are resolved by the proxy.
    Socks5,
    /// One we cannot speak to; requests through it fail and name it.
    Unsupported,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// The scheme as it was written.
    pub scheme: Box<str>,
    /// Where it is: a name or an address without brackets.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// User and password for it.
    pub credentials: Option<(String, String)>,
}

impl Proxy {
    /// Reads `http://user:password@host:port`; a scheme that is missing is `http`. `None` if it is
    /// nothing of the kind, which Go's client takes for no proxy.
    pub fn parse(text: &str) -> Option<Proxy> {
        let complete;
        let text = if text.contains("://") {
            text
        } else {
            complete = format!("http://{text}");
            &complete
        };
        let url = Url::parse(text).ok()?;
        if url.host().is_empty() {
            return None;
        }
        let (kind, default_port) = match url.scheme_str() {
            "http" => (ProxyKind::Http, 80),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            "https" => (ProxyKind::Https, 443),
            _ => (ProxyKind::Unsupported, 0),
        };
        let port = match url.explicit_port() {
            Some(port) => u16::try_from(port).ok()?,
            None => default_port,
        };
        let credentials = url.user_info().map(|(user, pass)| (user, pass.unwrap_or_default()));
        let (scheme, host) = (url.scheme_str().into(), url.host().into());
        Some(Proxy { kind, scheme, host, port, credentials })
    }

    /// The value of `Proxy-Authorization`, if the proxy wants to know who asks.
    pub fn authorization(&self) -> Option<String> {
        let (user, password) = self.credentials.as_ref()?;
        let plain = format!("{user}:{password}");
        Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain)))
    }
}

/// The proxies of a test.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Arc<Proxy>>,
    https: Option<Arc<Proxy>>,
    bypass: Bypass,
}

/// Who is reached directly.
#[derive(Clone, Debug, Default)]
struct Bypass {
    all: bool,
    /// Not even this machine.
    nothing: bool,
    ranges: Vec<Cidr>,
    /// Addresses, with a port if only that one is meant.
    addresses: Vec<(IpAddr, Option<Box<str>>)>,
    domains: Vec<Domain>,
}

#[derive(Clone, Debug)]
struct Domain {
    /// With a dot in front.
    suffix: Box<str>,
    port: Option<Box<str>>,
    /// The domain itself too, not only what is below it.
    with_itself: bool,
}

/// Entries of `NO_PROXY` that are looked at.
const MAX_BYPASS: usize = 1_024;

impl Proxies {
    /// One proxy for everything, this machine's own addresses included.
    pub fn only(proxy: Arc<Proxy>) -> Proxies {
        let bypass = Bypass { nothing: true, ..Bypass::default() };
        Proxies { http: Some(proxy.clone()), https: Some(proxy), bypass }
    }

    /// From the values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; an empty one is none.
    pub fn new(http: &str, https: &str, no_proxy: &str) -> Proxies {
        let parse = |text: &str| Proxy::parse(text).filter(|_| !text.is_empty()).map(Arc::new);
        Proxies { http: parse(http), https: parse(https), bypass: Bypass::parse(no_proxy) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxy for a URL whose port is `port`. This machine's own addresses have none.
    pub fn of(&self, url: &Url, port: u16) -> Option<&Arc<Proxy>> {
        let proxy = match url.scheme() {
            Scheme::Https => self.https.as_ref(),
            Scheme::Http => self.http.as_ref(),
            Scheme::Other => None,
        }?;
        (!self.bypass.has(url.host(), port)).then_some(proxy)
    }
}

impl Bypass {
    fn parse(text: &str) -> Bypass {
        let mut bypass = Bypass::default();
        for entry in text.split(',').take(MAX_BYPASS) {
            let entry = entry.trim().to_lowercase();
            if entry == "*" {
                return Bypass { all: true, ..Bypass::default() };
            }
            if entry.contains('/')
                && let Ok(range) = Cidr::parse(&entry)
            {
                bypass.ranges.push(range);
                continue;
            }
            bypass.add(&entry);
        }
        bypass
    }

    fn add(&mut self, entry: &str) {
        let (host, port) = match entry.rsplit_once(':') {
            // More colons without brackets: an IPv6 address.
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, Some(port.into()))
            }
            _ => (entry, None),
        };
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() {
            return;
        }
        if let Ok(address) = bare.parse() {
            return self.addresses.push((address, port));
        }
        let host = if host.starts_with("*.") { &host[1..] } else { host };
        let with_itself = !host.starts_with('.');
        let suffix = if with_itself { format!(".{host}").into() } else { host.into() };
        self.domains.push(Domain { suffix, port, with_itself });
    }

    fn has(&self, host: &str, port: u16) -> bool {
        if self.nothing {
            return false;
        }
        let host = host.trim().to_lowercase();
        if self.all || host == "localhost" {
            return true;
        }
        let port = port.to_string();
        let fits = |wanted: &Option<Box<str>>| wanted.as_deref().is_none_or(|w| w == port);
        if let Ok(address) = host.parse::<IpAddr>() {
            return address.is_loopback()
                || self.ranges.iter().any(|range| range.contains(address))
                || self.addresses.iter().any(|(known, port)| *known == address && fits(port));
        }
        self.domains.iter().any(|domain| {
            let is_itself = domain.with_itself && host == domain.suffix[1..];
            (is_itself || host.ends_with(&*domain.suffix)) && fits(&domain.port)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(proxies: &Proxies, url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        let port = url.port().unwrap();
        proxies.of(&url, port).is_some()
    }

    #[test]
    fn a_proxy_is_read_as_go_reads_it() {
        let proxy = Proxy::parse("http://u:p%40@proxy.test:3128").unwrap();
        assert_eq!((proxy.kind, &*proxy.host, proxy.port), (ProxyKind::Http, "proxy.test", 3128));
        assert_eq!(proxy.authorization().unwrap(), "Basic dTpwQA==");
        let proxy = Proxy::parse("proxy.test").unwrap();
        assert_eq!((proxy.kind, proxy.port, proxy.authorization()), (ProxyKind::Http, 80, None));
        let proxy = Proxy::parse("10.0.0.1:8080").unwrap();
        assert_eq!((&*proxy.host, proxy.port), ("10.0.0.1", 8080));
        for (text, kind, port) in [
            ("socks5://s", ProxyKind::Socks5, 1080),
            ("socks5h://s:9", ProxyKind::Socks5, 9),
            ("https://s", ProxyKind::Https, 443),
            ("quic://s", ProxyKind::Unsupported, 0),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.kind, proxy.port), (kind, port), "{text}");
        }
        for text in ["http://", "://x", "http://h:99999"] {
            assert_eq!(Proxy::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_scheme_has_its_own_proxy_and_this_machine_none() {
        let proxies = Proxies::new("p1:1", "", "");
        assert!(through(&proxies, "http://a.test/"));
        assert!(!through(&proxies, "https://a.test/"));
        for url in ["http://localhost/", "http://127.0.0.1:8/", "http://[::1]/"] {
            assert!(!through(&proxies, url), "{url}");
        }
        assert!(Proxies::new("", "", "x").is_empty());
    }

    #[test]
    fn entries_of_no_proxy_mean_what_they_mean_in_go() {
        for (no_proxy, url, is_direct) in [
            ("a.test", "http://a.test/", true),
            ("a.test", "http://b.a.test/", true),
            ("a.test", "http://ba.test/", false),
            (".a.test", "http://a.test/", false),
            (".a.test", "http://b.a.test/", true),
            ("*.a.test", "http://b.a.test/", true),
            ("*.a.test", "http://a.test/", false),
            ("x, A.Test:81", "http://a.test:81/", true),
            ("a.test:81", "http://a.test/", false),
            ("*", "http://a.test/", true),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("10.1.2.3:80", "http://10.1.2.3/", true),
            ("10.1.2.3:81", "http://10.1.2.3/", false),
            ("[fd00::1]:80", "http://[fd00::1]/", true),
            ("fd00::1", "http://[fd00::1]:8/", true),
            (":80", "http://a.test/", false),
            ("", "http://a.test/", false),
        ] {
            let proxies = Proxies::new("p:1", "", no_proxy);
            assert_eq!(!through(&proxies, url), is_direct, "{no_proxy} {url}");
        }
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic(http in ".{0,60}", no_proxy in ".{0,60}") {
            let proxies = Proxies::new(&http, &http, &no_proxy);
            let url = Url::parse("http://a.test/").unwrap();
            let _ = proxies.of(&url, 80).map(|proxy| proxy.authorization());
        }
    }
}
