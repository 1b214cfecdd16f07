//! Making a connection: name, address, TCP, TLS.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rt::net::TcpStream;

use super::client::ClientConfig;
use super::connection::{Connection, Io, Origin, Socket};
use super::trace::Trace;
use crate::error::NetError;
use crate::url::{Scheme, Url};

/// Connecting may take this long, whatever the request's time-out is (k6's dialer).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to the URL's origin, from `local` if given.
pub(crate) async fn dial(
    config: &ClientConfig,
    local: Option<IpAddr>,
    url: &Url,
    port: u16,
    trace: &Trace<'_>,
) -> Result<Box<Connection>, NetError> {
    let address = config.resolver.resolve(url.host(), port).await?;
    let stream = connect(address, local, trace).await?;
    let socket = Socket::new(stream, address);
    let (io, tls) = match url.scheme() {
        Scheme::Https => {
            trace.tls_started();
            let (stream, info) = config.tls.connect(socket, url.host(), trace).await?;
            trace.tls_finished();
            (Io::Tls(stream), Some(info))
        }
        _ => (Io::Plain(socket), None),
    };
    Ok(Box::new(Connection { origin: Origin::of(url, port), remote: address, tls, io }))
}

async fn connect(
    address: SocketAddr,
    local: Option<IpAddr>,
    trace: &Trace<'_>,
) -> Result<TcpStream, NetError> {
    // An address of the other family can't be the source.
    let local = local.filter(|ip| ip.is_ipv4() == address.is_ipv4());
    trace.connect_started();
    let stream = rt::timeout(CONNECT_TIMEOUT, TcpStream::connect(address, local))
        .await
        .map_err(|_| NetError::dial_timeout())?
        .map_err(|error| NetError::dial(&error, address))?;
    trace.connected();
    Ok(stream)
}
