//! A server for tests: each connection is handled by an async function on the test's core.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use rt::net::{TcpListener, TcpStream};

pub(super) struct Server {
    pub(super) address: SocketAddr,
    accepted: Rc<Cell<usize>>,
    received: Rc<Cell<u64>>,
    sent: Rc<Cell<u64>>,
}

/// A connection as the server sees it.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    /// Counts from 0 over the server's connections.
    pub(super) number: usize,
    buffer: Vec<u8>,
    received: Rc<Cell<u64>>,
    sent: Rc<Cell<u64>>,
}

impl Server {
    /// Handles each connection with `handler`; the connection is closed when that returns.
    pub(super) fn start<F, H>(handler: F) -> Server
    where
        F: Fn(Peer) -> H + 'static,
        H: Future<Output = ()> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let server = Server {
            address: listener.local_addr().unwrap(),
            accepted: Rc::default(),
            received: Rc::default(),
            sent: Rc::default(),
        };
        let (accepted, received, sent) =
            (server.accepted.clone(), server.received.clone(), server.sent.clone());
        drop(rt::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let number = accepted.replace(accepted.get() + 1);
                let (received, sent) = (received.clone(), sent.clone());
                let peer = Peer { stream, number, buffer: Vec::new(), received, sent };
                drop(rt::spawn(handler(peer)));
            }
        }));
        server
    }

    /// Answers each request of each connection with these bytes.
    pub(super) fn answering(answer: impl Into<Vec<u8>>) -> Server {
        let answer: Rc<[u8]> = answer.into().into();
        Server::start(move |mut peer| {
            let answer = answer.clone();
            async move {
                while peer.request().await.is_some() {
                    if !peer.send(&answer).await {
                        return;
                    }
                }
            }
        })
    }

    /// Answers one request of each connection with these bytes, then closes.
    pub(super) fn answering_once(answer: impl Into<Vec<u8>>) -> Server {
        let answer: Rc<[u8]> = answer.into().into();
        Server::start(move |mut peer| {
            let answer = answer.clone();
            async move {
                if peer.request().await.is_some() {
                    peer.send(&answer).await;
                }
            }
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    /// Bytes received and sent on all connections.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.received.get(), self.sent.get())
    }
}

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

impl Peer {
    /// Reads some bytes; 0 is the end.
    pub(super) async fn read(&mut self, buf: &mut [u8]) -> usize {
        let n = self.stream.read(buf).await.unwrap_or(0);
        self.received.set(self.received.get() + n as u64);
        n
    }

    async fn fill(&mut self) -> bool {
        let mut piece = [0; 16 << 10];
        let n = self.read(&mut piece).await;
        self.buffer.extend_from_slice(&piece[..n]);
        n > 0
    }

    /// The head of the next request; its body of announced length is read and dropped.
    pub(super) async fn request(&mut self) -> Option<String> {
        let head = self.head().await?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < length {
            if !self.fill().await {
                return None;
            }
        }
        self.buffer.drain(..length);
        Some(head)
    }

    /// The head of the next request; its body stays to be read.
    pub(super) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let rest = self.buffer.split_off(end + 4);
                let head = std::mem::replace(&mut self.buffer, rest);
                return Some(String::from_utf8(head).unwrap());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Whatever came after the last head.
    pub(super) async fn some_body(&mut self) -> Option<Vec<u8>> {
        if self.buffer.is_empty() && !self.fill().await {
            return None;
        }
        Some(std::mem::take(&mut self.buffer))
    }

    /// Sends all of it, or says that the client is gone.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self.stream.write_all(bytes).await.is_ok();
        if sent {
            self.sent.set(self.sent.get() + bytes.len() as u64);
        }
        sent
    }

    /// Waits until the client closes.
    pub(super) async fn wait_for_end(&mut self) {
        while self.fill().await {
            self.buffer.clear();
        }
    }
}
