//! Making a connection: name, address, TCP, TLS.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rt::net::TcpStream;

use super::wire::{Io, Meter, Socket};
use super::{Target, tunnel};
use crate::error::{NetError, code};
use crate::proxy::{Proxy, ProxyKind};
use crate::tls::{TlsConfig, TlsInfo};

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

/// A proxy on the way.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// Which.
    pub proxy: &'a Proxy,
    /// Settings for one that is spoken to over TLS.
    pub tls: &'a TlsConfig,
}

/// The way to a target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route<'a> {
    Direct,
    /// Through a tunnel of the proxy's.
    Tunnel(Via<'a>),
    /// To the proxy, which is asked for whole URLs.
    Forward(Via<'a>),
}

/// Connects to the target.
pub(crate) async fn dial(
    target: &Target<'_>,
    route: Route<'_>,
    observer: &(impl Meter + Phases),
) -> Result<Dialed, NetError> {
    let Dialed { mut io, remote, mut tls } = match route {
        Route::Direct => {
            let (socket, remote) = reach(target, target.host, target.port, observer).await?;
            Dialed { io: Io::Plain(socket), remote, tls: None }
        }
        Route::Tunnel(via) => {
            let mut dialed = approach(target, via, observer).await?;
            tunnel::open(&mut dialed.io, via.proxy, target.host, target.port, observer).await?;
            dialed
        }
        Route::Forward(via) => approach(target, via, observer).await?,
    };
    if let Some(security) = &target.security {
        observer.tls_started();
        let name = security.server_name.unwrap_or(target.host);
        let (stream, info) = security.config.connect(io, name, security.alpn, observer).await?;
        observer.tls_finished();
        (io, tls) = (Io::Tls(stream), Some(info));
    }
    Ok(Dialed { io, remote, tls })
}

/// A connection to the proxy.
async fn approach(
    target: &Target<'_>,
    Via { proxy, tls }: Via<'_>,
    observer: &(impl Meter + Phases),
) -> Result<Dialed, NetError> {
    if proxy.kind == ProxyKind::Unsupported {
        let text = format!("proxies of the scheme {} are not supported", proxy.scheme);
        return Err(NetError::new(code::GENERIC, text));
    }
    let reached = reach(target, &proxy.host, proxy.port, observer).await;
    let (socket, remote) = reached.map_err(|error| tunnel::failed(error.detail()))?;
    let io = Io::Plain(socket);
    if proxy.kind != ProxyKind::Https {
        return Ok(Dialed { io, remote, tls: None });
    }
    observer.tls_started();
    // Nothing is offered: what is spoken is HTTP/1.1.
    let shaken = tls.connect(io, &proxy.host, &[], observer).await;
    let (stream, info) = shaken.map_err(|error| tunnel::failed(error.detail()))?;
    observer.tls_finished();
    Ok(Dialed { io: Io::Tls(stream), remote, tls: Some(info) })
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
