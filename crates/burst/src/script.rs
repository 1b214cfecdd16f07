//! VUs that send requests and count what came of them.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use engine::script::{
    Activation, Interrupt, Iteration, Outcome, Script, ScriptError, SharedShard, Vu, VuContext,
};
use metrics::{SeriesId, TagSetId, builtin};
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

/// What came of the requests, beyond what the metrics say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Failed requests by kind: `status 503`, `dial: connection refused`, …
    pub errors: BTreeMap<String, u64>,
    /// Bytes sent, below TLS.
    pub bytes_sent: u64,
    /// Bytes received, below TLS.
    pub bytes_received: u64,
}

/// A burst, as the engine runs it.
#[derive(Debug)]
pub struct Burst(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Target,
    client: Arc<ClientConfig>,
    tally: Mutex<Tally>,
}

impl Burst {
    /// A burst on `target`, with clients of this configuration.
    #[must_use]
    pub fn new(target: Target, client: Arc<ClientConfig>) -> Burst {
        Burst(Arc::new(Inner { target, client, tally: Mutex::default() }))
    }

    /// What came of it. Complete once the run is over.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.0.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One client. It hands in what it counted when it ends.
pub struct BurstVu {
    burst: Arc<Inner>,
    client: Client,
    requests: Vec<Request>,
    next: usize,
    interrupt: Rc<Interrupt>,
    shard: SharedShard,
    tags: TagSetId,
    series: Series,
    errors: BTreeMap<String, u64>,
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
            errors: BTreeMap::new(),
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

impl Drop for BurstVu {
    fn drop(&mut self) {
        let (sent, received) = self.client.traffic();
        let mut tally = self.burst.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.bytes_sent += sent;
        tally.bytes_received += received;
        for (kind, n) in std::mem::take(&mut self.errors) {
            *tally.errors.entry(kind).or_default() += n;
        }
    }
}

impl BurstVu {
    async fn send(&mut self) -> Outcome {
        let idx = self.next;
        self.next = if idx + 1 >= self.requests.len() { 0 } else { idx + 1 };
        let Some(request) = self.requests.get(idx) else {
            return Outcome::Complete { threw: false };
        };
        let exchange = {
            let deadline = rt::now() + self.burst.target.timeout;
            let mut sending = std::pin::pin!(self.client.send(request, Some(deadline)));
            let done = std::future::poll_fn(|cx| {
                if self.interrupt.is_raised() {
                    return Poll::Ready(None);
                }
                self.interrupt.register(cx.waker());
                std::future::Future::poll(sending.as_mut(), cx).map(Some)
            })
            .await;
            let Some(exchange) = done else { return Outcome::Interrupted };
            exchange
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
        if let Some(kind) = failure {
            *self.errors.entry(kind).or_default() += 1;
        }
        Outcome::Complete { threw: false }
    }
}
