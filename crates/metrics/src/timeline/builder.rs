//! From snapshots to a timeline.

use rustc_hash::{FxHashMap, FxHashSet};

use super::times::{Fold, fold_pairs};
use super::{
    CheckSeries, Counts, ErrorSeries, Load, MAX_BUCKETS, MAX_KINDS, MAX_METRICS, MAX_NAMES,
    MAX_STEPS, MetricSeries, MetricSteps, OTHERS, ObservedSeries, RequestSeries, Share, Timeline,
    Times, seconds_between,
};
use crate::builtin;
use crate::registry::MetricKind;
use crate::snapshot::{Delta, Snapshot, SnapshotSeries};

/// Most series of probes.
const MAX_OBSERVED: usize = 5_000;
/// Longest text of a kind of errors, characters.
const MAX_KIND_CHARS: usize = 120;
/// The kind of failure of a burst's requests that its end left without an answer.
const UNANSWERED: &str = "unanswered at the end";
/// Built-in metrics beside requests that are kept as those of scripts.
const KEPT: [&str; 8] = [
    "iteration_duration",
    "http_req_waiting",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "ws_session_duration",
    "ws_connecting",
    "squall_response_time",
    "squall_arrival_lateness",
];

/// What a series of an agent counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Ignored,
    Requests {
        name: usize,
        error: Option<usize>,
    },
    Failures {
        name: usize,
    },
    Times {
        name: usize,
    },
    /// A call of gRPC: its time tells that it was made.
    Calls {
        name: usize,
        error: Option<usize>,
        is_failed: bool,
    },
    Errors {
        kind: usize,
    },
    /// Requests that the end of the run left without an answer.
    Unanswered {
        name: usize,
        kind: usize,
    },
    Vus,
    Iterations,
    Dropped,
    BytesSent,
    BytesReceived,
    Check {
        name: usize,
    },
    Metric {
        place: usize,
    },
    Observed {
        place: usize,
    },
}

#[derive(Debug, Clone, Default)]
struct Agent {
    routes: FxHashMap<u32, Route>,
    seen: FxHashSet<u64>,
    vus: Option<f64>,
}

/// Builds a [`Timeline`]; see the [module](super).
#[derive(Debug, Clone)]
pub struct Builder {
    timeline: Timeline,
    agents: FxHashMap<(bool, u32), Agent>,
    names: FxHashMap<(String, String), usize>,
    checks: FxHashMap<String, usize>,
    kinds: FxHashMap<String, usize>,
    metrics: FxHashMap<String, usize>,
    observed: FxHashMap<(String, Vec<(String, String)>), usize>,
    n_buckets: usize,
}

impl Builder {
    pub(super) fn new(start_unix_ns: u64) -> Self {
        Self {
            timeline: Timeline {
                start_unix_ns,
                step_s: 1.0,
                end_s: 0.0,
                requests: Vec::new(),
                counts: Vec::new(),
                checks: Vec::new(),
                errors: Vec::new(),
                metrics: Vec::new(),
                observed: Vec::new(),
                left_out: 0,
            },
            agents: FxHashMap::default(),
            names: FxHashMap::default(),
            checks: FxHashMap::default(),
            kinds: FxHashMap::default(),
            metrics: FxHashMap::default(),
            observed: FxHashMap::default(),
            n_buckets: 0,
        }
    }

    /// Adds a snapshot of the run; one that comes twice counts once.
    pub fn load(&mut self, snapshot: &Snapshot) {
        let key = (false, snapshot.agent());
        let mut agent = self.agents.remove(&key).unwrap_or_default();
        if agent.seen.insert(snapshot.seq()) {
            for series in snapshot.series() {
                let route = self.route(&series);
                agent.routes.insert(series.id, route);
            }
            self.merge(&mut agent, snapshot);
        }
        self.agents.insert(key, agent);
    }

    /// Adds a snapshot of the run's probes; one that comes twice counts once.
    pub fn observe(&mut self, snapshot: &Snapshot) {
        let key = (true, snapshot.agent());
        let mut agent = self.agents.remove(&key).unwrap_or_default();
        if agent.seen.insert(snapshot.seq()) {
            for series in snapshot.series() {
                let route = self.observed(&series);
                agent.routes.insert(series.id, route);
            }
            let start = self.timeline.start_unix_ns;
            let end_s = seconds_between(start, snapshot.end_unix_ns());
            for (id, delta) in snapshot.deltas() {
                match agent.routes.get(&id) {
                    Some(Route::Observed { place }) => {
                        self.timeline.observed[*place].take(&delta, end_s, start);
                    }
                    _ => self.timeline.left_out += 1,
                }
            }
        }
        self.agents.insert(key, agent);
    }

    /// The timeline of a run whose elapsed time is known, or of one that was cut off.
    pub fn finish(mut self, elapsed_s: Option<f64>) -> Timeline {
        let measured = self.timeline.end_s;
        self.timeline.end_s = elapsed_s.map_or(measured, |elapsed| elapsed.max(measured));
        // A run may go on without anything to measure.
        while self.timeline.end_s > self.timeline.step_s * MAX_STEPS as f64 {
            self.double();
        }
        let timeline = &mut self.timeline;
        let n = (timeline.end_s / timeline.step_s).ceil() as usize;
        let n = if timeline.counts.is_empty() { 0 } else { n.max(timeline.counts.len()) };
        timeline.counts.resize(n, Counts::default());
        timeline.requests.iter_mut().for_each(|series| series.steps.resize(n, Load::default()));
        timeline.checks.iter_mut().for_each(|series| series.steps.resize(n, Share::default()));
        timeline.errors.iter_mut().for_each(|series| series.steps.resize(n, 0));
        for metric in &mut timeline.metrics {
            match &mut metric.steps {
                MetricSteps::Counter(steps) => steps.resize(n, 0.0),
                MetricSteps::Rate(steps) => steps.resize(n, Share::default()),
                MetricSteps::Gauge(steps) => steps.resize(n, None),
                MetricSteps::Trend(steps) => steps.resize(n, Times::default()),
            }
        }
        // Virtual users that nobody told of in a step are as many as before.
        let mut vus = None;
        for counts in &mut timeline.counts {
            vus = counts.vus.or(vus);
            counts.vus = vus;
        }
        timeline.requests.sort_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
        timeline.observed.sort_by(|a, b| (&a.metric, &a.tags).cmp(&(&b.metric, &b.tags)));
        self.timeline
    }

    fn merge(&mut self, agent: &mut Agent, snapshot: &Snapshot) {
        let start = self.timeline.start_unix_ns;
        let from_s = seconds_between(start, snapshot.start_unix_ns());
        let to_s = seconds_between(start, snapshot.end_unix_ns()).max(from_s);
        self.timeline.end_s = self.timeline.end_s.max(to_s);
        let step = self.step(from_s.midpoint(to_s));
        for (id, delta) in snapshot.deltas() {
            match agent.routes.get(&id) {
                Some(Route::Vus) => {
                    if let Delta::Gauge { last, .. } = delta {
                        agent.vus = Some(last);
                        let others: f64 = self.agents.values().filter_map(|other| other.vus).sum();
                        self.timeline.counts[step].vus = Some(others + last);
                    }
                }
                Some(route) => self.apply(*route, &delta, step),
                None => self.timeline.left_out += 1,
            }
        }
        while self.n_buckets > MAX_BUCKETS && self.timeline.counts.len() > 1 {
            self.double();
        }
    }

    /// The step of a moment, made if need be.
    fn step(&mut self, at_s: f64) -> usize {
        loop {
            let step = (at_s.max(0.0) / self.timeline.step_s) as usize;
            if step >= MAX_STEPS {
                self.double();
                continue;
            }
            if step >= self.timeline.counts.len() {
                self.timeline.counts.resize(step + 1, Counts::default());
            }
            return step;
        }
    }

    /// Makes steps twice as long.
    fn double(&mut self) {
        let timeline = &mut self.timeline;
        timeline.step_s *= 2.0;
        fold_pairs(&mut timeline.counts);
        timeline.requests.iter_mut().for_each(|series| fold_pairs(&mut series.steps));
        timeline.checks.iter_mut().for_each(|series| fold_pairs(&mut series.steps));
        timeline.errors.iter_mut().for_each(|series| fold_pairs(&mut series.steps));
        for metric in &mut timeline.metrics {
            match &mut metric.steps {
                MetricSteps::Counter(steps) => fold_pairs(steps),
                MetricSteps::Rate(steps) => fold_pairs(steps),
                MetricSteps::Gauge(steps) => fold_pairs(steps),
                MetricSteps::Trend(steps) => fold_pairs(steps),
            }
        }
        let of_requests = timeline.requests.iter().flat_map(|s| &s.steps).map(|l| l.latency.len());
        let of_metrics = timeline.metrics.iter().map(|metric| match &metric.steps {
            MetricSteps::Trend(steps) => steps.iter().map(Times::len).sum(),
            _ => 0,
        });
        self.n_buckets = of_requests.sum::<usize>() + of_metrics.sum::<usize>();
    }

    fn apply(&mut self, route: Route, delta: &Delta<'_>, step: usize) {
        let count = match delta {
            Delta::Counter { sum } => *sum,
            Delta::Trend { count, .. } => *count as f64,
            Delta::Rate { trues, .. } => *trues as f64,
            Delta::Gauge { .. } => 0.0,
        };
        let whole = count.max(0.0).round() as u64;
        let timeline = &mut self.timeline;
        match route {
            Route::Requests { name, error } => {
                at(&mut timeline.requests[name].steps, step).requests += whole;
                if let Some(kind) = error {
                    *at(&mut timeline.errors[kind].steps, step) += whole;
                }
            }
            Route::Failures { name } => {
                at(&mut timeline.requests[name].steps, step).failures += whole;
            }
            Route::Times { name } => {
                let latency = &mut at(&mut timeline.requests[name].steps, step).latency;
                let before = latency.len();
                latency.add(delta);
                self.n_buckets += latency.len() - before.min(latency.len());
            }
            Route::Calls { name, error, is_failed } => {
                let load = at(&mut timeline.requests[name].steps, step);
                load.requests += whole;
                load.failures += if is_failed { whole } else { 0 };
                let before = load.latency.len();
                load.latency.add(delta);
                self.n_buckets += load.latency.len() - before.min(load.latency.len());
                if let Some(kind) = error {
                    *at(&mut timeline.errors[kind].steps, step) += whole;
                }
            }
            Route::Errors { kind } => *at(&mut timeline.errors[kind].steps, step) += whole,
            Route::Unanswered { name, kind } => {
                let load = at(&mut timeline.requests[name].steps, step);
                load.requests += whole;
                load.failures += whole;
                *at(&mut timeline.errors[kind].steps, step) += whole;
            }
            Route::Iterations => timeline.counts[step].iterations += count,
            Route::Dropped => timeline.counts[step].dropped += count,
            Route::BytesSent => timeline.counts[step].bytes_sent += count,
            Route::BytesReceived => timeline.counts[step].bytes_received += count,
            Route::Check { name } => {
                if let Delta::Rate { trues, total } = delta {
                    let share = Share { trues: *trues, total: *total };
                    at(&mut timeline.checks[name].steps, step).fold(share);
                }
            }
            Route::Metric { place } => self.apply_metric(place, delta, step),
            Route::Ignored | Route::Vus | Route::Observed { .. } => {}
        }
    }

    fn apply_metric(&mut self, place: usize, delta: &Delta<'_>, step: usize) {
        match (&mut self.timeline.metrics[place].steps, delta) {
            (MetricSteps::Counter(steps), Delta::Counter { sum }) => *at(steps, step) += sum,
            (MetricSteps::Rate(steps), Delta::Rate { trues, total }) => {
                at(steps, step).fold(Share { trues: *trues, total: *total });
            }
            (MetricSteps::Gauge(steps), Delta::Gauge { last, min, max, .. }) => {
                at(steps, step).fold(Some((*last, *min, *max)));
            }
            (MetricSteps::Trend(steps), delta @ Delta::Trend { .. }) => {
                let times = at(steps, step);
                let before = times.len();
                times.add(delta);
                self.n_buckets += times.len() - before.min(times.len());
            }
            _ => {}
        }
    }

    fn route(&mut self, series: &SnapshotSeries<'_>) -> Route {
        let tag = |key: &str| series.tags().find(|(k, _)| *k == key).map(|(_, value)| value);
        match series.metric.name {
            "http_reqs" => {
                let is_failed = tag("expected_response") == Some("false");
                let error = is_failed.then(|| http_error(tag("error"), tag("status")));
                let error = error.map(|kind| self.kind(&kind));
                Route::Requests { name: self.name(series), error }
            }
            "http_req_failed" | "locust_failures" => Route::Failures { name: self.name(series) },
            "http_req_duration" | "locust_response_time" => {
                Route::Times { name: self.name(series) }
            }
            "locust_requests" => Route::Requests { name: self.name(series), error: None },
            "locust_errors" => {
                let kind = tag("error").unwrap_or(OTHERS).to_owned();
                Route::Errors { kind: self.kind(&kind) }
            }
            "burst_errors" => {
                let text = tag("error").unwrap_or(OTHERS).to_owned();
                let kind = self.kind(&text);
                if text == UNANSWERED {
                    return Route::Unanswered { name: self.name(series), kind };
                }
                Route::Errors { kind }
            }
            "grpc_req_duration" => {
                let status = tag("status").filter(|status| !matches!(*status, "0" | "OK"));
                let error = status.map(|status| self.kind(&format!("gRPC status {status}")));
                Route::Calls { name: self.name(series), error, is_failed: status.is_some() }
            }
            "vus" => Route::Vus,
            "iterations" => Route::Iterations,
            "dropped_iterations" => Route::Dropped,
            "data_sent" => Route::BytesSent,
            "data_received" => Route::BytesReceived,
            "checks" => Route::Check { name: self.check(tag("check").unwrap_or_default()) },
            name if KEPT.contains(&name) => self.metric(series),
            name if builtin::is_builtin(name) || name.starts_with("locust_") => Route::Ignored,
            _ => self.metric(series),
        }
    }

    fn name(&mut self, series: &SnapshotSeries<'_>) -> usize {
        let tag = |key: &str| series.tags().find(|(k, _)| *k == key).map(|(_, value)| value);
        let key = (tag("method").unwrap_or_default(), tag("name").unwrap_or_default());
        let key = (key.0.to_owned(), key.1.to_owned());
        if let Some(place) = self.names.get(&key) {
            return *place;
        }
        let is_full = self.names.len() >= MAX_NAMES;
        let key = if is_full { (String::new(), OTHERS.to_owned()) } else { key };
        if let Some(place) = self.names.get(&key) {
            return *place;
        }
        let place = self.timeline.requests.len();
        let (method, name) = key.clone();
        self.timeline.requests.push(RequestSeries { method, name, steps: Vec::new() });
        self.names.insert(key, place);
        place
    }

    fn kind(&mut self, kind: &str) -> usize {
        let kind: String = kind.chars().take(MAX_KIND_CHARS).collect();
        let place = known_or(&mut self.kinds, &kind, self.timeline.errors.len());
        if place.1 {
            let kind = place.2;
            self.timeline.errors.push(ErrorSeries { kind, steps: Vec::new() });
        }
        place.0
    }

    fn check(&mut self, name: &str) -> usize {
        let place = known_or(&mut self.checks, name, self.timeline.checks.len());
        if place.1 {
            let name = place.2;
            self.timeline.checks.push(CheckSeries { name, steps: Vec::new() });
        }
        place.0
    }

    fn metric(&mut self, series: &SnapshotSeries<'_>) -> Route {
        let metric = series.metric;
        if let Some(place) = self.metrics.get(metric.name) {
            return Route::Metric { place: *place };
        }
        if self.metrics.len() >= MAX_METRICS {
            self.timeline.left_out += 1;
            return Route::Ignored;
        }
        let place = self.timeline.metrics.len();
        self.metrics.insert(metric.name.to_owned(), place);
        self.timeline.metrics.push(MetricSeries {
            name: metric.name.to_owned(),
            contains: metric.contains,
            steps: match metric.kind {
                MetricKind::Counter => MetricSteps::Counter(Vec::new()),
                MetricKind::Rate => MetricSteps::Rate(Vec::new()),
                MetricKind::Gauge => MetricSteps::Gauge(Vec::new()),
                MetricKind::Trend => MetricSteps::Trend(Vec::new()),
            },
        });
        Route::Metric { place }
    }

    fn observed(&mut self, series: &SnapshotSeries<'_>) -> Route {
        let tags: Vec<(String, String)> =
            series.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let key = (series.metric.name.to_owned(), tags);
        if let Some(place) = self.observed.get(&key) {
            return Route::Observed { place: *place };
        }
        if self.observed.len() >= MAX_OBSERVED {
            return Route::Ignored;
        }
        let place = self.timeline.observed.len();
        self.timeline.observed.push(ObservedSeries {
            metric: key.0.clone(),
            contains: series.metric.contains,
            tags: key.1.clone(),
            points: Vec::new(),
        });
        self.observed.insert(key, place);
        Route::Observed { place }
    }
}

/// The step, made if need be.
fn at<T: Default + Clone>(steps: &mut Vec<T>, step: usize) -> &mut T {
    if step >= steps.len() {
        steps.resize(step + 1, T::default());
    }
    &mut steps[step]
}

/// The place of a name, whether it is new, and how it is called: names beyond the limit share one.
fn known_or(
    known: &mut FxHashMap<String, usize>,
    name: &str,
    next: usize,
) -> (usize, bool, String) {
    let name = if known.contains_key(name) || known.len() < MAX_KINDS { name } else { OTHERS };
    match known.get(name) {
        Some(place) => (*place, false, String::new()),
        None => {
            known.insert(name.to_owned(), next);
            (next, true, name.to_owned())
        }
    }
}

/// The kind of a failed request: what went wrong, or else its status.
fn http_error(error: Option<&str>, status: Option<&str>) -> String {
    match (error, status) {
        (Some(error), _) if !error.is_empty() => error.to_owned(),
        (_, Some(status)) if !matches!(status, "" | "0") => format!("status {status}"),
        _ => "no answer".to_owned(),
    }
}
