//! Requests through proxies of this process.

use std::io::{Read, Write};
use std::sync::OnceLock;

use rustls::ServerConnection;

use super::server::{OK, Peer};
use super::tls::{BOTH, handle, identity, serve, server_config, trusting};
use super::*;
use crate::proxy::Proxies;

fn through(http: &str, https: &str, tls: &TlsOptions) -> Client {
    let mut config = config(tls);
    config.proxies = Proxies::new(http, https, "direct.test");
    Client::new(Arc::new(config), None)
}

#[test]
fn a_forwarding_proxy_gets_whole_urls_and_its_password() {
    on_core(async {
        let proxy = Server::start(|mut peer| async move {
            while let Some(head) = peer.request().await {
                let mut lines = head.lines();
                assert_eq!(lines.next(), Some("GET http://a.test:81/x?y HTTP/1.1"));
                assert_eq!(lines.next(), Some("Host: a.test:81"));
                assert!(head.contains("Proxy-Authorization: Basic dTpw"), "{head}");
                peer.send(OK).await;
            }
        });
        let address = format!("http://u:p@{}", proxy.address);
        let client = through(&address, "", &TlsOptions::new());
        let request = Request::get("http://a.test:81/x?y").unwrap();
        for round in 0..2 {
            let exchange = send(&client, &request).await;
            assert_eq!((exchange.remote_addr, exchange.reused), (Some(proxy.address), round == 1));
            assert_eq!(ok(exchange).body(), b"ok");
        }
        assert_eq!(proxy.accepted(), 1);
        let server = Server::answering(OK);
        let url = format!("http://direct.test:{}/", server.address.port());
        ok(send(&client, &Request::get(&url).unwrap()).await);
        assert_eq!((proxy.accepted(), server.accepted()), (1, 1));
    });
}

#[test]
fn a_protected_request_goes_through_a_tunnel() {
    on_core(async {
        let id = identity(&["a.test"], |_| {});
        let tls = server_config(&id, BOTH, None);
        let proxy = Server::start(move |mut peer| {
            let session = ServerConnection::new(tls.clone()).unwrap();
            async move {
                let head = peer.request().await.unwrap();
                assert!(head.starts_with("CONNECT a.test:443 HTTP/1.1"), "{head}");
                if peer.number == 1 {
                    peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
                    return;
                }
                peer.send(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n").await;
                handle(peer, session, OK).await;
            }
        });
        let address = proxy.address.to_string();
        let request = Request::get("https://a.test/").unwrap();
        let exchange = send(&through("", &address, &trusting(&id)), &request).await;
        assert!(exchange.timings.tls_handshaking > Duration::ZERO && exchange.tls.is_some());
        assert_eq!(ok(exchange).body(), b"ok");
        let exchange = send(&through("", &address, &trusting(&id)), &request).await;
        assert_eq!(failure(&exchange), (1000, "Proxy Authentication Required".to_owned()));
    });
}

#[test]
fn a_proxy_over_tls_is_asked_for_whole_urls_and_must_be_trusted() {
    on_core(async {
        let id = identity(&["p.test"], |_| {});
        let proxy = serve(&server_config(&id, BOTH, None), OK);
        let address = format!("https://p.test:{}", proxy.address.port());
        let request = Request::get("http://a.test/").unwrap();
        let client = through(&address, "", &trusting(&id));
        for round in 0..2 {
            let exchange = send(&client, &request).await;
            assert_eq!((exchange.remote_addr, exchange.reused), (Some(proxy.address), round == 1));
            assert_eq!(exchange.tls.as_ref().unwrap().version, "tls1.3");
            assert_eq!(ok(exchange).body(), b"ok");
        }
        let exchange = send(&through(&address, "", &TlsOptions::new()), &request).await;
        let (code, text) = failure(&exchange);
        assert_eq!(code, 1200);
        assert!(text.starts_with("proxyconnect tcp: tls: failed to verify certificate"), "{text}");
    });
}

/// A proxy over TLS that speaks TLS with whoever has come through it: plays both servers.
async fn play_both(mut peer: Peer, mut outer: ServerConnection, mut inner: ServerConnection) {
    let mut head = Vec::new();
    let mut asked = Vec::new();
    let mut stands = false;
    loop {
        while inner.wants_write() {
            let mut records = Vec::new();
            inner.write_tls(&mut records).unwrap();
            outer.writer().write_all(&records).unwrap();
        }
        while outer.wants_write() {
            let mut records = Vec::new();
            outer.write_tls(&mut records).unwrap();
            if !peer.send(&records).await {
                return;
            }
        }
        let mut wire = [0; 16 << 10];
        let n = peer.read(&mut wire).await;
        if n == 0 {
            return;
        }
        let mut rest = &wire[..n];
        while !rest.is_empty() {
            outer.read_tls(&mut rest).unwrap();
            outer.process_new_packets().unwrap();
            let mut piece = [0; 16 << 10];
            while let Ok(n @ 1..) = outer.reader().read(&mut piece) {
                if stands {
                    let mut records = &piece[..n];
                    while !records.is_empty() {
                        inner.read_tls(&mut records).unwrap();
                        inner.process_new_packets().unwrap();
                    }
                } else {
                    head.extend_from_slice(&piece[..n]);
                    if head.ends_with(b"\r\n\r\n") {
                        assert!(head.starts_with(b"CONNECT a.test:443 HTTP/1.1\r\n"));
                        outer.writer().write_all(b"HTTP/1.1 200 Fine\r\n\r\n").unwrap();
                        stands = true;
                    }
                }
            }
        }
        let mut piece = [0; 16 << 10];
        while let Ok(n @ 1..) = inner.reader().read(&mut piece) {
            asked.extend_from_slice(&piece[..n]);
        }
        if asked.ends_with(b"\r\n\r\n") {
            asked.clear();
            inner.writer().write_all(LARGE.get_or_init(large)).unwrap();
        }
    }
}

/// More than a session takes at once.
static LARGE: OnceLock<Vec<u8>> = OnceLock::new();

fn large() -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n".to_vec();
    answer.resize(answer.len() + 200_000, b'x');
    answer
}

#[test]
fn tls_goes_through_a_tunnel_within_tls() {
    on_core(async {
        let (outer, inner) = (identity(&["p.test"], |_| {}), identity(&["a.test"], |_| {}));
        let (outer_config, inner_config) =
            (server_config(&outer, BOTH, None), server_config(&inner, BOTH, None));
        let proxy = Server::start(move |peer| {
            let mut outer = ServerConnection::new(outer_config.clone()).unwrap();
            outer.set_buffer_limit(None);
            let mut inner = ServerConnection::new(inner_config.clone()).unwrap();
            inner.set_buffer_limit(None);
            play_both(peer, outer, inner)
        });
        let address = format!("https://p.test:{}", proxy.address.port());
        let mut trusted = trusting(&outer);
        trusted.extra_roots_pem.extend(trusting(&inner).extra_roots_pem);
        let client = through("", &address, &trusted);
        let request = Request::get("https://a.test/").unwrap();
        for _ in 0..3 {
            let exchange = send(&client, &request).await;
            assert!(exchange.tls.is_some());
            assert_eq!(ok(exchange).body().len(), 200_000);
        }
        assert_eq!(proxy.accepted(), 1);
        let (received, sent) = proxy.bytes();
        assert_eq!(client.traffic(), (received, sent));
    });
}

#[test]
fn socks_proxies_resolve_names_and_ask_for_passwords() {
    on_core(async {
        let proxy = Server::start(|mut peer| async move {
            let mut buf = [0; 64];
            assert_eq!(peer.read(&mut buf).await, 4);
            assert_eq!(buf[..4], [5, 2, 0, 2]);
            peer.send(&[5, 2]).await;
            assert_eq!(peer.read(&mut buf).await, 5);
            assert_eq!(&buf[..5], b"\x01\x01u\x01p");
            peer.send(&[1, 0]).await;
            let n = peer.read(&mut buf).await;
            assert_eq!(&buf[..n], b"\x05\x01\x00\x03\x06a.test\x00\x51");
            if peer.number == 1 {
                peer.send(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
                return;
            }
            peer.send(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 9]).await;
            assert!(peer.request().await.unwrap().starts_with("GET / HTTP/1.1"));
            peer.send(OK).await;
        });
        let address = format!("socks5://u:p@{}", proxy.address);
        let client = through(&address, "", &TlsOptions::new());
        let request = Request::get("http://a.test:81/").unwrap();
        assert_eq!(ok(send(&client, &request).await).body(), b"ok");
        client.close_idle();
        let (code, text) = failure(&send(&client, &request).await);
        assert_eq!(code, 1200);
        assert!(text.ends_with("a.test:81: unknown error connection refused"), "{text}");
    });
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    on_core(async {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = through(&closed.to_string(), "", &TlsOptions::new());
        let exchange = send(&client, &Request::get("http://a.test/").unwrap()).await;
        let text = format!("proxyconnect tcp: dial tcp {closed}: connect: connection refused");
        assert_eq!(failure(&exchange), (1200, text));
        let client = through("quic://p.test", "", &TlsOptions::new());
        let (_, text) = failure(&send(&client, &Request::get("http://a.test/").unwrap()).await);
        assert_eq!(text, "proxies of the scheme quic are not supported");
    });
}
