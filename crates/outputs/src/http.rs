//! Posting bodies to a receiver: with a time limit, and again within a bound when it can't take them now.

use std::fmt::Write as _;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use net::dns::{Resolver, ResolverOptions};
use net::h1::Limits;
use net::http::{Body, Client, ClientConfig, Headers, Method, Request};
use net::tls::{ClientCert, TlsConfig, TlsOptions, TlsVersion, Verify};
use net::url::Url;
use percent_encoding::percent_decode_str;
use rt::Nanos;

use crate::push::Ending;
use crate::wanted::{OutputError, system_text};

/// Who we say we are.
pub(crate) const USER_AGENT: &str = concat!("squall/", env!("CARGO_PKG_VERSION"));
/// The first pause before a body is sent again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Longest answer that is read, bytes: they hold a sentence.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// Characters of a refusal's text that are told.
const TOLD_CHARS: usize = 300;

/// How to connect.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// Whether the receiver must prove who it is.
    pub(crate) verify: Verify,
    /// The lowest version of TLS.
    pub(crate) min_tls: Option<TlsVersion>,
    /// Paths of a certificate and its key, PEM.
    pub(crate) client_cert: Option<(String, String)>,
    /// Path of a file with further authorities, PEM.
    pub(crate) authorities: Option<String>,
}

impl Connection {
    /// Full verification, any version, no certificate.
    pub(crate) const PLAIN: Self =
        Self { verify: Verify::Full, min_tls: None, client_cert: None, authorities: None };

    /// Reads the files and checks them.
    ///
    /// # Errors
    /// A file that can't be read, a certificate that can't be used.
    pub(crate) fn check(&self) -> Result<Arc<TlsConfig>, OutputError> {
        let read = |path: &str| {
            std::fs::read_to_string(path).map_err(|error| {
                OutputError::Start(format!("open {path}: {}", system_text(&error)))
            })
        };
        let mut options =
            TlsOptions { verify: self.verify, min_version: self.min_tls, ..TlsOptions::new() };
        if let Some((cert, key)) = &self.client_cert {
            options.client_certs.push(ClientCert { cert_pem: read(cert)?, key_pem: read(key)? });
        }
        if let Some(path) = &self.authorities {
            options.extra_roots_pem.push(read(path)?);
        }
        TlsConfig::new(&options).map(Arc::new).map_err(|error| {
            OutputError::Start(format!("failed to load the TLS certificate: {error}"))
        })
    }
}

/// Why something was not taken.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// What happened, in Go's words where it is the network.
    pub(crate) text: String,
    /// The receiver's status, if it answered by HTTP.
    pub(crate) status: Option<u16>,
    /// Whether it may be taken later.
    pub(crate) is_passing: bool,
}

impl Refusal {
    /// It may be taken later.
    pub(crate) fn passing(text: &str) -> Self {
        Self { text: text.to_owned(), status: None, is_passing: true }
    }

    /// It will never be taken.
    pub(crate) fn lasting(text: &str) -> Self {
        Self { text: text.to_owned(), status: None, is_passing: false }
    }
}

/// Tries until it is taken, refused for good, or the bound is reached.
pub(crate) async fn again<T, F: Future<Output = Result<T, Refusal>>>(
    retry_for: Duration,
    ending: &Ending,
    attempt: impl Fn() -> F,
) -> Result<T, Refusal> {
    let give_up = rt::now() + retry_for;
    let mut pause = FIRST_PAUSE;
    loop {
        if ending.is_over() {
            return Err(Refusal::lasting("the run is over"));
        }
        let refusal = match attempt().await {
            Ok(taken) => return Ok(taken),
            Err(refusal) => refusal,
        };
        let next = rt::now() + pause;
        if !refusal.is_passing || next >= give_up.min(ending.at()) {
            return Err(refusal);
        }
        rt::sleep_until(next).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Posts bodies to one URL.
pub(crate) struct Poster {
    client: Client,
    url: Url,
    headers: Headers,
    /// How long one attempt may take.
    pub(crate) timeout: Duration,
    /// How long after the first attempt others may begin.
    pub(crate) retry_for: Duration,
    ending: Ending,
}

impl Poster {
    /// A poster with these headers.
    ///
    /// # Errors
    /// A URL or a header that can't be.
    pub(crate) fn new(
        url: &str,
        headers: &[(String, String)],
        tls: Arc<TlsConfig>,
        ending: Ending,
    ) -> Result<Self, OutputError> {
        let refused = |text: String| OutputError::Start(text);
        let url = Url::parse(url).map_err(|error| refused(error.to_string()))?;
        let mut all = Headers::new();
        for (name, value) in headers {
            all.set(name, value.as_bytes()).map_err(|error| refused(error.to_string()))?;
        }
        let resolver =
            Resolver::new(&ResolverOptions::new()).map_err(|error| refused(error.to_string()))?;
        let limits = Limits { max_body_bytes: MAX_ANSWER_BYTES, ..Limits::STANDARD };
        let mut config = ClientConfig::new(Arc::new(resolver), tls);
        config.limits = limits;
        let client = Client::new(Arc::new(config), None);
        Ok(Self {
            client,
            url,
            headers: all,
            timeout: Duration::from_secs(10),
            retry_for: Duration::from_secs(10),
            ending,
        })
    }

    /// Posts a body, again and again while the receiver can't take it, within the bound. Returns the answer's body.
    pub(crate) async fn post(&self, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let body: Rc<[u8]> = body.into();
        again(self.retry_for, &self.ending, || self.attempt(&body)).await
    }

    /// Posts a body once.
    pub(crate) async fn attempt(&self, body: &Rc<[u8]>) -> Result<Vec<u8>, Refusal> {
        let mut request = Request::new(Method::Post, self.url.clone());
        request.headers = self.headers.clone();
        request.body = Body::Shared(Rc::clone(body));
        let deadline: Nanos = rt::now() + self.timeout;
        let exchange = self.client.send(&request, Some(deadline)).await;
        match exchange.result {
            Ok(response) if (200..300).contains(&response.status) => Ok(response.into_body()),
            Ok(response) => {
                let status = response.status;
                let mut text = format!("{status}");
                let said = String::from_utf8_lossy(response.body());
                let said = said.trim();
                if !said.is_empty() {
                    text.push_str(": ");
                    text.extend(said.chars().take(TOLD_CHARS));
                }
                let is_passing = status == 429 || status >= 500;
                Err(Refusal { text, status: Some(status), is_passing })
            }
            Err(error) => {
                let url = self.url.as_str();
                Err(Refusal::passing(&format!("Post {url:?}: {}", error.detail())))
            }
        }
    }
}

/// A value of `Authorization` for a name and a password.
pub(crate) fn basic_auth(name: &str, password: &str) -> String {
    let pair = format!("{name}:{password}");
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// Escapes a text for a URL's query, as Go's `url.QueryEscape`.
pub(crate) fn query_escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// Undoes [`query_escape`]; what is no escape stays as it is.
pub(crate) fn unescape(text: &str, plus_is_blank: bool) -> String {
    let text = if plus_is_blank { text.replace('+', " ") } else { text.to_owned() };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_escaped_as_in_go() {
        assert_eq!(query_escape("CREATE DATABASE a/b~"), "CREATE+DATABASE+a%2Fb~");
        for text in ["a b+c%&=", "ä", ""] {
            assert_eq!(unescape(&query_escape(text), true), text);
        }
        assert_eq!(unescape("100%+x%4", false), "100%+x%4");
        assert_eq!(basic_auth("u", "p"), "Basic dTpw");
    }
}
