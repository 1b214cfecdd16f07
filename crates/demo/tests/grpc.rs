//! gRPC as a client sees it, over a real socket.

#![allow(clippy::unwrap_used)] // Clippy does not see that helper functions belong to tests.

mod client;

use bytes::{Bytes, BytesMut};
use client::Client;
use demo::{Target, TargetConfig, TargetHandle};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The runtime's socket with the traits of the HTTP/2 library.
struct Socket(rt::net::TcpStream);

impl tokio::io::AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.0.poll_read(cx, buf.initialize_unfilled()).map_ok(|n| buf.advance(n))
    }
}

impl tokio::io::AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.0.shutdown())
    }
}

/// What came of a call.
#[derive(Debug)]
struct Outcome {
    headers: HeaderMap,
    messages: Vec<Bytes>,
    trailers: HeaderMap,
}

impl Outcome {
    fn status(&self) -> &str {
        let from = if self.trailers.is_empty() { &self.headers } else { &self.trailers };
        from.get("grpc-status").map_or("", |value| value.to_str().unwrap())
    }
}

async fn connect(target: &TargetHandle) -> SendRequest<Bytes> {
    let stream = rt::net::TcpStream::connect(target.grpc_addr().unwrap(), None).await.unwrap();
    let (send, connection) = h2::client::handshake(Socket(stream)).await.unwrap();
    drop(rt::spawn(async move {
        // Some calls break the connection on purpose.
        let _ = connection.await;
    }));
    send
}

/// One call with these messages, each sent in two pieces, so that they never come along with the head.
async fn call(
    send: &SendRequest<Bytes>,
    path: &str,
    metadata: &[(&str, &str)],
    messages: &[&[u8]],
) -> Result<Outcome, h2::Error> {
    let mut request = Request::post(format!("http://demo.test{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in metadata {
        request = request.header(*name, *value);
    }
    let mut send = send.clone().ready().await?;
    let (response, mut body) = send.send_request(request.body(()).unwrap(), messages.is_empty())?;
    for (index, message) in messages.iter().enumerate() {
        let head = [&[0][..], &(message.len() as u32).to_be_bytes()].concat();
        body.send_data(head.into(), false)?;
        rt::yield_now().await;
        body.send_data(Bytes::copy_from_slice(message), index + 1 == messages.len())?;
    }
    let response = response.await?;
    let (head, mut body) = response.into_parts();
    let mut data = BytesMut::new();
    while let Some(piece) = poll_fn(|cx| body.poll_data(cx)).await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len()).unwrap();
        data.extend_from_slice(&piece);
    }
    let trailers = poll_fn(|cx| body.poll_trailers(cx)).await?.unwrap_or_default();
    let mut messages = Vec::new();
    while !data.is_empty() {
        let len = u32::from_be_bytes(data[1..5].try_into().unwrap()) as usize;
        messages.push(data.split_to(5 + len).freeze().slice(5..));
    }
    Ok(Outcome { headers: head.headers, messages, trailers })
}

fn on_core<T>(work: impl AsyncFnOnce(&TargetHandle) -> T, config: TargetConfig) -> T {
    let target = Target::start(config).unwrap();
    let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
    core.block_on(async {
        rt::timeout(Duration::from_secs(30), work(&target)).await.expect("the target answers")
    })
}

const SUM: &str = "/sum.SumNumbersService/SumNumbers";
/// x = 3, y = 4.
const THREE_AND_FOUR: &[u8] = b"\x08\x03\x10\x04";

#[test]
fn numbers_are_added_and_reach_the_totalizer_after_the_delay() {
    let mut config = TargetConfig::on_free_port();
    config.pipeline_delay = Duration::from_millis(50);
    on_core(
        async |target| {
            let total = || {
                let answer = Client::to(target).get("/v1/results").json();
                answer["result"].as_i64().unwrap()
            };
            let send = connect(target).await;
            // From the first sum on the total does not grow by itself.
            call(&send, SUM, &[], &[b""]).await.unwrap();
            let before = total();
            let outcome = call(&send, SUM, &[], &[THREE_AND_FOUR]).await.unwrap();
            let sent = rt::now();
            assert_eq!(outcome.messages, [&b"\x08\x07"[..]]);
            assert_eq!(outcome.status(), "0");
            while total() != before + 7 {
                assert!(rt::now() - sent < Duration::from_secs(10), "the sum never arrives");
            }
            assert!(rt::now() - sent >= Duration::from_millis(49));
            // -1 + 1: proto3 leaves zeros out; wrapping around: as Go adds.
            for (message, sum) in [
                (&b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01"[..], &b""[..]),
                (
                    b"\x08\xff\xff\xff\xff\x07\x10\x01",
                    b"\x08\x80\x80\x80\x80\xf8\xff\xff\xff\xff\x01",
                ),
                (b"", b""),
            ] {
                let outcome = call(&send, SUM, &[], &[message]).await.unwrap();
                assert_eq!(outcome.messages, [sum]);
            }
            let text = Client::to(target).get("/metrics").text();
            let line = "grpc_server_handled_total{grpc_code=\"OK\",grpc_method=\"SumNumbers\",\
                grpc_service=\"sum.SumNumbersService\",grpc_type=\"unary\"} 5";
            assert!(text.contains(line), "{text}");
            assert_eq!(target.served().of_route(SUM), 5);
        },
        config,
    );
}

#[test]
fn metadata_asks_for_faults() {
    on_core(
        async |target| {
            let send = connect(target).await;
            let ask = async |metadata: &[(&str, &str)]| {
                call(&send, SUM, metadata, &[THREE_AND_FOUR]).await
            };
            let outcome = ask(&[("squall-status", "14"), ("squall-message", "no")]).await.unwrap();
            assert_eq!((outcome.status(), outcome.messages.len()), ("14", 0));
            assert_eq!(outcome.headers["grpc-message"], "no");
            let begun = rt::now();
            let outcome = ask(&[("squall-delay", "20ms"), ("echo-a", "1"), ("trail-b", "2")]).await;
            let outcome = outcome.unwrap();
            assert!(rt::now() - begun >= Duration::from_millis(20));
            assert_eq!(
                (&outcome.headers["echo-a"], &outcome.trailers["trail-b"]),
                (&"1".parse().unwrap(), &"2".parse().unwrap())
            );
            let error = ask(&[("squall-reset", "8")]).await.unwrap_err();
            assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
            let outcome = ask(&[("squall-status", "x")]).await.unwrap();
            assert_eq!(outcome.status(), "3");
            assert!(ask(&[("squall-reset", "connection")]).await.unwrap_err().is_io());
            let log = target.log();
            assert_eq!(log.last().unwrap().fault, demo::Fault::Reset);
        },
        TargetConfig::on_free_port(),
    );
}

#[test]
fn wrong_calls_end_with_a_status() {
    on_core(
        async |target| {
            let send = connect(target).await;
            for (path, messages, status) in [
                ("/sum.SumNumbersService/Nope", &[THREE_AND_FOUR][..], "12"),
                ("/nope.Nope/Nope", &[THREE_AND_FOUR], "12"),
                (SUM, &[b"\x0a\xff"], "13"),
                (SUM, &[], "13"),
                ("/grpc.health.v1.Health/Check", &[b"\x0a\x01x"], "5"),
                ("/grpc.health.v1.Health/Check", &[b""], "0"),
                ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[b""], "3"),
            ] {
                let outcome = call(&send, path, &[], messages).await.unwrap();
                assert_eq!(outcome.status(), status, "{path} {messages:?}");
            }
        },
        TargetConfig::on_free_port(),
    );
}

#[test]
fn streams_go_both_ways_and_reflection_lists_the_services() {
    on_core(
        async |target| {
            let send = connect(target).await;
            let one: &[u8] = b"\x08\x01\x12\x01a";
            let chat = call(&send, "/squall.demo.Streams/Chat", &[], &[one, one, one]).await;
            assert_eq!(chat.unwrap().messages, [one, one, one]);
            let sum = call(&send, "/squall.demo.Streams/Collect", &[], &[one, one]).await.unwrap();
            assert_eq!(sum.messages, [&b"\x08\x02\x10\x0a\x18\x02"[..]]);
            let count: &[u8] = b"\x08\x03\x10\x80\x80\x40";
            let count = call(&send, "/squall.demo.Streams/Count", &[], &[count]).await.unwrap();
            assert_eq!(count.messages.len(), 3);
            assert!(count.messages.iter().all(|message| message.len() > 1 << 20));
            let echo = call(&send, "/squall.demo.Streams/Echo", &[], &[b"\x7a\x00"]).await.unwrap();
            assert_eq!(echo.messages, [&b"\x7a\x00"[..]]);
            for version in ["v1", "v1alpha"] {
                let path =
                    format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
                let answer = call(&send, &path, &[], &[b"\x3a\x01*"]).await.unwrap();
                let text = String::from_utf8_lossy(&answer.messages[0]).into_owned();
                assert!(text.contains("sum.SumNumbersService"), "{text}");
            }
        },
        TargetConfig::on_free_port(),
    );
}
