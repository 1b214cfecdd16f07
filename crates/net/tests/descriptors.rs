//! Giving an exchange up in any phase frees its descriptors. A binary of its own with one test:
//! it counts the descriptors of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // helpers of a test are tests

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use net::dns::{Resolver, ResolverOptions};
use net::http::{Body, Client, ClientConfig, Method, Request};
use net::tls::{TlsConfig, TlsOptions};
use rt::net::{TcpListener, TcpStream};

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Polls the future for a while, then drops it: the phase it is in never ends.
async fn give_up(future: impl Future) {
    let mut future = pin!(future);
    let mut sleep = rt::sleep(Duration::from_millis(20));
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending(), "the phase must not end by itself");
        std::pin::Pin::new(&mut sleep).poll(cx)
    })
    .await;
}

/// Accepts connections and keeps them, sending `answer` on each.
fn serve(answer: &'static [u8]) -> (SocketAddr, rt::Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let task = rt::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            drop(rt::spawn(hold(stream, answer)));
        }
    });
    (address, task)
}

/// Sends the answer and waits for the client to go away, reading nothing but its end.
async fn hold(mut stream: TcpStream, answer: &'static [u8]) {
    let _ = stream.write_all(answer).await;
    // Not reading leaves a large upload stuck. A reset or an end makes the socket readable.
    let mut seen = [0; 1024];
    for _ in 0..3 {
        match stream.read(&mut seen).await {
            Ok(0) | Err(_) => return,
            Ok(_) => rt::sleep(Duration::from_millis(60)).await,
        }
    }
}

fn client_with(options: &ResolverOptions, lookup_ms: u64) -> Client {
    let lookup = move |_: &str| -> std::io::Result<Vec<IpAddr>> {
        // A wait on a side thread: nothing is ever sent.
        let (_sender, receiver) = std::sync::mpsc::channel::<()>();
        let _ = receiver.recv_timeout(Duration::from_millis(lookup_ms));
        Ok(vec!["127.0.0.1".parse().unwrap()])
    };
    let resolver = Resolver::with_lookup(options, Arc::new(lookup)).unwrap();
    let tls = TlsConfig::new(&TlsOptions::new()).unwrap();
    Client::new(Arc::new(ClientConfig::new(Arc::new(resolver), Arc::new(tls))), None)
}

#[test]
fn an_exchange_given_up_in_any_phase_leaks_no_descriptor() {
    let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
    core.block_on(async {
        // The process's first connection opens a descriptor that stays: the one that keeps receive stamps on.
        let (first, _) = serve(b"");
        drop(rt::net::TcpStream::connect(first, None).await);
        let (silent, _) = serve(b"");
        let (half, _) = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
        let client = client_with(&ResolverOptions::new(), 200);
        let get = |url: String| Request::get(&url).unwrap();
        let mut upload = get(format!("http://{silent}/"));
        upload.method = Method::Post;
        upload.body = Body::Bytes(vec![0; 32 << 20]);
        let before = descriptors();
        for round in 0..3 {
            for (phase, request) in [
                ("name", get(format!("http://slow{round}.test/"))),
                ("handshake", get(format!("https://{silent}/"))),
                ("upload", upload.clone()),
                ("waiting", get(format!("http://{silent}/"))),
                ("body", get(format!("http://{half}/"))),
            ] {
                give_up(client.send(&request, None)).await;
                assert_eq!(client.idle(), 0, "{phase}");
            }
            // Several at once, as in a batch.
            let request = get(format!("http://{silent}/"));
            give_up(async {
                let mut all: Vec<_> =
                    (0..5).map(|_| Box::pin(client.send(&request, None))).collect();
                poll_fn(|cx| {
                    for one in &mut all {
                        assert!(one.as_mut().poll(cx).is_pending());
                    }
                    Poll::<()>::Pending
                })
                .await;
            })
            .await;
        }
        // The server's ends go when it has seen the client's go.
        for _ in 0..200 {
            if descriptors() == before {
                return;
            }
            rt::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(descriptors(), before);
    });
}
