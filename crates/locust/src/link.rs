//! The Unix socket that children report to: frames read on a thread for each, handed over as events.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use metrics::Snapshot;
use serde_json::Value;

use crate::run::Event;

/// A frame that holds JSON.
const JSON: u8 = 1;
/// A frame that holds a snapshot.
const SNAPSHOT: u8 = 2;
/// A frame that holds a snapshot of another process: its name's length (u16, little endian), its name, the snapshot.
const FORWARDED: u8 = 3;
/// Longest frame that is read.
const MAX_FRAME: usize = 256 << 20;
/// How long a child may take a message.
const SEND_PATIENCE: Duration = Duration::from_secs(5);
/// Most children of one run.
const MAX_CHILDREN: u64 = 4_096;

/// A child's connection, to write to.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    is_broken: bool,
}

impl Connection {
    /// Sends a message.
    ///
    /// # Errors
    /// The child is gone, or does not read.
    pub fn tell(&mut self, message: &Value) -> io::Result<()> {
        self.send(JSON, message.to_string().as_bytes())
    }

    /// Hands over a snapshot of the process of this name, which is short.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn relay(&mut self, name: &str, encoded: &[u8]) -> io::Result<()> {
        let length = u16::try_from(name.len()).map_err(io::Error::other)?;
        let payload = [&length.to_le_bytes(), name.as_bytes(), encoded].concat();
        self.send(FORWARDED, &payload)
    }

    fn send(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        if self.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut frame = Vec::with_capacity(5 + payload.len());
        frame.extend(length.to_le_bytes());
        frame.push(kind);
        frame.extend(payload);
        let sent = self.stream.write_all(&frame);
        // After a part of a frame nothing would be understood.
        self.is_broken = sent.is_err();
        sent
    }
}

/// The listening socket, in a folder that only its owner may enter.
#[derive(Debug)]
pub struct Listener {
    folder: PathBuf,
    path: PathBuf,
    is_over: Arc<AtomicBool>,
}

impl Listener {
    /// Listens in a new folder below `folder`; what comes is sent to `events`.
    ///
    /// # Errors
    /// The system refused the folder, the socket or the thread.
    pub fn start(folder: &Path, name: &str, events: SyncSender<Event>) -> io::Result<Self> {
        let folder = folder.join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let path = folder.join("link");
        let listener = UnixListener::bind(&path)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        rt::thread::start("squall-locust", move || accept(&listener, &events, &told))?;
        Ok(Self { folder, path, is_over })
    }

    /// Where children connect to.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // Wakes the thread, which then sees that it is over.
        drop(UnixStream::connect(&self.path));
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn accept(listener: &UnixListener, events: &SyncSender<Event>, is_over: &AtomicBool) {
    for source in 0..MAX_CHILDREN {
        let Ok((stream, _)) = listener.accept() else { return };
        if is_over.load(Ordering::Acquire) {
            return;
        }
        let Ok(reader) = stream.try_clone() else { continue };
        drop(stream.set_write_timeout(Some(SEND_PATIENCE)));
        if events.send(Event::Connected(source, Connection { stream, is_broken: false })).is_err() {
            return;
        }
        let events = events.clone();
        let read = move || {
            let error = listen(reader, source, &events).err();
            drop(events.send(Event::Closed(source, error.map(|e| e.to_string()))));
        };
        if rt::thread::start("squall-locust-child", read).is_err() {
            return;
        }
    }
}

/// Reads a child's frames until it closes. The end between two frames is an orderly one.
fn listen(mut stream: UnixStream, source: u64, events: &SyncSender<Event>) -> io::Result<()> {
    loop {
        let mut head = [0; 5];
        if !read_head(&mut stream, &mut head)? {
            return Ok(());
        }
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > MAX_FRAME {
            return Err(io::Error::other(format!("a frame of {length} bytes is too large")));
        }
        let payload = read_payload(&mut stream, length)?;
        let event = match head[4] {
            SNAPSHOT => {
                let snapshot = Snapshot::decode(&payload).map_err(io::Error::other)?;
                Event::Snapshot(source, Box::new(snapshot))
            }
            FORWARDED => forwarded(&payload)?,
            JSON => Event::Message(source, serde_json::from_slice(&payload)?),
            _ => continue,
        };
        if events.send(event).is_err() {
            return Ok(());
        }
    }
}

fn forwarded(payload: &[u8]) -> io::Result<Event> {
    let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (length, rest) = payload.split_first_chunk::<2>().ok_or_else(cut_off)?;
    let length = usize::from(u16::from_le_bytes(*length));
    let (name, encoded) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    let snapshot = Snapshot::decode(encoded).map_err(io::Error::other)?;
    Ok(Event::Forwarded(String::from_utf8_lossy(name).into_owned(), Box::new(snapshot)))
}

/// Reads a frame's head; false at the end of the stream.
fn read_head(stream: &mut UnixStream, head: &mut [u8; 5]) -> io::Result<bool> {
    let mut n = 0;
    while n < head.len() {
        match stream.read(&mut head[n..]) {
            Ok(0) if n == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Reads a payload, allocating as it comes: a length alone reserves nothing.
fn read_payload(stream: &mut UnixStream, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = Read::by_ref(stream).take(length as u64).read_to_end(&mut bytes)?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}
