//! A small HTTP client for APIs that are asked once a second: one kept connection, over TCP, TLS or a Unix socket.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::observation::Observation;
use crate::probe::ProbeError;
use crate::tls;

/// Longest answer that is read.
const MAX_BODY: usize = 32 << 20;
/// The resolution of the `Date` of an answer.
pub(crate) const DATE_RESOLUTION: Duration = Duration::from_secs(1);

/// Where a server is.
#[derive(Clone)]
enum Place {
    Tcp { host: String, port: u16, tls: Option<Arc<rustls::ClientConfig>> },
    Unix(PathBuf),
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<serde_json::Value, ProbeError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let start = String::from_utf8_lossy(&self.body[..self.body.len().min(80)]).into_owned();
            ProbeError::new(format!(
                "the answer (status {}) is no JSON: {error}: {:?}",
                self.status.as_u16(),
                start
            ))
        })
    }
}

/// A client of one server.
pub(crate) struct Http {
    place: Place,
    /// As people know it, without passwords.
    shown: String,
    host_header: HeaderValue,
    /// What stands before every path.
    prefix: String,
    authorization: Option<HeaderValue>,
    connection: Option<Connection>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Http {
    /// A client for `http://` or `https://`; user and password of the URL become basic authentication.
    ///
    /// # Errors
    /// The URL can't be read.
    pub(crate) fn new(url: &str, insecure: bool) -> Result<Self, ProbeError> {
        let bad = |why: &dyn std::fmt::Display| ProbeError::new(format!("`{url}`: {why}"));
        let parsed = Url::parse(url).map_err(|error| bad(&error))?;
        let host = parsed.host_str().ok_or_else(|| bad(&"there is no host"))?;
        let is_tls = match parsed.scheme() {
            "https" => true,
            "http" | "tcp" => false,
            other => return Err(bad(&format!("`{other}` is not http or https"))),
        };
        let port = parsed.port().unwrap_or(if is_tls { 443 } else { 80 });
        let host_header = format!("{host}:{port}");
        let tls = is_tls.then(|| tls::config(insecure)).transpose()?;
        let (user, password) = (parsed.username(), parsed.password());
        let authorization = (!user.is_empty() || password.is_some())
            .then(|| basic(&tls::decoded(user), &tls::decoded(password.unwrap_or_default())))
            .transpose()?;
        Ok(Self {
            // A literal IPv6 address has brackets in a URL and none for the resolver.
            place: Place::Tcp { host: host.trim_matches(['[', ']']).to_owned(), port, tls },
            shown: host_header.clone(),
            host_header: header_value(&host_header)?,
            prefix: parsed.path().trim_end_matches('/').to_owned(),
            authorization,
            connection: None,
        })
    }

    /// A client for a Unix socket.
    pub(crate) fn unix(path: &str) -> Self {
        Self {
            place: Place::Unix(path.into()),
            shown: path.to_owned(),
            host_header: HeaderValue::from_static("localhost"),
            prefix: String::new(),
            authorization: None,
            connection: None,
        }
    }

    /// Another client of the same server.
    pub(crate) fn another(&self) -> Self {
        Self {
            place: self.place.clone(),
            shown: self.shown.clone(),
            host_header: self.host_header.clone(),
            prefix: self.prefix.clone(),
            authorization: self.authorization.clone(),
            connection: None,
        }
    }

    /// Authenticates with user and password.
    ///
    /// # Errors
    /// They have characters that no header has.
    pub(crate) fn set_basic(&mut self, user: &str, password: &str) -> Result<(), ProbeError> {
        self.authorization = Some(basic(user, password)?);
        Ok(())
    }

    /// Authenticates with a token.
    ///
    /// # Errors
    /// It has characters that no header has.
    pub(crate) fn set_bearer(&mut self, token: &str) -> Result<(), ProbeError> {
        let mut value = header_value(&format!("Bearer {}", token.trim()))?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(())
    }

    /// Asks for a path; the time of the answer and its `Date` go into the observation.
    pub(crate) async fn get(
        &mut self,
        out: &mut Observation,
        path: &str,
    ) -> Result<Answer, ProbeError> {
        self.send(out, Method::GET, path, None).await
    }

    /// Posts a form.
    pub(crate) async fn post_form(
        &mut self,
        out: &mut Observation,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Answer, ProbeError> {
        let form =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(out, Method::POST, path, Some(form)).await
    }

    async fn send(
        &mut self,
        out: &mut Observation,
        method: Method,
        path: &str,
        form: Option<String>,
    ) -> Result<Answer, ProbeError> {
        // A kept connection may have been closed meanwhile: then once more on a new one.
        if let Some(mut kept) = self.connection.take()
            && kept.sender.ready().await.is_ok()
            && let Ok(answer) = self.exchange(out, &mut kept, &method, path, form.as_deref()).await
        {
            self.connection = Some(kept);
            return Ok(answer);
        }
        let mut fresh = self.connect().await?;
        let answer = self.exchange(out, &mut fresh, &method, path, form.as_deref()).await?;
        self.connection = Some(fresh);
        Ok(answer)
    }

    async fn exchange(
        &self,
        out: &mut Observation,
        connection: &mut Connection,
        method: &Method,
        path: &str,
        form: Option<&str>,
    ) -> Result<Answer, ProbeError> {
        let failed =
            |error: &dyn std::fmt::Display| ProbeError::new(format!("{}: {}", self.shown, error));
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, self.host_header.clone())
            .header(header::USER_AGENT, HeaderValue::from_static("squall"));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        if form.is_some() {
            let value = HeaderValue::from_static("application/x-www-form-urlencoded");
            request = request.header(header::CONTENT_TYPE, value);
        }
        let body = Full::new(Bytes::from(form.unwrap_or_default().to_owned()));
        let request = request.body(body).map_err(|error| failed(&error))?;
        let asked = out.now();
        let response =
            connection.sender.send_request(request).await.map_err(|error| failed(&error))?;
        match date(response.headers().get(header::DATE)) {
            Some(date) => out.answered_with_clock(asked, date, DATE_RESOLUTION),
            None => out.answered(asked),
        }
        let status = response.status();
        let mut incoming = response.into_body();
        let mut body = Vec::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| failed(&error))?;
            if let Some(data) = frame.data_ref() {
                if body.len() + data.len() > MAX_BODY {
                    return Err(failed(&format!("the answer is over {MAX_BODY} bytes")));
                }
                body.extend_from_slice(data);
            }
        }
        Ok(Answer { status, body: body.into() })
    }

    async fn connect(&self) -> Result<Connection, ProbeError> {
        let failed = |error: &dyn std::fmt::Display| {
            ProbeError::new(format!("can't connect to {}: {error}", self.shown))
        };
        match &self.place {
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| failed(&error))?;
                drive(stream).await.map_err(|error| failed(&error))
            }
            Place::Tcp { host, port, tls } => {
                let stream =
                    TcpStream::connect((host.as_str(), *port)).await.map_err(|e| failed(&e))?;
                let _ = stream.set_nodelay(true);
                let Some(tls) = tls else {
                    return drive(stream).await.map_err(|error| failed(&error));
                };
                let name = tls::server_name(host)?;
                let connector = TlsConnector::from(Arc::clone(tls));
                let stream = connector.connect(name, stream).await.map_err(|e| failed(&e))?;
                drive(stream).await.map_err(|error| failed(&error))
            }
        }
    }
}

async fn drive<S>(stream: S) -> hyper::Result<Connection>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    let driver = tokio::task::spawn_local(async move {
        // How it ended, the request that needed it says.
        let _ = connection.await;
    });
    Ok(Connection { sender, driver })
}

fn header_value(text: &str) -> Result<HeaderValue, ProbeError> {
    HeaderValue::from_str(text)
        .map_err(|_| ProbeError::new("a header would have characters that no header has"))
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, ProbeError> {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = header_value(&format!("Basic {both}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The time in a `Date` header, unix nanoseconds.
fn date(value: Option<&HeaderValue>) -> Option<u64> {
    let text = value?.to_str().ok()?;
    let timestamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(timestamp.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_answers_are_read() {
        let value = HeaderValue::from_static("Fri, 27 Nov 2026 08:15:00 GMT");
        assert_eq!(date(Some(&value)), Some(1_795_767_300_000_000_000));
        for text in ["", "yesterday", "Fri, 99 Nov 2026 08:15:00 GMT"] {
            assert_eq!(date(Some(&HeaderValue::from_static(text))), None, "{text}");
        }
    }

    #[test]
    fn urls_say_where_and_who() {
        let http = Http::new("http://u:p%40ss@h:9090/prom/", false).unwrap();
        assert_eq!((http.shown.as_str(), http.prefix.as_str()), ("h:9090", "/prom"));
        assert_eq!(http.authorization.unwrap(), "Basic dTpwQHNz");
        assert!(Http::new("http://[::1]:9/", false).is_ok());
        for url in ["", "h:9090", "ftp://h", "http://"] {
            assert!(Http::new(url, false).is_err(), "{url}");
        }
        let secret = Http::new("ftp://u:geheim@h", false).err().unwrap().to_string();
        assert!(!secret.contains("geheim"), "{secret}");
    }
}
