//! What is known of one request name, as Locust's `StatsEntry` knows it, but with response times in full resolution.

use std::collections::{BTreeMap, VecDeque};

use metrics::histogram::mid_point;
use metrics::{Delta, MetricKind, Sink, TrendSink};

/// Seconds whose response times are kept for percentiles of "now", as many as Locust keeps.
const WINDOW_KEPT_S: u64 = 20;
/// Seconds whose counts are kept for rates of "now".
const RATES_KEPT_S: u64 = 32;

/// Requests and failures of one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// Requests.
    pub requests: u64,
    /// Failures.
    pub failures: u64,
}

/// How much an entry remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The counts of every second, not just of the last ones: JSON output has them.
    pub all_seconds: bool,
    /// The response times of the last seconds: charts and the history file have percentiles of "now".
    pub window: bool,
}

/// The response times that came in one second: bucket and count, ascending.
#[derive(Debug, Clone)]
struct Slice {
    second: u64,
    buckets: Vec<(u32, u64)>,
}

/// The measurements of one method and name, or of all together.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The request type; empty for the total.
    pub method: String,
    /// The name.
    pub name: String,
    /// When it began, unix seconds.
    pub start_s: f64,
    /// The last request, unix seconds.
    pub last_s: Option<f64>,
    /// Requests.
    pub requests: u64,
    /// Requests without a response time.
    pub nones: u64,
    /// Failed requests.
    pub failures: u64,
    /// Bytes of all responses.
    pub length: u64,
    times: Sink,
    memory: Memory,
    seconds: BTreeMap<u64, Second>,
    window: VecDeque<Slice>,
}

/// A change of an entry's numbers, within one second.
#[derive(Debug, Clone, Copy)]
pub enum Change<'a> {
    /// More requests.
    Requests(u64),
    /// More requests without a response time; they are among the requests too.
    Nones(u64),
    /// More failures.
    Failures(u64),
    /// More bytes.
    Length(u64),
    /// Response times: a trend's delta.
    Times(&'a Delta<'a>),
}

impl Entry {
    /// An entry that begins now.
    pub fn new(method: &str, name: &str, start_s: f64, memory: Memory) -> Self {
        Self {
            method: method.to_owned(),
            name: name.to_owned(),
            start_s,
            last_s: None,
            requests: 0,
            nones: 0,
            failures: 0,
            length: 0,
            times: Sink::new(MetricKind::Trend),
            memory,
            seconds: BTreeMap::new(),
            window: VecDeque::new(),
        }
    }

    /// Remembers so much from now on.
    pub fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// Zeroes everything but the name.
    pub fn reset(&mut self, start_s: f64) {
        *self = Self::new(&self.method, &self.name, start_s, self.memory);
    }

    /// Takes a change that came in `second` (unix), the last of it at `at_s`.
    pub fn take(&mut self, change: Change<'_>, second: u64, at_s: f64) {
        match change {
            Change::Requests(n) => {
                self.requests += n;
                self.second(second).requests += n;
                self.last_s = Some(self.last_s.map_or(at_s, |last| last.max(at_s)));
            }
            Change::Nones(n) => self.nones += n,
            Change::Failures(n) => {
                self.failures += n;
                self.second(second).failures += n;
            }
            Change::Length(n) => self.length += n,
            Change::Times(delta) => self.take_times(delta, second),
        }
    }

    fn second(&mut self, second: u64) -> &mut Second {
        if !self.memory.all_seconds && !self.seconds.contains_key(&second) {
            let kept_from = second.saturating_sub(RATES_KEPT_S);
            self.seconds = self.seconds.split_off(&kept_from);
        }
        self.seconds.entry(second).or_default()
    }

    fn take_times(&mut self, delta: &Delta<'_>, second: u64) {
        let is_first = self.trend().count() == 0;
        self.times.apply(delta, is_first);
        if !self.memory.window {
            return;
        }
        let mut news = Sink::Trend(TrendSink::with_budget(0));
        news.apply(delta, true);
        if let Sink::Trend(trend) = news {
            self.window.push_back(Slice { second, buckets: trend.buckets() });
        }
        while self.window.front().is_some_and(|slice| slice.second + WINDOW_KEPT_S < second) {
            self.window.pop_front();
        }
    }

    /// Its response times, milliseconds.
    pub fn trend(&self) -> &TrendSink {
        match &self.times {
            Sink::Trend(trend) => trend,
            // Made as a trend, and a sink never changes its kind.
            _ => unreachable!("response times are a trend"),
        }
    }

    /// Requests with a response time.
    pub fn timed(&self) -> u64 {
        self.requests.saturating_sub(self.nones)
    }

    /// Counts by second, ascending.
    pub fn seconds(&self) -> impl Iterator<Item = (u64, Second)> + '_ {
        self.seconds.iter().map(|(second, counts)| (*second, *counts))
    }

    /// Mean counts a second over the seconds `from..to`; zero without seconds, as Locust has it.
    pub fn rate(&self, from: u64, to: u64) -> (f64, f64) {
        let n = to.saturating_sub(from).max(1) as f64;
        let mut sum = Second::default();
        if from < to {
            for counts in self.seconds.range(from..to).map(|(_, counts)| counts) {
                sum.requests += counts.requests;
                sum.failures += counts.failures;
            }
        }
        (sum.requests as f64 / n, sum.failures as f64 / n)
    }

    /// The response times of the seconds from `from` on, by value, ascending.
    pub fn times_since(&self, from: u64) -> Vec<(f64, u64)> {
        let mut merged: BTreeMap<u32, u64> = BTreeMap::new();
        for slice in self.window.iter().filter(|slice| slice.second >= from) {
            for (bucket, n) in &slice.buckets {
                *merged.entry(*bucket).or_default() += n;
            }
        }
        merged.into_iter().map(|(bucket, n)| (mid_point(bucket), n)).collect()
    }

    /// The response times by value, ascending, with their counts.
    pub fn times(&self) -> Vec<(f64, u64)> {
        self.trend().buckets().into_iter().map(|(bucket, n)| (mid_point(bucket), n)).collect()
    }
}
