//! Connections: kept, dropped, found dead, limited.

use std::cell::RefCell;
use std::rc::Rc;

use super::server::OK;
use super::*;

#[test]
fn a_kept_connection_carries_many_requests() {
    on_core(async {
        let server = Server::answering(OK);
        let client = client();
        for i in 0..20 {
            let exchange = get(&client, &server).await;
            assert_eq!(exchange.reused, i > 0);
            assert_eq!(exchange.remote_addr, Some(server.address));
            let response = ok(exchange);
            assert_eq!((response.status, response.body()), (200, &b"ok"[..]));
            client.recycle(response);
        }
        assert_eq!((server.accepted(), client.idle()), (1, 1));
        client.close_idle();
        assert_eq!(client.idle(), 0);
        assert!(!get(&client, &server).await.reused);
        assert_eq!(server.accepted(), 2);
    });
}

#[test]
fn without_reuse_each_request_has_a_connection_and_says_so() {
    on_core(async {
        let heads = Rc::new(RefCell::new(Vec::new()));
        let seen = heads.clone();
        let server = Server::start(move |mut peer| {
            let seen = seen.clone();
            async move {
                while let Some(head) = peer.request().await {
                    seen.borrow_mut().push(head);
                    peer.send(OK).await;
                }
            }
        });
        let client = client_with(|config| config.reuse = Reuse::Never);
        for _ in 0..3 {
            assert!(!get(&client, &server).await.reused);
        }
        assert_eq!((server.accepted(), client.idle()), (3, 0));
        assert!(heads.borrow().iter().all(|head| head.contains("\r\nConnection: close\r\n")));
    });
}

#[test]
fn connections_that_must_not_be_used_again_are_closed() {
    on_core(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            // Something unasked for after the response.
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabcde",
        ] {
            let server = Server::answering(answer);
            let client = client();
            for _ in 0..2 {
                ok(get(&client, &server).await);
                assert_eq!(client.idle(), 0, "{answer:?}");
            }
            assert_eq!(server.accepted(), 2, "{answer:?}");
        }
        let server = Server::answering(OK);
        let client = client();
        let mut request = Request::get(&server.url("/")).unwrap();
        request.headers.add("Connection", b"close").unwrap();
        ok(send(&client, &request).await);
        assert_eq!(client.idle(), 0);
    });
}

#[test]
fn a_connection_that_died_while_idle_is_replaced_silently() {
    on_core(async {
        let server = Server::answering_once(OK);
        let client = client();
        for method in [Method::Get, Method::Post] {
            let mut request = Request::get(&server.url("/")).unwrap();
            request.method = method;
            for _ in 0..3 {
                ok(send(&client, &request).await);
                // The server's end arrives while nobody looks.
                rt::sleep(Duration::from_millis(5)).await;
            }
        }
        assert_eq!(server.accepted(), 6);
    });
}

/// A server that reads the second request of a connection and then closes without an answer.
fn forgetful() -> Server {
    Server::start(|mut peer| async move {
        peer.request().await;
        peer.send(OK).await;
        if peer.number == 0 {
            peer.request().await;
        } else {
            while peer.request().await.is_some() {
                peer.send(OK).await;
            }
        }
    })
}

#[test]
fn only_requests_without_effects_are_sent_again() {
    on_core(async {
        for (method, retried) in [
            (Method::Get, true),
            (Method::Head, true),
            (Method::Options, true),
            (Method::Post, false),
            (Method::Delete, false),
        ] {
            let server = forgetful();
            let client = client();
            ok(get(&client, &server).await);
            let mut request = Request::get(&server.url("/")).unwrap();
            request.method = method.clone();
            let exchange = send(&client, &request).await;
            if retried {
                assert!(!exchange.reused);
                ok(exchange);
            } else {
                assert_eq!(failure(&exchange), (1000, "EOF".into()), "{method}");
            }
            assert_eq!(server.accepted(), if retried { 2 } else { 1 }, "{method}");
        }
    });
}

#[test]
fn idle_connections_are_limited_in_all_and_for_each_host() {
    on_core(async {
        let server = Server::start(|mut peer| async move {
            while peer.request().await.is_some() {
                // Answers come late enough for all requests to need a connection of their own.
                rt::sleep(Duration::from_millis(20)).await;
                peer.send(OK).await;
            }
        });
        let client = Rc::new(client_with(|config| {
            config.max_idle = 5;
            config.max_idle_per_host = 3;
        }));
        let port = server.address.port();
        let mut tasks = Vec::new();
        for host in ["a", "b"] {
            for _ in 0..4 {
                let client = client.clone();
                let url = format!("http://{host}.test:{port}/");
                tasks.push(rt::spawn(async move {
                    ok(send(&client, &Request::get(&url).unwrap()).await);
                }));
            }
        }
        for task in tasks {
            task.await;
        }
        assert_eq!((server.accepted(), client.idle()), (8, 5));
    });
}

#[test]
fn origins_do_not_share_connections() {
    on_core(async {
        let (one, two) = (Server::answering(OK), Server::answering(OK));
        let client = client();
        for _ in 0..3 {
            ok(get(&client, &one).await);
            ok(get(&client, &two).await);
            let by_name = format!("http://a.test:{}/", one.address.port());
            ok(send(&client, &Request::get(&by_name).unwrap()).await);
        }
        assert_eq!((one.accepted(), two.accepted(), client.idle()), (2, 1, 3));
    });
}

#[test]
fn connections_start_at_the_address_asked_for() {
    on_core(async {
        let from = Rc::new(RefCell::new(Vec::new()));
        let seen = from.clone();
        let server = Server::start(move |mut peer| {
            seen.borrow_mut().push(peer.stream.peer_addr().unwrap().ip().to_string());
            async move {
                peer.request().await;
                peer.send(OK).await;
            }
        });
        let config = Arc::new(config(&TlsOptions::new()));
        for local in ["127.0.0.2", "127.0.0.3"] {
            let client = Client::new(config.clone(), Some(local.parse().unwrap()));
            ok(get(&client, &server).await);
        }
        assert_eq!(*from.borrow(), ["127.0.0.2", "127.0.0.3"]);
    });
}
