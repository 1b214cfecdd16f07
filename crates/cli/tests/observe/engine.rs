//! A Docker engine on a Unix socket that answers what a real one was recorded to answer.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The engine, until it is dropped.
pub(crate) struct Engine {
    path: PathBuf,
    /// The container of the recordings.
    pub(crate) container: String,
}

fn recorded(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../observe/tests/recorded/docker");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

impl Engine {
    pub(crate) fn start() -> Self {
        let path = std::env::temp_dir().join(format!("squall-docker-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let readings = Arc::new(AtomicUsize::new(0));
        rt::thread::start("engine", move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let readings = Arc::clone(&readings);
                drop(rt::thread::start("engine", move || serve(stream, &readings)));
            }
        })
        .unwrap();
        let list: serde_json::Value = serde_json::from_slice(&recorded("list.json")).unwrap();
        let name = list[0]["Names"][0].as_str().unwrap().trim_start_matches('/').to_owned();
        Self { path, container: name }
    }

    /// For `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut stream: UnixStream, readings: &AtomicUsize) {
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
            match stream.read(&mut chunk) {
                Ok(n @ 1..) => buffer.extend_from_slice(&chunk[..n]),
                _ => return,
            }
            continue;
        };
        let head: Vec<u8> = buffer.drain(..end + 4).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let target = head.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let body = match path {
            "/info" => recorded("info.json"),
            "/containers/json" => recorded("list.json"),
            "/events" => Vec::new(),
            path if path.ends_with("/stats") => {
                let nth = readings.fetch_add(1, Ordering::Relaxed);
                // The first look begins the readings; from the second on they are seen.
                recorded(if nth < 3 { "stats-1.json" } else { "stats-2.json" })
            }
            _ => recorded("inspect.json"),
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}
