//! Whether a target answers.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Check;

const NAME: &str = "target";

/// Resolves, connects and, for plain HTTP, asks once.
pub(super) fn reachable(url: &str, timeout: Duration) -> Check {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Check::bad(
            NAME,
            format!("{url}: not a URL"),
            "write it with its scheme: http://host:port/path",
        );
    };
    let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let default_port = if matches!(scheme, "https" | "wss") { 443 } else { 80 };
    let has_port = host_port.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
    });
    let address =
        if has_port { host_port.to_owned() } else { format!("{host_port}:{default_port}") };
    let addresses: Vec<_> = match address.to_socket_addrs() {
        Ok(found) => found.collect(),
        Err(error) => {
            return Check::bad(
                NAME,
                format!("{url}: can't resolve {address}: {error}"),
                "check the name and your DNS",
            );
        }
    };
    let mut last = String::from("the name has no addresses");
    for socket in &addresses {
        let before = rt::now();
        match TcpStream::connect_timeout(socket, timeout.max(Duration::from_millis(1))) {
            Ok(stream) => {
                let connected = rt::now().since(before);
                return answer(url, scheme, host_port, path, stream, connected, timeout);
            }
            Err(error) => last = format!("{socket}: {error}"),
        }
    }
    Check::bad(
        NAME,
        format!("{url}: {last}"),
        "is it started (that may take half a minute), is the port right (8000 locally, the forwarded one for a cluster), \
         is the port-forward alive?",
    )
}

fn answer(
    url: &str,
    scheme: &str,
    host: &str,
    path: &str,
    mut stream: TcpStream,
    connected: Duration,
    timeout: Duration,
) -> Check {
    let connected = format!("connected in {:.2} ms", connected.as_secs_f64() * 1e3);
    if scheme != "http" {
        return Check::good(NAME, format!("{url}: {connected}"));
    }
    let before = rt::now();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut head = [0; 512];
    let read = stream
        .set_read_timeout(Some(timeout))
        .and_then(|()| stream.write_all(request.as_bytes()))
        .and_then(|()| stream.read(&mut head));
    let took = rt::now().since(before).as_secs_f64() * 1e3;
    match read {
        Ok(0) => Check::bad(
            NAME,
            format!("{url}: {connected}, then closed without an answer"),
            "is this an HTTP server?",
        ),
        Ok(n) => {
            let text = String::from_utf8_lossy(&head[..n]);
            let status = text.lines().next().unwrap_or_default();
            if status.starts_with("HTTP/1.") {
                Check::good(NAME, format!("{url}: {connected}, {status} in {took:.2} ms"))
            } else {
                Check::bad(
                    NAME,
                    format!("{url}: {connected}, but the answer is not HTTP"),
                    "is this an HTTP server?",
                )
            }
        }
        Err(error) => Check::bad(
            NAME,
            format!("{url}: {connected}, no answer: {error}"),
            "does it answer other clients?",
        ),
    }
}
