//! A receiver that keeps what it is sent, and answers as it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request that was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case, in the order they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// How POSTs are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With 204.
    Takes,
    /// The first so many with 503, then with 204.
    Fails(usize),
    /// With 400.
    Refuses,
    /// Never.
    Hangs,
}

struct State {
    received: Mutex<Vec<Received>>,
    manner: Manner,
    n_posts: AtomicUsize,
    over: AtomicBool,
}

/// An HTTP server on a free port.
pub(crate) struct Capture {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Capture {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            received: Mutex::default(),
            manner,
            n_posts: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let accept = move || {
            for stream in listener.incoming() {
                if shared.over.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&shared)) else { continue };
                rt::thread::start("capture", move || serve(&stream, &shared)).unwrap();
            }
        };
        rt::thread::start("capture", accept).unwrap();
        Self { address, state }
    }

    /// What was received so far whose target contains `part`.
    pub(crate) fn received(&self, part: &str) -> Vec<Received> {
        let all = self.state.received.lock().unwrap();
        all.iter().filter(|one| one.target.contains(part)).cloned().collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: &TcpStream, state: &State) {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let is_post = request.method == "POST";
        state.received.lock().unwrap().push(request);
        let n = if is_post { state.n_posts.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let answer = match state.manner {
            _ if !is_post => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            Manner::Fails(first) if n < first => {
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nbusy"
            }
            Manner::Refuses => "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad",
            Manner::Hangs => continue,
            _ => "HTTP/1.1 204 No Content\r\n\r\n",
        };
        let mut out = stream;
        if out.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Received { method, target, headers, body })
}

/// A gRPC server on a free port that takes every unary call; what it is called with is kept as if it were posted.
pub(crate) struct Calls {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Calls {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = Arc::clone(&received);
        let main = move || {
            let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
            core.block_on(async {
                let listener = rt::net::TcpListener::from_std(listener).unwrap();
                while let Ok(stream) = listener.accept().await {
                    drop(rt::spawn(answer_calls(stream, Arc::clone(&kept))));
                }
            });
        };
        rt::thread::start("calls", main).unwrap();
        Self { address, received }
    }

    /// The calls so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn answer_calls(stream: rt::net::TcpStream, kept: Arc<Mutex<Vec<Received>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let kept = Arc::clone(&kept);
        drop(rt::spawn(async move {
            let (head, mut stream) = request.into_parts();
            let mut body = Vec::new();
            while let Some(Ok(chunk)) = stream.data().await {
                let _ = stream.flow_control().release_capacity(chunk.len());
                body.extend_from_slice(&chunk);
            }
            // Not compressed, and one message.
            assert_eq!(
                (body[0], body.len()),
                (0, 5 + u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize)
            );
            let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
            kept.lock().unwrap().push(Received {
                method: head.method.to_string(),
                target: head.uri.path().to_owned(),
                headers: head.headers.iter().map(|(k, v)| (k.to_string(), text(v))).collect(),
                body: body.split_off(5),
            });
            let answer = http::Response::builder()
                .header("content-type", "application/grpc")
                .body(())
                .unwrap();
            let mut stream = respond.send_response(answer, false).unwrap();
            stream.send_data(bytes::Bytes::from_static(b"\0\0\0\0\0"), false).unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            stream.send_trailers(trailers).unwrap();
        }));
    }
}

/// A receiver of packets.
pub(crate) struct Packets {
    pub(crate) address: SocketAddr,
    socket: UdpSocket,
}

impl Packets {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        Self { address: socket.local_addr().unwrap(), socket }
    }

    /// The lines of all packets that wait.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut packet = [0; 65_536];
        while let Ok(n) = self.socket.recv(&mut packet) {
            lines.extend(String::from_utf8_lossy(&packet[..n]).lines().map(str::to_owned));
        }
        lines
    }
}
