//! The network side of a load generator: HTTP/1.1 with phase timings, TLS and name resolution,
//! on `rt`'s sockets.
//!
//! What it must not know: metrics (it returns [`http::Timings`] and byte counts, the caller makes
//! samples), scripts, plans. Redirects, cookies and authentication are the caller's too: one call
//! of [`http::Client::send`] is one exchange on the wire.
//!
//! Start reading at [`http::Transport`] (a request on an origin, never a connection), then
//! [`http::Client`], its one real implementor so far. [`h1`] is the codec without any I/O;
//! [`stream`] gives other protocols a connection; [`error`] lists k6's numeric error codes, which every failure carries.

pub mod auth;
pub mod cookie;
pub mod dns;
pub mod encoding;
pub mod error;
pub mod grpc;
pub mod h1;
pub mod http;
pub mod proxy;
pub mod stream;
pub mod tls;
pub mod url;
pub mod ws;

pub use error::NetError;
