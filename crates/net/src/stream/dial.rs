//! Making a connection: name, address, TCP, TLS.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rt::net::TcpStream;

use super::wire::{Io, Meter, Socket};
use super::{Target, tunnel};
use crate::error::{NetError, code};
use crate::proxy::{Proxy, ProxyKind};
use crate::tls::TlsInfo;

/// Connecting may take this long, whatever the request's time-out is (k6's dialer).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Who wants to know when the phases of connecting begin and end. Called at those moments.
pub(crate) trait Phases {
    fn looked_up(&self) {}
    fn connect_started(&self);
    fn connected(&self);
    fn tls_started(&self);
    fn tls_finished(&self);
}

/// What stands when connecting has succeeded.
#[derive(Debug)]
pub(crate) struct Dialed {
    pub(crate) io: Io,
    pub(crate) remote: SocketAddr,
    pub(crate) tls: Option<Rc<TlsInfo>>,
}

/// The way to a target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route<'a> {
    Direct,
    /// Through a tunnel of the proxy's.
    Tunnel(&'a Proxy),
    /// To the proxy, which is asked for whole URLs.
    Forward(&'a Proxy),
}

/// Connects to the target.
pub(crate) async fn dial(
    target: &Target<'_>,
    route: Route<'_>,
    observer: &(impl Meter + Phases),
) -> Result<Dialed, NetError> {
    let (socket, remote) = match route {
        Route::Direct => reach(target, target.host, target.port, observer).await?,
        Route::Tunnel(proxy) | Route::Forward(proxy) => {
            if proxy.kind == ProxyKind::Unsupported {
                let text = format!("proxies of the scheme {} are not supported", proxy.scheme);
                return Err(NetError::new(code::GENERIC, text));
            }
            let reached = reach(target, &proxy.host, proxy.port, observer).await;
            let (mut socket, remote) = reached.map_err(|error| tunnel::failed(error.detail()))?;
            if matches!(route, Route::Tunnel(_)) {
                let (host, port) = (target.host, target.port);
                tunnel::open(&mut socket, proxy, host, port, observer).await?;
            }
            (socket, remote)
        }
    };
    let (io, tls) = match &target.security {
        Some(security) => {
            observer.tls_started();
            let name = security.server_name.unwrap_or(target.host);
            let (stream, info) =
                security.config.connect(socket, name, security.alpn, observer).await?;
            observer.tls_finished();
            (Io::Tls(stream), Some(info))
        }
        None => (Io::Plain(socket), None),
    };
    Ok(Dialed { io, remote, tls })
}

/// A socket to host and port.
async fn reach(
    target: &Target<'_>,
    host: &str,
    port: u16,
    observer: &impl Phases,
) -> Result<(Socket, SocketAddr), NetError> {
    let remote = target.resolver.resolve(host, port).await?;
    observer.looked_up();
    let stream = connect(remote, target.local, observer).await?;
    Ok((Socket::new(stream, remote), remote))
}

async fn connect(
    address: SocketAddr,
    local: Option<IpAddr>,
    observer: &impl Phases,
) -> Result<TcpStream, NetError> {
    // An address of the other family can't be the source.
    let local = local.filter(|ip| ip.is_ipv4() == address.is_ipv4());
    observer.connect_started();
    let stream = rt::timeout(CONNECT_TIMEOUT, TcpStream::connect(address, local))
        .await
        .map_err(|_| NetError::dial_timeout())?
        .map_err(|error| NetError::dial(&error, address))?;
    observer.connected();
    Ok(stream)
}
