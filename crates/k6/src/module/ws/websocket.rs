//! `k6/websockets`: the class `WebSocket`.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::CStr;
use std::rc::Rc;
use std::task::Waker;

use net::url::Url;
use net::ws::{Connection, Kind, MAX_CONTROL_BYTES, close_code, close_payload};

use super::listeners::{Event, Listeners};
use super::params::{Dialect, Params};
use super::session::{Plan, Recorder};
use super::{blob, bytes_of, driver, go_type};
use crate::js::{
    Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func, getter, getter_setter,
};
use crate::log::Level;
use crate::{native, native_getter, native_setter};

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Ready {
    Connecting = 0,
    Open = 1,
    Closing = 2,
    Closed = 3,
}

/// What binary messages are given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinaryType {
    Blob,
    ArrayBuffer,
}

/// One WebSocket.
pub(super) struct State {
    pub(super) url: String,
    pub(super) connection: RefCell<Option<Connection>>,
    pub(super) listeners: Listeners,
    pub(super) ready: Cell<Ready>,
    pub(super) buffered: Cell<usize>,
    /// Frames of the script that are not written yet.
    pub(super) queued: Cell<u32>,
    pub(super) binary_type: Cell<BinaryType>,
    pub(super) protocol: RefCell<String>,
    pub(super) extensions: RefCell<Vec<String>>,
    /// 0 as long as there is none.
    pub(super) close_code: Cell<u16>,
    pub(super) close_reason: RefCell<String>,
    pub(super) recorder: OnceCell<Recorder>,
    /// Of the task that writes and reads.
    pub(super) waker: RefCell<Option<Waker>>,
}

struct WebSocket(Rc<State>);

impl Class for WebSocket {
    const ID: u32 = FIRST_CLASS_ID + 49;
    const NAME: &'static CStr = c"WebSocket";

    fn trace(&self, mark: &mut dyn FnMut(Raw)) {
        self.0.listeners.trace(mark);
    }
}

static MEMBERS: List<16> = List([
    func(c"addEventListener", 2, native!(add_event_listener)),
    func(c"send", 1, native!(send)),
    func(c"ping", 0, native!(ping)),
    func(c"close", 2, native!(close)),
    getter(c"url", native_getter!(url)),
    getter(c"readyState", native_getter!(ready_state)),
    getter(c"bufferedAmount", native_getter!(buffered_amount)),
    getter(c"extensions", native_getter!(extensions)),
    getter(c"protocol", native_getter!(protocol)),
    getter_setter(c"binaryType", native_getter!(binary_type), native_setter!(set_binary_type)),
    getter_setter(c"onmessage", native_getter!(on_message), native_setter!(set_on_message)),
    getter_setter(c"onerror", native_getter!(on_error), native_setter!(set_on_error)),
    getter_setter(c"onopen", native_getter!(on_open), native_setter!(set_on_open)),
    getter_setter(c"onclose", native_getter!(on_close), native_setter!(set_on_close)),
    getter_setter(c"onping", native_getter!(on_ping), native_setter!(set_on_ping)),
    getter_setter(c"onpong", native_getter!(on_pong), native_setter!(set_on_pong)),
]);

/// The module's exports.
pub(super) fn open(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<WebSocket, 16>(&MEMBERS)?;
    let exports = cx.object()?;
    let constructor = cx.constructor(c"WebSocket", 3, native!(construct), proto.raw())?;
    exports.set_str(cx, c"WebSocket", constructor)?;
    exports.set_str(cx, c"Blob", blob::register(cx)?)?;
    Ok(exports)
}

/// `new WebSocket(url, protocols?, params?)`.
fn construct(cx: Ctx, new_target: Raw, args: Args<'_>) -> JsResult<Val> {
    let host = cx.host();
    let url = checked_url(cx, args.get(0))?;
    if host.is_init() {
        return Err(cx.throw_go("using websockets in the init context is not supported"));
    }
    let http = crate::http::of_vu(cx)?;
    let params = Params::read(cx, args.get(2), Dialect::WebSockets, &http)?;
    let protocols = protocols(cx, args.get(1))?;
    let plan = Plan::new(host, &http, Dialect::WebSockets, &url, params, protocols);
    let state = Rc::new(State {
        url,
        connection: RefCell::new(None),
        listeners: Listeners::default(),
        ready: Cell::new(Ready::Connecting),
        buffered: Cell::new(0),
        queued: Cell::new(0),
        binary_type: Cell::new(BinaryType::Blob),
        protocol: RefCell::default(),
        extensions: RefCell::default(),
        close_code: Cell::new(0),
        close_reason: RefCell::default(),
        recorder: OnceCell::new(),
        waker: RefCell::new(None),
    });
    let object = cx.wrap_for(new_target, WebSocket(state.clone()))?;
    driver::start(cx, state, object.clone(), plan)?;
    Ok(object)
}

fn checked_url(cx: Ctx, value: Raw) -> JsResult<String> {
    if value.is_nullish() {
        return Err(cx.throw_go("WebSocket requires a url"));
    }
    let text = value.to_text(cx)?.to_string();
    let quoted = net::url::go_quoted(text.as_bytes());
    let url = Url::parse(&text).map_err(|error| {
        let what = "WebSocket requires valid url, but got";
        cx.throw_go(&format!("{what} {quoted} which resulted in {error}"))
    })?;
    if !matches!(url.scheme_str(), "ws" | "wss") {
        let scheme = net::url::go_quoted(url.scheme_str().as_bytes());
        let what = "WebSocket requires url with scheme ws or wss, but got";
        return Err(cx.throw_go(&format!("{what} {scheme}")));
    }
    if let Some(fragment) = url.fragment().filter(|fragment| !fragment.is_empty()) {
        let fragment = net::url::go_quoted(fragment.as_bytes());
        return Err(cx.throw_go(&format!("WebSocket requires no url fragment, but got {fragment}")));
    }
    Ok(text)
}

fn protocols(cx: Ctx, value: Raw) -> JsResult<Vec<String>> {
    if value.is_string() {
        return Ok(vec![value.to_text(cx)?.to_string()]);
    }
    let mut out = Vec::new();
    if value.is_array() {
        for at in 0..value.length(cx)? {
            out.push(value.get_idx(cx, at)?.to_text(cx)?.to_string());
        }
    }
    Ok(out)
}

fn state<'a>(cx: Ctx, this: Raw) -> JsResult<&'a Rc<State>> {
    cx.inner_of::<WebSocket>(this).map(|socket| &socket.0)
}

impl State {
    /// Puts a frame of the script into the outbox and wakes the task that writes it.
    fn queue(&self, kind: Kind, payload: &[u8]) {
        if let Some(connection) = &mut *self.connection.borrow_mut() {
            // Refused only after a close frame, and then the state is no longer "open".
            if connection.send(kind, payload).is_ok() {
                self.queued.set(self.queued.get() + 1);
            }
        }
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn assert_open(&self, cx: Ctx) -> JsResult<()> {
        match self.ready.get() {
            Ready::Open => Ok(()),
            _ => Err(cx.throw_go("InvalidStateError")),
        }
    }
}

fn send(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let state = state(cx, this)?;
    state.assert_open(cx)?;
    let value = args.get(0);
    if value.is_string() {
        let text = value.to_text(cx)?;
        state.buffered.set(state.buffered.get() + text.as_str().len());
        state.queue(Kind::Text, text.as_str().as_bytes());
        return Ok(Val::undefined(cx));
    }
    let queue = |bytes: &[u8]| {
        state.buffered.set(state.buffered.get() + bytes.len());
        state.queue(Kind::Binary, bytes);
    };
    if let Some(bytes) = blob::bytes(cx, value) {
        queue(&bytes);
    } else if let Some(bytes) = bytes_of(cx, value) {
        queue(&bytes);
    } else if let Some(bytes) = blob::view_bytes(cx, value)? {
        queue(&bytes);
    } else {
        return Err(cx.throw_go(&format!("unsupported send type {}", go_type(cx, value))));
    }
    Ok(Val::undefined(cx))
}

fn ping(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let state = state(cx, this)?;
    state.assert_open(cx)?;
    if let Some(recorder) = state.recorder.get() {
        state.queue(Kind::Ping, recorder.next_ping().as_bytes());
        recorder.pinged();
    }
    Ok(Val::undefined(cx))
}

/// The longest reason of a close frame, bytes.
const MAX_REASON: usize = MAX_CONTROL_BYTES - 2;

fn close(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let state = state(cx, this)?;
    let code = if args.get(0).is_undefined() { 0.0 } else { args.get(0).to_f64(cx)? };
    let code = code as i64;
    let reason = match args.len() {
        0 | 1 => String::new(),
        _ => args.get(1).to_text(cx)?.to_string(),
    };
    if matches!(state.ready.get(), Ready::Closing | Ready::Closed) {
        return Ok(Val::undefined(cx));
    }
    if code != 0 && code != i64::from(close_code::NORMAL) && !(3000..=4999).contains(&code) {
        return Err(cx.throw_go(&format!(
            "InvalidAccessError: Failed to execute 'close' on 'WebSocket': The close code must be either 1000, or between \
             3000 and 4999. {code} is neither"
        )));
    }
    if reason.len() > MAX_REASON {
        return Err(cx.throw_go(
            "SyntaxError: Failed to execute 'close' on 'WebSocket': The message must not be greater than 123 bytes",
        ));
    }
    let code = if code == 0 { close_code::NORMAL } else { code as u16 };
    state.ready.set(Ready::Closing);
    state.close_code.set(code);
    state.queue(Kind::Close, &close_payload(code, &reason));
    Ok(Val::undefined(cx))
}

fn add_event_listener(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let state = state(cx, this)?;
    let name = args.get(0).to_text(cx)?;
    let handler = args.get(1);
    if !handler.is_function(cx) {
        let name = net::url::go_quoted(name.as_str().as_bytes());
        let text = format!("handler for event type {name} isn't a callable function");
        return Err(cx.throw_go(&text));
    }
    match Event::parse(&name) {
        Some(event) => state.listeners.add(cx, event, handler.dup(cx))?,
        None => {
            let text = format!("can't add event handler: unknown event type: {}", name.as_str());
            cx.host().log(Level::Warning, text, Vec::new());
        }
    }
    Ok(Val::undefined(cx))
}

fn url(cx: Ctx, this: Raw) -> JsResult<Val> {
    cx.string(&state(cx, this)?.url)
}

fn ready_state(cx: Ctx, this: Raw) -> JsResult<Val> {
    Ok(cx.number(f64::from(state(cx, this)?.ready.get() as u8)))
}

fn buffered_amount(cx: Ctx, this: Raw) -> JsResult<Val> {
    Ok(cx.number(state(cx, this)?.buffered.get() as f64))
}

fn extensions(cx: Ctx, this: Raw) -> JsResult<Val> {
    let list = cx.array()?;
    for (at, extension) in (0..).zip(&*state(cx, this)?.extensions.borrow()) {
        list.set_idx(cx, at, cx.string(extension)?)?;
    }
    Ok(list)
}

fn protocol(cx: Ctx, this: Raw) -> JsResult<Val> {
    cx.string(&state(cx, this)?.protocol.borrow())
}

fn binary_type(cx: Ctx, this: Raw) -> JsResult<Val> {
    cx.string(match state(cx, this)?.binary_type.get() {
        BinaryType::Blob => "blob",
        BinaryType::ArrayBuffer => "arraybuffer",
    })
}

fn set_binary_type(cx: Ctx, this: Raw, value: Raw) -> JsResult<()> {
    let text = value.to_text(cx)?;
    let kind = match text.as_str() {
        "blob" => BinaryType::Blob,
        "arraybuffer" => BinaryType::ArrayBuffer,
        other => {
            return Err(cx.throw_go(&format!(
                "unknown binaryType {other}, the supported ones are \"blob\" and \"arraybuffer\""
            )));
        }
    };
    state(cx, this)?.binary_type.set(kind);
    Ok(())
}

fn get_on(cx: Ctx, this: Raw, event: Event) -> JsResult<Val> {
    let function = state(cx, this)?.listeners.property(event);
    Ok(function.unwrap_or_else(|| Val::null(cx)))
}

fn set_on(cx: Ctx, this: Raw, event: Event, value: Raw) -> JsResult<()> {
    let state = state(cx, this)?;
    if value.is_nullish() {
        state.listeners.set_property(event, None);
        return Ok(());
    }
    if !value.is_function(cx) {
        let text = format!("a value for 'on{}' should be callable", event.name());
        return Err(cx.throw_go(&text));
    }
    state.listeners.set_property(event, Some(value.dup(cx)));
    Ok(())
}

macro_rules! on_properties {
    ($($get:ident $set:ident $event:ident,)*) => {$(
        fn $get(cx: Ctx, this: Raw) -> JsResult<Val> {
            get_on(cx, this, Event::$event)
        }

        fn $set(cx: Ctx, this: Raw, value: Raw) -> JsResult<()> {
            set_on(cx, this, Event::$event, value)
        }
    )*};
}

on_properties! {
    on_message set_on_message Message,
    on_error set_on_error Error,
    on_open set_on_open Open,
    on_close set_on_close Close,
    on_ping set_on_ping Ping,
    on_pong set_on_pong Pong,
}
