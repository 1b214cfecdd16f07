//! What the VUs of one core share so that a request costs no hashing of strings: parsed URLs and the series its samples go to.

use std::cell::{OnceCell, RefCell};
use std::net::IpAddr;
use std::rc::{Rc, Weak};

use engine::script::SharedShard;
use metrics::{SeriesId, Shard, TagSetId};
use net::http::{Method, Request, Version};
use net::url::{Url, UrlError};
use rustc_hash::FxHashMap;

/// URLs remembered on a core; when full, the memory starts anew.
const MAX_URLS: usize = 4_096;
/// Series remembered for one URL, and for all named requests.
const MAX_SERIES_OF_URL: usize = 64;
const MAX_SERIES_NAMED: usize = 8_192;

/// The series of a request's nine samples, in k6's order; the last is `http_req_failed`.
pub(super) type HttpSeries = [SeriesId; 9];

/// What, beside the URL, decides the tags of a request's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SeriesKey {
    pub base: TagSetId,
    pub method: u8,
    pub status: u16,
    pub proto: u8,
    /// 0: no callback, 1: unexpected, 2: expected.
    pub expected: u8,
    pub error_code: u16,
    pub tls: u8,
    /// Number of the OCSP status, where that is a tag.
    pub ocsp: u8,
    pub ip: Option<IpAddr>,
}

/// A URL as requests use it.
pub(super) struct UrlEntry {
    pub url: Url,
    /// The URL names a user.
    has_user: bool,
    /// Series of requests without a `name` tag.
    series: RefCell<Vec<(SeriesKey, HttpSeries)>>,
    /// The request that `http.get(url)` sends.
    plain_get: OnceCell<Rc<Request>>,
}

impl UrlEntry {
    pub(super) fn new(url: Url) -> Rc<Self> {
        let has_user = url.user_info().is_some();
        Rc::new(Self { url, has_user, series: RefCell::default(), plain_get: OnceCell::new() })
    }

    /// The URL names a user.
    pub(super) fn has_user(&self) -> bool {
        self.has_user
    }

    /// The request of a plain GET, made once.
    pub(super) fn plain_get(&self, make: impl FnOnce() -> Request) -> &Rc<Request> {
        self.plain_get.get_or_init(|| Rc::new(make()))
    }
}

/// The shared state of one core.
pub(super) struct CoreCache {
    urls: RefCell<FxHashMap<Box<str>, Rc<UrlEntry>>>,
    named: RefCell<FxHashMap<SeriesKey, HttpSeries>>,
    /// Whether a tag set holds a `name`, and the series-independent `name` value then.
    names: RefCell<FxHashMap<TagSetId, Option<Rc<str>>>>,
}

/// A cache and the shard it belongs to.
type CacheOfShard = (Weak<RefCell<Shard>>, Rc<CoreCache>);

thread_local! {
    /// One entry per shard of this thread: one in a run, several in tests.
    static CORES: RefCell<Vec<CacheOfShard>> = const { RefCell::new(Vec::new()) };
}

impl CoreCache {
    /// The cache beside a shard.
    pub(super) fn of(shard: &SharedShard) -> Rc<Self> {
        CORES.with_borrow_mut(|cores| {
            cores.retain(|(known, _)| known.strong_count() > 0);
            let weak = Rc::downgrade(shard);
            if let Some((_, cache)) = cores.iter().find(|(known, _)| known.ptr_eq(&weak)) {
                return cache.clone();
            }
            let cache = Rc::new(Self {
                urls: RefCell::default(),
                named: RefCell::default(),
                names: RefCell::default(),
            });
            cores.push((weak, cache.clone()));
            cache
        })
    }

    /// The entry of a URL, parsed on first sight.
    pub(super) fn url(&self, text: &str) -> Result<Rc<UrlEntry>, UrlError> {
        if let Some(entry) = self.urls.borrow().get(text) {
            return Ok(entry.clone());
        }
        let entry = UrlEntry::new(Url::parse(text)?);
        let mut urls = self.urls.borrow_mut();
        if urls.len() >= MAX_URLS {
            urls.clear();
        }
        urls.insert(text.into(), entry.clone());
        Ok(entry)
    }

    /// The value of the `name` tag in `base`, if somebody set it.
    pub(super) fn name_in(&self, base: TagSetId, shard: &SharedShard) -> Option<Rc<str>> {
        if let Some(name) = self.names.borrow().get(&base) {
            return name.clone();
        }
        let name = shard.borrow().tag(base, "name").map(Rc::from);
        let mut names = self.names.borrow_mut();
        if names.len() >= MAX_SERIES_NAMED {
            names.clear();
        }
        names.insert(base, name.clone());
        name
    }

    /// The series for a key, resolved by `make` the first time. `entry` is the URL of requests without a name.
    pub(super) fn series(
        &self,
        entry: Option<&UrlEntry>,
        key: SeriesKey,
        make: impl FnOnce() -> HttpSeries,
    ) -> HttpSeries {
        let Some(entry) = entry else {
            if let Some(series) = self.named.borrow().get(&key) {
                return *series;
            }
            let series = make();
            let mut named = self.named.borrow_mut();
            if named.len() >= MAX_SERIES_NAMED {
                named.clear();
            }
            named.insert(key, series);
            return series;
        };
        if let Some((_, series)) = entry.series.borrow().iter().find(|(known, _)| *known == key) {
            return *series;
        }
        let series = make();
        let mut known = entry.series.borrow_mut();
        if known.len() >= MAX_SERIES_OF_URL {
            known.clear();
        }
        known.push((key, series));
        series
    }
}

/// A number for the key; `None` for methods that are looked up each time.
pub(super) fn method_number(method: &Method) -> Option<u8> {
    Some(match method {
        Method::Get => 0,
        Method::Head => 1,
        Method::Post => 2,
        Method::Put => 3,
        Method::Patch => 4,
        Method::Delete => 5,
        Method::Options => 6,
        Method::Other(_) => return None,
    })
}

/// A number for the key; 0 is for failures, which have no protocol.
pub(super) fn proto_number(version: Version) -> u8 {
    match version {
        Version::Http10 => 1,
        Version::Http11 => 2,
        Version::Http2 => 3,
    }
}
