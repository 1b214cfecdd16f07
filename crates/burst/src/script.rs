//! VUs that send requests and count what came of them.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use engine::script::{
    Activation, Interrupt, Iteration, Outcome, Script, ScriptError, SharedShard, Vu, VuContext,
};
use metrics::{Contains, MetricId, MetricKind, SeriesId, TagSetId, builtin};
use net::http::{Body, BodySink, Client, ClientConfig, Headers, Method, Request};
use net::url::Url;

/// What to send.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where to; sent in turn if there are several.
    pub urls: Vec<Url>,
    /// The method.
    pub method: Method,
    /// Headers besides `Host` and those of the body.
    pub headers: Headers,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Statuses that count as good: inclusive ranges.
    pub expected: Vec<(u16, u16)>,
    /// Limit of one request.
    pub timeout: Duration,
}

/// Requests that failed, by kind: the tag `error`. k6 has nothing like it, for its scripts see their errors themselves.
pub const ERRORS: &str = "burst_errors";
/// The kind of those that were under way when the load ended.
pub const UNANSWERED: &str = "unanswered at the end";

/// A burst, as the engine runs it.
#[derive(Debug)]
pub struct Burst(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Target,
    client: Arc<ClientConfig>,
}

impl Burst {
    /// A burst on `target`, with clients of this configuration.
    #[must_use]
    pub fn new(target: Target, client: Arc<ClientConfig>) -> Burst {
        Burst(Arc::new(Inner { target, client }))
    }
}

/// One client.
pub struct BurstVu {
    burst: Arc<Inner>,
    client: Client,
    requests: Vec<Request>,
    next: usize,
    interrupt: Rc<Interrupt>,
    shard: SharedShard,
    tags: TagSetId,
    series: Series,
    /// Bytes sent and received as they were recorded last.
    traffic: (u64, u64),
}

impl std::fmt::Debug for BurstVu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BurstVu")
    }
}

#[derive(Clone, Copy)]
struct Series {
    requests: SeriesId,
    duration: SeriesId,
    failed: SeriesId,
    sent: SeriesId,
    received: SeriesId,
    errors: Option<MetricId>,
}

impl Script for Burst {
    type Vu = BurstVu;

    async fn new_vu(&self, context: VuContext) -> Result<BurstVu, ScriptError> {
        let target = &self.0.target;
        let requests = target.urls.iter().map(|url| {
            let mut request = Request::new(target.method.clone(), url.clone());
            request.headers = target.headers.clone();
            request.body = target.body.clone().map_or(Body::Empty, Body::Bytes);
            request.sink = BodySink::Discard;
            request
        });
        let (tags, series) = {
            let mut shard = context.shard.borrow_mut();
            let tags = shard.tag_set(&[("scenario", "burst")]);
            let series = Series {
                requests: shard.series(builtin::HTTP_REQS, tags),
                duration: shard.series(builtin::HTTP_REQ_DURATION, tags),
                failed: shard.series(builtin::HTTP_REQ_FAILED, tags),
                sent: shard.series(builtin::DATA_SENT, tags),
                received: shard.series(builtin::DATA_RECEIVED, tags),
                errors: shard
                    .registry()
                    .declare(ERRORS, MetricKind::Counter, Contains::Default)
                    .ok(),
            };
            (tags, series)
        };
        let n_urls = target.urls.len().max(1);
        Ok(BurstVu {
            burst: self.0.clone(),
            client: Client::new(self.0.client.clone(), None),
            requests: requests.collect(),
            next: (context.id_in_instance as usize).wrapping_sub(1) % n_urls,
            interrupt: context.interrupt,
            shard: context.shard,
            tags,
            series,
            traffic: (0, 0),
        })
    }

    async fn setup(&self, _: VuContext) -> Result<(), ScriptError> {
        Ok(())
    }

    async fn teardown(&self, _: VuContext) -> Result<(), ScriptError> {
        Ok(())
    }
}

impl Vu for BurstVu {
    fn activate(&mut self, _: &Rc<Activation>) {}

    async fn iterate(&mut self, _: Iteration) -> Outcome {
        self.send().await
    }

    fn tags(&self) -> TagSetId {
        self.tags
    }
}

impl BurstVu {
    async fn send(&mut self) -> Outcome {
        let idx = self.next;
        self.next = if idx + 1 >= self.requests.len() { 0 } else { idx + 1 };
        let Some(request) = self.requests.get(idx) else {
            return Outcome::Complete { threw: false };
        };
        let done = {
            let deadline = rt::now() + self.burst.target.timeout;
            let mut sending = std::pin::pin!(self.client.send(request, Some(deadline)));
            std::future::poll_fn(|cx| {
                if self.interrupt.is_raised() {
                    return Poll::Ready(None);
                }
                self.interrupt.register(cx.waker());
                std::future::Future::poll(sending.as_mut(), cx).map(Some)
            })
            .await
        };
        let Some(exchange) = done else {
            self.count(Some(UNANSWERED), rt::unix_nanos());
            return Outcome::Interrupted;
        };
        let at = rt::unix_of(exchange.timings.ended);
        let duration_ms = rt::millis(exchange.timings.duration());
        let failure = match exchange.result {
            Ok(response) => {
                let status = response.status;
                self.client.recycle(response);
                let is_expected =
                    self.burst.target.expected.iter().any(|(lo, hi)| (*lo..=*hi).contains(&status));
                if is_expected { None } else { Some(format!("status {status}")) }
            }
            Err(error) => Some(error.message.into_owned()),
        };
        let mut shard = self.shard.borrow_mut();
        shard.record(self.series.requests, 1.0, at);
        shard.record(self.series.duration, duration_ms, at);
        shard.record(self.series.failed, f64::from(u8::from(failure.is_some())), at);
        drop(shard);
        self.count(failure.as_deref(), at);
        Outcome::Complete { threw: false }
    }

    /// Records the bytes since the last time, and a failure by its kind.
    fn count(&mut self, failure: Option<&str>, at_unix_ns: u64) {
        let (sent, received) = self.client.traffic();
        let mut shard = self.shard.borrow_mut();
        shard.record(self.series.sent, sent.saturating_sub(self.traffic.0) as f64, at_unix_ns);
        let more = received.saturating_sub(self.traffic.1);
        shard.record(self.series.received, more as f64, at_unix_ns);
        self.traffic = (sent, received);
        if let (Some(kind), Some(errors)) = (failure, self.series.errors) {
            let tags = shard.extend_tags(self.tags, &[("error", kind)]);
            shard.add(errors, tags, 1.0, at_unix_ns);
        }
    }
}
