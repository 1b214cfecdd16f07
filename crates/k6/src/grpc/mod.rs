//! `k6/net/grpc`: clients, unary calls and streams, on `net`'s channels.
//!
//! `.proto` files are compiled in this process (`load`) into tables (`schema`) that all VUs share. A request goes from its
//! JavaScript object straight to bytes (`encode`), an answer from its bytes straight to JavaScript (`decode`); both know
//! the JSON rules of Protocol Buffers (`json`, `known`), which is what k6 converts by. Start reading at `client`.

mod client;
mod debug;
mod decode;
mod encode;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod invoke;
mod json;
mod known;
mod load;
mod model;
mod params;
mod reflection;
mod samples;
mod scalar;
mod schema;
mod status;
mod stream;
mod text;
mod wire;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use net::stream::Traffic;

pub(crate) use load::Schemas;

use crate::host::VuHost;
use crate::http::Settings;
use crate::js::{Atom, Ctx, JsResult, Val};
use samples::TagChoice;

/// The module's state of one VU, made when it is first imported.
pub(crate) struct VuGrpc {
    settings: Arc<Settings>,
    choice: TagChoice,
    names: ReplyNames,
    /// What stands for statuses, the same objects as the module's constants.
    statuses: RefCell<Vec<Val>>,
    /// Bytes of this VU's own connections, then of those it shares.
    tallies: RefCell<Vec<Rc<Tally>>>,
}

/// Bytes of one or more connections, and how many of them samples have been made of.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    traffic: Rc<Traffic>,
    reported: Cell<(u64, u64)>,
}

impl Tally {
    fn take(&self) -> (u64, u64) {
        let total = (self.traffic.sent(), self.traffic.received());
        let before = self.reported.replace(total);
        (total.0 - before.0, total.1 - before.1)
    }
}

impl VuGrpc {
    fn new(cx: Ctx) -> Result<Self, String> {
        let world = &cx.host().world;
        Ok(Self {
            settings: Settings::of(world)?,
            choice: TagChoice::new(&world.config().system_tags),
            names: ReplyNames::intern(cx),
            statuses: RefCell::default(),
            tallies: RefCell::new(vec![Rc::default()]),
        })
    }

    /// The tally of the VU's own connections.
    fn own_tally(&self) -> Rc<Tally> {
        self.tallies.borrow().first().cloned().unwrap_or_default()
    }

    /// Lets go of what belongs to the realm, which ends.
    pub(crate) fn release(&self) {
        let statuses = std::mem::take(&mut *self.statuses.borrow_mut());
        drop(statuses);
    }

    fn add_tally(&self, tally: &Rc<Tally>) {
        let mut tallies = self.tallies.borrow_mut();
        if !tallies.iter().any(|known| Rc::ptr_eq(known, tally)) {
            tallies.push(tally.clone());
        }
    }

    /// Bytes sent and received since the last call.
    pub(crate) fn take_bytes(&self) -> (u64, u64) {
        let tallies = self.tallies.borrow();
        tallies.iter().map(|tally| tally.take()).fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1))
    }
}

/// Property names of what scripts get.
struct ReplyNames {
    message: Atom,
    error: Atom,
    headers: Atom,
    trailers: Atom,
    status: Atom,
    code: Atom,
    details: Atom,
    ts: Atom,
}

impl ReplyNames {
    fn intern(cx: Ctx) -> Self {
        Self {
            message: cx.atom("message"),
            error: cx.atom("error"),
            headers: cx.atom("headers"),
            trailers: cx.atom("trailers"),
            status: cx.atom("status"),
            code: cx.atom("code"),
            details: cx.atom("details"),
            ts: cx.atom("ts"),
        }
    }
}

/// The module's exports and the VU's state.
pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    let host = cx.host();
    let state = VuGrpc::new(cx).map_err(|why| cx.throw_go(&why))?;
    let _ = host.grpc.set(Rc::new(state));
    let exports = cx.object()?;
    exports.set_str(cx, c"Client", client::register(cx)?)?;
    exports.set_str(cx, c"Stream", stream::register(cx)?)?;
    status::define(cx, exports.raw())?;
    Ok(exports)
}

/// The module's state, if it has been opened.
fn state(host: &VuHost) -> Option<&Rc<VuGrpc>> {
    host.grpc.get()
}

/// Text in Go's quotes.
fn quoted(text: &str) -> String {
    net::url::go_quoted(text.as_bytes())
}

#[cfg(test)]
mod tests;
