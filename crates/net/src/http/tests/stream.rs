//! Streams for other protocols: the same connections behind `tokio`'s traits.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::server::OK;
use super::tls::{BOTH, identity, serve, server_config, trusting};
use super::*;
use crate::error::{NetError, code};
use crate::stream::{Security, Stream, Target, Traffic, connect};

async fn write_all(stream: &mut Stream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = poll_fn(|cx| Pin::new(&mut *stream).poll_write(cx, bytes)).await?;
        bytes = &bytes[n..];
    }
    poll_fn(|cx| Pin::new(&mut *stream).poll_flush(cx)).await
}

async fn read(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut space = [0; 1024];
    let mut buf = ReadBuf::new(&mut space);
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut buf)).await?;
    Ok(buf.filled().to_vec())
}

fn target<'a>(config: &'a ClientConfig, host: &'a str, address: SocketAddr) -> Target<'a> {
    Target { host, port: address.port(), resolver: &config.resolver, local: None, security: None }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn a_plain_stream_is_counted_stamped_and_shut_down() {
    on_core(async {
        let server = Server::answering_once(OK);
        let config = config(&TlsOptions::new());
        let traffic = Rc::new(Traffic::default());
        let mut stream =
            connect(&target(&config, "a.test", server.address), &traffic).await.unwrap();
        let (probe, before) = (stream.probe(), rt::now());
        assert_eq!((stream.remote_addr(), stream.alpn()), (server.address, None));
        assert_eq!(stream.times().tls_handshaking, Duration::ZERO);
        write_all(&mut stream, REQUEST).await.unwrap();
        assert_eq!(read(&mut stream).await.unwrap(), OK);
        assert!(probe.last_recv() >= before && probe.last_recv() <= rt::now());
        assert_eq!(read(&mut stream).await.unwrap(), b"");
        poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await.unwrap();
        assert_eq!((traffic.sent(), traffic.received()), (REQUEST.len() as u64, OK.len() as u64));
        assert_eq!(probe.failure(), None);
    });
}

#[test]
fn a_protected_stream_agrees_on_a_protocol() {
    on_core(async {
        let id = identity(&["a.test"], |_| {});
        let mut server = (*server_config(&id, BOTH, None)).clone();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let server = serve(&Arc::new(server), OK);
        let config = config(&trusting(&id));
        let traffic = Rc::new(Traffic::default());
        for (alpn, agreed) in [
            (&[&b"http/1.1"[..], b"h2"][..], Some(&b"h2"[..])),
            (&[b"http/1.1"], Some(b"http/1.1")),
            (&[], None),
        ] {
            let mut target = target(&config, "a.test", server.address);
            target.security = Some(Security { config: &config.tls, server_name: None, alpn });
            let mut stream = connect(&target, &traffic).await.unwrap();
            assert_eq!(stream.alpn(), agreed);
            assert_eq!(stream.tls().unwrap().version, "tls1.3");
            assert!(stream.times().tls_handshaking > Duration::ZERO);
            let bufs = [io::IoSlice::new(&REQUEST[..5]), io::IoSlice::new(&REQUEST[5..])];
            let n = poll_fn(|cx| Pin::new(&mut stream).poll_write_vectored(cx, &bufs)).await;
            assert_eq!(n.unwrap(), REQUEST.len());
            assert_eq!(read(&mut stream).await.unwrap(), OK);
        }
        assert_eq!((traffic.received(), traffic.sent()), (server.bytes().1, server.bytes().0));
    });
}

#[test]
fn failures_have_k6s_codes_before_and_after_connecting() {
    on_core(async {
        let config = config(&TlsOptions::new());
        let traffic = Rc::new(Traffic::default());
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = connect(&target(&config, "a.test", closed), &traffic).await.unwrap_err();
        assert_eq!(error.code, code::DIAL_REFUSED);
        let server = Server::start(|peer| async move {
            peer.stream.set_reset_on_close().unwrap();
        });
        let mut stream =
            connect(&target(&config, "a.test", server.address), &traffic).await.unwrap();
        let error = read(&mut stream).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let inner = error.get_ref().unwrap().downcast_ref::<NetError>().unwrap();
        assert_eq!((inner.code, &*inner.message), (1220, "read: connection reset by peer"));
        assert_eq!(stream.probe().failure().as_ref(), Some(inner));
    });
}
