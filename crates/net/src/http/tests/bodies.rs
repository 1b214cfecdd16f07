//! Bodies in both directions: large, streamed, slow, both at once.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::server::OK;
use super::*;

const MIB: usize = 1 << 20;

#[test]
fn a_large_body_is_kept_up_to_the_limit_and_discarded_beyond_any() {
    on_core(async {
        const TOTAL: usize = 64 * MIB;
        let server = Server::start(|mut peer| async move {
            while peer.request().await.is_some() {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n");
                peer.send(head.as_bytes()).await;
                let piece = vec![b'x'; MIB];
                for _ in 0..TOTAL / MIB {
                    if !peer.send(&piece).await {
                        return;
                    }
                }
            }
        });
        let client = client_with(|config| config.limits.max_body_bytes = 16 * MIB as u64);
        let mut request = Request::get(&server.url("/")).unwrap();
        let exchange = send(&client, &request).await;
        let (code, text) = failure(&exchange);
        assert_eq!(code, 1000);
        assert!(text.contains("exceeds the limit of 16777216 bytes"), "{text}");
        assert!(exchange.bytes_received < TOTAL as u64);

        request.sink = BodySink::Discard;
        let exchange = send(&client, &request).await;
        assert!(exchange.bytes_received > TOTAL as u64);
        let response = ok(exchange);
        assert_eq!((response.body_received, response.body().len()), (TOTAL as u64, 0));
        // Nothing holds memory that grows with the body: the response only has its head, and the
        // core's read buffer has its one size.
        assert!(response.buffer.capacity() < 4096, "{}", response.buffer.capacity());
        assert_eq!(client.idle(), 1);
    });
}

#[test]
fn bodies_of_every_framing_arrive_whole() {
    on_core(async {
        let body: Vec<u8> = (0..3 * MIB).map(|i| (i * 7 % 251) as u8).collect();
        let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(77_777) {
            chunked.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        for (answer, keeps) in [
            (chunked, 1),
            ([length.as_bytes(), &body].concat(), 1),
            ([b"HTTP/1.1 200 OK\r\n\r\n", &body[..]].concat(), 0),
        ] {
            let server =
                if keeps == 1 { Server::answering(answer) } else { Server::answering_once(answer) };
            let client = client();
            for _ in 0..2 {
                let response = ok(get(&client, &server).await);
                assert!(response.body() == body, "{} bytes", response.body().len());
                assert!(response.into_body() == body);
            }
            assert_eq!((client.idle(), server.accepted()), (keeps, 2 - keeps));
        }
    });
}

#[test]
fn a_body_ended_by_the_connection_may_come_with_its_end() {
    on_core(async {
        // Data and end in one readiness event: the end must not be waited for.
        for _ in 0..50 {
            let server = Server::answering_once("HTTP/1.0 200 OK\r\n\r\nuntil close");
            let client = client();
            assert_eq!(ok(get(&client, &server).await).body(), b"until close");
        }
    });
}

#[test]
fn a_body_that_trickles_in_is_put_together() {
    on_core(async {
        let server = Server::start(|mut peer| async move {
            peer.request().await;
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow" {
                peer.send(&[*byte]).await;
                rt::yield_now().await;
            }
        });
        assert_eq!(ok(get(&client(), &server).await).body(), b"slow");
    });
}

#[test]
fn an_answer_in_the_middle_of_a_large_upload_is_taken() {
    on_core(async {
        let server = Server::start(|mut peer| async move {
            peer.head().await;
            peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await;
            // Reads nothing more, and does not close either.
            rt::sleep(PATIENCE).await;
        });
        let client = client();
        let mut request = Request::get(&server.url("/")).unwrap();
        request.method = Method::Post;
        request.body = Body::Bytes(vec![0; 32 * MIB]);
        let exchange = send(&client, &request).await;
        assert!(exchange.bytes_sent < 32 * MIB as u64);
        assert_eq!(exchange.timings.waiting, Duration::ZERO);
        assert_eq!(ok(exchange).status, 413);
        assert_eq!(client.idle(), 0, "half a request is on it");
    });
}

#[test]
fn an_answer_is_read_even_if_the_server_closes_on_the_upload() {
    on_core(async {
        let server = Server::start(|mut peer| async move {
            peer.head().await;
            peer.send(b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno").await;
            peer.stream.shutdown().unwrap();
            peer.wait_for_end().await;
        });
        let mut request = Request::get(&server.url("/")).unwrap();
        request.method = Method::Put;
        request.body = Body::Shared(vec![0; 8 * MIB].into());
        assert_eq!(ok(send(&client(), &request).await).status, 400);
    });
}

/// Pieces of a body, with a wait before each.
struct Pieces {
    pieces: Rc<[Vec<u8>]>,
    announced: Option<u64>,
    opened: Cell<usize>,
}

struct Reading {
    pieces: Rc<[Vec<u8>]>,
    next: usize,
    waited: bool,
}

impl StreamBody for Pieces {
    fn length(&self) -> Option<u64> {
        self.announced
    }
    fn open(&self) -> Box<dyn BodyReader> {
        self.opened.set(self.opened.get() + 1);
        Box::new(Reading { pieces: self.pieces.clone(), next: 0, waited: false })
    }
}

impl BodyReader for Reading {
    fn poll_next(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<bool>> {
        if !std::mem::replace(&mut self.waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        match self.pieces.get(self.next) {
            Some(piece) if piece.is_empty() => Poll::Ready(Err(io::Error::other("disk on fire"))),
            Some(piece) => {
                out.extend_from_slice(piece);
                self.next += 1;
                Poll::Ready(Ok(self.next < self.pieces.len()))
            }
            None => Poll::Ready(Ok(false)),
        }
    }
}

fn upload(server: &Server, pieces: Vec<Vec<u8>>, announced: Option<u64>) -> Request {
    let mut request = Request::get(&server.url("/")).unwrap();
    request.method = Method::Post;
    let source = Pieces { pieces: pieces.into(), announced, opened: Cell::new(0) };
    request.body = Body::Stream(Rc::new(source));
    request
}

/// Sends each request's body back while it still comes in.
fn echo() -> Server {
    Server::start(|mut peer| async move {
        let Some(head) = peer.head().await else { return };
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n").await;
        peer.send(head.as_bytes()).await;
        let end: &[u8] = b"0\r\n\r\n";
        let mut tail = Vec::new();
        while !tail.ends_with(end) {
            let Some(piece) = peer.some_body().await else { return };
            peer.send(&piece).await;
            tail.extend_from_slice(&piece);
            let keep = tail.len().saturating_sub(end.len());
            tail.drain(..keep);
        }
    })
}

#[test]
fn a_streamed_body_goes_out_in_chunks_while_the_answer_comes_in() {
    on_core(async {
        let server = echo();
        let piece = vec![b'y'; 100_000];
        let request = upload(&server, vec![piece.clone(); 200], None);
        let response = ok(send(&client(), &request).await);
        let text = response.body();
        let head_end = text.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&text[..head_end]).into_owned();
        assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
        let mut expected = Vec::new();
        for _ in 0..200 {
            expected.extend_from_slice(b"186a0\r\n");
            expected.extend_from_slice(&piece);
            expected.extend_from_slice(b"\r\n");
        }
        expected.extend_from_slice(b"0\r\n\r\n");
        assert!(text[head_end..] == expected);
    });
}

#[test]
fn a_streamed_body_of_known_length_is_announced_and_checked() {
    on_core(async {
        let server = Server::answering(OK);
        let client = client();
        let pieces = vec![vec![1; 70_000], vec![2; 30_000]];
        let request = upload(&server, pieces.clone(), Some(100_000));
        let exchange = send(&client, &request).await;
        assert!(exchange.bytes_sent > 100_000);
        ok(exchange);
        for wrong in [99_999, 100_001] {
            let request = upload(&server, pieces.clone(), Some(wrong));
            let (code, text) = failure(&send(&client, &request).await);
            assert_eq!(code, 1000);
            assert!(text.contains("ContentLength does not match"), "{text}");
        }
        let request = upload(&server, vec![vec![1; 10], vec![]], None);
        let (code, text) = failure(&send(&client, &request).await);
        assert_eq!((code, text.as_str()), (1000, "request body: disk on fire"));
    });
}
