//! Listeners that misbehave in ways a target can't.
#![allow(unsafe_code)] // two socket calls that std does not offer

use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::squall::{Folder, until};

/// Accepts connections and never answers; reads what comes, or does not even that.
pub(crate) struct Silent {
    pub(crate) addr: SocketAddr,
    accepted: Arc<AtomicU64>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Silent {
    pub(crate) fn start(reads: bool) -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (accepted, end) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (accepted.clone(), end.clone());
        let body = move || {
            let mut open: Vec<TcpStream> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                if let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).unwrap();
                    open.push(stream);
                    count.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                if reads {
                    let mut buffer = [0; 4096];
                    open.retain_mut(|stream| match stream.read(&mut buffer) {
                        Ok(0) => false,
                        Ok(_) => true,
                        Err(error) => error.kind() == ErrorKind::WouldBlock,
                    });
                }
                super::squall::pause(Duration::from_millis(2));
            }
        };
        let thread = Some(rt::thread::start("silent", body).unwrap());
        Silent { addr, accepted, end, thread }
    }

    /// Waits until somebody has connected.
    pub(crate) fn wait_for_connection(&self) {
        until("a connection", || (self.accepted.load(Ordering::Relaxed) > 0).then_some(()));
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A port that swallows connection attempts: its queue is full, so the kernel drops every SYN.
pub(crate) struct BlackHole {
    pub(crate) addr: SocketAddr,
    _listener: TcpListener,
    _fill: Vec<TcpStream>,
}

impl BlackHole {
    pub(crate) fn open() -> BlackHole {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // SAFETY: listen on a descriptor we own; again, to shrink its queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let addr = listener.local_addr().unwrap();
        let mut fill = Vec::new();
        // The first attempts fill the queue, the next one hangs: that is the sign.
        for _ in 0..16 {
            match TcpStream::connect_timeout(&addr, Duration::from_millis(300)) {
                Ok(stream) => fill.push(stream),
                Err(_) => return BlackHole { addr, _listener: listener, _fill: fill },
            }
        }
        panic!("the queue of a listener with a backlog of 0 did not fill");
    }
}

/// A name server that never answers, on an address of its own, and the means to run a command under it.
pub(crate) struct MuteResolver {
    socket: UdpSocket,
    file: PathBuf,
}

impl MuteResolver {
    /// `Err` says what this machine does not allow.
    pub(crate) fn open(folder: &Folder) -> Result<MuteResolver, String> {
        let address = "127.0.0.61";
        let socket = UdpSocket::bind((address, 53))
            .map_err(|error| format!("can't listen on {address}:53: {error}"))?;
        let file = folder.path().join("resolv.conf");
        std::fs::write(&file, format!("nameserver {address}\noptions timeout:30 attempts:2\n"))
            .unwrap();
        let resolver = MuteResolver { socket, file };
        let mut probe = resolver.command("/bin/true", &[]);
        match probe.output() {
            Ok(output) if output.status.success() => Ok(resolver),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(format!("unshare: {error}")),
        }
    }

    /// Waits until somebody has asked for a name.
    pub(crate) fn wait_for_query(&self) {
        self.socket.set_read_timeout(Some(super::squall::PATIENCE)).unwrap();
        assert!(self.socket.recv(&mut [0; 512]).unwrap() > 0);
    }

    /// `program words…` in a mount namespace where this is the only name server.
    pub(crate) fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        let mount = format!(
            "mount --bind '{}' /etc/resolv.conf && exec \"$0\" \"$@\"",
            Path::display(&self.file)
        );
        command.args(["--mount", "sh", "-c", &mount, program]).args(words);
        command
    }
}
