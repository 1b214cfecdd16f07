//! `k6/http`: requests, batches, cookie jars and responses, on `net`'s client.
//!
//! A call is read from its arguments (`arguments`, `params`, `body`) into a `Call`, carried out without JavaScript (`exchange`: rate
//! limit, redirects, cookies, samples) and shown as a `Response` whose properties are made when read (`response`, `fields`, `methods`).
//! What is shared by the VUs of a core lies in `cache`, by those of a test in `settings`. Start reading at `calls`.

mod access;
mod arguments;
mod authentication;
mod batch;
mod body;
mod cache;
mod calls;
mod debug;
mod exchange;
mod expected;
mod exported;
mod fields;
mod helpers;
mod hop;
mod identity;
mod jar;
mod limiter;
mod methods;
mod ocsp;
mod pages;
mod params;
mod response;
mod samples;
mod settings;

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use net::cookie::Jar;
use net::http::{Client, Transport as _};

pub(crate) use access::of_vu;
pub(crate) use arguments::export;
pub(crate) use exchange::SharedJar;
pub(crate) use exported::Exported;
pub(crate) use params::{Refused, timeout as read_timeout};
pub(crate) use settings::{Debug, tls_options};

pub use limiter::{RateLimiter, TokenBucket};
pub use settings::{DEFAULT_USER_AGENT, Settings};

use crate::host::{HttpHooks, VuHost};
use crate::js::{Ctx, JsResult, Val};
use crate::log::{Level, LogRecord};
use crate::world::World;
use cache::CoreCache;
use expected::Expected;
use samples::Recorder;

/// The largest body after decompression, bytes.
const BODY_LIMIT: u64 = 256 << 20;

/// `k6/http`'s state of one VU.
pub struct VuHttp {
    settings: Arc<Settings>,
    client: Client,
    /// For calls with a proxy or certificates of their own.
    clients: RefCell<identity::Clients>,
    recorder: Recorder,
    jar: RefCell<SharedJar>,
    /// The callback for calls that bring none: `setResponseCallback`.
    expected: RefCell<Option<Rc<Expected>>>,
    names: OnceCell<response::Names>,
    world: Arc<World>,
    /// Bytes already given to [`HttpHooks::take_bytes`].
    reported: Cell<(u64, u64)>,
}

impl VuHttp {
    fn new(host: &VuHost) -> Result<Self, String> {
        let settings = Settings::of(&host.world)?;
        let local = settings.local_ips.as_ref().and_then(|ips| ips.address(host.id_in_instance));
        Ok(Self {
            client: Client::new(settings.client.clone(), local),
            clients: RefCell::default(),
            recorder: Recorder {
                shard: host.shard.clone(),
                cache: CoreCache::of(&host.shard),
                choice: settings.tags,
            },
            jar: RefCell::default(),
            expected: RefCell::new(Some(Rc::new(Expected::success()))),
            names: OnceCell::new(),
            world: host.world.clone(),
            reported: Cell::new((0, 0)),
            settings,
        })
    }

    /// The jar of the running iteration.
    fn jar(&self) -> SharedJar {
        self.jar.borrow().clone()
    }

    fn log(&self, level: Level, message: String, fields: Vec<(&'static str, String)>) {
        if self.world.log.is_enabled(level) {
            self.world.log.log(LogRecord {
                level,
                message,
                fields,
                unix_ns: rt::unix_nanos(),
                in_init: false,
            });
        }
    }
}

impl HttpHooks for VuHttp {
    fn started(&self, _host: &VuHost) {
        if self.settings.keeps_cookies {
            return;
        }
        let mut jar = self.jar.borrow_mut();
        // A script may still hold the last iteration's jar.
        if Rc::strong_count(&jar) > 1 || !jar.borrow().is_empty() {
            *jar = Rc::new(RefCell::new(Jar::new()));
        }
    }

    fn ended(&self, _host: &VuHost) {
        if self.settings.closes_idle {
            self.client.close_idle();
            self.clients.borrow().close_idle();
        }
    }

    fn take_bytes(&self) -> (u64, u64) {
        let total = self.client.traffic();
        let before = self.reported.replace(total);
        (total.0 - before.0, total.1 - before.1)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The VU's state, if the module has been opened.
#[inline]
fn current<'a>(cx: Ctx) -> Option<&'a Rc<VuHttp>> {
    calls::state(cx)
}

/// The exports of `k6/http`, made for one VU.
pub(crate) fn open(cx: Ctx) -> JsResult<Val> {
    calls::open(cx)
}
