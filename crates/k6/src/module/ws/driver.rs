//! What drives a WebSocket of the event loop: a task that writes what scripts have sent and collects what comes, and the
//! callback that hands it to the listeners.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use net::ws::{Connection, Incoming, Kind, WsError, close_code};

use super::listeners::{Event, event_object};
use super::session::{Dialed, Plan, subprotocol};
use super::websocket::{BinaryType, Ready, State};
use super::{blob, text_value};
use crate::js::{Ctx, JsResult, Thrown, Val};
use crate::log::Level;

/// Messages that are handed over at once.
const MAX_BATCH: usize = 64;

/// What has happened to a connection.
struct Batch {
    /// Each with its moment, Unix nanoseconds.
    incoming: Vec<(Incoming, u64)>,
    ended: Option<Ended>,
}

/// How it ended.
enum Ended {
    Read(WsError),
    Write(WsError),
}

/// With more than this in the outbox, bytes, pings are not answered: a server that sends them and does not read would make it
/// grow without end.
const MAX_UNSENT: usize = 64 << 10;

/// Closes the connection if what waits for it is given up: the VU was told to stop.
struct Guard {
    state: Rc<State>,
    is_armed: bool,
}

impl Guard {
    fn disarm(mut self) {
        self.is_armed = false;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        let connection = self.state.connection.borrow_mut().take();
        if let Some(mut connection) = connection
            && connection.send_close(close_code::NORMAL, "").is_ok()
        {
            // A courtesy, as far as it goes without waiting.
            let _ = connection.poll_flush(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Begins to connect.
pub(super) fn start(cx: Ctx, state: Rc<State>, object: Val, plan: Plan) -> JsResult<()> {
    let http = crate::http::of_vu(cx)?;
    let local = http.local_ip(cx.host());
    let work = async move {
        let dialed = plan.dial(&http, local).await;
        (plan, dialed)
    };
    cx.host().start_async(work, move |cx, (plan, dialed)| opened(cx, state, object, &plan, dialed));
    Ok(())
}

fn opened(cx: Ctx, state: Rc<State>, object: Val, plan: &Plan, dialed: Dialed) -> JsResult<()> {
    let recorder = plan.record(cx.host(), &dialed);
    if let Some(response) = &dialed.opened.response {
        if dialed.opened.result.is_ok() {
            *state.protocol.borrow_mut() = subprotocol(response).into_owned();
        }
        let extensions = response
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-extensions"))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        *state.extensions.borrow_mut() = extensions.collect();
    }
    let mut connection = match dialed.opened.result {
        Ok(connection) => connection,
        Err(error) => return closed(cx, &state, &object, Some(&error.to_string())),
    };
    if state.ready.get() == Ready::Closing {
        // The script has closed it before it was open.
        let _ = connection.send_close(state.close_code.get(), "");
    }
    *state.connection.borrow_mut() = Some(connection);
    let _ = state.recorder.set(recorder);
    if state.ready.get() == Ready::Connecting {
        state.ready.set(Ready::Open);
        let told = emit(cx, &state, &object, Event::Open, rt::unix_nanos(), None);
        or_fail(cx, &state, &object, told)?;
    }
    arm(cx, state, object);
    Ok(())
}

/// Waits for what comes next.
fn arm(cx: Ctx, state: Rc<State>, object: Val) {
    let waiting = state.clone();
    let work = async move {
        if waiting.has_unsent() {
            // What VUs that are ready together send goes out together.
            rt::turn_end().await;
        }
        poll_fn(|task| waiting.poll_batch(task)).await
    };
    let guard = Guard { state: state.clone(), is_armed: true };
    cx.host().start_async(work, move |cx, batch| {
        guard.disarm();
        deliver(cx, state, object, batch)
    });
}

impl State {
    fn poll_batch(&self, task: &mut Context<'_>) -> Poll<Batch> {
        let mut batch = Batch { incoming: Vec::new(), ended: None };
        let mut slot = self.connection.borrow_mut();
        let Some(connection) = &mut *slot else { return Poll::Ready(batch) };
        self.remember(task);
        self.poll_flush(connection, task, &mut batch);
        while batch.incoming.len() < MAX_BATCH && batch.ended.is_none() {
            match connection.poll_next(task) {
                Poll::Ready(Ok(incoming)) => {
                    if let Incoming::Ping(payload) = &incoming
                        && connection.unsent() < MAX_UNSENT
                    {
                        // After a close frame there is nothing to answer.
                        let _ = connection.send(Kind::Pong, payload);
                    }
                    batch.incoming.push((incoming, rt::unix_nanos()));
                }
                Poll::Ready(Err(error)) => {
                    if let WsError::Closed { code, .. } = &error
                        && *code != close_code::ABNORMAL
                    {
                        // The answer to a close frame, unless it is one.
                        let _ = connection.send_close(*code, "");
                    }
                    batch.ended = Some(Ended::Read(error));
                }
                Poll::Pending => break,
            }
        }
        self.poll_flush(connection, task, &mut batch);
        if batch.incoming.is_empty() && batch.ended.is_none() {
            Poll::Pending
        } else {
            Poll::Ready(batch)
        }
    }

    fn has_unsent(&self) -> bool {
        self.connection.borrow().as_ref().is_some_and(|connection| connection.unsent() > 0)
    }

    fn remember(&self, task: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if waker.as_ref().is_none_or(|waker| !waker.will_wake(task.waker())) {
            *waker = Some(task.waker().clone());
        }
    }

    fn poll_flush(&self, connection: &mut Connection, task: &mut Context<'_>, batch: &mut Batch) {
        match connection.poll_flush(task) {
            Poll::Ready(Ok(())) => {
                self.buffered.set(0);
                let sent = self.queued.take();
                if let Some(recorder) = self.recorder.get() {
                    (0..sent).for_each(|_| recorder.sent());
                }
            }
            Poll::Ready(Err(error)) if batch.ended.is_none() => {
                batch.ended = Some(Ended::Write(error));
            }
            _ => {}
        }
    }
}

/// Hands over what has come, and waits for more unless it was the last.
fn deliver(cx: Ctx, state: Rc<State>, object: Val, batch: Batch) -> JsResult<()> {
    for (incoming, at_unix_ns) in batch.incoming {
        let told = hand_over(cx, &state, &object, incoming, at_unix_ns);
        or_fail(cx, &state, &object, told)?;
    }
    if state.ready.get() == Ready::Closed {
        return Ok(());
    }
    match batch.ended {
        None => {
            arm(cx, state, object);
            Ok(())
        }
        Some(Ended::Write(error)) => closed(cx, &state, &object, Some(&error.to_string())),
        Some(Ended::Read(error)) => {
            let mut text = None;
            if let WsError::Closed { code, reason } = &error {
                state.close_code.set(*code);
                state.close_reason.replace(reason.clone());
                let is_expected = matches!(*code, close_code::NORMAL | close_code::GOING_AWAY);
                text = (!is_expected).then(|| error.to_string());
            }
            closed(cx, &state, &object, text.as_deref())
        }
    }
}

fn hand_over(
    cx: Ctx,
    state: &State,
    object: &Val,
    incoming: Incoming,
    at_unix_ns: u64,
) -> JsResult<()> {
    match incoming {
        Incoming::Message(kind, bytes) => {
            if state.ready.get() != Ready::Open {
                return Ok(());
            }
            if let Some(recorder) = state.recorder.get() {
                recorder.received();
            }
            if !state.listeners.any(Event::Message) {
                return Ok(());
            }
            let data = match (kind, state.binary_type.get()) {
                (Kind::Binary, BinaryType::ArrayBuffer) => cx.array_buffer(&bytes)?,
                (Kind::Binary, BinaryType::Blob) => blob::wrap(cx, bytes, String::new())?,
                _ => text_value(cx, &bytes)?,
            };
            let origin = cx.string(&state.url)?;
            let mut more = [(c"data", Some(data)), (c"origin", Some(origin))];
            let event = event_object(cx, Event::Message, object.raw(), at_unix_ns, &mut more)?;
            state.listeners.call(cx, Event::Message, event.raw())
        }
        Incoming::Ping(_) => emit(cx, state, object, Event::Ping, at_unix_ns, None),
        Incoming::Pong(payload) => {
            if state.recorder.get().is_some_and(|recorder| !recorder.ponged(&payload)) {
                let id = String::from_utf8_lossy(&payload);
                let text = format!("received pong for unknown ping ID {id}");
                cx.host().log(Level::Warning, text, Vec::new());
            }
            emit(cx, state, object, Event::Pong, at_unix_ns, None)
        }
    }
}

/// Calls the listeners of an event that has nothing to tell but, for `error`, a text.
fn emit(
    cx: Ctx,
    state: &State,
    object: &Val,
    event: Event,
    at_unix_ns: u64,
    error: Option<&str>,
) -> JsResult<()> {
    if !state.listeners.any(event) {
        return Ok(());
    }
    let error = error.map(|text| cx.string(text)).transpose()?;
    let event_value = event_object(cx, event, object.raw(), at_unix_ns, &mut [(c"error", error)])?;
    state.listeners.call(cx, event, event_value.raw())
}

/// The connection is over: its listeners are told, once.
fn closed(cx: Ctx, state: &State, object: &Val, error: Option<&str>) -> JsResult<()> {
    if state.ready.replace(Ready::Closed) == Ready::Closed {
        return Ok(());
    }
    *state.connection.borrow_mut() = None;
    if let Some(recorder) = state.recorder.get() {
        recorder.ended();
    }
    let now = rt::unix_nanos();
    if let Some(text) = error {
        emit(cx, state, object, Event::Error, now, Some(text))?;
    }
    if state.listeners.any(Event::Close) {
        let code = Some(state.close_code.get()).filter(|code| *code != 0);
        let reason = cx.string(&state.close_reason.borrow())?;
        let mut more =
            [(c"code", code.map(|code| cx.number(f64::from(code)))), (c"reason", Some(reason))];
        let event = event_object(cx, Event::Close, object.raw(), now, &mut more)?;
        state.listeners.call(cx, Event::Close, event.raw())?;
    }
    state.listeners.clear();
    Ok(())
}

/// After a listener has thrown: the connection is closed, the other listeners are told of the exception, which goes on.
fn or_fail(cx: Ctx, state: &State, object: &Val, told: JsResult<()>) -> JsResult<()> {
    let Err(Thrown) = told else { return Ok(()) };
    if cx.host().interrupt.is_raised() {
        return Err(Thrown);
    }
    let exception = cx.take_exception();
    let text = match exception.to_text(cx) {
        Ok(text) => text.to_string(),
        Err(Thrown) => {
            drop(cx.take_exception());
            String::new()
        }
    };
    if closed(cx, state, object, Some(&text)).is_err() {
        drop(cx.take_exception());
    }
    Err(cx.throw(exception))
}
