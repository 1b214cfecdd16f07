//! Who listens to a WebSocket's events: one function of `onmessage` and its kin, and any number of `addEventListener`.

use std::cell::RefCell;
use std::ffi::CStr;

use crate::js::{Ctx, JsResult, Raw, Val};

/// An event's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Open,
    Message,
    Error,
    Close,
    Ping,
    Pong,
}

impl Event {
    pub(super) fn parse(name: &str) -> Option<Event> {
        const ALL: [Event; 6] =
            [Event::Open, Event::Message, Event::Error, Event::Close, Event::Ping, Event::Pong];
        ALL.into_iter().find(|event| event.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Event::Open => "open",
            Event::Message => "message",
            Event::Error => "error",
            Event::Close => "close",
            Event::Ping => "ping",
            Event::Pong => "pong",
        }
    }
}

struct Listener {
    event: Event,
    /// Of the `on…` property.
    is_property: bool,
    function: Val,
}

/// Functions that a socket may have.
const MAX_LISTENERS: usize = 100_000;

/// The listeners of one socket.
#[derive(Default)]
pub(super) struct Listeners(RefCell<Vec<Listener>>);

impl Listeners {
    pub(super) fn trace(&self, mark: &mut dyn FnMut(Raw)) {
        for listener in &*self.0.borrow() {
            mark(listener.function.raw());
        }
    }

    /// The function of the `on…` property.
    pub(super) fn property(&self, event: Event) -> Option<Val> {
        let listeners = self.0.borrow();
        let found = listeners.iter().find(|l| l.is_property && l.event == event);
        found.map(|listener| listener.function.clone())
    }

    /// Sets or takes away the function of the `on…` property, which is called before the others.
    pub(super) fn set_property(&self, event: Event, function: Option<Val>) {
        let mut listeners = self.0.borrow_mut();
        let at = listeners.iter().position(|l| l.is_property && l.event == event);
        let old = at.map(|at| listeners.remove(at));
        if let Some(function) = function {
            listeners.insert(0, Listener { event, is_property: true, function });
        }
        drop(listeners);
        drop(old);
    }

    /// Adds one.
    pub(super) fn add(&self, cx: Ctx, event: Event, function: Val) -> JsResult<()> {
        if self.0.borrow().len() >= MAX_LISTENERS {
            return Err(
                cx.throw_go(&format!("a WebSocket takes at most {MAX_LISTENERS} listeners"))
            );
        }
        self.0.borrow_mut().push(Listener { event, is_property: false, function });
        Ok(())
    }

    pub(super) fn any(&self, event: Event) -> bool {
        self.0.borrow().iter().any(|listener| listener.event == event)
    }

    /// Calls those of an event; the first that throws ends it.
    pub(super) fn call(&self, cx: Ctx, event: Event, argument: Raw) -> JsResult<()> {
        // Those that are added meanwhile are not called.
        let n = self.0.borrow().len();
        for index in 0..n {
            let function = match self.0.borrow().get(index) {
                Some(listener) if listener.event == event => listener.function.clone(),
                _ => continue,
            };
            cx.call(function.raw(), Raw::UNDEFINED, &[argument])?;
        }
        Ok(())
    }

    /// Lets go of all.
    pub(super) fn clear(&self) {
        let listeners = std::mem::take(&mut *self.0.borrow_mut());
        drop(listeners);
    }
}

/// An event's object.
pub(super) fn event_object(
    cx: Ctx,
    event: Event,
    target: Raw,
    at_unix_ns: u64,
    more: &mut [(&'static CStr, Option<Val>)],
) -> JsResult<Val> {
    let object = cx.object()?;
    object.set_str(cx, c"type", cx.string(event.name())?)?;
    object.set_str(cx, c"target", target.dup(cx))?;
    object.set_str(cx, c"timestamp", cx.number(at_unix_ns as f64 / 1e6))?;
    for (name, value) in more {
        if let Some(value) = value.take() {
            object.set_str(cx, name, value)?;
        }
    }
    Ok(object)
}
