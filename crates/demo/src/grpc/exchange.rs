//! The two directions of one call: messages that come in, and head, messages and trailers that go out.

use super::status::{Status, code};
use super::wire::{self, Frame, MAX_MESSAGE};
use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Response};
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Why no further message comes.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The client is gone, or has reset the stream.
    Gone,
    /// It sent what can't be taken.
    Refused(Status),
}

impl From<h2::Error> for Broken {
    fn from(_: h2::Error) -> Broken {
        Broken::Gone
    }
}

/// The messages of the client.
pub(crate) struct Inbound {
    body: RecvStream,
    buffer: BytesMut,
}

impl Inbound {
    pub(crate) fn new(body: RecvStream) -> Inbound {
        Inbound { body, buffer: BytesMut::new() }
    }

    /// The only message, if it has come whole already, in one piece, as the last thing: no copy is made then.
    pub(crate) fn only(&mut self, cx: &mut Context<'_>) -> Option<Bytes> {
        let Poll::Ready(Some(Ok(data))) = self.body.poll_data(cx) else { return None };
        self.release(data.len());
        match wire::only_frame(&data) {
            Some(message) if self.body.is_end_stream() => Some(data.slice_ref(message)),
            _ => {
                self.buffer.extend_from_slice(&data);
                None
            }
        }
    }

    fn release(&mut self, len: usize) {
        // Fails only for more than was received.
        let _ = self.body.flow_control().release_capacity(len);
    }

    /// The next message; `None` is the end.
    ///
    /// # Errors
    /// When the client is gone or sent what is no message of at most 4 MiB.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Broken> {
        loop {
            match wire::take_frame(&mut self.buffer) {
                Frame::Message(message) => return Ok(Some(message)),
                Frame::Part => {}
                Frame::Compressed => {
                    let text = "grpc: Decompressor is not installed for grpc-encoding \"gzip\"";
                    return Err(Broken::Refused(Status::new(code::UNIMPLEMENTED, text)));
                }
                Frame::TooLong(len) => {
                    let text =
                        format!("grpc: received message larger than max ({len} vs. {MAX_MESSAGE})");
                    return Err(Broken::Refused(Status::new(code::RESOURCE_EXHAUSTED, text)));
                }
            }
            match poll_fn(|cx| self.body.poll_data(cx)).await {
                Some(data) => {
                    let data = data?;
                    self.release(data.len());
                    self.buffer.extend_from_slice(&data);
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    return Err(Broken::Refused(Status::new(code::INTERNAL, "unexpected EOF")));
                }
            }
        }
    }
}

/// The answer.
pub(crate) struct Outbound {
    respond: SendResponse<Bytes>,
    stream: Option<SendStream<Bytes>>,
    /// Further headers and trailers that the client asked for.
    headers: HeaderMap,
    trailers: HeaderMap,
}

impl Outbound {
    pub(crate) fn new(respond: SendResponse<Bytes>) -> Outbound {
        let (headers, trailers) = (HeaderMap::new(), HeaderMap::new());
        Outbound { respond, stream: None, headers, trailers }
    }

    /// Sends the request's `echo-…` entries back as headers, its `trail-…` entries as trailers.
    pub(crate) fn echo(&mut self, request: &HeaderMap) {
        for (name, value) in request {
            if name.as_str().starts_with("echo-") {
                self.headers.append(name.clone(), value.clone());
            } else if name.as_str().starts_with("trail-") {
                self.trailers.append(name.clone(), value.clone());
            }
        }
    }

    /// Sends the head, if it isn't yet.
    pub(crate) fn open(&mut self) -> Result<&mut SendStream<Bytes>, h2::Error> {
        if self.stream.is_none() {
            let mut head = Response::new(());
            std::mem::swap(head.headers_mut(), &mut self.headers);
            head.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            self.stream = Some(self.respond.send_response(head, false)?);
        }
        // Just made, if it wasn't there.
        self.stream.as_mut().ok_or_else(|| h2::Reason::INTERNAL_ERROR.into())
    }

    /// Head, one message and trailers, without waiting: the library keeps what the client has no room for yet.
    pub(crate) fn answer(mut self, message: Bytes) -> Result<(), h2::Error> {
        self.open()?.send_data(message, false)?;
        self.end(Ok(()))
    }

    /// Sends a message when the client has room for it.
    pub(crate) async fn send(&mut self, mut message: Bytes) -> Result<(), Broken> {
        let stream = self.open()?;
        while !message.is_empty() {
            stream.reserve_capacity(message.len());
            let room = poll_fn(|cx| stream.poll_capacity(cx)).await.ok_or(Broken::Gone)??;
            stream.send_data(message.split_to(room.min(message.len())), false)?;
        }
        Ok(())
    }

    /// Ends the call with trailers; with a status and nothing sent before, the head is the trailers.
    pub(crate) fn end(mut self, outcome: Result<(), &Status>) -> Result<(), h2::Error> {
        let mut trailers = std::mem::take(&mut self.trailers);
        match outcome {
            Ok(()) => {
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                trailers.insert("grpc-message", HeaderValue::from_static(""));
                self.open()?.send_trailers(trailers)
            }
            Err(status) => {
                status.write(&mut trailers);
                if let Some(stream) = &mut self.stream {
                    return stream.send_trailers(trailers);
                }
                let mut head = Response::new(());
                trailers.insert("content-type", HeaderValue::from_static("application/grpc"));
                trailers.extend(std::mem::take(&mut self.headers));
                *head.headers_mut() = trailers;
                self.respond.send_response(head, true).map(drop)
            }
        }
    }

    /// Refuses what is no gRPC request with an HTTP status.
    pub(crate) fn refuse(mut self, status: http::StatusCode) {
        let mut head = Response::new(());
        *head.status_mut() = status;
        // The client may be gone already.
        let _ = self.respond.send_response(head, true);
    }

    pub(crate) fn reset(mut self, reason: u32) {
        match &mut self.stream {
            Some(stream) => stream.send_reset(reason.into()),
            None => self.respond.send_reset(reason.into()),
        }
    }

    /// Ready when the client has given the call up or is gone.
    pub(crate) fn poll_given_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let poll = match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        };
        poll.map(drop)
    }
}
