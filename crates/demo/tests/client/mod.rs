//! A blocking HTTP/1.1 client over a plain socket: enough to see exactly what the target sends.
#![allow(dead_code)] // Each test binary uses its own part.
#![allow(clippy::unwrap_used)] // Clippy does not see that a helper module belongs to tests.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than anything here takes; a hanging target fails instead of blocking the tests.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    stream: TcpStream,
    buffered: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }
}

impl Client {
    pub(crate) fn to(target: &demo::TargetHandle) -> Client {
        Client::connect(target.addrs()[0])
    }

    pub(crate) fn connect(addr: std::net::SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream, buffered: Vec::new() }
    }

    pub(crate) fn send(&mut self, raw: &[u8]) {
        self.stream.write_all(raw).unwrap();
    }

    pub(crate) fn finish_sending(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, &[], b"")
    }

    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: demo.test\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut raw = head.into_bytes();
        raw.extend_from_slice(body);
        self.send(&raw);
        self.response(method).unwrap()
    }

    /// Status, headers and the length told; what follows the head stays buffered.
    pub(crate) fn head(&mut self) -> io::Result<(Response, Option<u64>, bool)> {
        let end = loop {
            if let Some(at) = self.buffered.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&self.buffered[..end]).into_owned();
        self.buffered.drain(..end);
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap_or("");
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not HTTP: {status_line}")))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let response = Response { status, headers, body: Vec::new() };
        let length = response.header("content-length").map(|text| text.parse().unwrap());
        let chunked = response.header("transfer-encoding") == Some("chunked");
        Ok((response, length, chunked))
    }

    pub(crate) fn response(&mut self, method: &str) -> io::Result<Response> {
        let (mut response, length, chunked) = self.head()?;
        if method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304) {
            return Ok(response);
        }
        match length {
            Some(length) => response.body = self.take(length as usize)?,
            None if chunked => loop {
                let size = self.line()?;
                let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
                let piece = self.take(size)?;
                response.body.extend_from_slice(&piece);
                assert_eq!(self.line()?, "");
                if size == 0 {
                    break;
                }
            },
            None => while self.fill()? > 0 {},
        }
        Ok(response)
    }

    /// Everything until the end of the stream; a reset or time-out is an error.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.buffered))
    }

    /// Counts bytes until `n` or the end of the stream, keeping none.
    pub(crate) fn skip(&mut self, n: u64) -> io::Result<u64> {
        let mut seen = (self.buffered.len() as u64).min(n);
        self.buffered.drain(..seen as usize);
        let mut sink = vec![0; 256 * 1024];
        while seen < n {
            let room = sink.len().min((n - seen) as usize);
            match self.stream.read(&mut sink[..room])? {
                0 => break,
                got => seen += got as u64,
            }
        }
        Ok(seen)
    }

    /// True when nothing arrives within `patience`.
    pub(crate) fn is_silent_for(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        let silent = matches!(
            self.fill().map_err(|e| e.kind()),
            Err(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
        );
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }

    fn take(&mut self, n: usize) -> io::Result<Vec<u8>> {
        while self.buffered.len() < n {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffered.drain(..n).collect())
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffered.windows(2).position(|w| w == b"\r\n") {
                let line = self.take(at + 2)?;
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 * 1024];
        let n = self.stream.read(&mut chunk)?;
        self.buffered.extend_from_slice(&chunk[..n]);
        Ok(n)
    }
}
