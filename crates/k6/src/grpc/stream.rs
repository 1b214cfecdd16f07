//! `Stream`: messages both ways, with events.
//!
//! Two background operations of the VU's event loop carry a stream: one waits for messages and calls listeners, one sends
//! what was written. Between two messages nothing is read, so a slow script slows the server down and fills no memory.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::CStr;
use std::rc::Rc;

use metrics::{MetricId, TagSetId, builtin};
use net::grpc::frame::PREFIX_BYTES;
use net::grpc::{Call, Channel, Code, Event, Sender, Status};
use rt::Nanos;

use super::client::{Client, Connection, Found};
use super::debug::Way;
use super::decode::Failed;
use super::encode::{Encoder, Refused, Special};
use super::invoke::{base, decode, error_object};
use super::params::CallParams;
use super::samples::Labels;
use super::state;
use crate::host::VuHost;
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Thrown, Val, func};
use crate::log::Level;
use crate::native;

/// What can be listened to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Error,
    End,
    Status,
}

/// A stream of a script.
struct Stream {
    /// The script's client, kept as long as the stream.
    client: Val,
    found: Found,
    line: Rc<Line>,
    listeners: [RefCell<Vec<Val>>; 4],
    base: TagSetId,
    discards_message: bool,
    started: Nanos,
    is_finished: Cell<bool>,
    is_over: Cell<bool>,
    /// The head of the answer has been told.
    has_head: Cell<bool>,
}

/// The part of a stream that has nothing of JavaScript.
struct Line {
    connection: Rc<Connection>,
    call: RefCell<Option<Call>>,
    sender: RefCell<Option<Sender>>,
    written: RefCell<VecDeque<Written>>,
    is_sending: Cell<bool>,
}

enum Written {
    Message(Vec<u8>),
    /// It could not be written: why.
    Bad(String),
    End,
}

/// How a turn of sending ended.
enum Sent {
    /// So many messages.
    Messages(u64),
    Failed(u64, Failure),
}

/// Why a stream ends badly.
struct Failure {
    /// What listeners get.
    shown: Status,
    /// What is logged where nobody listens.
    text: String,
    /// The status of its sample; `None` for what k6 does not measure.
    measured: Option<Code>,
}

impl Failure {
    /// The server's, or gRPC's own.
    fn of(status: Status) -> Failure {
        Failure { text: status.to_string(), measured: Some(status.code), shown: status }
    }

    /// One of ours, that is no status.
    fn plain(text: String, measured: Option<Code>) -> Failure {
        Failure { shown: Status::new(Code::UNKNOWN, text.as_str()), text, measured }
    }
}

impl Class for Stream {
    const ID: u32 = FIRST_CLASS_ID + 41;
    const NAME: &'static CStr = c"Stream";

    fn trace(&self, mark: &mut dyn FnMut(Raw)) {
        mark(self.client.raw());
        for list in &self.listeners {
            if let Ok(list) = list.try_borrow() {
                list.iter().for_each(|listener| mark(listener.raw()));
            }
        }
    }
}

static METHODS: List<3> = List([
    func(c"on", 2, native!(on)),
    func(c"write", 1, native!(write)),
    func(c"end", 0, native!(end)),
]);

/// Registers the class and gives its constructor.
pub(super) fn register(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<Stream, 3>(&METHODS)?;
    cx.constructor(c"Stream", 3, native!(construct), proto.raw())
}

fn construct(cx: Ctx, new_target: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let refused =
        |what: &str, why: &str| cx.throw_go(&format!("invalid GRPC Stream's {what}: {why}"));
    let given = args.get(0);
    if given.is_nullish() {
        return Err(refused("client", "empty gRPC client"));
    }
    let Some(client) = cx.inner::<Client>(given) else {
        return Err(refused("client", "not a gRPC client"));
    };
    let connection = client.connection.borrow().clone();
    let Some(connection) = connection else {
        return Err(refused("client", "no gRPC connection, you must call connect first"));
    };
    let name = args.get(1).to_text(cx)?;
    let path = if name.starts_with('/') { name.to_string() } else { format!("/{}", name.as_str()) };
    if name.is_empty() {
        return Err(refused("method", "method to invoke cannot be empty"));
    }
    let Some(found) = client.find(&path) else {
        let why = format!("method {} not found in file descriptors", super::quoted(&path));
        return Err(refused("method", &why));
    };
    let params = CallParams::read(cx, args.get(2))
        .map_err(|refused| refused.throw(cx, "invalid GRPC Stream's parameters"))?;
    let started = rt::now();
    let deadline = params.timeout.map(|timeout| started + timeout);
    let failed = |status: Status| cx.throw_go(&format!("failed to create a new stream: {status}"));
    if let Some(grpc) = state(host) {
        grpc.debug_begin(host, &connection.channel, &path, &params.metadata);
    }
    let endpoint = connection.channel.endpoint(&path).map_err(failed)?;
    let beginning = connection.channel.begin(&endpoint, &params.metadata, deadline);
    let (call, sender) = host.wait_or_throw(cx, Box::pin(beginning))?.map_err(failed)?;
    let stream = Stream {
        client: given.dup(cx),
        found,
        line: Rc::new(Line {
            connection,
            call: RefCell::new(Some(call)),
            sender: RefCell::new(Some(sender)),
            written: RefCell::default(),
            is_sending: Cell::new(false),
        }),
        listeners: Default::default(),
        base: base(host, &params.tags),
        discards_message: params.discards_message,
        started,
        is_finished: Cell::new(false),
        is_over: Cell::new(false),
        has_head: Cell::new(false),
    };
    let object = cx.wrap_for(new_target, stream)?;
    let stream = cx.inner_of::<Stream>(object.raw())?;
    stream.count(cx, builtin::GRPC_STREAMS, 1.0, None);
    receive(cx, object.clone());
    Ok(object)
}

impl Stream {
    fn client(&self, cx: Ctx) -> JsResult<&Client> {
        cx.inner_of::<Client>(self.client.raw())
    }

    fn count(&self, cx: Ctx, metric: MetricId, value: f64, status: Option<Code>) {
        let host = cx.host();
        let (Some(grpc), Ok(client)) = (state(host), self.client(cx)) else { return };
        let address = client.address.borrow().clone();
        let labels = Labels {
            base: self.base,
            address: &address,
            method: Some(self.found.method()),
            status: status.map(|code| code.0),
            ip: self.line.connection.channel.remote_addr().map(|remote| remote.ip()),
        };
        client.series.record(host, grpc.choice, metric, &labels, (value, rt::unix_nanos()));
    }

    /// For `httpDebug`.
    fn tell(&self, cx: Ctx, event: &Event) {
        let (Some(grpc), Ok(client)) = (state(cx.host()), self.client(cx)) else { return };
        if !self.has_head.replace(true)
            && let Some(call) = &*self.line.call.borrow()
        {
            grpc.debug_head(cx.host(), call.headers());
        }
        if let Event::Message(bytes) = event {
            let types = client.schemas.borrow().clone();
            grpc.debug_message(cx.host(), Way::In, &self.found, &types, bytes);
        }
    }

    fn warn(&self, host: &VuHost, text: String) {
        let path = self.found.method().path.to_string();
        host.log(Level::Warning, text, vec![("streamMethod", path)]);
    }

    /// Calls the listeners of one kind, in order. One of them may add others.
    fn call(&self, cx: Ctx, kind: Kind, value: Raw) -> JsResult<()> {
        let Some(grpc) = state(cx.host()) else { return Ok(()) };
        let metadata = cx.object()?;
        let seconds = rt::unix_nanos() / 1_000_000_000;
        metadata.set(cx, grpc.names.ts, cx.number(seconds as f64))?;
        let listeners = self.listeners[kind as usize].borrow().clone();
        for listener in listeners {
            cx.call(listener.raw(), Raw::UNDEFINED, &[value, metadata.raw()])?;
        }
        Ok(())
    }

    /// The stream has ended; `failure` is what went wrong.
    fn close(&self, cx: Ctx, failure: Option<&Failure>) -> JsResult<()> {
        if self.is_over.replace(true) {
            return Ok(());
        }
        self.is_finished.set(true);
        if let Some(ended) = failure.map_or(Some(Code::OK), |failure| failure.measured) {
            let took = rt::millis(rt::now().since(self.started));
            self.count(cx, builtin::GRPC_REQ_DURATION, took, Some(ended));
        }
        let call = self.line.call.borrow_mut().take();
        if let Some(mut sender) = self.line.sender.borrow_mut().take()
            && failure.is_some()
        {
            sender.cancel();
        }
        drop(call);
        if let Some(Failure { shown: status, text, .. }) = failure {
            let host = cx.host();
            if self.listeners[Kind::Error as usize].borrow().is_empty() {
                self.warn(
                    host,
                    format!("no handlers for error registered, but an error happened: {text}"),
                );
            }
            let types = self.client(cx)?.schemas.borrow().clone();
            let object = error_object(cx, self.client(cx)?, &types, status)?;
            if let Some(grpc) = state(host) {
                let code = super::status::value(cx, status.code)?;
                object.set(cx, grpc.names.code, code)?;
            }
            let text = format!("code: {}, message: {}", status.code.0, status.message);
            super::status::make_text(cx, object.raw(), &text)?;
            self.call(cx, Kind::Error, object.raw())?;
        }
        let nothing = cx.object()?;
        self.call(cx, Kind::End, nothing.raw())
    }
}

/// Waits for the next message in the background. `object` keeps the stream alive meanwhile.
fn receive(cx: Ctx, object: Val) {
    let Ok(stream) = cx.inner_of::<Stream>(object.raw()) else { return };
    let line = stream.line.clone();
    let next = async move {
        let call = line.call.borrow_mut().take();
        let mut call = call?;
        let channel: &Rc<Channel> = &line.connection.channel;
        let event = call.next(channel).await;
        *line.call.borrow_mut() = Some(call);
        Some(event)
    };
    cx.host().start_async(next, move |cx, event| {
        let stream = cx.inner_of::<Stream>(object.raw())?;
        if stream.is_over.get() {
            return Ok(());
        }
        if let Some(event) = &event {
            stream.tell(cx, event);
        }
        match event {
            None => Ok(()),
            Some(Event::Message(bytes)) => {
                match message(cx, stream, &bytes)? {
                    Ok(value) => {
                        // Where only one message comes, k6 has seen the end of the call with it.
                        let is_last = !stream.found.method().is_server_streaming;
                        let status = is_last.then_some(Code::OK);
                        stream.count(cx, builtin::GRPC_STREAMS_MSGS_RECEIVED, 1.0, status);
                        if stream.call(cx, Kind::Data, value.raw()).is_err() {
                            return Err(threw(cx, stream));
                        }
                    }
                    Err(failure) => return stream.close(cx, Some(&failure)),
                }
                if !stream.is_over.get() {
                    receive(cx, object.clone());
                }
                Ok(())
            }
            Some(Event::End(status)) if status.code == Code::OK => stream.close(cx, None),
            Some(Event::End(status)) if status.code == Code::CANCELED => {
                // k6 has a text of its own, and no code.
                let text = "canceled by client (k6)".to_owned();
                stream.close(cx, Some(&Failure::plain(text, Some(Code::CANCELED))))
            }
            Some(Event::End(status)) => stream.close(cx, Some(&Failure::of(status))),
            Some(Event::Late) => {
                let late = Failure { measured: None, ..Failure::of(Status::deadline_exceeded()) };
                stream.close(cx, Some(&late))
            }
        }
    });
}

/// A listener threw: the stream ends with that, and then the iteration does.
fn threw(cx: Ctx, stream: &Stream) -> Thrown {
    let host = cx.host();
    if host.interrupt.is_raised() || host.aborted.borrow().is_some() {
        return Thrown;
    }
    let thrown = cx.take_exception();
    let told = crate::exception::describe(cx, thrown.raw(), &host.world.graph);
    let mut lines = told.lines().map(str::trim);
    let (what, place) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let failure = Failure::plain(format!("{what} {place}").trim_end().to_owned(), None);
    if stream.close(cx, Some(&failure)).is_err() {
        // Another listener threw as well: the first one counts.
        drop(cx.take_exception());
    }
    cx.throw(thrown)
}

/// The value of a message that came. The outer error is an exception.
fn message(cx: Ctx, stream: &Stream, bytes: &[u8]) -> JsResult<Result<Val, Failure>> {
    if stream.discards_message {
        return cx.object().map(Ok);
    }
    let client = stream.client(cx)?;
    let types = client.schemas.borrow().clone();
    let output = stream.found.method().output;
    Ok(match decode(cx, client, &stream.found.schema, &types, output, bytes)? {
        Ok(value) => Ok(value),
        Err(Failed::Message(why)) => {
            let text = format!("grpc: failed to unmarshal the received message: proto: {why}");
            Err(Failure::of(Status::new(Code::INTERNAL, text)))
        }
        Err(Failed::Json(why)) => {
            Err(Failure::plain(format!("failed to marshal the message: proto: {why}"), None))
        }
        Err(Failed::Model) => return Err(Thrown),
    })
}

/// `stream.on(event, listener)`.
fn on(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let stream = cx.inner_of::<Stream>(this)?;
    let event = args.get(0).to_text(cx)?;
    let listener = args.get(1);
    if !listener.is_function(cx) {
        let shown = listener.to_text(cx)?;
        return Err(cx.throw_type(&format!(
            "could not convert function call parameter 1: could not convert {shown} to \
             func(sobek.Value, sobek.Value) (sobek.Value, error)"
        )));
    }
    let kind = match event.as_str() {
        "data" => Kind::Data,
        "error" => Kind::Error,
        "end" => Kind::End,
        // k6 takes it and never fires it.
        "status" => Kind::Status,
        other => {
            let text = format!(
                "can't register {other} event handler: unknown GRPC stream's event type: {other}"
            );
            cx.host().log(Level::Warning, text, Vec::new());
            return Ok(Val::undefined(cx));
        }
    };
    stream.listeners[kind as usize].borrow_mut().push(listener.dup(cx));
    Ok(Val::undefined(cx))
}

/// `stream.write(message)`.
fn write(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let stream = cx.inner_of::<Stream>(this)?;
    if stream.is_finished.get() {
        return Ok(Val::undefined(cx));
    }
    if args.get(0).is_nullish() {
        stream.warn(cx.host(), "can't send empty message".to_owned());
        return Ok(Val::undefined(cx));
    }
    let client = stream.client(cx)?;
    let types = client.schemas.borrow().clone();
    let encoder = Encoder {
        cx,
        names: &client.names,
        schema: &stream.found.schema,
        types: &types,
        special: Special::Null,
    };
    let mut message = vec![0; PREFIX_BYTES];
    let input = stream.found.method().input;
    let written = match encoder.encode(args.get(0), input, &mut message) {
        Ok(()) => {
            if let Some(grpc) = state(cx.host()) {
                let bytes = message.get(PREFIX_BYTES..).unwrap_or_default();
                grpc.debug_message(cx.host(), Way::Out, &stream.found, &types, bytes);
            }
            Written::Message(message)
        }
        Err(Refused::Thrown(thrown)) => return Err(thrown),
        Err(Refused::NoJson(why)) => Written::Bad(why),
        Err(Refused::NoMessage(why)) => {
            Written::Bad(format!("can't serialise request object to protocol buffer: proto: {why}"))
        }
    };
    stream.line.written.borrow_mut().push_back(written);
    send(cx, this.dup(cx), stream);
    Ok(Val::undefined(cx))
}

/// `stream.end()`: nothing more is written.
fn end(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let stream = cx.inner_of::<Stream>(this)?;
    if !stream.is_finished.replace(true) {
        stream.line.written.borrow_mut().push_back(Written::End);
        send(cx, this.dup(cx), stream);
    }
    Ok(Val::undefined(cx))
}

/// Sends in the background what was written, unless that is being done.
fn send(cx: Ctx, object: Val, stream: &Stream) {
    let line = stream.line.clone();
    if line.is_sending.replace(true) {
        return;
    }
    let sending = async move {
        let sent = send_all(&line).await;
        line.is_sending.set(false);
        sent
    };
    cx.host().start_async(sending, move |cx, sent| {
        let stream = cx.inner_of::<Stream>(object.raw())?;
        let (n, failure) = match sent {
            Sent::Messages(n) => (n, None),
            Sent::Failed(n, failure) => (n, Some(failure)),
        };
        for _ in 0..n {
            stream.count(cx, builtin::GRPC_STREAMS_MSGS_SENT, 1.0, None);
        }
        if let Some(failure) = failure {
            return stream.close(cx, Some(&failure));
        }
        // More may have been written since.
        if !stream.line.written.borrow().is_empty() && !stream.is_over.get() {
            send(cx, object.clone(), stream);
        }
        Ok(())
    });
}

async fn send_all(line: &Line) -> Sent {
    let mut n = 0;
    loop {
        let next = line.written.borrow_mut().pop_front();
        let Some(next) = next else { return Sent::Messages(n) };
        let sender = line.sender.borrow_mut().take();
        // The stream is over: what is left to write is dropped, as in k6.
        let Some(mut sender) = sender else { return Sent::Messages(n) };
        match next {
            Written::Message(message) => {
                if !sender.ready().await {
                    return Sent::Messages(n);
                }
                match sender.send(message, false) {
                    Ok(()) => n += 1,
                    Err(status) if status.code == Code::RESOURCE_EXHAUSTED => {
                        return Sent::Failed(n, Failure::of(status));
                    }
                    // Its receiver tells what happened to the stream.
                    Err(_) => return Sent::Messages(n),
                }
            }
            Written::Bad(why) => {
                sender.cancel();
                return Sent::Failed(n, Failure::plain(why, None));
            }
            Written::End => {
                sender.finish();
                *line.sender.borrow_mut() = Some(sender);
                return Sent::Messages(n);
            }
        }
        *line.sender.borrow_mut() = Some(sender);
    }
}
