//! One exchange on a connection: a stream.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use h2::RecvStream;
use h2::client::ResponseFuture;

use super::upload::{Upload, UploadError};
use super::{Session, failure, head};
use crate::error::NetError;
use crate::h1::Limits;
use crate::http::request::{BodySink, Request};
use crate::http::response::Response;
use crate::http::trace::Trace;

/// How an exchange failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: NetError,
    /// The server has not looked at the request, or Go's client believes so: it may be sent again.
    pub(crate) untouched: bool,
    /// The connection is as good as before.
    pub(crate) is_of_stream: bool,
}

impl From<NetError> for Failure {
    fn from(error: NetError) -> Failure {
        Failure { error, untouched: false, is_of_stream: false }
    }
}

/// A place among the exchanges of a session, given back when dropped.
struct Place<'a> {
    session: &'a Session,
    slot: usize,
}

impl<'a> Place<'a> {
    fn take(session: &'a Session) -> Place<'a> {
        session.streams.set(session.streams.get() + 1);
        let slot = session.shared.writes.borrow_mut().take();
        Place { session, slot }
    }

    /// All of the request has been handed over.
    fn handed_over(&self) {
        self.session.shared.writes.borrow_mut().queued.push(self.slot);
    }

    fn written_at(&self) -> Option<rt::Nanos> {
        self.session.shared.writes.borrow().slots[self.slot]
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.session.streams.set(self.session.streams.get() - 1);
        self.session.shared.writes.borrow_mut().give_back(self.slot);
    }
}

impl Session {
    /// Sends the request and reads the response to its end.
    pub(crate) async fn exchange(
        self: &Rc<Self>,
        request: &Request,
        limits: Limits,
        trace: &Trace<'_>,
        response: &mut Response,
    ) -> Result<(), Failure> {
        let place = Place::take(self);
        let traffic_before = trace.traffic();
        poll_fn(|cx| self.sender.borrow_mut().poll_ready(cx))
            .await
            .map_err(|error| failure::of_exchange(&error, self, 0))?;
        let wire = head::request(request)?;
        let mut upload = Upload::new(request);
        let (answer, body) = self
            .sender
            .borrow_mut()
            .send_request(wire, upload.is_empty())
            .map_err(|error| failure::of_exchange(&error, self, 0))?;
        upload.stream = Some(body);
        let mut running = Running {
            stream_id: u32::from(answer.stream_id()),
            place,
            upload,
            answer: Answer::Head(answer),
            sink: request.sink,
            bodyless: matches!(request.method, crate::http::Method::Head),
            limits,
            trace,
            response,
            is_written: false,
            traffic_before,
        };
        if running.upload.is_over() {
            running.place.handed_over();
        }
        poll_fn(|cx| running.poll(cx)).await
    }
}

/// Where the response is.
enum Answer {
    Head(ResponseFuture),
    Body(RecvStream),
}

/// An exchange under way.
struct Running<'a> {
    stream_id: u32,
    place: Place<'a>,
    upload: Upload<'a>,
    answer: Answer,
    sink: BodySink,
    bodyless: bool,
    limits: Limits,
    trace: &'a Trace<'a>,
    response: &'a mut Response,
    is_written: bool,
    /// The client's bytes so far. Those of the connection belong to all its exchanges; whatever crosses during one is
    /// counted as its own.
    traffic_before: (u64, u64),
}

impl Running<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        if !self.upload.is_over() {
            match self.upload.poll(cx) {
                Poll::Ready(Ok(())) => self.place.handed_over(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.source_failed(error))),
                Poll::Pending => {}
            }
        }
        if let Answer::Head(answer) = &mut self.answer {
            match ready!(Pin::new(answer).poll(cx)) {
                Ok(head) => self.take_head(head)?,
                Err(error) => return Poll::Ready(Err(self.failed(&error))),
            }
        }
        let result = ready!(self.poll_body(cx));
        // The end of the stream may have come later than its last data.
        self.note_arrival();
        Poll::Ready(result)
    }

    fn take_head(&mut self, head: http::Response<RecvStream>) -> Result<(), Failure> {
        self.note_arrival();
        let (head, body) = head.into_parts();
        head::receive(&head, &self.limits, self.response)?;
        if let (Some(length), BodySink::Keep, false) =
            (head::length(&head), self.sink, self.bodyless)
        {
            if length > self.limits.max_body_bytes {
                return Err(self.limits.body_too_large().into());
            }
            self.response.buffer.reserve(length.min(MAX_RESERVE_BYTES) as usize);
        }
        self.answer = Answer::Body(body);
        Ok(())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            let Answer::Body(body) = &mut self.answer else { return Poll::Pending };
            match ready!(body.poll_data(cx)) {
                None => return Poll::Ready(Ok(())),
                Some(Ok(data)) => {
                    // A stream that has been reset by the peer takes no more capacity.
                    let _ = body.flow_control().release_capacity(data.len());
                    self.note_arrival();
                    self.response.body_received += data.len() as u64;
                    if self.sink == BodySink::Keep {
                        if self.response.body_received > self.limits.max_body_bytes {
                            return Poll::Ready(Err(self.limits.body_too_large().into()));
                        }
                        self.response.buffer.extend_from_slice(&data);
                    }
                }
                // The server has answered and wants no more of the request (RFC 9113, 8.1).
                Some(Err(error))
                    if error.is_remote()
                        && error.is_reset()
                        && error.reason() == Some(h2::Reason::NO_ERROR) =>
                {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(error)) => return Poll::Ready(Err(self.failed(&error))),
            }
        }
    }

    fn note_written(&mut self) {
        if !self.is_written
            && let Some(at) = self.place.written_at()
        {
            self.is_written = true;
            self.trace.request_written_at(at);
        }
    }

    /// Bytes of the response came.
    fn note_arrival(&mut self) {
        self.note_written();
        self.trace.response_bytes(self.place.session.shared.probe.last_recv());
    }

    #[cold]
    fn source_failed(&mut self, error: UploadError) -> Failure {
        match error {
            UploadError::Source(error) => error.into(),
            UploadError::Wire(error) => self.failed(&error),
        }
    }

    #[cold]
    fn failed(&mut self, error: &h2::Error) -> Failure {
        failure::of_exchange(error, self.place.session, self.stream_id)
    }
}

/// Also when it is given up.
impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.note_written();
        self.trace.count_since(self.traffic_before);
    }
}

/// The most that is set aside for a body because its head says so.
const MAX_RESERVE_BYTES: u64 = 1 << 20;
