//! The way through a proxy: `CONNECT` (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928, 1929).

use std::future::poll_fn;
use std::time::Duration;

use super::wire::{Io, Meter};
use crate::error::{NetError, code};
use crate::proxy::{Proxy, ProxyKind};

/// What a proxy may say before the tunnel stands.
const MAX_ANSWER_BYTES: usize = 16 << 10;
/// How long it may take; Go's client waits as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks the proxy for a way to `host` and `port`.
///
/// # Errors
/// What the proxy says against it, in Go's words.
pub(super) async fn open(
    io: &mut Io,
    proxy: &Proxy,
    host: &str,
    port: u16,
    meter: &impl Meter,
) -> Result<(), NetError> {
    let asking = async {
        match proxy.kind {
            ProxyKind::Socks5 => socks5(io, proxy, host, port, meter).await,
            _ => connect(io, proxy, host, port, meter).await,
        }
    };
    rt::timeout(PATIENCE, Box::pin(asking)).await.unwrap_or_else(|_| Err(failed("i/o timeout")))
}

/// Connecting through a proxy failed: what k6 makes of Go's "proxyconnect".
#[cold]
pub(super) fn failed(reason: &str) -> NetError {
    NetError::new(code::TCP, format!("proxyconnect tcp: {reason}"))
}

async fn connect(
    io: &mut Io,
    proxy: &Proxy,
    host: &str,
    port: u16,
    meter: &impl Meter,
) -> Result<(), NetError> {
    let authority =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut ask = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    ask.push_str("User-Agent: Go-http-client/1.1\r\n");
    if let Some(authorization) = proxy.authorization() {
        ask.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
    }
    ask.push_str("\r\n");
    write(io, ask.as_bytes(), meter).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // A server's first word in TLS is an answer: nothing can come behind the head.
        if answer.len() >= MAX_ANSWER_BYTES || read(io, &mut answer, meter).await? == 0 {
            return Err(NetError::new(code::GENERIC, "unexpected EOF"));
        }
        if answer.windows(4).any(|w| w == b"\r\n\r\n") {
            break;
        }
    }
    let line = answer.split(|&b| b == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let (_version, status) = line.split_once(' ').unwrap_or((&*line, ""));
    match status.split_once(' ') {
        Some(("200", _)) => Ok(()),
        Some((_, text)) => Err(NetError::new(code::GENERIC, text.to_owned())),
        None if status == "200" => Ok(()),
        None => Err(NetError::new(code::GENERIC, "unknown status code")),
    }
}

async fn socks5(
    io: &mut Io,
    proxy: &Proxy,
    host: &str,
    port: u16,
    meter: &impl Meter,
) -> Result<(), NetError> {
    let say = |what: &str| failed(&format!("socks connect tcp {host}:{port}: {what}"));
    // Version 5; no authentication, or a name and a password.
    let methods: &[u8] = if proxy.credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    write(io, methods, meter).await?;
    let chosen: [u8; 2] = exactly(io, meter).await?;
    match (chosen, &proxy.credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut ask = vec![1];
            for part in [user, password] {
                let length = u8::try_from(part.len()).ok().filter(|n| *n > 0 || part == password);
                ask.push(length.ok_or_else(|| say("invalid username/password"))?);
                ask.extend_from_slice(part.as_bytes());
            }
            write(io, &ask, meter).await?;
            let [_, status]: [u8; 2] = exactly(io, meter).await?;
            if status != 0 {
                return Err(say("username/password authentication failed"));
            }
        }
        ([5, 0xff], _) => return Err(say("no acceptable authentication methods")),
        ([5, other], _) => {
            return Err(say(&format!("unsupported authentication method {other}")));
        }
        ([other, _], _) => return Err(say(&format!("unexpected protocol version {other}"))),
    }
    let mut ask = vec![5, 1, 0];
    match host.parse() {
        Ok(std::net::IpAddr::V4(ip)) => {
            ask.push(1);
            ask.extend_from_slice(&ip.octets());
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            ask.push(4);
            ask.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            ask.push(3);
            ask.push(u8::try_from(host.len()).map_err(|_| say("FQDN too long"))?);
            ask.extend_from_slice(host.as_bytes());
        }
    }
    ask.extend_from_slice(&port.to_be_bytes());
    write(io, &ask, meter).await?;
    let [version, reply, _, kind]: [u8; 4] = exactly(io, meter).await?;
    if version != 5 {
        return Err(say(&format!("unexpected protocol version {version}")));
    }
    if reply != 0 {
        return Err(say(&format!("unknown error {}", reply_text(reply))));
    }
    // Where the proxy connects from: an address and a port, of no interest.
    let rest = match kind {
        1 => 4 + 2,
        4 => 16 + 2,
        3 => usize::from(exactly::<1>(io, meter).await?[0]) + 2,
        other => return Err(say(&format!("unknown address type {other}"))),
    };
    for _ in 0..rest {
        exactly::<1>(io, meter).await?;
    }
    Ok(())
}

/// RFC 1928, section 6.
fn reply_text(reply: u8) -> String {
    let known = [
        "succeeded",
        "general SOCKS server failure",
        "connection not allowed by ruleset",
        "network unreachable",
        "host unreachable",
        "connection refused",
        "TTL expired",
        "command not supported",
        "address type not supported",
    ];
    known.get(usize::from(reply)).map_or_else(|| format!("code: {reply}"), |t| (*t).to_owned())
}

async fn write(io: &mut Io, mut bytes: &[u8], meter: &impl Meter) -> Result<(), NetError> {
    while !bytes.is_empty() {
        let n = poll_fn(|cx| io.poll_write(cx, bytes, meter)).await?;
        bytes = &bytes[n..];
    }
    Ok(())
}

/// Reads some bytes behind those in `out`; 0 is the end.
async fn read(io: &mut Io, out: &mut Vec<u8>, meter: &impl Meter) -> Result<usize, NetError> {
    let mut space = [0; 1024];
    let n = poll_fn(|cx| io.poll_read(cx, &mut space, meter)).await?;
    out.extend_from_slice(&space[..n]);
    Ok(n)
}

/// Reads so many bytes and none behind them.
async fn exactly<const N: usize>(io: &mut Io, meter: &impl Meter) -> Result<[u8; N], NetError> {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        let n = poll_fn(|cx| io.poll_read(cx, &mut out[at..], meter)).await?;
        if n == 0 {
            return Err(failed("EOF"));
        }
        at += n;
    }
    Ok(out)
}
