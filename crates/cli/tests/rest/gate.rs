//! A server that lets nobody through until it is told to: a script that asks it stays where it is.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A gate that nobody opens lets everybody through in the end.
const PATIENCE: Duration = Duration::from_secs(50);

#[derive(Default)]
struct State {
    is_open: Mutex<bool>,
    opened: Condvar,
}

/// The gate. It lives as long as the test's process.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Gate {
    /// A closed gate.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let gate = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = gate.state.clone();
        let body = move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                // Who goes away while waiting is of no interest.
                let body = move || answer(stream, &state).ok();
                rt::thread::start("at the gate", body).unwrap();
            }
        };
        rt::thread::start("gate", body).unwrap();
        gate
    }

    /// Lets everybody through who waits or comes.
    pub(crate) fn open(&self) {
        *self.state.is_open.lock().unwrap() = true;
        self.state.opened.notify_all();
    }
}

fn answer(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let closed = state.is_open.lock().unwrap();
        drop(state.opened.wait_timeout_while(closed, PATIENCE, |is_open| !*is_open).unwrap());
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}
