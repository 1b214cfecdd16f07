//! `MetricsService/Export` over gRPC: one unary call at a time on a channel, which connects anew when it broke.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use net::dns::{Resolver, ResolverOptions};
use net::grpc::frame::PREFIX_BYTES;
use net::grpc::{Channel, ChannelConfig, Code, MAX_SEND_BYTES, Metadata, Status, Unary};
use net::http::Headers;
use net::stream::Traffic;
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

/// Who is called.
pub(super) struct Grpc {
    config: ChannelConfig,
    metadata: Metadata,
    /// `None` until the first connection stands.
    channel: RefCell<Option<Rc<Channel>>>,
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
        let port = endpoint.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err(refused(format!("gRPC exporter endpoint {endpoint:?} is no host:port")));
        }
        let resolver = Resolver::new(&ResolverOptions::new());
        let mut metadata = Metadata::new();
        // Said now and not with each call.
        let mut checked = Headers::new();
        for (name, value) in &settings.headers {
            checked.set(name, value.as_bytes()).map_err(|error| refused(error.to_string()))?;
            metadata.push(&name.to_ascii_lowercase(), value.as_bytes());
        }
        Ok(Self {
            config: ChannelConfig {
                target: endpoint.clone(),
                resolver: Arc::new(resolver.map_err(|error| refused(error.to_string()))?),
                tls: (!settings.insecure).then_some(tls),
                authority: None,
                user_agent: USER_AGENT.to_owned(),
                local: None,
                max_receive_bytes: MAX_ANSWER_BYTES,
                max_send_bytes: MAX_SEND_BYTES,
            },
            metadata,
            channel: RefCell::new(None),
            ending,
        })
    }

    /// Calls, again and again while the receiver can't take it, within the bound. Returns the answer's message.
    pub(super) async fn export(&self, message: &[u8]) -> Result<Bytes, Refusal> {
        again(RETRY_FOR, &self.ending, || self.call(message)).await
    }

    async fn call(&self, message: &[u8]) -> Result<Bytes, Refusal> {
        let deadline = rt::now() + TIMEOUT;
        let known = self.channel.borrow().clone();
        let channel = match known {
            Some(channel) => channel,
            None => {
                let traffic = Rc::<Traffic>::default();
                let channel = Channel::connect(self.config.clone(), traffic, deadline).await;
                let channel =
                    channel.map_err(|text| refusal(&Status::new(Code::UNAVAILABLE, text)))?;
                self.channel.borrow_mut().insert(Rc::new(channel)).clone()
            }
        };
        let endpoint = channel.endpoint(PATH).map_err(|status| refusal(&status))?;
        let mut framed = Vec::with_capacity(PREFIX_BYTES + message.len());
        framed.resize(PREFIX_BYTES, 0);
        framed.extend_from_slice(message);
        let call = Unary {
            endpoint: &endpoint,
            message: framed,
            metadata: &self.metadata,
            deadline: Some(deadline),
        };
        let reply = channel.unary(call).await;
        match reply.status.code {
            Code::OK => Ok(reply.message.unwrap_or_default()),
            _ => Err(refusal(&reply.status)),
        }
    }
}

/// A call's failure, and whether another may do better.
fn refusal(status: &Status) -> Refusal {
    let text = status.to_string();
    if PASSING.contains(&status.code.0) { Refusal::passing(&text) } else { Refusal::lasting(&text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        let busy = refusal(&Status::new(Code::UNAVAILABLE, "go away"));
        assert_eq!(busy.text, "rpc error: code = Unavailable desc = go away");
        assert!(busy.is_passing);
        assert!(!refusal(&Status::new(Code::UNKNOWN, "")).is_passing);
        assert!(refusal(&Status::deadline_exceeded()).is_passing);
    }
}
