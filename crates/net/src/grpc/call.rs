//! One call: its request on the way out, its answer on the way in.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::Response;
use http::header::{CONTENT_TYPE, HeaderMap};
use rt::Nanos;

use super::channel::{Channel, Endpoint, Running};
use super::frame::{Deframer, Encoding, seal};
use super::metadata::Metadata;
use super::status::{Code, Status, decode_message};
use crate::http::Deadline;

/// Bytes shown of an answer that is not gRPC's.
const MAX_SHOWN_BYTES: usize = 1024;

/// A unary request.
#[derive(Debug)]
pub struct Unary<'a> {
    /// The method.
    pub endpoint: &'a Endpoint,
    /// The message, behind [`PREFIX_BYTES`](super::frame::PREFIX_BYTES) of room.
    pub message: Vec<u8>,
    /// Metadata to send.
    pub metadata: &'a Metadata,
    /// When to give up.
    pub deadline: Option<Nanos>,
}

/// How a unary call went.
#[derive(Debug)]
pub struct Reply {
    /// How it ended.
    pub status: Status,
    /// Metadata before the message.
    pub headers: Metadata,
    /// Metadata after it.
    pub trailers: Metadata,
    /// The message, if one came; what came after it may have been an error.
    pub message: Option<Bytes>,
    /// When it began.
    pub started: Nanos,
    /// When its last byte came, by the kernel's stamp where there is one.
    pub ended: Nanos,
    /// Who answered.
    pub remote: Option<SocketAddr>,
    /// It counts as a call: it was begun, and ended by itself and not by its deadline. k6 measures no others.
    pub is_measured: bool,
}

/// What comes in on a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message(Bytes),
    /// The end; nothing follows.
    End(Status),
    /// The deadline passed; nothing follows.
    Late,
}

/// A call under way, as its receiver sees it.
pub struct Call {
    running: Running,
    incoming: Incoming,
    deframer: Deframer,
    encoding: Encoding,
    headers: Metadata,
    trailers: Metadata,
    /// What an answer that is not gRPC's means, and the beginning of its body.
    foreign: Option<(Status, Vec<u8>)>,
    deadline: Option<Nanos>,
}

/// A call under way, as its sender sees it. Dropped before the end of what is sent, it cancels the call.
pub struct Sender {
    stream: SendStream<Bytes>,
    running: Running,
    limit: usize,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call")
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

enum Incoming {
    Head(ResponseFuture),
    Body(RecvStream),
    Trailers(RecvStream),
    Over,
}

impl Channel {
    /// Makes a unary call.
    pub async fn unary(&self, call: Unary<'_>) -> Reply {
        // Requests of VUs that are ready together go out together; what is waited here is ours, not the server's.
        rt::turn_end().await;
        let started = rt::now();
        let mut reply = Reply {
            status: Status::ok(),
            headers: Metadata::new(),
            trailers: Metadata::new(),
            message: None,
            started,
            ended: started,
            remote: None,
            is_measured: false,
        };
        let mut running = None;
        let mut deadline = call.deadline.map(|at| Deadline::new(at, &self.spares));
        let result = {
            let mut exchange = std::pin::pin!(self.exchange(call, &mut reply, &mut running));
            poll_fn(|cx| {
                if let Poll::Ready(status) = exchange.as_mut().poll(cx) {
                    return Poll::Ready(Some(status));
                }
                match &mut deadline {
                    Some(deadline) => deadline.poll_passed(cx).map(|()| None),
                    None => Poll::Pending,
                }
            })
            .await
        };
        let result = result.unwrap_or_else(|| {
            reply.is_measured = false;
            Status::deadline_exceeded()
        });
        if let Some(call) = running {
            let call: Call = call;
            (reply.headers, reply.trailers) = (call.headers, call.trailers);
            reply.ended = call.running.0.probe.last_recv();
        }
        let now = rt::now();
        reply.ended = if result.code == Code::OK { reply.ended.max(started).min(now) } else { now };
        reply.status = result;
        reply
    }

    async fn exchange(
        &self,
        mut call: Unary<'_>,
        reply: &mut Reply,
        running: &mut Option<Call>,
    ) -> Status {
        let mut sealed = None;
        let mut is_first = true;
        loop {
            let begun = self.begin(call.endpoint, call.metadata, call.deadline).await;
            let (receiver, mut sender) = match begun {
                Ok(begun) => begun,
                // Without a connection it was a call all the same, without a right head it was none.
                Err(status) => {
                    reply.is_measured = status.code == Code::UNAVAILABLE;
                    return status;
                }
            };
            reply.is_measured = true;
            reply.remote = Some(receiver.running.0.remote);
            let message = match sealed.take() {
                Some(message) => message,
                None => match seal(std::mem::take(&mut call.message), self.max_send_bytes()) {
                    Ok(message) => message,
                    Err(status) => {
                        sender.cancel();
                        return status;
                    }
                },
            };
            if let Err(status) = sender.put(message.clone(), true) {
                return status;
            }
            let receiver = running.insert(receiver);
            let status = receive(receiver, &mut sender, reply).await;
            // A server that did not look at the call may be asked again, once.
            let refused = status.code == Code::UNAVAILABLE
                && receiver.is_untouched()
                && status.message.ends_with("REFUSED_STREAM");
            if !refused || !std::mem::take(&mut is_first) {
                return status;
            }
            sealed = Some(message);
        }
    }

    /// Begins a call.
    ///
    /// # Errors
    /// It could not be begun: no connection, metadata that cannot be sent.
    pub async fn begin(
        &self,
        endpoint: &Endpoint,
        metadata: &Metadata,
        deadline: Option<Nanos>,
    ) -> Result<(Call, Sender), Status> {
        let request = self.request(endpoint, metadata, deadline)?;
        let mut link = self.ready().await?;
        let sent = link.sender.send_request(request, false);
        let (head, stream) = sent.map_err(|error| link.state.status(&error))?;
        let call = Call {
            running: Running::of(&link.state),
            incoming: Incoming::Head(head),
            deframer: Deframer::new(self.max_receive_bytes()),
            encoding: Encoding::Identity,
            headers: Metadata::new(),
            trailers: Metadata::new(),
            foreign: None,
            deadline,
        };
        let sender =
            Sender { stream, running: Running::of(&link.state), limit: self.max_send_bytes() };
        Ok((call, sender))
    }
}

/// Waits for the one message of an answer, and its end.
async fn receive(call: &mut Call, sender: &mut Sender, reply: &mut Reply) -> Status {
    loop {
        match poll_fn(|cx| call.poll_event(cx)).await {
            Event::Message(message) if reply.message.is_none() => {
                reply.message = Some(message);
            }
            Event::Message(_) => {
                sender.cancel();
                return Status::internal(
                    "cardinality violation: expected <EOF> for non server-streaming RPCs, but \
                     received another message",
                );
            }
            Event::End(status) if status.code == Code::OK && reply.message.is_none() => {
                return Status::internal(
                    "cardinality violation: received no response message from \
                     non-server-streaming RPC",
                );
            }
            Event::End(status) => return status,
            Event::Late => return Status::deadline_exceeded(),
        }
    }
}

impl Sender {
    /// Sends a message that stands behind [`PREFIX_BYTES`](super::frame::PREFIX_BYTES) of room, and nothing more after the last one. It is queued
    /// whole; see [`ready`](Self::ready).
    ///
    /// # Errors
    /// A message over the limit; the stream has ended: why, its receiver tells.
    pub fn send(&mut self, message: Vec<u8>, is_last: bool) -> Result<(), Status> {
        let sealed = match seal(message, self.limit) {
            Ok(sealed) => sealed,
            Err(status) => {
                self.cancel();
                return Err(status);
            }
        };
        self.put(sealed, is_last)
    }

    fn put(&mut self, sealed: Bytes, is_last: bool) -> Result<(), Status> {
        let sent = self.stream.send_data(sealed, is_last);
        sent.map_err(|error| self.running.0.status(&error))
    }

    /// Waits until the connection takes something; `false` when the stream has ended.
    pub async fn ready(&mut self) -> bool {
        self.stream.reserve_capacity(1);
        let mut ready = self.stream.capacity() > 0;
        while !ready {
            match poll_fn(|cx| self.stream.poll_capacity(cx)).await {
                Some(Ok(n)) => ready = n > 0,
                Some(Err(_)) | None => return false,
            }
        }
        true
    }

    /// Says that no more messages come.
    pub fn finish(&mut self) {
        // A stream that has ended needs no end.
        let _ = self.stream.send_data(Bytes::new(), true);
    }

    /// Gives the call up.
    pub fn cancel(&mut self) {
        self.stream.send_reset(Reason::CANCEL);
    }
}

impl Call {
    /// Metadata before the messages; complete with the first of them.
    pub fn headers(&self) -> &Metadata {
        &self.headers
    }

    /// Metadata at the end.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Nothing of an answer has come.
    fn is_untouched(&self) -> bool {
        self.headers.is_empty() && self.trailers.is_empty() && self.foreign.is_none()
    }

    /// Who answers.
    pub fn remote_addr(&self) -> SocketAddr {
        self.running.0.remote
    }

    /// When the last bytes came.
    pub fn last_recv(&self) -> Nanos {
        self.running.0.probe.last_recv()
    }

    /// The next message, or the end.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match ready!(self.poll_next(cx)) {
            Ok(message) => Poll::Ready(Event::Message(message)),
            Err(status) => {
                self.incoming = Incoming::Over;
                Poll::Ready(Event::End(self.judged(status)))
            }
        }
    }

    /// A server that gives up at our deadline says "canceled" and means the deadline.
    fn judged(&self, mut status: Status) -> Status {
        let passed = self.deadline.is_some_and(|at| rt::now() >= at);
        if passed && status.code == Code::CANCELED && status.message.contains("RST_STREAM") {
            status.code = Code::DEADLINE_EXCEEDED;
        }
        status
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Status>> {
        loop {
            match &mut self.incoming {
                Incoming::Head(head) => {
                    let response = ready!(std::pin::Pin::new(head).poll(cx));
                    match response {
                        Ok(response) => self.take_head(response)?,
                        Err(error) => return Poll::Ready(Err(self.failed(&error))),
                    }
                }
                Incoming::Body(body) => {
                    if self.foreign.is_none()
                        && let Some(message) = self.deframer.next(&self.encoding)?
                    {
                        return Poll::Ready(Ok(message));
                    }
                    match ready!(body.poll_data(cx)) {
                        Some(Ok(chunk)) => {
                            let _ = body.flow_control().release_capacity(chunk.len());
                            self.take_chunk(chunk)?;
                        }
                        Some(Err(error)) => return Poll::Ready(Err(self.failed(&error))),
                        None => {
                            let old = std::mem::replace(&mut self.incoming, Incoming::Over);
                            if let Incoming::Body(body) = old {
                                self.incoming = Incoming::Trailers(body);
                            }
                        }
                    }
                }
                Incoming::Trailers(body) => {
                    let trailers = ready!(body.poll_trailers(cx));
                    return Poll::Ready(Err(match trailers {
                        Ok(trailers) => self.take_trailers(trailers),
                        Err(error) => self.failed(&error),
                    }));
                }
                Incoming::Over => return Poll::Ready(Err(Status::ok())),
            }
        }
    }

    #[cold]
    fn failed(&self, error: &h2::Error) -> Status {
        self.running.0.status(error)
    }

    fn take_head(&mut self, response: Response<RecvStream>) -> Result<(), Status> {
        let (head, body) = response.into_parts();
        let is_over = body.is_end_stream();
        let kind = head.headers.get(CONTENT_TYPE);
        let is_grpc = kind.is_some_and(|value| is_grpc(value.as_bytes()));
        if !is_grpc {
            let status = foreign(head.status, kind.map(http::HeaderValue::as_bytes));
            if is_over {
                return Err(status);
            }
            self.foreign = Some((status, Vec::new()));
            self.incoming = Incoming::Body(body);
            return Ok(());
        }
        let metadata = Metadata::read(&head.headers)?;
        if is_over {
            // An answer of nothing but trailers.
            self.trailers = metadata;
            return Err(status_of(&head.headers, &self.trailers));
        }
        if let Some(name) = head.headers.get("grpc-encoding") {
            self.encoding = Encoding::parse(&String::from_utf8_lossy(name.as_bytes()));
        }
        self.headers = metadata;
        self.incoming = Incoming::Body(body);
        Ok(())
    }

    fn take_chunk(&mut self, chunk: Bytes) -> Result<(), Status> {
        match &mut self.foreign {
            None => {
                self.deframer.push(chunk);
                Ok(())
            }
            Some((_, shown)) => {
                let wanted = chunk.len().min(MAX_SHOWN_BYTES - shown.len());
                shown.extend_from_slice(&chunk[..wanted]);
                if shown.len() >= MAX_SHOWN_BYTES { Err(self.foreign_status()) } else { Ok(()) }
            }
        }
    }

    fn foreign_status(&mut self) -> Status {
        match self.foreign.take() {
            Some((status, shown)) => {
                let shown = String::from_utf8_lossy(&shown).into_owned();
                Status::new(status.code, format!("{}\ndata: {shown:?}", status.message))
            }
            None => Status::internal("unexpected EOF"),
        }
    }

    fn take_trailers(&mut self, trailers: Option<HeaderMap>) -> Status {
        if self.foreign.is_some() {
            return self.foreign_status();
        }
        let Some(trailers) = trailers else {
            return Status::internal("server closed the stream without sending trailers");
        };
        match Metadata::read(&trailers) {
            Ok(metadata) => self.trailers = metadata,
            Err(status) => return status,
        }
        let status = status_of(&trailers, &self.trailers);
        if self.deframer.has_rest() && status.code == Code::OK {
            return Status::internal("unexpected EOF");
        }
        status
    }
}

fn is_grpc(kind: &[u8]) -> bool {
    let Some(rest) = kind.strip_prefix(b"application/grpc") else { return false };
    matches!(rest.first(), None | Some(b'+' | b';'))
}

/// What an answer that is not gRPC's means.
#[cold]
fn foreign(status: http::StatusCode, kind: Option<&[u8]>) -> Status {
    let number = status.as_u16();
    let reason = status.canonical_reason().unwrap_or("");
    let about_kind = match kind {
        None => "malformed header: missing HTTP content-type".to_owned(),
        Some(kind) => {
            let kind = String::from_utf8_lossy(kind).into_owned();
            format!("transport: received unexpected content-type {kind:?}")
        }
    };
    Status::new(
        Code::of_http(number),
        format!(
            "unexpected HTTP status code received from server: {number} ({reason}); {about_kind}"
        ),
    )
}

/// The status that trailers tell.
fn status_of(trailers: &HeaderMap, metadata: &Metadata) -> Status {
    let code = match trailers.get("grpc-status") {
        None => Code::UNKNOWN,
        Some(value) => {
            let text = String::from_utf8_lossy(value.as_bytes());
            match text.parse::<i32>() {
                Ok(code) => Code(code as u32),
                Err(_) => {
                    let text = format!(
                        "transport: malformed grpc-status: strconv.ParseInt: parsing {text:?}: invalid syntax"
                    );
                    return Status::new(Code::UNKNOWN, text);
                }
            }
        }
    };
    let message = trailers.get("grpc-message").map(|value| decode_message(value.as_bytes()));
    let mut status = Status::new(code, message.unwrap_or_default());
    if code != Code::OK {
        status.details = metadata.only("grpc-status-details-bin").map(<[u8]>::to_vec);
    }
    status
}

impl Call {
    /// [`poll_event`](Self::poll_event) that ends at the call's deadline.
    pub async fn next(&mut self, channel: &Rc<Channel>) -> Event {
        let mut deadline = self.deadline.map(|at| Deadline::new(at, &channel.spares));
        poll_fn(|cx| {
            if let Poll::Ready(event) = self.poll_event(cx) {
                return Poll::Ready(event);
            }
            match &mut deadline {
                Some(deadline) => deadline.poll_passed(cx).map(|()| Event::Late),
                None => Poll::Pending,
            }
        })
        .await
    }
}
