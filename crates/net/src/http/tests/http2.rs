//! HTTP/2, against `h2`'s server on the same core.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};

use super::server::Server;
use super::*;
use crate::error::code;

type Asked = http::Request<RecvStream>;
type Answer = SendResponse<Bytes>;

/// Handles each stream of each connection with `handler`.
fn serve_with<F, H>(builder: Builder, handler: F) -> Server
where
    F: Fn(Asked, Answer) -> H + 'static,
    H: Future<Output = ()> + 'static,
{
    let (builder, handler) = (Rc::new(builder), Rc::new(handler));
    Server::start(move |peer| {
        let (builder, handler) = (builder.clone(), handler.clone());
        async move {
            let Ok(mut connection) = builder.handshake::<_, Bytes>(peer.stream).await else {
                return;
            };
            while let Some(Ok((asked, answer))) = connection.accept().await {
                drop(rt::spawn(handler(asked, answer)));
            }
        }
    })
}

fn serve<F, H>(handler: F) -> Server
where
    F: Fn(Asked, Answer) -> H + 'static,
    H: Future<Output = ()> + 'static,
{
    serve_with(Builder::new(), handler)
}

fn head(status: u16) -> http::Response<()> {
    let mut head = http::Response::new(());
    *head.status_mut() = http::StatusCode::from_u16(status).unwrap();
    head
}

/// Sends a body as the windows let it.
async fn send_body(stream: &mut h2::SendStream<Bytes>, mut body: Bytes) {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let Some(Ok(n)) = poll_fn(|cx| stream.poll_capacity(cx)).await else { return };
        let piece = body.split_to(n.min(body.len()));
        if stream.send_data(piece, false).is_err() {
            return;
        }
    }
    let _ = stream.send_data(Bytes::new(), true);
}

async fn read_body(body: &mut RecvStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(Ok(piece)) = poll_fn(|cx| body.poll_data(cx)).await {
        let _ = body.flow_control().release_capacity(piece.len());
        all.extend_from_slice(&piece);
    }
    all
}

async fn answer_ok(_: Asked, mut answer: Answer) {
    let mut stream = answer.send_response(head(200), false).unwrap();
    stream.send_data(Bytes::from_static(b"ok"), true).unwrap();
}

fn cleartext() -> Client {
    client_with(|config| config.http2 = Http2::Always)
}

#[test]
fn exchanges_share_one_connection_one_after_the_other() {
    on_core(async {
        let server = serve(|asked, mut answer| async move {
            assert_eq!(asked.version(), http::Version::HTTP_2);
            assert_eq!(asked.uri().path(), "/");
            let mut head = head(200);
            head.headers_mut().append("x-a", "1".parse().unwrap());
            head.headers_mut().append("set-cookie", "a=b".parse().unwrap());
            let mut stream = answer.send_response(head, false).unwrap();
            stream.send_data(Bytes::from_static(b"ok"), false).unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.append("x-late", "1".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        });
        let client = cleartext();
        for round in 0..3 {
            let exchange = get(&client, &server).await;
            assert_eq!(exchange.reused, round > 0);
            let t = exchange.timings;
            assert_eq!(t.connecting > Duration::ZERO, round == 0);
            assert_eq!((t.tls_handshaking, t.clamped), (Duration::ZERO, 0));
            assert!(t.waiting > Duration::ZERO && t.ended >= t.started);
            assert_eq!(exchange.remote_addr, Some(server.address));
            assert!(exchange.bytes_sent > 0 && exchange.bytes_received > 0);
            let response = ok(exchange);
            assert_eq!((response.status, response.version), (200, Version::Http2));
            assert_eq!(response.status_text(), "200 OK");
            assert_eq!(response.body(), b"ok");
            let headers: Vec<_> = response.headers().collect();
            assert_eq!(headers, [("x-a", &b"1"[..]), ("set-cookie", b"a=b")]);
            assert!(response.notable.sets_cookies);
        }
        assert_eq!((server.accepted(), client.idle()), (1, 1));
        client.close_idle();
        assert_eq!(client.idle(), 0);
        get(&client, &server).await.result.unwrap();
        assert_eq!(server.accepted(), 2);
    });
}

async fn send_all(client: &Rc<Client>, requests: Vec<Request>) -> Vec<Exchange> {
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let client = client.clone();
            rt::spawn(async move { send(&client, &request).await })
        })
        .collect();
    let mut exchanges = Vec::new();
    for task in tasks {
        exchanges.push(task.await);
    }
    exchanges
}

#[test]
fn exchanges_at_once_share_a_connection_up_to_the_servers_limit() {
    on_core(async {
        for (limit, connections) in [(100, 1), (3, 4)] {
            let waiting = Rc::new(RefCell::new(Vec::new()));
            let all = waiting.clone();
            let mut builder = Builder::new();
            builder.max_concurrent_streams(limit);
            let server = serve_with(builder, move |_, answer| {
                let all = all.clone();
                async move {
                    all.borrow_mut().push(answer);
                    if all.borrow().len() == 12 {
                        // The last asked is the first answered.
                        for mut answer in all.borrow_mut().drain(..).rev() {
                            answer.send_response(head(204), true).unwrap();
                        }
                    }
                }
            });
            let client = Rc::new(cleartext());
            // What the server allows is known once it has said it.
            let warm = Rc::new(cleartext());
            drop(warm);
            let request = Request::get(&server.url("/")).unwrap();
            if limit == 3 {
                // The first exchange learns the limit; eleven others wait for it on the server.
                let first = rt::spawn({
                    let (client, request) = (client.clone(), request.clone());
                    async move { send(&client, &request).await }
                });
                while waiting.borrow().is_empty() {
                    rt::sleep(Duration::from_millis(1)).await;
                }
                for exchange in send_all(&client, vec![request; 11]).await {
                    assert_eq!(ok(exchange).status_text(), "204 No Content");
                }
                first.await.result.unwrap();
            } else {
                for exchange in send_all(&client, vec![request; 12]).await {
                    assert_eq!(ok(exchange).status_text(), "204 No Content");
                }
            }
            assert!(server.accepted() >= connections, "{} of {connections}", server.accepted());
            assert!(limit == 3 || server.accepted() == 1);
        }
    });
}

/// A body made in pieces, without a length.
struct Pieces(usize);

impl StreamBody for Pieces {
    fn length(&self) -> Option<u64> {
        None
    }
    fn open(&self) -> Box<dyn BodyReader> {
        Box::new(Pieces(self.0))
    }
}

impl BodyReader for Pieces {
    fn poll_next(
        &mut self,
        _: &mut std::task::Context<'_>,
        out: &mut Vec<u8>,
    ) -> Poll<std::io::Result<bool>> {
        if self.0 > 0 {
            self.0 -= 1;
            out.extend_from_slice(&[b'p'; 50_000]);
        }
        Poll::Ready(Ok(self.0 > 0))
    }
}

#[test]
fn bodies_of_all_kinds_arrive_whole() {
    on_core(async {
        let server = serve(|mut asked, mut answer| async move {
            let body = read_body(asked.body_mut()).await;
            let length = asked.headers().get("content-length");
            let length = length.map_or("none", |value| value.to_str().unwrap());
            let mut head = head(200);
            head.headers_mut().append("x-length", length.parse().unwrap());
            let mut stream = answer.send_response(head, false).unwrap();
            send_body(&mut stream, body.into()).await;
        });
        let client = cleartext();
        let mut request = Request::get(&server.url("/")).unwrap();
        request.method = Method::Post;
        for (body, length) in [
            (Body::Empty, "0"),
            (Body::Bytes(b"abc".to_vec()), "3"),
            (Body::Bytes(vec![b'x'; 3_000_000]), "3000000"),
            (Body::Stream(Rc::new(Pieces(0))), "none"),
            (Body::Stream(Rc::new(Pieces(7))), "none"),
        ] {
            let wanted = match &body {
                Body::Stream(_) if length == "none" => None,
                body => body.length(),
            };
            request.body = body;
            let response = ok(send(&client, &request).await);
            assert_eq!(response.header("x-length"), Some(length.as_bytes()));
            match wanted {
                Some(wanted) => assert_eq!(response.body().len() as u64, wanted),
                None => assert!(response.body().iter().all(|&b| b == b'p')),
            }
        }
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_body_beyond_the_limit_fails_and_a_discarded_one_has_none() {
    on_core(async {
        const SIZE: usize = 9 << 20;
        let server = serve(|_, mut answer| async move {
            let mut stream = answer.send_response(head(200), false).unwrap();
            send_body(&mut stream, vec![b'x'; SIZE].into()).await;
        });
        let client = client_with(|config| {
            config.http2 = Http2::Always;
            config.limits.max_body_bytes = 1 << 20;
        });
        let (code, text) = failure(&get(&client, &server).await);
        assert_eq!(code, 1000);
        assert!(text.contains("exceeds the limit of 1048576 bytes"), "{text}");
        let mut request = Request::get(&server.url("/")).unwrap();
        request.sink = BodySink::Discard;
        let response = ok(send(&client, &request).await);
        assert_eq!((response.body_received, response.body().len()), (SIZE as u64, 0));
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn resets_have_k6s_codes_and_refused_streams_are_tried_again() {
    on_core(async {
        let asked = Rc::new(Cell::new(0));
        let count = asked.clone();
        let server = serve(move |_, mut answer| {
            let number = count.replace(count.get() + 1);
            async move {
                match number {
                    0 => answer.send_reset(Reason::INTERNAL_ERROR),
                    1 => answer.send_reset(Reason::REFUSED_STREAM),
                    2 => drop(answer.send_response(head(200), true)),
                    _ => {
                        let mut stream = answer.send_response(head(200), false).unwrap();
                        stream.send_data(Bytes::from_static(b"part"), false).unwrap();
                        rt::sleep(Duration::from_millis(20)).await;
                        stream.send_reset(Reason::CANCEL);
                    }
                }
            }
        });
        let client = cleartext();
        let exchange = get(&client, &server).await;
        assert_eq!(
            failure(&exchange),
            (1633, "http2: stream error with http2 ErrCode INTERNAL_ERROR".to_owned())
        );
        let error = exchange.result.unwrap_err();
        assert_eq!(error.detail(), "stream error: stream ID 1; INTERNAL_ERROR; received from peer");
        assert_eq!(ok(get(&client, &server).await).status, 200);
        assert_eq!(asked.get(), 3);
        let exchange = get(&client, &server).await;
        assert_eq!(failure(&exchange).0, 1639);
        assert_eq!(exchange.partial.unwrap().body(), b"part");
        assert_eq!(server.accepted(), 1);
    });
}

#[test]
fn a_server_that_goes_away_gets_what_it_has_begun_and_a_new_connection() {
    on_core(async {
        let server = Server::start(|peer| async move {
            let number = peer.number;
            let mut connection = h2::server::handshake(peer.stream).await.unwrap();
            let mut seen = 0;
            while let Some(Ok((asked, answer))) = connection.accept().await {
                seen += 1;
                match number {
                    0 => {
                        connection.graceful_shutdown();
                        drop(rt::spawn(answer_ok(asked, answer)));
                    }
                    1 if seen == 2 => {
                        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                        poll_fn(|cx| connection.poll_closed(cx)).await.ok();
                        return;
                    }
                    _ => drop(rt::spawn(answer_ok(asked, answer))),
                }
            }
        });
        let client = cleartext();
        assert_eq!(ok(get(&client, &server).await).body(), b"ok");
        assert_eq!(ok(get(&client, &server).await).body(), b"ok");
        let exchange = get(&client, &server).await;
        assert_eq!(
            failure(&exchange),
            (1622, "http2: received GoAway with http2 ErrCode ENHANCE_YOUR_CALM".to_owned())
        );
        assert_eq!(ok(get(&client, &server).await).body(), b"ok");
        assert_eq!(server.accepted(), 3);
    });
}

#[test]
fn what_is_no_http2_fails_in_time() {
    on_core(async {
        for (answer, kind) in [
            (&b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], "other"),
            (b"", "end"),
            (&[0; 64], "other"),
        ] {
            let server = Server::start(move |mut peer| async move {
                let mut space = [0; 1024];
                peer.read(&mut space).await;
                peer.send(answer).await;
            });
            let (code, text) = failure(&get(&cleartext(), &server).await);
            assert!(code == 1000 || (1650..1670).contains(&code) || code == 1220, "{code} {text}");
            assert!(kind != "end" || text == "unexpected EOF" || code == 1220, "{text}");
        }
    });
}

#[test]
fn an_exchange_that_is_given_up_frees_its_stream_only() {
    on_core(async {
        let resets = Rc::new(Cell::new(0));
        let seen = resets.clone();
        let server = serve(move |asked, mut answer| {
            let seen = seen.clone();
            async move {
                if asked.uri().path() == "/slow" {
                    let reason = poll_fn(|cx| answer.poll_reset(cx)).await.unwrap();
                    assert_eq!(reason, Reason::CANCEL);
                    seen.set(seen.get() + 1);
                } else {
                    answer_ok(asked, answer).await;
                }
            }
        });
        let client = cleartext();
        let slow = Request::get(&server.url("/slow")).unwrap();
        let exchange = client.send(&slow, Some(rt::now() + Duration::from_millis(30))).await;
        assert_eq!(failure(&exchange), (code::REQUEST_TIMEOUT, "request timeout".to_owned()));
        assert!(exchange.timings.waiting >= Duration::from_millis(20));
        assert_eq!(ok(get(&client, &server).await).body(), b"ok");
        assert_eq!((server.accepted(), resets.get(), client.idle()), (1, 1, 1));
    });
}

#[test]
fn connections_that_are_not_reused_and_dropped_clients_close() {
    on_core(async {
        let ended = Rc::new(Cell::new(0));
        let seen = ended.clone();
        let server = Server::start(move |peer| {
            let seen = seen.clone();
            async move {
                let mut connection = h2::server::handshake(peer.stream).await.unwrap();
                while let Some(Ok((asked, answer))) = connection.accept().await {
                    drop(rt::spawn(answer_ok(asked, answer)));
                }
                seen.set(seen.get() + 1);
            }
        });
        let client = client_with(|config| {
            config.http2 = Http2::Always;
            config.reuse = Reuse::Never;
        });
        for _ in 0..3 {
            let exchange = get(&client, &server).await;
            assert!(!exchange.reused);
            ok(exchange);
        }
        let kept = cleartext();
        ok(get(&kept, &server).await);
        assert_eq!((server.accepted(), kept.idle(), client.idle()), (4, 1, 0));
        drop(kept);
        while ended.get() < 4 {
            rt::sleep(Duration::from_millis(1)).await;
        }
    });
}
