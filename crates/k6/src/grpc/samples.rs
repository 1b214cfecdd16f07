//! Samples of calls and streams, with k6's tags.

use std::cell::RefCell;
use std::net::IpAddr;

use metrics::{MetricId, SeriesId, TagSetId};
use rustc_hash::FxHashMap;

use super::schema::Method;
use crate::host::VuHost;
use crate::world::SystemTags;

/// Series that a client remembers; when there are more, the memory starts anew.
const MAX_SERIES: usize = 256;

/// The system tags that concern gRPC, looked up once.
#[derive(Debug, Clone, Copy)]
pub(super) struct TagChoice {
    url: bool,
    service: bool,
    method: bool,
    name: bool,
    status: bool,
    ip: bool,
}

impl TagChoice {
    pub(super) fn new(tags: &SystemTags) -> Self {
        Self {
            url: tags.has("url"),
            service: tags.has("service"),
            method: tags.has("method"),
            name: tags.has("name"),
            status: tags.has("status"),
            ip: tags.has("ip"),
        }
    }
}

/// What, beside the metric, decides the tags of a sample.
pub(super) struct Labels<'a> {
    /// Tags of the VU and of the call.
    pub base: TagSetId,
    /// Where the client is connected to.
    pub address: &'a str,
    /// What was called; `None` where k6 does not say (health checks).
    pub method: Option<&'a Method>,
    /// How it ended, for what has ended.
    pub status: Option<u32>,
    pub ip: Option<IpAddr>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    metric: MetricId,
    base: TagSetId,
    method: usize,
    status: Option<u32>,
    ip: Option<IpAddr>,
}

/// Series of a client's samples: of one address, so that it needs no hashing of text.
#[derive(Default)]
pub(super) struct SeriesCache(RefCell<FxHashMap<Key, SeriesId>>);

impl SeriesCache {
    /// Forgets them: the address is another one.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    pub(super) fn record(
        &self,
        host: &VuHost,
        choice: TagChoice,
        metric: MetricId,
        labels: &Labels<'_>,
        (value, at_unix_ns): (f64, u64),
    ) {
        let key = Key {
            metric,
            base: labels.base,
            method: labels.method.map_or(0, |method| std::ptr::from_ref(method) as usize),
            status: labels.status.filter(|_| choice.status),
            ip: labels.ip.filter(|_| choice.ip),
        };
        let known = self.0.borrow().get(&key).copied();
        let series = known.unwrap_or_else(|| {
            let series = resolve(host, choice, metric, labels);
            let mut all = self.0.borrow_mut();
            if all.len() >= MAX_SERIES {
                all.clear();
            }
            all.insert(key, series);
            series
        });
        host.shard.borrow_mut().record(series, value, at_unix_ns);
    }
}

#[cold]
fn resolve(host: &VuHost, choice: TagChoice, metric: MetricId, labels: &Labels<'_>) -> SeriesId {
    let status = labels.status.map(|status| status.to_string());
    let ip = labels.ip.map(|ip| ip.to_string());
    let mut shard = host.shard.borrow_mut();
    let has_name = shard.tag(labels.base, "name").is_some();
    let (url, service);
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(6);
    if let Some(method) = labels.method {
        url = format!("{}{}", labels.address, method.path);
        let (own, name) = method.path[1..].split_once('/').unwrap_or((&method.path, ""));
        service = own;
        for (chosen, key, value) in [
            (choice.url, "url", url.as_str()),
            (choice.service, "service", service),
            (choice.method, "method", name),
            (choice.name && !has_name, "name", &method.path),
        ] {
            if chosen {
                pairs.push((key, value));
            }
        }
    }
    if let Some(status) = status.as_deref().filter(|_| choice.status) {
        pairs.push(("status", status));
    }
    if let Some(ip) = ip.as_deref().filter(|_| choice.ip) {
        pairs.push(("ip", ip));
    }
    let tags = shard.extend_tags(labels.base, &pairs);
    shard.series(metric, tags)
}
