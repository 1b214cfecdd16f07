//! The outcome of one exchange, and how long its phases took.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rt::Nanos;

use super::response::Response;
use crate::error::NetError;
use crate::tls::TlsInfo;

/// Everything about one request and its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The response, or why there is none.
    pub result: Result<Response, NetError>,
    /// On failure: the response as far as it came, if its head was complete. k6 shows its body.
    pub partial: Option<Response>,
    /// How long it took.
    pub timings: Timings,
    /// Bytes written to the socket, below TLS, handshake included.
    pub bytes_sent: u64,
    /// Bytes read from the socket, below TLS, handshake included.
    pub bytes_received: u64,
    /// Whom we talked to.
    pub remote_addr: Option<SocketAddr>,
    /// What TLS agreed on, if the connection stood and was TLS.
    pub tls: Option<Rc<TlsInfo>>,
    /// Whether the request went out on a connection that was open before.
    pub reused: bool,
}

/// How long the phases took, with k6's definitions. A phase that did not happen is zero.
///
/// The response's times are those at which the kernel received its segments, where the platform
/// tells: neither a busy script nor other tasks of the core lengthen them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// When the exchange was asked for.
    pub started: Nanos,
    /// When the body was complete, or the exchange failed.
    pub ended: Nanos,
    /// From asking for a connection to having one: name resolution, connecting and TLS included.
    /// Zero if there never was one.
    pub blocked: Duration,
    /// From the start of connecting until TCP stood; zero on a kept connection.
    pub connecting: Duration,
    /// TLS's handshake; zero on a kept connection or if it failed.
    pub tls_handshaking: Duration,
    /// From having the connection until the request was written.
    pub sending: Duration,
    /// From then until the first byte of a response, or the end if none came.
    pub waiting: Duration,
    /// From the first byte to the end of the body.
    pub receiving: Duration,
    /// How many kernel time stamps lay outside the time in which the bytes can have come and were
    /// moved to its edge.
    pub clamped: u32,
}

impl Timings {
    /// k6's `duration`: sending, waiting and receiving.
    pub fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }
}
