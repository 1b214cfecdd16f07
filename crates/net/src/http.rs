//! HTTP exchanges: a request on an origin, what came back, and how long each phase took.
//!
//! Everything above works with [`Transport::send`], which never mentions a connection: [`Client`]
//! has a pool of HTTP/1.1 connections and shared ones that speak HTTP/2.

mod client;
mod connection;
mod deadline;
mod exchange;
mod headers;
mod http2;
mod pool;
mod request;
mod response;
mod status;
mod trace;

pub use client::{Client, ClientConfig, Http2, Reuse};
pub(crate) use deadline::{Deadline, Spares};
pub use exchange::{Exchange, Timings};
pub(crate) use headers::is_token;
pub use headers::{HeaderError, Headers, canonical_name};
pub use request::{Body, BodyReader, BodySink, Method, Request, StreamBody};
pub use response::{Notable, Response, ResponseHeaders, Version};

use std::future::Future;

use rt::Nanos;

/// Sends requests to origins. How many connections or streams that takes is the implementor's
/// business: several exchanges may be under way at once, on one connection or on many.
pub trait Transport {
    /// Carries out one exchange, to the end of the body. Everything, connecting included, must be
    /// over by `deadline`. Dropping the future gives the exchange up and frees what it held.
    fn send(&self, request: &Request, deadline: Option<Nanos>) -> impl Future<Output = Exchange>;

    /// Closes what is open and not in use.
    fn close_idle(&self);
}

#[cfg(test)]
mod tests;
