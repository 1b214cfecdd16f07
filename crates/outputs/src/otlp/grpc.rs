//! `MetricsService/Export` over gRPC: one unary call at a time on one HTTP/2 connection, which is made anew when it broke.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode};
use net::dns::{Resolver, ResolverOptions};
use net::stream::{Security, Target, Traffic, connect};
use net::tls::TlsConfig;

use super::settings::Settings;
use crate::http::{Refusal, USER_AGENT, again};
use crate::push::Ending;
use crate::wanted::OutputError;

const PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
/// How long one call may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long after the first try others may begin.
const RETRY_FOR: Duration = Duration::from_secs(10);
/// Longest answer that is read; it holds numbers and a sentence.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Statuses after which OTLP says to try again: cancelled, deadline exceeded, resource exhausted, aborted, out of range,
/// unavailable, data loss.
const PASSING: [u32; 7] = [1, 4, 8, 10, 11, 14, 15];
/// Bytes before a message: a flag and its length.
const PREFIX_BYTES: usize = 5;

/// Who is called.
pub(super) struct Grpc {
    host: String,
    port: u16,
    tls: Option<Arc<TlsConfig>>,
    resolver: Resolver,
    request: Request<()>,
    connection: RefCell<Option<SendRequest<Bytes>>>,
    ending: Ending,
}

impl Grpc {
    /// Prepares calls; connects with the first.
    ///
    /// # Errors
    /// An endpoint or a header that can't be.
    pub(super) fn new(
        settings: &Settings,
        tls: Arc<TlsConfig>,
        ending: Ending,
    ) -> Result<Self, OutputError> {
        let refused = |text: String| OutputError::Start(text);
        let endpoint = &settings.endpoint;
        let (host, port) = endpoint
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .ok_or_else(|| {
                refused(format!("gRPC exporter endpoint {endpoint:?} is no host:port"))
            })?;
        let scheme = if settings.insecure { "http" } else { "https" };
        let mut request = Request::post(format!("{scheme}://{endpoint}{PATH}"))
            .version(http::Version::HTTP_2)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("user-agent", USER_AGENT);
        for (name, value) in &settings.headers {
            request = request.header(name.to_ascii_lowercase(), value);
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            tls: (!settings.insecure).then_some(tls),
            resolver: Resolver::new(&ResolverOptions::new())
                .map_err(|error| refused(error.to_string()))?,
            request: request.body(()).map_err(|error| refused(error.to_string()))?,
            connection: RefCell::new(None),
            ending,
        })
    }

    /// Calls, again and again while the receiver can't take it, within the bound. Returns the answer's message.
    pub(super) async fn export(&self, message: &[u8]) -> Result<Bytes, Refusal> {
        let framed = frame(message);
        again(RETRY_FOR, &self.ending, || async {
            match rt::timeout(TIMEOUT, self.call(framed.clone())).await {
                Ok(result) => result,
                Err(_) => {
                    self.connection.take();
                    Err(Refusal::passing(
                        "rpc error: code = DeadlineExceeded desc = no answer in time",
                    ))
                }
            }
        })
        .await
    }

    async fn call(&self, framed: Bytes) -> Result<Bytes, Refusal> {
        let kept = self.connection.take();
        let sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let mut sender = sender.ready().await.map_err(|error| unavailable(&error))?;
        let request = self.request.clone();
        let (response, mut body) =
            sender.send_request(request, false).map_err(|error| unavailable(&error))?;
        body.send_data(framed, true).map_err(|error| unavailable(&error))?;
        let response = response.await.map_err(|error| unavailable(&error))?;
        if response.status() != StatusCode::OK {
            let text =
                format!("unexpected HTTP status code received from server: {}", response.status());
            return Err(Refusal::passing(&text));
        }
        let (head, mut body) = response.into_parts();
        let mut answer = BytesMut::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk.map_err(|error| unavailable(&error))?;
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Refusal::lasting("the answer is longer than 1 MiB"));
            }
            answer.put_slice(&chunk);
            let _ = body.flow_control().release_capacity(chunk.len());
        }
        let trailers = body.trailers().await.map_err(|error| unavailable(&error))?;
        // A call that fails at once has its status among the headers.
        judge(trailers.as_ref().unwrap_or(&head.headers))?;
        *self.connection.borrow_mut() = Some(sender);
        let message = answer.freeze();
        Ok(message.slice(PREFIX_BYTES.min(message.len())..))
    }

    async fn connect(&self) -> Result<SendRequest<Bytes>, Refusal> {
        let security = self.tls.as_ref().map(|tls| Security {
            config: tls,
            server_name: None,
            alpn: &[b"h2"],
        });
        let target = Target {
            host: &self.host,
            port: self.port,
            resolver: &self.resolver,
            local: None,
            security,
        };
        let stream = connect(&target, &Rc::<Traffic>::default()).await.map_err(|error| {
            Refusal::passing(&format!(
                "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: {}\"",
                error.detail()
            ))
        })?;
        let (sender, connection) =
            h2::client::handshake(stream).await.map_err(|error| unavailable(&error))?;
        // Ends with the connection, or with the output's thread.
        rt::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }
}

/// A message as gRPC frames it, not compressed.
fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

fn unavailable(error: &h2::Error) -> Refusal {
    Refusal::passing(&format!("rpc error: code = Unavailable desc = {error}"))
}

fn judge(trailers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    let code: u32 = text("grpc-status").and_then(|code| code.parse().ok()).unwrap_or(2);
    if code == 0 {
        return Ok(());
    }
    let said = crate::http::unescape(text("grpc-message").unwrap_or_default(), false);
    let text = format!("rpc error: code = {code} desc = {said}");
    Err(if PASSING.contains(&code) { Refusal::passing(&text) } else { Refusal::lasting(&text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        let trailers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        assert!(judge(&trailers(&[("grpc-status", "0")])).is_ok());
        let busy =
            judge(&trailers(&[("grpc-status", "14"), ("grpc-message", "go%20away")])).unwrap_err();
        assert_eq!(busy.text, "rpc error: code = 14 desc = go away");
        assert!(busy.is_passing && !judge(&trailers(&[])).unwrap_err().is_passing);
        assert_eq!(&frame(b"ab")[..], b"\0\0\0\0\x02ab");
    }
}
