//! What a connection to a pod becomes: a port-forward or a program's streams, over WebSocket.
//!
//! Each message begins with the number of its channel. A port-forward has two of each port, data and errors, and each
//! begins with the port's number; `exec` has 0 for input, 1 and 2 for output and errors, 3 for how it ended, and 255
//! ends another one (protocol v5).

use super::kind::Place;
use super::{Shared, State, TICK, lock};
use crate::answer::Answer;
use crate::percent;
use crate::reader::Request;
use crate::websocket;
use crate::websocket::frame::{self, Head, opcode};
use rt::net::TcpStream;
use serde_json::json;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::Mutex;

/// The longest message of a client, bytes.
const MAX_MESSAGE: usize = 16 << 20;
const BLOCK: usize = 16 * 1024;
/// How a client of protocol v5 ends the program's input.
const END_OF_INPUT: [u8; 2] = [255, 0];

/// The protocols in the order of preference.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// What a connection becomes after the handshake.
pub(super) enum Session {
    Forward { namespace: String, pod: String, port: u16, to: Option<SocketAddr> },
    Exec { command: Vec<String>, stdin: bool, can_close: bool },
}

/// Answers the handshake; the answer says what is wrong with it where there is no session.
pub(super) fn accept(
    request: &Request<'_>,
    place: &Place<'_>,
    query: &str,
    state: &State,
    answer: &mut Answer,
) -> Option<Session> {
    let offered = request.header("sec-websocket-protocol").unwrap_or_default();
    let is_offered = |name: &&&str| offered.split(',').any(|offer| offer.trim() == **name);
    // Of port-forwards servers know v4 only.
    let known = if place.sub == "exec" { &PROTOCOLS[..] } else { &PROTOCOLS[1..] };
    let (Some(key), Some(protocol)) =
        (request.header("sec-websocket-key"), known.iter().find(is_offered))
    else {
        answer.error(400, "a WebSocket handshake with a known protocol is expected");
        return None;
    };
    let session = if place.sub == "exec" {
        let words = percent::pairs(query).filter(|(key, _)| key == "command");
        Session::Exec {
            command: words.map(|(_, word)| word.into_owned()).collect(),
            stdin: percent::value(query, "stdin").as_deref() == Some("true"),
            can_close: *protocol == PROTOCOLS[0],
        }
    } else {
        let Some(port) = percent::value(query, "ports").and_then(|text| text.parse().ok()) else {
            answer.error(400, "query parameter \"ports\" is required");
            return None;
        };
        let to = state.store.listener(place.name, port);
        let (namespace, pod) = (place.namespace.to_owned(), place.name.to_owned());
        Session::Forward { namespace, pod, port, to }
    };
    answer.status = 101;
    answer.header("Upgrade", "websocket");
    answer.header("Connection", "Upgrade");
    answer.header("Sec-WebSocket-Accept", &websocket::accept(key));
    answer.header("Sec-WebSocket-Protocol", protocol);
    Some(session)
}

impl Session {
    /// Serves until either side closes. `rest` is what came after the handshake.
    pub(super) async fn serve(
        self,
        stream: TcpStream,
        rest: Vec<u8>,
        shared: Shared,
    ) -> io::Result<()> {
        let (read, write) = tokio::io::split(stream);
        let inbox = Inbox { read, buf: rest, messages: VecDeque::new() };
        let outbox = Outbox(Rc::new(Mutex::new(write)));
        match self {
            Session::Forward { namespace, pod, port, to } => {
                let life = lock(&shared).store.life(&namespace, &pod);
                let is_alive = move || lock(&shared).store.life(&namespace, &pod) == life;
                forward(inbox, outbox, (refusal(port), port), to, is_alive).await
            }
            Session::Exec { command, stdin, can_close } => {
                exec(inbox, outbox, command, stdin && can_close, &shared).await
            }
        }
    }
}

/// As a kubelet says it.
fn refusal(port: u16) -> String {
    format!(
        "error forwarding port {port} to pod 4b1c, uid : failed to execute portforward in network namespace \
         \"/var/run/netns/cni-1\": failed to connect to localhost:{port} inside namespace \"4b1c\", IPv4: dial tcp4 \
         127.0.0.1:{port}: connect: connection refused"
    )
}

/// Messages as they come.
struct Inbox {
    read: ReadHalf<TcpStream>,
    buf: Vec<u8>,
    messages: VecDeque<Vec<u8>>,
}

impl Inbox {
    /// The next message with its channel in front; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(Some(message));
            }
            let head = Head::parse(&self.buf, MAX_MESSAGE)
                .map_err(|violation| io::Error::other(format!("close {}", violation.0)))?;
            match head.filter(|head| self.buf.len() >= head.start + head.len) {
                Some(head) => {
                    let mut payload: Vec<u8> = self.buf.drain(..head.start + head.len).collect();
                    payload.drain(..head.start);
                    head.unmask(&mut payload);
                    match head.opcode {
                        opcode::CLOSE => return Ok(None),
                        opcode::BINARY | opcode::TEXT => self.messages.push_back(payload),
                        _ => {}
                    }
                }
                None => {
                    let mut block = [0; BLOCK];
                    let n = self.read.read(&mut block).await?;
                    if n == 0 {
                        return Ok(None);
                    }
                    self.buf.extend_from_slice(&block[..n]);
                }
            }
        }
    }
}

/// Where messages go out; two tasks write.
#[derive(Clone)]
struct Outbox(Rc<Mutex<WriteHalf<TcpStream>>>);

impl Outbox {
    async fn send(&self, channel: u8, bytes: &[u8]) -> io::Result<()> {
        let mut out = Vec::with_capacity(bytes.len() + 16);
        frame::put_head(&mut out, opcode::BINARY, frame::WHOLE, bytes.len() + 1);
        out.push(channel);
        out.extend_from_slice(bytes);
        self.0.lock().await.write_all(&out).await
    }

    async fn close(&self) -> io::Result<()> {
        let mut out = Vec::new();
        frame::put_close(&mut out, 1000, "");
        let mut write = self.0.lock().await;
        write.write_all(&out).await?;
        write.shutdown().await
    }
}

async fn forward(
    mut inbox: Inbox,
    outbox: Outbox,
    (refused, port): (String, u16),
    to: Option<SocketAddr>,
    is_alive: impl Fn() -> bool,
) -> io::Result<()> {
    outbox.send(0, &port.to_le_bytes()).await?;
    outbox.send(1, &port.to_le_bytes()).await?;
    let backend = match to {
        Some(address) => TcpStream::connect(address, None).await.ok(),
        None => None,
    };
    let Some(backend) = backend else {
        outbox.send(1, refused.as_bytes()).await?;
        return outbox.close().await;
    };
    let (mut from_backend, mut to_backend) = tokio::io::split(backend);
    let back = outbox.clone();
    let down = rt::spawn(async move {
        let mut block = vec![0; BLOCK];
        while let Ok(n @ 1..) = from_backend.read(&mut block).await {
            if back.send(0, &block[..n]).await.is_err() {
                return;
            }
        }
        let _ = back.close().await;
    });
    loop {
        // Looked at in between: a pod that dies takes its connections along.
        match rt::timeout(TICK * 4, inbox.next()).await {
            Ok(Ok(Some(message))) => match message.split_first() {
                Some((0, bytes)) => to_backend.write_all(bytes).await?,
                _ => continue,
            },
            Ok(Ok(None) | Err(_)) => break,
            Err(_) if !is_alive() => {
                outbox.close().await?;
                break;
            }
            Err(_) if down.try_take().is_some() => break,
            Err(_) => {}
        }
    }
    // The server behind closes then, and with it the other direction ends.
    let _ = to_backend.shutdown().await;
    Ok(())
}

async fn exec(
    mut inbox: Inbox,
    outbox: Outbox,
    command: Vec<String>,
    stdin: bool,
    shared: &Shared,
) -> io::Result<()> {
    let (known, executes) = {
        let state = lock(shared);
        (state.executed.get(&command).cloned(), state.config.executes)
    };
    let code = match known {
        Some(executed) => {
            while stdin && inbox.next().await?.is_some_and(|message| message != END_OF_INPUT) {}
            for (channel, bytes) in [(1, &executed.stdout), (2, &executed.stderr)] {
                for block in bytes.chunks(BLOCK) {
                    outbox.send(channel, block).await?;
                }
            }
            Ok(executed.code)
        }
        None if executes => run_here(&command, inbox, &outbox, stdin).await,
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let status = match code {
        Ok(code) => ended(code),
        Err(error) => {
            let program = command.first().map_or("", String::as_str);
            let text = format!(
                "error executing command in container: exec: \"{program}\": executable file not found in $PATH: {error}"
            );
            json!({"metadata": {}, "status": "Failure", "message": text, "reason": "InternalError", "code": 500})
        }
    };
    outbox.send(3, status.to_string().as_bytes()).await?;
    outbox.close().await
}

fn ended(code: i32) -> serde_json::Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {},
        "status": "Failure",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

/// Runs a program of this machine, whose streams are connections of ours; its exit code.
async fn run_here(
    command: &[String],
    mut inbox: Inbox,
    outbox: &Outbox,
    stdin: bool,
) -> io::Result<i32> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    let (streams, its_streams) = pair().await?;
    let (errors, its_errors) = pair().await?;
    let mut child = std::process::Command::new(program)
        .args(arguments)
        .stdin(its_streams.try_clone()?)
        .stdout(its_streams)
        .stderr(its_errors)
        .spawn()?;
    let (output, mut input) = tokio::io::split(streams);
    let pass = |channel: u8, mut from: ReadHalf<TcpStream>| {
        let outbox = outbox.clone();
        rt::spawn(async move {
            let mut block = vec![0; BLOCK];
            while let Ok(n @ 1..) = from.read(&mut block).await {
                if outbox.send(channel, &block[..n]).await.is_err() {
                    return;
                }
            }
        })
    };
    let passed = [pass(1, output), pass(2, tokio::io::split(errors).0)];
    if !stdin {
        input.shutdown().await?;
    }
    loop {
        // Looked at in between: a program may end before its input does.
        match rt::timeout(TICK * 4, inbox.next()).await {
            Ok(Ok(Some(message))) if message == END_OF_INPUT => input.shutdown().await?,
            // One that reads nothing is none of our business.
            Ok(Ok(Some(message))) => match message.split_first() {
                Some((0, bytes)) => drop(input.write_all(bytes).await),
                _ => continue,
            },
            Ok(Ok(None) | Err(_)) => {
                child.kill()?;
                break;
            }
            Err(_) if child.try_wait()?.is_some() => break,
            Err(_) => {}
        }
    }
    let status = child.wait()?;
    for passed in passed {
        passed.await;
    }
    Ok(status.code().unwrap_or(137))
}

/// Two ends of a connection: ours, and one that a program can have as a stream.
async fn pair() -> io::Result<(TcpStream, OwnedFd)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let ours = TcpStream::connect(listener.local_addr()?, None).await?;
    Ok((ours, listener.accept()?.0.into()))
}
