//! Asking the API of another process. Blocking, with a limit: for commands, not for runs.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;

/// How long a request may take: scaling waits until iterations have ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer that is read, bytes: the metrics of a large test.
const MAX_BODY: usize = 64 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub enum CallError {
    /// Nobody listens, or the name has no address; and what was tried.
    Connect(String, io::Error),
    /// The exchange broke.
    Exchange(String),
}

/// Sends one request to the API at `address` and returns the status and the body of the answer.
///
/// # Errors
/// There was no whole answer within a minute.
pub fn call(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(u16, Vec<u8>), CallError> {
    let broken = |error: &dyn std::fmt::Display| CallError::Exchange(error.to_string());
    let address =
        if address.starts_with(':') { format!("localhost{address}") } else { address.into() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| broken(&error))?;
    let stream = connect(&address)?;
    let exchange = async {
        let stream = tokio::net::TcpStream::from_std(stream).map_err(|error| broken(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        let driver = tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, address.as_str())
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(|error| broken(&error))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|error| broken(&error))?.to_bytes().to_vec();
        driver.abort();
        Ok((status, body))
    };
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| CallError::Exchange("no answer within a minute".into()))?
    })
}

fn connect(address: &str) -> Result<std::net::TcpStream, CallError> {
    use std::net::{TcpStream, ToSocketAddrs};
    let unknown = |error| CallError::Connect(address.to_owned(), error);
    let mut last = unknown(io::Error::other("the name has no address"));
    for candidate in address.to_socket_addrs().map_err(unknown)? {
        match TcpStream::connect_timeout(&candidate, Duration::from_secs(10)) {
            Ok(stream) => {
                let tried = candidate.to_string();
                stream.set_nonblocking(true).map_err(|error| CallError::Connect(tried, error))?;
                return Ok(stream);
            }
            Err(error) => last = CallError::Connect(candidate.to_string(), error),
        }
    }
    Err(last)
}
