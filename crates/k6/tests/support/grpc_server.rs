//! A gRPC server for tests that knows no messages: it gives back the bytes it gets, and metadata of the request says
//! what else should happen. Written on the `h2` crate's server side, so that it shares nothing with what it judges.
//!
//! Steered by: `x-code`, `x-message` and `x-details-bin` (the status), `x-count` (how often each message comes back),
//! `x-last` (only the last one, at the end), `x-delay` (milliseconds), `x-reset` (an HTTP/2 error code), `x-raw-bin` (an answer of these
//! bytes), `x-size` (an answer of so many bytes), `x-http` (an answer that is not gRPC's, with this status), `x-cut` (no
//! trailers), `x-drop` (the connection ends), `x-gzip`, `x-hang`, `x-echo-*` (comes back before the messages), `x-trail-*` (after them).
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use rt::net::{TcpListener, TcpStream};

/// What a server saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// A line for each call: path, headers, messages.
    pub calls: Vec<String>,
    pub accepted: u64,
    pub closed: u64,
}

pub struct GrpcServer {
    pub addr: SocketAddr,
    pub seen: Arc<Mutex<Seen>>,
    stop: rt::channel::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for GrpcServer {
    fn drop(&mut self) {
        self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Encoded files and what each defines.
struct Files(Vec<(String, Vec<String>, Vec<u8>)>);

struct Shared {
    seen: Arc<Mutex<Seen>>,
    files: Files,
}

/// Starts a server that knows the services of `proto` (a file in `folder`).
pub fn start(folder: &Path, proto: &str) -> GrpcServer {
    start_on(SocketAddr::from(([127, 0, 0, 1], 0)), folder, proto)
}

pub fn start_on(addr: SocketAddr, folder: &Path, proto: &str) -> GrpcServer {
    let set = protox::compile([folder.join(proto)], [folder]).unwrap();
    let files = set.file.iter().map(|file| {
        let package = file.package().to_owned();
        let services =
            file.service.iter().map(|service| format!("{package}.{}", service.name())).collect();
        (file.name().to_owned(), services, prost::Message::encode_to_vec(file))
    });
    let files = Files(files.collect());
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let (stop, mut stopped) = rt::channel::unbounded::<()>();
    let (ready, bound) = mpsc::channel();
    let shown = seen.clone();
    let thread = rt::thread::start("grpc-test", move || {
        let mut core = rt::Core::new(rt::CoreConfig { spin: false }).unwrap();
        core.block_on(async move {
            let listener = TcpListener::bind(addr).unwrap();
            ready.send(listener.local_addr().unwrap()).unwrap();
            drop(rt::spawn(accept(listener, std::rc::Rc::new(Shared { seen: shown, files }))));
            stopped.recv().await;
        });
    })
    .unwrap();
    let addr = bound.recv_timeout(Duration::from_secs(10)).unwrap();
    GrpcServer { addr, seen, stop, thread: Some(thread) }
}

async fn accept(listener: TcpListener, shared: std::rc::Rc<Shared>) {
    while let Ok(stream) = listener.accept().await {
        shared.seen.lock().unwrap().accepted += 1;
        let shared = shared.clone();
        drop(rt::spawn(async move {
            serve(stream, &shared).await;
            shared.seen.lock().unwrap().closed += 1;
        }));
    }
}

async fn serve(stream: TcpStream, shared: &std::rc::Rc<Shared>) {
    let _ = stream.set_nodelay(true);
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        if request.headers().contains_key("x-drop") {
            return;
        }
        let shared = shared.clone();
        drop(rt::spawn(async move { call(request, respond, &shared).await }));
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(text.trim_end_matches('=')).unwrap()
}

/// The messages of a request.
struct Incoming {
    body: RecvStream,
    buffer: Vec<u8>,
}

impl Incoming {
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.buffer.len() >= 5 {
                let length = u32::from_be_bytes(self.buffer[1..5].try_into().unwrap()) as usize;
                if self.buffer.len() >= 5 + length {
                    let rest = self.buffer.split_off(5 + length);
                    let message = std::mem::replace(&mut self.buffer, rest);
                    return Some(message[5..].to_vec());
                }
            }
            let chunk = self.body.data().await?.ok()?;
            let _ = self.body.flow_control().release_capacity(chunk.len());
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut out = vec![flag];
    out.extend_from_slice(&(message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out.into()
}

/// Sends with flow control.
async fn put(stream: &mut SendStream<Bytes>, mut bytes: Bytes) -> bool {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let mut n = stream.capacity();
        while n == 0 {
            match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(Ok(more)) => n = more,
                _ => return false,
            }
        }
        let part = bytes.split_to(n.min(bytes.len()));
        if stream.send_data(part, false).is_err() {
            return false;
        }
    }
    true
}

fn trailers(code: u64, message: &str) -> HeaderMap {
    let mut out = HeaderMap::new();
    out.insert("grpc-status", HeaderValue::from_str(&code.to_string()).unwrap());
    if !message.is_empty() {
        out.insert("grpc-message", HeaderValue::from_str(message).unwrap());
    }
    out
}

/// A call's line in what the server saw, kept up as messages come.
struct Line {
    seen: Arc<Mutex<Seen>>,
    at: usize,
}

impl Line {
    fn new(shared: &Shared, request: &Request<RecvStream>) -> Line {
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in request.headers() {
            // What is left of a time-out differs from run to run, and k6 sends the scenario's where a call has none.
            if name == "grpc-timeout" {
                continue;
            }
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.entry(name.to_string()).or_default().push(value);
        }
        let mut line = format!("{} {}", request.method(), request.uri().path());
        line.push_str(&format!(
            " authority={}",
            request.uri().authority().map_or("", |a| a.as_str())
        ));
        for (name, values) in headers {
            line.push_str(&format!(" {name}={}", values.join("|")));
        }
        let mut seen = shared.seen.lock().unwrap();
        seen.calls.push(line);
        Line { seen: shared.seen.clone(), at: seen.calls.len() - 1 }
    }

    fn message(&self, message: &[u8]) {
        use std::fmt::Write as _;
        const SHOWN: usize = 48;
        let mut seen = self.seen.lock().unwrap();
        let line = &mut seen.calls[self.at];
        line.push_str(" [");
        if message.len() > SHOWN {
            let _ = write!(line, "{} bytes", message.len());
        } else {
            // k6 writes fields in random order.
            let mut sorted = message.to_vec();
            sorted.sort_unstable();
            for byte in sorted {
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push(']');
    }
}

async fn call(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, shared: &Shared) {
    let path = request.uri().path().to_owned();
    let line = Line::new(shared, &request);
    let headers = request.headers().clone();
    let mut incoming = Incoming { body: request.into_body(), buffer: Vec::new() };
    if let Some(delay) = number(&headers, "x-delay") {
        rt::sleep(Duration::from_millis(delay)).await;
    }
    if headers.contains_key("x-hang") {
        rt::sleep(Duration::from_secs(600)).await;
        return;
    }
    if let Some(status) = number(&headers, "x-http") {
        let response =
            Response::builder().status(status as u16).header("content-type", "text/plain");
        let mut stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
        let _ = stream.send_data(Bytes::from_static(b"not here"), true);
        return;
    }
    let refuse = |mut respond: SendResponse<Bytes>, code, message: String| {
        let mut response = Response::new(());
        *response.headers_mut() = trailers(code, &message);
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        let _ = respond.send_response(response, true);
    };
    let (service, method) = path[1..].split_once('/').unwrap_or_else(|| (&path[1..], ""));
    if service.ends_with("ServerReflection") {
        if service != "grpc.reflection.v1.ServerReflection" {
            return refuse(respond, 12, format!("unknown service {service}"));
        }
        return reflect(incoming, respond, shared).await;
    }
    if service == "grpc.health.v1.Health" && method == "Check" {
        let message = incoming.next().await.unwrap_or_default();
        line.message(&message);
        let status = match message.get(2..) {
            None | Some([]) => 1,
            Some(b"down") => 2,
            _ => return refuse(respond, 5, "unknown service".to_owned()),
        };
        let Some(mut stream) = accepted(&mut respond, HeaderMap::new()) else { return };
        put(&mut stream, framed(0, &[8, status])).await;
        let _ = stream.send_trailers(trailers(0, ""));
        return;
    }
    if !shared.files.0.iter().any(|(_, services, _)| services.iter().any(|s| s == service))
        || service.ends_with(".Absent")
    {
        return refuse(respond, 12, format!("unknown service {service}"));
    }
    echo(&headers, incoming, respond, &line).await;
}

/// The client may have gone already.
fn accepted(
    respond: &mut SendResponse<Bytes>,
    mut headers: HeaderMap,
) -> Option<SendStream<Bytes>> {
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut response = Response::new(());
    *response.headers_mut() = headers;
    respond.send_response(response, false).ok()
}

fn copied(headers: &HeaderMap, prefix: &str) -> HeaderMap {
    let mut out = HeaderMap::new();
    for (name, value) in headers {
        if name.as_str().starts_with(prefix) {
            out.append(HeaderName::from_bytes(name.as_str().as_bytes()).unwrap(), value.clone());
        }
    }
    out
}

async fn echo(
    headers: &HeaderMap,
    mut incoming: Incoming,
    mut respond: SendResponse<Bytes>,
    line: &Line,
) {
    let code = number(headers, "x-code").unwrap_or(0);
    let count = number(headers, "x-count").unwrap_or(1);
    let mut first = copied(headers, "x-echo-");
    let gzips = headers.contains_key("x-gzip");
    if gzips {
        first.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    let Some(mut stream) = accepted(&mut respond, first) else { return };
    let replies = |message: Vec<u8>| -> Bytes {
        let message = match (headers.get("x-raw-bin"), number(headers, "x-size")) {
            (Some(raw), _) => base64(raw.to_str().unwrap()),
            (None, Some(size)) => {
                // A field nobody knows.
                let mut out = vec![0xfa, 0x7f];
                let mut left = size;
                while left >= 0x80 {
                    out.push(left as u8 | 0x80);
                    left >>= 7;
                }
                out.push(left as u8);
                out.resize(out.len() + size as usize, b'x');
                out
            }
            (None, None) => message,
        };
        if gzips {
            use std::io::Write as _;
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&message).unwrap();
            return framed(1, &encoder.finish().unwrap());
        }
        framed(0, &message)
    };
    let mut last = None;
    while let Some(message) = incoming.next().await {
        line.message(&message);
        if headers.contains_key("x-last") {
            last = Some(message);
        } else if code == 0 {
            let reply = replies(message);
            for _ in 0..count {
                if !put(&mut stream, reply.clone()).await {
                    return;
                }
            }
        }
        if let Some(reason) = number(headers, "x-reset") {
            stream.send_reset(Reason::from(reason as u32));
            return;
        }
    }
    if let Some(message) = last.filter(|_| code == 0) {
        put(&mut stream, replies(message)).await;
    }
    if headers.contains_key("x-cut") {
        let _ = stream.send_data(Bytes::new(), true);
        return;
    }
    let mut end = trailers(code, &text(headers, "x-message").unwrap_or_default());
    end.extend(copied(headers, "x-trail-"));
    if let Some(details) = headers.get("x-details-bin") {
        end.insert("grpc-status-details-bin", details.clone());
    }
    let _ = stream.send_trailers(end);
}

/// `ServerReflection`, as far as clients ask: services, files with a symbol, files by name.
async fn reflect(mut incoming: Incoming, mut respond: SendResponse<Bytes>, shared: &Shared) {
    let field = |number: u8, bytes: &[u8]| -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut left = bytes.len();
        while left >= 0x80 {
            out.push(left as u8 | 0x80);
            left >>= 7;
        }
        out.push(left as u8);
        out.extend_from_slice(bytes);
        out
    };
    let Some(mut stream) = accepted(&mut respond, HeaderMap::new()) else { return };
    while let Some(message) = incoming.next().await {
        // One field with a short text.
        let (tag, value) = (message[0] >> 3, String::from_utf8_lossy(&message[2..]).into_owned());
        let files = &shared.files.0;
        let answer = match tag {
            7 => {
                let services = files.iter().flat_map(|(_, services, _)| services);
                let listed: Vec<u8> =
                    services.flat_map(|name| field(1, &field(1, name.as_bytes()))).collect();
                field(6, &listed)
            }
            tag => {
                let found = files.iter().find(|(name, services, _)| {
                    if tag == 3 { *name == value } else { services.contains(&value) }
                });
                match found {
                    Some((_, _, file)) => field(4, &field(1, file)),
                    None => field(7, &[&[8, 5][..], &field(2, b"not found")].concat()),
                }
            }
        };
        if !put(&mut stream, framed(0, &answer)).await {
            return;
        }
    }
    let _ = stream.send_trailers(trailers(0, ""));
}
