//! `k6/ws`: `connect()` blocks the VU while its socket is open, and calls the script's handlers.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use net::http::{Response, canonical_name};
use net::ws::{Connection, Incoming, Kind, WsError, close_code};
use rt::Nanos;

use super::params::{Dialect, Params};
use super::session::{Plan, Recorder};
use super::{bytes_of, error_object, text_value};
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Thrown, Val, func};
use crate::native;

static FUNCTIONS: List<1> = List([func(c"connect", 3, native!(connect))]);

static METHODS: List<7> = List([
    func(c"on", 2, native!(on)),
    func(c"send", 1, native!(send)),
    func(c"sendBinary", 1, native!(send_binary)),
    func(c"ping", 0, native!(ping)),
    func(c"setTimeout", 2, native!(set_timeout)),
    func(c"setInterval", 2, native!(set_interval)),
    func(c"close", 1, native!(close)),
]);

/// What handlers may be for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Event {
    Open,
    Message,
    BinaryMessage,
    Ping,
    Pong,
    Close,
    Error,
}

impl Event {
    fn parse(name: &str) -> Option<Event> {
        Some(match name {
            "open" => Event::Open,
            "message" => Event::Message,
            "binaryMessage" => Event::BinaryMessage,
            "ping" => Event::Ping,
            "pong" => Event::Pong,
            "close" => Event::Close,
            "error" => Event::Error,
            _ => return None,
        })
    }
}

/// Handlers and timers of one socket: a bound on what a script can pile up.
const MAX_FUNCTIONS: usize = 100_000;

struct Timer {
    due: Nanos,
    every: Option<Duration>,
    function: Val,
}

/// An open socket.
struct Session {
    connection: RefCell<Option<Connection>>,
    handlers: RefCell<Vec<(Event, Val)>>,
    timers: RefCell<Vec<Timer>>,
    recorder: Recorder,
    is_closed: Cell<bool>,
}

/// What scripts hold of it.
struct Socket(Rc<Session>);

impl Class for Socket {
    const ID: u32 = FIRST_CLASS_ID + 48;
    const NAME: &'static CStr = c"Socket";

    fn trace(&self, mark: &mut dyn FnMut(Raw)) {
        for (_, handler) in &*self.0.handlers.borrow() {
            mark(handler.raw());
        }
        for timer in &*self.0.timers.borrow() {
            mark(timer.function.raw());
        }
    }
}

/// The module's exports.
pub(super) fn open(cx: Ctx) -> JsResult<Val> {
    cx.register_class::<Socket, 7>(&METHODS)?;
    let exports = cx.object()?;
    cx.define_list(exports.raw(), &FUNCTIONS)?;
    Ok(exports)
}

/// `ws.connect(url, params?, function)`.
fn connect(cx: Ctx, _this: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    if host.is_init() {
        return Err(cx.throw_go("using websockets in the init context is not supported"));
    }
    let url = args.get(0).to_text(cx)?;
    let (params, setup) = match args.len() {
        2 => (Raw::UNDEFINED, args.get(1)),
        3 => (args.get(1), args.get(2)),
        _ => return Err(cx.throw_go("invalid number of arguments to ws.connect")),
    };
    if !setup.is_function(cx) {
        return Err(cx.throw_go("last argument to ws.connect must be a function"));
    }
    let http = crate::http::of_vu(cx)?;
    let params = Params::read(cx, params, Dialect::Ws, &http)?;
    let plan = Plan::new(host, &http, Dialect::Ws, &url, params, Vec::new());
    let local = http.local_ip(host);
    // Boxed: the state of connecting is large, and this is a script's stack.
    let mut dialed = host.wait_or_throw(cx, Box::pin(plan.dial(&http, local)))?;
    let recorder = plan.record(host, &dialed);
    let response = dialed.opened.response.take();
    let connection = match dialed.opened.result {
        Ok(connection) => connection,
        Err(error) => {
            recorder.ended();
            if http.throws() {
                return Err(cx.throw_go(&error.to_string()));
            }
            let text = if response.is_some() { String::new() } else { error.to_string() };
            return answer(cx, "", response.as_ref(), &text);
        }
    };
    let session = Rc::new(Session {
        connection: RefCell::new(Some(connection)),
        handlers: RefCell::default(),
        timers: RefCell::default(),
        recorder,
        is_closed: Cell::new(false),
    });
    let outcome = session.live(cx, setup);
    session.clear();
    outcome?;
    answer(cx, &url, response.as_ref(), "")
}

/// What `connect()` returns.
fn answer(cx: Ctx, url: &str, response: Option<&Response>, error: &str) -> JsResult<Val> {
    let object = cx.object()?;
    object.set_str(cx, c"url", cx.string(url)?)?;
    let status = response.map_or(0, |response| response.status);
    object.set_str(cx, c"status", cx.number(f64::from(status)))?;
    let headers = cx.object()?;
    let mut joined: Vec<(String, String)> = Vec::new();
    for (name, value) in response.iter().flat_map(|response| response.headers()) {
        let (name, value) = (canonical_name(name), String::from_utf8_lossy(value));
        match joined.iter_mut().find(|(have, _)| *have == name) {
            Some((_, have)) => *have = format!("{have}, {value}"),
            None => joined.push((name.into_owned(), value.into_owned())),
        }
    }
    for (name, value) in &joined {
        headers.set_key(cx, name, cx.string(value)?)?;
    }
    object.set_str(cx, c"headers", headers)?;
    let body = response.map_or(&b""[..], |response| response.body());
    object.set_str(cx, c"body", text_value(cx, body)?)?;
    object.set_str(cx, c"error", cx.string(error)?)?;
    Ok(object)
}

/// What there is to do next.
enum Step {
    /// A timer is due.
    Timer,
    Incoming(Result<Incoming, WsError>),
}

impl Session {
    /// Runs the script's function and its handlers until the socket is closed.
    fn live(self: &Rc<Self>, cx: Ctx, setup: Raw) -> JsResult<()> {
        let outcome = self.run(cx, setup);
        let host = cx.host();
        if host.interrupt.is_raised() {
            self.close_silently();
            return outcome;
        }
        // A handler threw: the socket is closed, its handlers are told, the exception goes on.
        let thrown = outcome.err().map(|Thrown| cx.take_exception());
        let closed = self.shut(cx, i64::from(close_code::GOING_AWAY));
        self.recorder.ended();
        match thrown {
            Some(exception) => {
                if closed.is_err() {
                    drop(cx.take_exception());
                }
                Err(cx.throw(exception))
            }
            None => closed,
        }
    }

    fn run(self: &Rc<Self>, cx: Ctx, setup: Raw) -> JsResult<()> {
        let socket = cx.wrap(Socket(self.clone()))?;
        cx.call(setup, Raw::UNDEFINED, &[socket.raw()])?;
        drop(socket);
        self.emit(cx, Event::Open, &[])?;
        let mut alarm = Alarm::default();
        while !self.is_closed.get() {
            let step =
                cx.host().wait_or_throw(cx, poll_fn(|task| self.poll_step(&mut alarm, task)))?;
            match step {
                Step::Timer => self.fire(cx)?,
                Step::Incoming(Ok(incoming)) => self.take(cx, incoming)?,
                Step::Incoming(Err(error)) => self.end(cx, &error)?,
            }
        }
        Ok(())
    }

    fn poll_step(&self, alarm: &mut Alarm, task: &mut Context<'_>) -> Poll<Step> {
        let next = self.timers.borrow().iter().map(|timer| timer.due).min();
        // Whichever was not served last goes first, so that neither starves the other.
        let timer_first = !std::mem::replace(&mut alarm.served, false);
        if timer_first && alarm.poll(next, task).is_ready() {
            alarm.served = true;
            return Poll::Ready(Step::Timer);
        }
        if let Some(connection) = &mut *self.connection.borrow_mut()
            && let Poll::Ready(incoming) = connection.poll_next(task)
        {
            return Poll::Ready(Step::Incoming(incoming));
        }
        if !timer_first && alarm.poll(next, task).is_ready() {
            alarm.served = true;
            return Poll::Ready(Step::Timer);
        }
        Poll::Pending
    }

    /// Calls the function of the timer that is due first.
    fn fire(&self, cx: Ctx) -> JsResult<()> {
        let now = rt::now();
        let function = {
            let mut timers = self.timers.borrow_mut();
            let first = (0..timers.len()).min_by_key(|index| timers[*index].due);
            match first {
                Some(index) if timers[index].due <= now => match timers[index].every {
                    Some(every) => {
                        // As Go's ticker: in step, but what was missed is not made up for.
                        let next = timers[index].due + every;
                        timers[index].due = if next > now { next } else { now + every };
                        timers[index].function.clone()
                    }
                    None => timers.remove(index).function,
                },
                _ => return Ok(()),
            }
        };
        cx.call(function.raw(), Raw::UNDEFINED, &[]).map(drop)
    }

    fn take(&self, cx: Ctx, incoming: Incoming) -> JsResult<()> {
        match incoming {
            Incoming::Message(Kind::Binary, bytes) => {
                self.recorder.received();
                if self.listens(Event::BinaryMessage) {
                    let buffer = cx.array_buffer(&bytes)?;
                    self.emit(cx, Event::BinaryMessage, &[buffer.raw()])?;
                }
                Ok(())
            }
            Incoming::Message(_, bytes) => {
                self.recorder.received();
                if self.listens(Event::Message) {
                    let text = text_value(cx, &bytes)?;
                    self.emit(cx, Event::Message, &[text.raw()])?;
                }
                Ok(())
            }
            Incoming::Ping(payload) => {
                if let Err(error) = self.write(cx, Kind::Pong, &payload)? {
                    self.emit_error(cx, &error)?;
                }
                self.emit(cx, Event::Ping, &[])
            }
            Incoming::Pong(payload) => {
                self.recorder.ponged(&payload);
                self.emit(cx, Event::Pong, &[])
            }
        }
    }

    /// The connection is at its end.
    fn end(&self, cx: Ctx, error: &WsError) -> JsResult<()> {
        let code = match error {
            WsError::Closed { code, .. } => *code,
            _ => close_code::GOING_AWAY,
        };
        let is_expected = matches!(code, close_code::NORMAL | close_code::GOING_AWAY);
        if matches!(error, WsError::Closed { .. }) && !is_expected {
            self.emit_error(cx, error)?;
        }
        self.shut(cx, i64::from(code))
    }

    /// Closes, once, and tells the handlers.
    fn shut(&self, cx: Ctx, code: i64) -> JsResult<()> {
        if self.is_closed.replace(true) {
            return Ok(());
        }
        let told = self.farewell(cx, code);
        *self.connection.borrow_mut() = None;
        told
    }

    fn farewell(&self, cx: Ctx, code: i64) -> JsResult<()> {
        let payload = net::ws::close_payload(code as u16, "");
        if let Err(error) = self.write(cx, Kind::Close, &payload)? {
            self.emit_error(cx, &error)?;
        }
        self.emit(cx, Event::Close, &[cx.number(code as f64).raw()])
    }

    /// Closes without calling the script, whose VU has been told to stop.
    fn close_silently(&self) {
        self.is_closed.set(true);
        if let Some(mut connection) = self.connection.borrow_mut().take()
            && connection.send_close(close_code::GOING_AWAY, "").is_ok()
        {
            // A courtesy, as far as it goes without waiting.
            let _ = connection.poll_flush(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// Lets go of what scripts gave.
    fn clear(&self) {
        let handlers = std::mem::take(&mut *self.handlers.borrow_mut());
        let timers = std::mem::take(&mut *self.timers.borrow_mut());
        drop((handlers, timers));
    }

    /// Writes a frame, waiting until it is out. Those of VUs that are ready together go out together.
    fn write(&self, cx: Ctx, kind: Kind, payload: &[u8]) -> JsResult<Result<(), WsError>> {
        let taken = match &mut *self.connection.borrow_mut() {
            Some(connection) => connection.send(kind, payload),
            None => Err(WsError::CloseSent),
        };
        if let Err(error) = taken {
            return Ok(Err(error));
        }
        cx.host().wait_or_throw(cx, async {
            rt::turn_end().await;
            poll_fn(|task| match &mut *self.connection.borrow_mut() {
                Some(connection) => connection.poll_flush(task),
                None => Poll::Ready(Err(WsError::CloseSent)),
            })
            .await
        })
    }

    fn send(&self, cx: Ctx, kind: Kind, payload: &[u8]) -> JsResult<()> {
        if let Err(error) = self.write(cx, kind, payload)? {
            self.emit_error(cx, &error)?;
        }
        self.recorder.sent();
        Ok(())
    }

    fn listens(&self, event: Event) -> bool {
        self.handlers.borrow().iter().any(|(have, _)| *have == event)
    }

    /// Calls the handlers of an event.
    fn emit(&self, cx: Ctx, event: Event, args: &[Raw]) -> JsResult<()> {
        // Handlers that a handler adds are not called for the same event.
        let n = self.handlers.borrow().len();
        for index in 0..n {
            let handler = match self.handlers.borrow().get(index) {
                Some((have, handler)) if *have == event => handler.clone(),
                _ => continue,
            };
            cx.call(handler.raw(), Raw::UNDEFINED, args)?;
        }
        Ok(())
    }

    fn emit_error(&self, cx: Ctx, error: &WsError) -> JsResult<()> {
        if !self.listens(Event::Error) {
            return Ok(());
        }
        let object = error_object(cx, error)?;
        self.emit(cx, Event::Error, &[object.raw()])
    }
}

/// Wakes the loop for its timers.
#[derive(Default)]
struct Alarm {
    sleep: Option<(Nanos, Pin<Box<rt::Sleep>>)>,
    /// The last step was a timer's.
    served: bool,
}

impl Alarm {
    fn poll(&mut self, next: Option<Nanos>, task: &mut Context<'_>) -> Poll<()> {
        let Some(at) = next else {
            self.sleep = None;
            return Poll::Pending;
        };
        if at <= rt::now() {
            return Poll::Ready(());
        }
        match &mut self.sleep {
            Some((have, sleep)) if *have == at => sleep.as_mut().poll(task),
            slot => {
                let (_, sleep) = slot.insert((at, Box::pin(rt::sleep_until(at))));
                sleep.as_mut().poll(task)
            }
        }
    }
}

fn this_session<'a>(cx: Ctx, this: Raw) -> JsResult<&'a Rc<Session>> {
    cx.inner_of::<Socket>(this).map(|socket| &socket.0)
}

fn on(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let session = this_session(cx, this)?;
    let event = Event::parse(&args.get(0).to_text(cx)?);
    let handler = args.get(1);
    if let Some(event) = event
        && handler.is_function(cx)
        && !session.is_closed.get()
    {
        room(cx, session.handlers.borrow().len())?;
        session.handlers.borrow_mut().push((event, handler.dup(cx)));
    }
    Ok(Val::undefined(cx))
}

fn room(cx: Ctx, have: usize) -> JsResult<()> {
    if have < MAX_FUNCTIONS {
        return Ok(());
    }
    Err(cx.throw_go(&format!("a socket takes at most {MAX_FUNCTIONS} handlers and timers")))
}

fn send(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let session = this_session(cx, this)?;
    if args.is_empty() {
        session.send(cx, Kind::Text, b"")?;
    } else {
        let text = args.get(0).to_text(cx)?;
        session.send(cx, Kind::Text, text.as_str().as_bytes())?;
    }
    Ok(Val::undefined(cx))
}

fn send_binary(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let session = this_session(cx, this)?;
    if args.is_empty() {
        return Err(cx.throw_go("missing argument, expected ArrayBuffer"));
    }
    let value = args.get(0);
    let bytes = if value.is_array_buffer() { bytes_of(cx, value) } else { None };
    let Some(bytes) = bytes else {
        let kind = if value.is_nullish() {
            value.to_text(cx)?.to_string()
        } else {
            let constructor = value.get_str(cx, c"constructor")?;
            constructor.get_str(cx, c"name")?.to_text(cx)?.to_string()
        };
        return Err(cx.throw_go(&format!("expected ArrayBuffer as argument, received: {kind}")));
    };
    session.send(cx, Kind::Binary, &bytes)?;
    Ok(Val::undefined(cx))
}

fn ping(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let session = this_session(cx, this)?;
    let payload = session.recorder.next_ping();
    match session.write(cx, Kind::Ping, payload.as_bytes())? {
        Ok(()) => session.recorder.pinged(),
        Err(error) => session.emit_error(cx, &error)?,
    }
    Ok(Val::undefined(cx))
}

fn set_timeout(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let after = delay(cx, &args, "setTimeout")?;
    add_timer(cx, this, &args, after, None)
}

fn set_interval(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let every = delay(cx, &args, "setInterval")?;
    add_timer(cx, this, &args, every, Some(every))
}

/// Longest delay, milliseconds: what a 64-bit count of nanoseconds holds.
const MAX_DELAY_MS: f64 = 9.2e12;

fn delay(cx: Ctx, args: &Args<'_>, name: &str) -> JsResult<Duration> {
    if !args.get(0).is_function(cx) {
        let shown = args.get(0).to_text(cx)?;
        return Err(cx.throw_type(&format!(
            "could not convert function call parameter 0: could not convert {} to sobek.Callable",
            shown.as_str()
        )));
    }
    let ms = if args.get(1).is_undefined() { 0.0 } else { args.get(1).to_f64(cx)? };
    let ns = ms.min(MAX_DELAY_MS) * 1e6;
    if ns >= 1.0 {
        return Ok(Duration::from_nanos(ns as u64));
    }
    let ms = if ms.is_nan() { "NaN".to_owned() } else { format!("{ms:.2}") };
    Err(cx.throw_go(&format!("{name} requires a >0 timeout parameter, received {ms}")))
}

fn add_timer(
    cx: Ctx,
    this: Raw,
    args: &Args<'_>,
    after: Duration,
    every: Option<Duration>,
) -> JsResult<Val> {
    let session = this_session(cx, this)?;
    if !session.is_closed.get() {
        room(cx, session.timers.borrow().len())?;
        let timer = Timer { due: rt::now() + after, every, function: args.get(0).dup(cx) };
        session.timers.borrow_mut().push(timer);
    }
    Ok(Val::undefined(cx))
}

fn close(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let session = this_session(cx, this)?;
    let code = match args.len() {
        0 => i64::from(close_code::GOING_AWAY),
        // NaN and what is no number count as 0.
        _ => args.get(0).to_f64(cx)? as i64,
    };
    session.shut(cx, code)?;
    Ok(Val::undefined(cx))
}
