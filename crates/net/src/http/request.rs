//! What is asked for.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::headers::{Headers, is_token};
use crate::error::{NetError, code};
use crate::url::{Url, UrlError, go_quoted};

/// A request method. Upper case is the caller's business: `get` is a method of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// Any other token.
    Other(Box<str>),
}

impl Method {
    /// The method of this name.
    ///
    /// # Errors
    /// With Go's text, if the name is no HTTP token.
    pub fn parse(name: &str) -> Result<Method, NetError> {
        Ok(match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            name if !name.is_empty() && name.bytes().all(is_token) => Method::Other(name.into()),
            name => {
                let text = format!("net/http: invalid method {}", go_quoted(name.as_bytes()));
                return Err(NetError::new(code::GENERIC, text));
            }
        })
    }

    /// As it stands on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Other(name) => name,
        }
    }

    /// Whether Go sends `Content-Length: 0` when there is no body.
    pub(crate) fn expects_body(&self) -> bool {
        matches!(self, Method::Post | Method::Put | Method::Patch)
    }

    /// Whether Go repeats the request when a kept connection turns out to be dead.
    pub(crate) fn is_replayable(&self) -> bool {
        match self {
            Method::Get | Method::Head | Method::Options => true,
            Method::Other(name) => &**name == "TRACE",
            _ => false,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A body that is made while it is sent. Opened once for each attempt to send the request.
pub trait StreamBody {
    /// How many bytes it has, if that is known; else it goes out in chunks.
    fn length(&self) -> Option<u64>;
    /// Starts reading at the beginning.
    fn open(&self) -> Box<dyn BodyReader>;
}

/// One reading of a [`StreamBody`].
pub trait BodyReader {
    /// Appends some bytes to `out`; `false` says that these were the last. Should append at most
    /// some 64 KiB at a time: what is appended is held in memory.
    ///
    /// # Errors
    /// Whatever keeps the body from being read; the exchange fails with its text.
    fn poll_next(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<bool>>;
}

/// The body of a request.
#[derive(Clone, Default)]
pub enum Body {
    /// None: no `Content-Length` except for POST, PUT and PATCH.
    #[default]
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, shared with whoever made them.
    Shared(Rc<[u8]>),
    /// What this source makes.
    Stream(Rc<dyn StreamBody>),
}

impl Body {
    /// How many bytes will be sent, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::Empty => Some(0),
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::Shared(bytes) => Some(bytes.len() as u64),
            Body::Stream(source) => source.length(),
        }
    }

    /// The bytes, unless the body is made on the way.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Body::Empty => Some(&[]),
            Body::Bytes(bytes) => Some(bytes),
            Body::Shared(bytes) => Some(bytes),
            Body::Stream(_) => None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.length()) {
            (Body::Stream(_), Some(n)) => write!(f, "Body(stream of {n} bytes)"),
            (Body::Stream(_), None) => f.write_str("Body(stream)"),
            (_, n) => write!(f, "Body({} bytes)", n.unwrap_or_default()),
        }
    }
}

/// What to do with the body of the response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodySink {
    /// Keep it, up to the client's limit.
    #[default]
    Keep,
    /// Read it to its end and forget it, in constant memory.
    Discard,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to. User info in it is not sent: basic authentication is the caller's.
    pub url: Url,
    /// Headers the caller wants; framing and `Host` are added.
    pub headers: Headers,
    /// The body.
    pub body: Body,
    /// What to do with the body of the response.
    pub sink: BodySink,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: Url) -> Request {
        Request { method, url, headers: Headers::new(), body: Body::Empty, sink: BodySink::Keep }
    }

    /// A GET.
    ///
    /// # Errors
    /// If the URL does not parse.
    pub fn get(url: &str) -> Result<Request, UrlError> {
        Ok(Request::new(Method::Get, Url::parse(url)?))
    }
}
