//! One connection without JavaScript: opening it, its samples, its pings.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::Duration;

use engine::script::SharedShard;
use metrics::{SeriesId, TagSetId, builtin};
use net::error::{NetError, code};
use net::http::Response;
use net::url::Url;
use net::ws::{Handshake, Opened, WsError};
use rt::Nanos;

use super::params::{Dialect, Params};
use crate::host::VuHost;
use crate::http::{SharedJar, VuHttp};

/// Pings whose pong has not come; the oldest are forgotten.
const MAX_PINGS: usize = 1_000;

/// What opening needs, all of it ready.
pub(super) struct Plan {
    dialect: Dialect,
    url: String,
    handshake: Result<Handshake, WsError>,
    jar: SharedJar,
    /// Tags of the VU and of the call.
    base: TagSetId,
    name: Option<String>,
}

/// How it went.
pub(super) struct Dialed {
    pub(super) opened: Opened,
    pub(super) started: Nanos,
    pub(super) connecting: Duration,
}

impl Plan {
    /// Reads the URL and takes the cookies; what is wrong with the URL is told when it is dialled.
    pub(super) fn new(
        host: &VuHost,
        http: &Rc<VuHttp>,
        dialect: Dialect,
        url: &str,
        mut params: Params,
        subprotocols: Vec<String>,
    ) -> Plan {
        let pairs: Vec<(&str, &str)> =
            params.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let base = host.tag_set_with(&pairs);
        let name =
            params.tags.iter().rfind(|(key, _)| key == "name").map(|(_, value)| value.clone());
        let handshake = http_url(url).map(|http_url| {
            if params.headers.get("cookie").is_none() {
                let cookies = http.cookies_for(&params.jar, &http_url);
                if !cookies.is_empty() {
                    // A jar's cookies make a header that can be sent.
                    let _ = params.headers.add("Cookie", cookies.as_bytes());
                }
            }
            Handshake {
                url: http_url,
                headers: params.headers,
                subprotocols,
                deflate: params.deflate,
                seed: std::hash::RandomState::new().build_hasher().finish(),
            }
        });
        Plan { dialect, url: url.to_owned(), handshake, jar: params.jar, base, name }
    }

    /// Connects, shakes hands, keeps cookies.
    pub(super) async fn dial(&self, http: &Rc<VuHttp>, local: Option<std::net::IpAddr>) -> Dialed {
        // Those of VUs that are ready together go out together; the wait is the generator's.
        rt::turn_end().await;
        let started = rt::now();
        let opened = match &self.handshake {
            Ok(handshake) => {
                let opened = net::ws::open(handshake, http.config(), local, http.traffic()).await;
                if let Some(response) = &opened.response {
                    http.keep_cookies(&self.jar, &handshake.url, response);
                }
                opened
            }
            Err(error) => Opened { result: Err(error.clone()), response: None, remote: None },
        };
        Dialed { opened, started, connecting: rt::now() - started }
    }

    /// Makes the samples of opening, and what makes those that follow.
    pub(super) fn record(&self, host: &VuHost, dialed: &Dialed) -> Recorder {
        let chosen = &host.world.config().system_tags;
        let response = dialed.opened.response.as_ref();
        let status = response.map(|response| response.status.to_string());
        let subprotocol = response.map(|response| subprotocol(response).into_owned());
        let ip = dialed.opened.remote.map(|remote| remote.ip().to_string());
        let url = match self.dialect {
            Dialect::Ws => &self.url,
            Dialect::WebSockets => self.name.as_ref().unwrap_or(&self.url),
        };
        let name = (self.dialect == Dialect::WebSockets && self.name.is_none()).then_some(url);
        let mut pairs = Vec::with_capacity(5);
        for (key, value) in [
            ("ip", ip.as_deref().filter(|_| dialed.opened.result.is_ok())),
            ("status", status.as_deref()),
            ("subproto", subprotocol.as_deref()),
            ("url", Some(url.as_str())),
            ("name", name.map(String::as_str)),
        ] {
            if let Some(value) = value
                && chosen.has(key)
            {
                pairs.push((key, value));
            }
        }
        let mut shard = host.shard.borrow_mut();
        let tags = shard.extend_tags(self.base, &pairs);
        let at = rt::unix_of(dialed.started);
        shard.add(builtin::WS_SESSIONS, tags, 1.0, at);
        shard.add(builtin::WS_CONNECTING, tags, rt::millis(dialed.connecting), at);
        Recorder {
            sent: shard.series(builtin::WS_MSGS_SENT, tags),
            received: shard.series(builtin::WS_MSGS_RECEIVED, tags),
            shard: host.shard.clone(),
            tags,
            started: dialed.started,
            pings: RefCell::default(),
            n_pings: Cell::new(0),
        }
    }
}

/// The subprotocol that the server has chosen; empty if none.
pub(super) fn subprotocol(response: &Response) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(response.header("sec-websocket-protocol").unwrap_or_default())
}

/// The URL with the scheme that is spoken first.
fn http_url(text: &str) -> Result<Url, WsError> {
    let error = |text: String| WsError::Net(NetError::new(code::INVALID_URL, text));
    let url = Url::parse(text).map_err(|e| error(e.to_string()))?;
    let scheme = match url.scheme_str() {
        "ws" => "http",
        "wss" => "https",
        _ => return Err(error("malformed ws or wss URL".to_owned())),
    };
    if url.user_info().is_some() {
        return Err(error("malformed ws or wss URL".to_owned()));
    }
    let rest = &text[text.find(':').unwrap_or(0)..];
    Url::parse(&format!("{scheme}{rest}")).map_err(|e| error(e.to_string()))
}

/// Makes the samples of an open connection.
pub(super) struct Recorder {
    shard: SharedShard,
    tags: TagSetId,
    sent: SeriesId,
    received: SeriesId,
    started: Nanos,
    /// Number and moment of pings that are not answered yet.
    pings: RefCell<Vec<(u64, Nanos)>>,
    n_pings: Cell<u64>,
}

impl Recorder {
    pub(super) fn sent(&self) {
        self.shard.borrow_mut().record_at(self.sent, 1.0, rt::unix_nanos);
    }

    pub(super) fn received(&self) {
        self.shard.borrow_mut().record_at(self.received, 1.0, rt::unix_nanos);
    }

    /// The payload of the next ping: its number.
    pub(super) fn next_ping(&self) -> String {
        self.n_pings.get().to_string()
    }

    /// A ping goes out.
    pub(super) fn pinged(&self) {
        let number = self.n_pings.get();
        self.n_pings.set(number + 1);
        let mut pings = self.pings.borrow_mut();
        if pings.len() == MAX_PINGS {
            pings.remove(0);
        }
        pings.push((number, rt::now()));
    }

    /// A pong has come; false if it is none of ours.
    pub(super) fn ponged(&self, payload: &[u8]) -> bool {
        let number = std::str::from_utf8(payload).ok().and_then(|text| text.parse::<u64>().ok());
        // k6 does not forget a ping that is answered: a second pong makes a second sample.
        let sent = self.pings.borrow().iter().find(|(n, _)| Some(*n) == number).map(|(_, at)| *at);
        let Some(sent) = sent else { return false };
        let took = rt::millis(rt::now() - sent);
        self.shard.borrow_mut().add(builtin::WS_PING, self.tags, took, rt::unix_nanos());
        true
    }

    /// The session is over.
    pub(super) fn ended(&self) {
        let took = rt::millis(rt::now() - self.started);
        let at = rt::unix_nanos();
        self.shard.borrow_mut().add(builtin::WS_SESSION_DURATION, self.tags, took, at);
    }
}
