//! Servers that misbehave, and addresses that can't be reached.

use super::server::OK;
use super::*;

#[test]
fn a_refused_connection_has_no_phases() {
    on_core(async {
        let address = Server::answering("").address;
        drop(rt::net::TcpListener::bind(address)); // the port stays taken by the server
        let unused = rt::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = unused.local_addr().unwrap().port();
        drop(unused);
        let request = Request::get(&format!("http://127.0.0.1:{port}/")).unwrap();
        let exchange = send(&client(), &request).await;
        assert_eq!(failure(&exchange), (1212, "dial: connection refused".into()));
        let detail = exchange.result.unwrap_err().detail().to_owned();
        assert_eq!(detail, format!("dial tcp 127.0.0.1:{port}: connect: connection refused"));
        let t = exchange.timings;
        assert_eq!((t.blocked, t.connecting, t.duration()), Default::default());
        assert_eq!((exchange.bytes_sent, exchange.bytes_received), (0, 0));
    });
}

#[test]
fn requests_that_cannot_be_sent_have_gos_words() {
    on_core(async {
        for (url, code, text) in [
            ("foo", 1000, r#"unsupported protocol scheme """#),
            ("ftp://x/", 1000, r#"unsupported protocol scheme "ftp""#),
            ("http://", 1000, "http: no Host in request URL"),
            ("http://127.0.0.1:99999/", 1210, "dial tcp: address 99999: invalid port"),
        ] {
            let exchange = send(&client(), &Request::get(url).unwrap()).await;
            assert_eq!(failure(&exchange), (code, text.into()), "{url}");
        }
        assert!(Method::parse("BAD METHOD").is_err());
    });
}

#[test]
fn a_server_that_closes_or_sends_garbage_gives_k6s_error() {
    on_core(async {
        // (answer, error_code, error, body that k6 shows): measured with k6 2.2.
        for (answer, code, text, body) in [
            ("", 1000, "EOF", None),
            ("garbage\r\n\r\n", 1000, r#"malformed HTTP response "garbage""#, None),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                1000,
                "unexpected EOF",
                Some("abc"),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                1000,
                "unexpected EOF",
                Some("abc"),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Le",
                1000,
                r#"malformed MIME header: missing colon: "Content-Le""#,
                None,
            ),
        ] {
            let server = Server::answering_once(answer);
            let exchange = get(&client(), &server).await;
            assert_eq!(failure(&exchange), (code, text.into()), "{answer:?}");
            let partial = exchange.partial.as_ref().map(Response::body);
            assert_eq!(partial, body.map(str::as_bytes), "{answer:?}");
            assert_eq!(server.accepted(), 1, "a new connection is not tried twice");
        }
    });
}

#[test]
fn a_reset_is_told_from_an_end() {
    on_core(async {
        for (answer, partial) in
            [("", None), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Some(3))]
        {
            let server = Server::start(move |mut peer| async move {
                peer.request().await;
                peer.send(answer.as_bytes()).await;
                // The client must have read it: a reset overtakes data.
                rt::sleep(Duration::from_millis(20)).await;
                peer.stream.set_reset_on_close().unwrap();
            });
            let exchange = get(&client(), &server).await;
            assert_eq!(failure(&exchange), (1220, "read: connection reset by peer".into()));
            let detail = exchange.result.as_ref().unwrap_err().detail();
            assert!(detail.starts_with("read tcp 127.0.0.1:"), "{detail}");
            assert_eq!(exchange.partial.map(|p| p.body().len()), partial);
        }
    });
}

#[test]
fn time_outs_name_the_phase() {
    on_core(async {
        let client = client();
        let silent = Server::start(|mut peer| async move { peer.wait_for_end().await });
        let request = Request::get(&silent.url("/")).unwrap();
        let soon = || Some(rt::now() + Duration::from_millis(30));
        let exchange = client.send(&request, soon()).await;
        assert_eq!(failure(&exchange), (1050, "request timeout".into()));
        assert!(exchange.timings.waiting > Duration::ZERO);
        assert_eq!(exchange.timings.receiving, Duration::ZERO);
        assert!(exchange.partial.is_none() && exchange.bytes_sent > 0);

        let slow = Server::start(|mut peer| async move {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
            peer.wait_for_end().await;
        });
        let request = Request::get(&slow.url("/")).unwrap();
        let exchange = client.send(&request, soon()).await;
        assert_eq!(failure(&exchange), (1050, "request timeout".into()));
        assert_eq!(exchange.partial.as_ref().map(Response::body), Some(&b"abc"[..]));
        assert_eq!(exchange.result.unwrap_err().stage, crate::error::Stage::Body);

        let secure = Request::get(&silent.url("/").replace("http:", "https:")).unwrap();
        let exchange = client.send(&secure, soon()).await;
        assert_eq!(failure(&exchange), (1050, "request timeout".into()));
        assert!(exchange.timings.connecting > Duration::ZERO);
        assert_eq!(exchange.timings.blocked, Duration::ZERO);
        assert_eq!(client.idle(), 0, "a connection in an unknown state is not kept");
    });
}

#[test]
fn ten_thousand_headers_are_an_error_in_bounded_memory() {
    on_core(async {
        let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
        for i in 0..10_000 {
            answer.extend_from_slice(format!("X-{i}: v\r\n").as_bytes());
        }
        answer.extend_from_slice(b"Content-Length: 2\r\n\r\nok");
        let server = Server::answering(answer);
        let exchange = get(&client(), &server).await;
        assert_eq!(failure(&exchange), (1000, "response has more than 1024 headers".into()));

        let server = Server::start(|mut peer| async move {
            peer.request().await;
            peer.send(b"HTTP/1.1 200 OK\r\nX: ").await;
            while peer.send(&[b'x'; 10_000]).await {}
        });
        let client = client();
        let exchange = get(&client, &server).await;
        assert!(failure(&exchange).1.contains("headers exceeded 262144 bytes"));
        let kept = client.recycled.borrow().iter().map(|r| r.buffer.capacity()).max();
        assert!(kept.unwrap_or(0) <= 64 << 10, "{kept:?}");
    });
}

#[test]
fn interim_responses_are_skipped_and_a_protocol_switch_is_reported() {
    on_core(async {
        let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        let server = Server::answering([early.as_bytes(), OK].concat());
        let client = client();
        for _ in 0..2 {
            assert_eq!(ok(get(&client, &server).await).body(), b"ok");
        }
        assert_eq!(server.accepted(), 1);
        let server = Server::answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n\r\n");
        let response = ok(get(&client, &server).await);
        assert_eq!(response.status_text(), "101 Switching Protocols");
        assert_eq!(client.idle(), 1, "only the other server's connection is kept");
    });
}

#[test]
fn blocked_names_and_addresses_are_never_connected_to() {
    on_core(async {
        let server = Server::answering(OK);
        let mut names = ResolverOptions::new();
        names.block_hostnames = vec!["*.blocked.test".into()];
        names.blacklist_ips = vec!["127.0.0.0/8".into()];
        let client = client_with(|config| {
            config.resolver = Arc::new(Resolver::new(&names).unwrap());
        });
        assert_eq!(failure(&get(&client, &server).await).0, 1110);
        let request = Request::get("http://a.blocked.test/").unwrap();
        assert_eq!(failure(&send(&client, &request).await).0, 1111);
        assert_eq!(server.accepted(), 0);
    });
}
