//! The body of a request on its way out, as fast as the peer's windows let it.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;

use crate::error::{NetError, code};
use crate::http::request::{Body, BodyReader, Request};

/// A piece of body that is copied at a time: a few frames.
const PIECE_BYTES: usize = 64 << 10;

/// Why a body did not get out.
#[derive(Debug)]
pub(super) enum UploadError {
    /// Its source failed.
    Source(NetError),
    /// The stream or its connection did.
    Wire(h2::Error),
}

pub(super) struct Upload<'a> {
    pub(super) stream: Option<SendStream<Bytes>>,
    /// What is still to come of a body in memory.
    rest: &'a [u8],
    source: Option<Source>,
    is_over: bool,
}

/// A body that is made on the way.
struct Source {
    reader: Box<dyn BodyReader>,
    left: Option<u64>,
    more: bool,
    made: Vec<u8>,
    at: usize,
}

impl<'a> Upload<'a> {
    pub(super) fn new(request: &'a Request) -> Upload<'a> {
        let source = match &request.body {
            Body::Stream(source) => Some(Source {
                reader: source.open(),
                left: source.length(),
                more: true,
                made: Vec::new(),
                at: 0,
            }),
            _ => None,
        };
        let rest = request.body.as_bytes().unwrap_or_default();
        Upload { stream: None, rest, is_over: rest.is_empty() && source.is_none(), source }
    }

    /// Whether there is no body at all.
    pub(super) fn is_empty(&self) -> bool {
        self.is_over
    }

    /// Whether all of it has been handed over.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        loop {
            let (next, is_last): (&[u8], bool) = match &mut self.source {
                None => {
                    let n = self.rest.len().min(PIECE_BYTES);
                    (&self.rest[..n], n == self.rest.len())
                }
                Some(source) => {
                    if source.at == source.made.len() && source.more {
                        ready!(source.poll_refill(cx)).map_err(UploadError::Source)?;
                        if source.made.is_empty() && source.more {
                            continue;
                        }
                    }
                    (&source.made[source.at..], !source.more)
                }
            };
            if next.is_empty() {
                stream.send_data(Bytes::new(), true).map_err(UploadError::Wire)?;
                self.is_over = true;
                return Poll::Ready(Ok(()));
            }
            let wanted = next.len();
            if stream.capacity() == 0 {
                stream.reserve_capacity(wanted);
            }
            while stream.capacity() == 0 {
                match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Poll::Ready(Err(UploadError::Wire(error))),
                    // The stream is closed: what the response says, or why there is none, counts.
                    None => {
                        self.is_over = true;
                        return Poll::Ready(Ok(()));
                    }
                }
            }
            let n = wanted.min(stream.capacity());
            let ends = is_last && n == wanted;
            let piece = Bytes::copy_from_slice(&next[..n]);
            stream.send_data(piece, ends).map_err(UploadError::Wire)?;
            match &mut self.source {
                None => self.rest = &self.rest[n..],
                Some(source) => source.at += n,
            }
            if ends {
                self.is_over = true;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Source {
    fn poll_refill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NetError>> {
        self.made.clear();
        self.at = 0;
        self.more = ready!(self.reader.poll_next(cx, &mut self.made))
            .map_err(|error| NetError::new(code::GENERIC, format!("request body: {error}")))?;
        let made = self.made.len() as u64;
        if let Some(left) = &mut self.left {
            if made > *left || (!self.more && made < *left) {
                let text = format!(
                    "http2: request body does not match its length: {left} bytes left, got {made}"
                );
                return Poll::Ready(Err(NetError::new(code::GENERIC, text)));
            }
            *left -= made;
        }
        Poll::Ready(Ok(()))
    }
}
