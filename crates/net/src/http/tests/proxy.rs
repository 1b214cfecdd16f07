//! Requests through proxies of this process.

use rustls::ServerConnection;

use super::server::OK;
use super::tls::{BOTH, handle, identity, server_config, trusting};
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
        let client = through("https://p.test", "", &TlsOptions::new());
        let (_, text) = failure(&send(&client, &Request::get("http://a.test/").unwrap()).await);
        assert_eq!(text, "proxies of the scheme https are not supported");
    });
}
