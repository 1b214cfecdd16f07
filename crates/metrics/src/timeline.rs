//! A run along its time: load and latency for each second, what probes saw, and exact percentiles of any window.
//!
//! A [`Builder`] is fed with the snapshots of a run (k6's, Locust's or burst's metrics are told by their names) and
//! with those of its probes. Every step keeps the distribution of its latencies, so a window's percentiles are made
//! of values, never of other percentiles: a window over everything has the run's own [`Totals`](crate::Totals).
//!
//! Memory is bounded: steps last a second, and twice as long whenever there would be more than [`MAX_STEPS`] of them or
//! more than [`MAX_BUCKETS`] entries of distributions. Names beyond [`MAX_NAMES`] share one entry.

mod builder;
mod observed;
mod times;

pub use builder::Builder;
pub use observed::{ObservedSeries, Point};
pub use times::Times;

use crate::registry::Contains;
use crate::trend::TrendSink;
use times::Fold;

/// Most steps; 4,096 s are more than an hour.
pub const MAX_STEPS: usize = 4_096;
/// Most entries of all distributions together, 8 bytes each.
pub const MAX_BUCKETS: usize = 8 << 20;
/// Most request names that are kept apart.
pub const MAX_NAMES: usize = 200;
/// Most metrics of a script that are kept.
pub const MAX_METRICS: usize = 50;
/// Most names of checks, and of kinds of errors, that are kept apart.
pub const MAX_KINDS: usize = 100;
/// What the names beyond a limit share.
pub const OTHERS: &str = "(others)";

/// Requests of one name and method in one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Load {
    /// Requests that were answered or failed.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// How long they took, milliseconds.
    pub latency: Times,
}

impl Fold for Load {
    fn fold(&mut self, other: Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.latency.fold(other.latency);
    }
}

/// The requests of one name and method.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestSeries {
    /// The method; empty where there is none.
    pub method: String,
    /// The name; empty where requests have none.
    pub name: String,
    /// By step.
    pub steps: Vec<Load>,
}

impl RequestSeries {
    /// `METHOD name`, or what of it there is.
    pub fn label(&self) -> String {
        // Of gRPC's calls k6 has the method in the name.
        if self.method.is_empty() || self.name.ends_with(&format!("/{}", self.method)) {
            return self.name.clone();
        }
        if self.name.is_empty() {
            self.method.clone()
        } else {
            format!("{} {}", self.method, self.name)
        }
    }
}

/// What is counted in a step besides requests.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Virtual users at its end; `None` while nobody told.
    pub vus: Option<f64>,
    /// Iterations that ended.
    pub iterations: f64,
    /// Iterations or arrivals that could not be started.
    pub dropped: f64,
    /// Bytes sent.
    pub bytes_sent: f64,
    /// Bytes received.
    pub bytes_received: f64,
}

impl Fold for Counts {
    fn fold(&mut self, other: Self) {
        self.vus = other.vus.or(self.vus);
        self.iterations += other.iterations;
        self.dropped += other.dropped;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
    }
}

/// Trues and all of a rate in one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Values that are not zero.
    pub trues: u64,
    /// All values.
    pub total: u64,
}

impl Fold for Share {
    fn fold(&mut self, other: Self) {
        self.trues += other.trues;
        self.total += other.total;
    }
}

impl Share {
    /// 0 to 1; `None` without any value.
    pub fn ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.trues as f64 / self.total as f64)
    }
}

/// A check by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSeries {
    /// Its name.
    pub name: String,
    /// By step.
    pub steps: Vec<Share>,
}

/// Failures of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorSeries {
    /// `status 503`, `dial: connection refused`, an exception's text.
    pub kind: String,
    /// By step.
    pub steps: Vec<u64>,
}

impl Fold for u64 {
    fn fold(&mut self, other: Self) {
        *self += other;
    }
}

/// A metric of the script, or one of ours that is no request.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub contains: Contains,
    /// By step.
    pub steps: MetricSteps,
}

/// The steps of a metric, by its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricSteps {
    /// Sums of a counter.
    Counter(Vec<f64>),
    /// A rate.
    Rate(Vec<Share>),
    /// A gauge, over all cores: last, smallest, largest.
    Gauge(Vec<Option<(f64, f64, f64)>>),
    /// A trend.
    Trend(Vec<Times>),
}

impl Fold for f64 {
    fn fold(&mut self, other: Self) {
        *self += other;
    }
}

impl Fold for Option<(f64, f64, f64)> {
    fn fold(&mut self, other: Self) {
        *self = match (*self, other) {
            (Some((_, a, b)), Some((last, c, d))) => Some((last, a.min(c), b.max(d))),
            (one, other) => other.or(one),
        };
    }
}

/// A run along its time. All times are seconds since its start.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The start, unix nanoseconds.
    pub start_unix_ns: u64,
    /// How long a step is.
    pub step_s: f64,
    /// When the last sample was measured.
    pub end_s: f64,
    /// Requests by name.
    pub requests: Vec<RequestSeries>,
    /// What else is counted, by step.
    pub counts: Vec<Counts>,
    /// Checks by name.
    pub checks: Vec<CheckSeries>,
    /// Failures by kind.
    pub errors: Vec<ErrorSeries>,
    /// Metrics of the script.
    pub metrics: Vec<MetricSeries>,
    /// What probes saw, by name and tags.
    pub observed: Vec<ObservedSeries>,
    /// Series of probes beyond the limit, and changes whose series was never explained (a lost snapshot).
    pub left_out: u64,
}

/// What happened in a window of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Its start, at a step's edge.
    pub from_s: f64,
    /// Its end: a step's edge, or the end of the run.
    pub to_s: f64,
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// How long they took, milliseconds.
    pub latency: TrendSink,
}

impl Window {
    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        (self.to_s - self.from_s).max(0.0)
    }

    /// Requests a second; `None` for a window without length.
    pub fn throughput(&self) -> Option<f64> {
        (self.seconds() > 0.0).then(|| self.requests as f64 / self.seconds())
    }

    /// Successful requests a second; `None` for a window without length.
    pub fn goodput(&self) -> Option<f64> {
        let good = self.requests.saturating_sub(self.failures) as f64;
        (self.seconds() > 0.0).then(|| good / self.seconds())
    }

    /// Failures to requests, 0 to 1; `None` without requests.
    pub fn error_rate(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failures as f64 / self.requests as f64)
    }
}

impl Timeline {
    /// Starts building one.
    pub fn builder(start_unix_ns: u64) -> Builder {
        Builder::new(start_unix_ns)
    }

    /// Number of steps.
    pub fn n_steps(&self) -> usize {
        self.counts.len()
    }

    /// Seconds from the run's start to a moment.
    pub fn at_s(&self, unix_ns: u64) -> f64 {
        seconds_between(self.start_unix_ns, unix_ns)
    }

    /// The steps of a window: those whose larger part lies in it.
    pub fn steps(&self, from_s: f64, to_s: f64) -> std::ops::Range<usize> {
        let edge = |at_s: f64| {
            let steps = (at_s / self.step_s).round();
            if steps > 0.0 { (steps as usize).min(self.n_steps()) } else { 0 }
        };
        // The last step is shorter than the others, and belongs to every window that reaches the end.
        let end = if to_s >= self.end_s { self.n_steps() } else { edge(to_s) };
        let start = edge(from_s).min(end);
        start..end
    }

    /// When steps begin and end, seconds.
    pub fn span(&self, steps: &std::ops::Range<usize>) -> (f64, f64) {
        let edge = |step: usize| (step as f64 * self.step_s).min(self.end_s);
        (edge(steps.start), edge(steps.end))
    }

    /// All requests in a window.
    pub fn window(&self, from_s: f64, to_s: f64) -> Window {
        self.window_of(from_s, to_s, |_| true)
    }

    /// Some requests in a window.
    pub fn window_of(
        &self,
        from_s: f64,
        to_s: f64,
        is_wanted: impl Fn(&RequestSeries) -> bool,
    ) -> Window {
        self.window_of_steps(self.steps(from_s, to_s), is_wanted)
    }

    /// Some requests in some steps.
    pub fn window_of_steps(
        &self,
        steps: std::ops::Range<usize>,
        is_wanted: impl Fn(&RequestSeries) -> bool,
    ) -> Window {
        let (from_s, to_s) = self.span(&steps);
        let (mut requests, mut failures, mut latency) = (0, 0, TrendSink::default());
        for series in self.requests.iter().filter(|series| is_wanted(series)) {
            for load in series.steps.get(steps.clone()).unwrap_or_default() {
                requests += load.requests;
                failures += load.failures;
                load.latency.pour(&mut latency);
            }
        }
        Window { from_s, to_s, requests, failures, latency }
    }

    /// What is counted in a window: sums, and the largest number of virtual users.
    pub fn counts_in(&self, from_s: f64, to_s: f64) -> Counts {
        let mut all = Counts::default();
        for counts in self.counts.get(self.steps(from_s, to_s)).unwrap_or_default() {
            let most = match (all.vus, counts.vus) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            };
            all.fold(*counts);
            all.vus = most;
        }
        all
    }

    /// The checks of a window; of all names, or of one.
    pub fn checks_in(&self, from_s: f64, to_s: f64, name: Option<&str>) -> Share {
        let steps = self.steps(from_s, to_s);
        let mut all = Share::default();
        let wanted = |check: &&CheckSeries| {
            name.is_none_or(|name| plan::criterion::matches(name, &check.name))
        };
        for check in self.checks.iter().filter(wanted) {
            for share in check.steps.get(steps.clone()).unwrap_or_default() {
                all.fold(*share);
            }
        }
        all
    }

    /// A metric of the script by its name.
    pub fn metric(&self, name: &str) -> Option<&MetricSeries> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// The series that probes saw under a name, with tags of the given forms.
    pub fn observed_named<'a>(
        &'a self,
        name: &'a str,
        tags: &'a [(String, String)],
    ) -> impl Iterator<Item = &'a ObservedSeries> {
        self.observed.iter().filter(move |series| series.is(name, tags))
    }
}

impl MetricSeries {
    /// Its values in some steps as one sink.
    pub fn sink(&self, steps: std::ops::Range<usize>) -> crate::Sink {
        use crate::Sink;
        match &self.steps {
            MetricSteps::Counter(sums) => {
                Sink::Counter { sum: sums.get(steps).unwrap_or_default().iter().sum() }
            }
            MetricSteps::Rate(shares) => {
                let mut all = Share::default();
                shares.get(steps).unwrap_or_default().iter().for_each(|share| all.fold(*share));
                Sink::Rate { trues: all.trues, total: all.total }
            }
            MetricSteps::Gauge(values) => {
                let mut all = None;
                values
                    .get(steps)
                    .unwrap_or_default()
                    .iter()
                    .for_each(|value| Fold::fold(&mut all, *value));
                let (last, min, max) = all.unwrap_or_default();
                Sink::Gauge { last, last_unix_ns: 0, min, max }
            }
            MetricSteps::Trend(times) => {
                let mut all = TrendSink::default();
                times.get(steps).unwrap_or_default().iter().for_each(|times| times.pour(&mut all));
                Sink::Trend(all)
            }
        }
    }

    /// Whether some steps have any value.
    pub fn has_values(&self, steps: std::ops::Range<usize>) -> bool {
        match &self.steps {
            MetricSteps::Counter(sums) => {
                sums.get(steps).unwrap_or_default().iter().any(|sum| *sum != 0.0)
            }
            MetricSteps::Rate(shares) => {
                shares.get(steps).unwrap_or_default().iter().any(|share| share.total > 0)
            }
            MetricSteps::Gauge(values) => {
                values.get(steps).unwrap_or_default().iter().any(Option::is_some)
            }
            MetricSteps::Trend(times) => {
                times.get(steps).unwrap_or_default().iter().any(|times| times.count() > 0)
            }
        }
    }
}

/// Seconds from one unix time in nanoseconds to another, negative if it lies before.
pub(crate) fn seconds_between(from: u64, to: u64) -> f64 {
    if to >= from { (to - from) as f64 / 1e9 } else { -((from - to) as f64 / 1e9) }
}
