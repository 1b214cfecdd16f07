//! The nine samples of one round trip, with k6's tags.

use std::net::IpAddr;
use std::rc::Rc;

use engine::script::SharedShard;
use metrics::{TagSetId, builtin};
use net::http::{Method, Timings, Version};

use super::cache::{CoreCache, HttpSeries, SeriesKey, UrlEntry, method_number, proto_number};
use super::ocsp::OcspStatus;
use crate::world::SystemTags;

/// The system tags that concern HTTP, looked up once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TagChoice {
    proto: bool,
    status: bool,
    method: bool,
    url: bool,
    name: bool,
    error: bool,
    error_code: bool,
    tls_version: bool,
    expected_response: bool,
    ip: bool,
    pub(super) ocsp_status: bool,
}

impl TagChoice {
    pub(super) fn new(tags: &SystemTags) -> Self {
        Self {
            proto: tags.has("proto"),
            status: tags.has("status"),
            method: tags.has("method"),
            url: tags.has("url"),
            name: tags.has("name"),
            error: tags.has("error"),
            error_code: tags.has("error_code"),
            tls_version: tags.has("tls_version"),
            expected_response: tags.has("expected_response"),
            ip: tags.has("ip"),
            ocsp_status: tags.has("ocsp_status"),
        }
    }
}

/// One finished round trip.
pub(super) struct Sample<'a> {
    /// Tags of the VU and of the call.
    pub base: TagSetId,
    pub entry: &'a UrlEntry,
    pub method: &'a Method,
    /// The method as the script wrote it, where that is not what was sent.
    pub shown_method: Option<&'a str>,
    /// 0 for a failure.
    pub status: u16,
    pub version: Version,
    /// What the callback said; `None` without one.
    pub expected: Option<bool>,
    pub error: Option<&'a str>,
    pub error_code: u16,
    /// `tls1.2`, `tls1.3`.
    pub tls_version: Option<&'static str>,
    /// Only where it is a tag.
    pub ocsp: Option<OcspStatus>,
    pub ip: Option<IpAddr>,
    pub timings: &'a Timings,
    pub at_unix_ns: u64,
}

/// Records the samples of round trips.
pub(super) struct Recorder {
    pub shard: SharedShard,
    pub cache: Rc<CoreCache>,
    pub choice: TagChoice,
}

impl Recorder {
    /// Records all nine (eight without a callback), in k6's order.
    pub(super) fn record(&self, sample: &Sample<'_>) {
        let series = self.series(sample);
        let timings = sample.timings;
        let values = [
            1.0,
            rt::millis(timings.duration()),
            rt::millis(timings.blocked),
            rt::millis(timings.connecting),
            rt::millis(timings.tls_handshaking),
            rt::millis(timings.sending),
            rt::millis(timings.waiting),
            rt::millis(timings.receiving),
        ];
        let mut shard = self.shard.borrow_mut();
        for (id, value) in series.into_iter().zip(values) {
            shard.record(id, value, sample.at_unix_ns);
        }
        if let Some(expected) = sample.expected {
            shard.record(series[8], f64::from(u8::from(!expected)), sample.at_unix_ns);
        }
    }

    fn series(&self, sample: &Sample<'_>) -> HttpSeries {
        let name = self.cache.name_in(sample.base, &self.shard);
        let method = match sample.shown_method {
            Some(_) => None,
            None => method_number(sample.method),
        };
        let (Some(method), None) = (method, sample.error) else {
            return self.resolve(sample, name.as_deref());
        };
        let key = SeriesKey {
            base: sample.base,
            method,
            status: sample.status,
            proto: if sample.status == 0 { 0 } else { proto_number(sample.version) },
            expected: sample.expected.map_or(0, |e| 1 + u8::from(e)),
            error_code: sample.error_code,
            tls: sample.tls_version.map_or(0, |v| *v.as_bytes().last().unwrap_or(&0)),
            ocsp: sample.ocsp.map_or(0, |status| 1 + status as u8),
            ip: sample.ip.filter(|_| self.choice.ip),
        };
        let entry = if name.is_some() { None } else { Some(sample.entry) };
        self.cache.series(entry, key, || self.resolve(sample, name.as_deref()))
    }

    #[cold]
    fn resolve(&self, sample: &Sample<'_>, name: Option<&str>) -> HttpSeries {
        let choice = self.choice;
        let masked;
        let shown = match name {
            Some(name) => name,
            None => {
                masked = sample.entry.url.masked();
                &*masked
            }
        };
        let status = sample.status.to_string();
        let code = sample.error_code.to_string();
        let ip = sample.ip.map(|ip| ip.to_string());
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(12);
        let answered = sample.status != 0;
        for (chosen, key, value) in [
            (choice.method, "method", Some(sample.shown_method.unwrap_or(sample.method.as_str()))),
            (choice.url, "url", Some(shown)),
            (choice.name, "name", Some(shown)),
            (choice.status, "status", Some(status.as_str())),
            (choice.proto, "proto", answered.then(|| sample.version.as_str())),
            (choice.error, "error", sample.error),
            (choice.error_code, "error_code", (sample.error_code != 0).then_some(code.as_str())),
            (choice.tls_version, "tls_version", sample.tls_version),
            (choice.ocsp_status, "ocsp_status", sample.ocsp.map(OcspStatus::as_str)),
            (choice.ip, "ip", ip.as_deref()),
            (
                choice.expected_response,
                "expected_response",
                sample.expected.map(|e| if e { "true" } else { "false" }),
            ),
        ] {
            if let (true, Some(value)) = (chosen, value) {
                pairs.push((key, value));
            }
        }
        let mut shard = self.shard.borrow_mut();
        let tags = shard.extend_tags(sample.base, &pairs);
        METRICS.map(|metric| shard.series(metric, tags))
    }
}

const METRICS: [metrics::MetricId; 9] = [
    builtin::HTTP_REQS,
    builtin::HTTP_REQ_DURATION,
    builtin::HTTP_REQ_BLOCKED,
    builtin::HTTP_REQ_CONNECTING,
    builtin::HTTP_REQ_TLS_HANDSHAKING,
    builtin::HTTP_REQ_SENDING,
    builtin::HTTP_REQ_WAITING,
    builtin::HTTP_REQ_RECEIVING,
    builtin::HTTP_REQ_FAILED,
];
