//! The statistics of requests, as Locust keeps them: by name and method, and of all together.
//!
//! Two readers: the process that started this one gets snapshots, the change since the last one, in `metrics`' encoding;
//! the Locust file reads what has been since the start ([`Statistics::entry`], [`Statistics::percentile`]). Memory does not
//! grow with time. Times are milliseconds, moments unix seconds, as in Locust.

use std::sync::Arc;

use metrics::histogram::{Histogram, mid_point};
use metrics::{
    Contains, Delta, MetricId, MetricKind, Registry, RegistryError, SeriesId, Shard, ShardConfig,
    Snapshot, TagSetId,
};
use rustc_hash::FxHashMap;

use crate::others::{Change, Others};
use crate::pacing::Overrun;

/// Names with methods beyond this number are counted under [`MORE_NAMES`].
pub const MAX_ENTRIES: usize = 100_000;
/// What stands for further names.
pub const MORE_NAMES: &str = "(more names)";
/// Different errors beyond this number are counted under [`MORE_ERRORS`].
pub const MAX_ERRORS: usize = 10_000;
/// What stands for further errors.
pub const MORE_ERRORS: &str = "(more errors)";

/// The metrics in snapshots.
struct Ids {
    response_time: MetricId,
    requests: MetricId,
    none_requests: MetricId,
    failures: MetricId,
    response_length: MetricId,
    errors: MetricId,
    missed: MetricId,
}

impl Ids {
    fn declare(registry: &Registry) -> Result<Ids, RegistryError> {
        let counter = |name| registry.declare(name, MetricKind::Counter, Contains::Default);
        Ok(Ids {
            response_time: registry.declare(
                "locust_response_time",
                MetricKind::Trend,
                Contains::Time,
            )?,
            requests: counter("locust_requests")?,
            none_requests: counter("locust_none_requests")?,
            failures: counter("locust_failures")?,
            response_length: registry.declare(
                "locust_response_length",
                MetricKind::Counter,
                Contains::Data,
            )?,
            errors: counter("locust_errors")?,
            missed: registry.declare(
                "locust_missed_slot_wait",
                MetricKind::Trend,
                Contains::Time,
            )?,
        })
    }
}

/// Requests and failures of the last minute, by second.
#[derive(Clone, Debug)]
struct Seconds {
    /// (unix second, requests, failures); a place is taken by the seconds that leave the same remainder.
    ring: Box<[(u64, u64, u64)]>,
}

/// Seconds that are remembered. Locust looks back twelve.
const SECONDS: u64 = 60;

impl Seconds {
    fn new() -> Seconds {
        Seconds { ring: vec![(0, 0, 0); SECONDS as usize].into() }
    }

    fn at(&mut self, second: u64) -> &mut (u64, u64, u64) {
        let place = &mut self.ring[(second % SECONDS) as usize];
        if place.0 != second {
            *place = (second, 0, 0);
        }
        place
    }
}

/// What is known of a name with its method, or of all together.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Requests, failed ones included.
    pub requests: u64,
    /// Those of them without a response time.
    pub none_requests: u64,
    /// Failures.
    pub failures: u64,
    /// Sum of the response times, ms.
    pub total_ms: f64,
    /// The shortest response time, ms.
    pub min_ms: Option<f64>,
    /// The longest response time, ms; 0 without any.
    pub max_ms: f64,
    /// Sum of the lengths of the responses, bytes.
    pub length: i64,
    /// Since when there is anything, unix seconds.
    pub start: f64,
    /// When the last request was told, unix seconds.
    pub last: Option<f64>,
    seconds: Seconds,
}

impl Entry {
    fn new(now: f64) -> Entry {
        Entry {
            requests: 0,
            none_requests: 0,
            failures: 0,
            total_ms: 0.0,
            min_ms: None,
            max_ms: 0.0,
            length: 0,
            start: now,
            last: None,
            seconds: Seconds::new(),
        }
    }

    fn log(&mut self, time_ms: Option<f64>, length: i64, now: f64) {
        self.requests += 1;
        self.length = self.length.saturating_add(length);
        self.last = Some(now);
        self.seconds.at(now as u64).1 += 1;
        match time_ms {
            Some(time) => {
                self.total_ms += time;
                self.min_ms = Some(self.min_ms.map_or(time, |min| min.min(time)));
                self.max_ms = self.max_ms.max(time);
            }
            None => self.none_requests += 1,
        }
    }

    fn fail(&mut self, now: f64) {
        self.failures += 1;
        self.seconds.at(now as u64).2 += 1;
    }

    fn add(&mut self, change: Change, now: f64) {
        self.requests += change.requests;
        self.none_requests += change.nones;
        self.failures += change.failures;
        self.length = self.length.saturating_add(change.length);
        let second = self.seconds.at(now as u64);
        second.1 += change.requests;
        second.2 += change.failures;
        if change.requests > 0 {
            self.last = Some(self.last.map_or(now, |last| last.max(now)));
        }
    }

    /// Requests and failures by unix second, of the last minute.
    pub fn per_second(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.seconds.ring.iter().copied().filter(|(_, requests, failures)| requests + failures > 0)
    }
}

/// A name with its method.
struct Named {
    name: Box<str>,
    method: Box<str>,
    entry: Entry,
    histogram: Histogram,
    series: Series,
    told: Told,
}

#[derive(Clone, Copy)]
struct Series {
    response_time: SeriesId,
    requests: SeriesId,
    none_requests: SeriesId,
    failures: SeriesId,
    response_length: SeriesId,
}

/// How much of an entry's counts has gone into snapshots.
#[derive(Clone, Copy, Default)]
struct Told {
    requests: u64,
    none_requests: u64,
    failures: u64,
    length: i64,
}

impl Told {
    fn add(&mut self, change: Change) {
        self.requests += change.requests;
        self.none_requests += change.nones;
        self.failures += change.failures;
        self.length = self.length.saturating_add(change.length);
    }
}

/// An error that occurred.
#[derive(Clone, Debug)]
pub struct ErrorCount {
    /// Which name it belongs to.
    pub name: Box<str>,
    /// With this method.
    pub method: Box<str>,
    /// The text errors are grouped by.
    pub text: Box<str>,
    /// How often.
    pub count: u64,
    /// When first, unix seconds.
    pub first: f64,
    /// When last, unix seconds.
    pub last: f64,
    told: u64,
    series: SeriesId,
}

/// The statistics of a process.
pub struct Statistics {
    agent: u32,
    ids: Ids,
    shard: Shard,
    named: Vec<Named>,
    /// By name: methods and places.
    index: FxHashMap<Box<str>, Vec<(Box<str>, usize)>>,
    total: Entry,
    errors: Vec<ErrorCount>,
    /// By text: places.
    error_index: FxHashMap<Box<str>, Vec<usize>>,
    /// Whose measurements are counted here too.
    others: Others,
}

impl std::fmt::Debug for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Statistics({} names)", self.named.len())
    }
}

impl Statistics {
    /// Statistics whose snapshots are signed with `agent`.
    ///
    /// # Errors
    /// If a metric of these names is built in with another kind.
    pub fn new(agent: u32, now: f64) -> Result<Statistics, RegistryError> {
        let registry = Arc::new(Registry::with_builtins());
        let ids = Ids::declare(&registry)?;
        Ok(Statistics {
            agent,
            ids,
            shard: Shard::new(agent, registry, ShardConfig::STANDARD),
            named: Vec::new(),
            index: FxHashMap::default(),
            total: Entry::new(now),
            errors: Vec::new(),
            error_index: FxHashMap::default(),
            others: Others::default(),
        })
    }

    /// Forgets everything. Snapshots count from 1 again.
    pub fn clear(&mut self, now: f64) {
        let registry = self.shard.registry().clone();
        self.shard = Shard::new(self.agent, registry, ShardConfig::STANDARD);
        self.named.clear();
        self.index.clear();
        self.total = Entry::new(now);
        self.errors.clear();
        self.error_index.clear();
    }

    /// Counts a request.
    pub fn log(
        &mut self,
        method: &str,
        name: &str,
        time_ms: Option<f64>,
        length: i64,
        now_unix_ns: u64,
    ) {
        let now = now_unix_ns as f64 / 1e9;
        let place = self.place(method, name, now);
        // What is not a number is no time either.
        let time_ms = time_ms.filter(|time| time.is_finite());
        self.total.log(time_ms, length, now);
        let named = &mut self.named[place];
        named.entry.log(time_ms, length, now);
        if let Some(time) = time_ms {
            named.histogram.add(time);
            let series = named.series.response_time;
            self.shard.record(series, time, now_unix_ns);
        }
    }

    /// Counts the slots of a pace that a long task of a user made it miss (see [`Overrun`]): times in seconds. The lag to
    /// give for the user's next one.
    pub fn overrun(&mut self, run_s: f64, pace_s: f64, lag_s: f64, now_unix_ns: u64) -> f64 {
        let overrun = Overrun::new(run_s, pace_s, lag_s);
        if overrun.missed > 0 {
            let series = self.shard.series(self.ids.missed, TagSetId::EMPTY);
            for wait_s in overrun.waits() {
                self.shard.record(series, wait_s * 1e3, now_unix_ns);
            }
        }
        overrun.lag
    }

    /// Makes an entry without requests, unless there is one.
    pub fn touch(&mut self, method: &str, name: &str, now_unix_ns: u64) {
        let place = self.place(method, name, now_unix_ns as f64 / 1e9);
        let named = &self.named[place];
        if named.entry.requests == 0 {
            // Snapshots tell of a series once something was recorded.
            self.shard.record(named.series.requests, 0.0, now_unix_ns);
        }
    }

    /// Counts a failure, by the text failures are grouped by.
    pub fn error(&mut self, method: &str, name: &str, text: &str, now_unix_ns: u64) {
        let now = now_unix_ns as f64 / 1e9;
        let place = self.place(method, name, now);
        self.total.fail(now);
        self.named[place].entry.fail(now);
        let error = self.error_place(place, text, now);
        let error = &mut self.errors[error];
        error.count += 1;
        error.last = now;
    }

    /// Counts requests that something else has summed up: response times with their counts, how many had none, and their
    /// lengths together.
    pub fn log_many(
        &mut self,
        (method, name): (&str, &str),
        times: &[(f64, u64)],
        nones: u64,
        length: i64,
        now_unix_ns: u64,
    ) {
        let mut length = length;
        let timed = times.iter().flat_map(|(time, n)| (0..*n).map(move |_| Some(*time)));
        for time in timed.chain((0..nones).map(|_| None)) {
            self.log(method, name, time, std::mem::take(&mut length), now_unix_ns);
        }
    }

    /// Takes in what a process of this name has measured since its last snapshot.
    pub fn ingest(&mut self, from: &str, snapshot: &Snapshot) {
        let mut others = std::mem::take(&mut self.others);
        others.ingest(from, snapshot, self);
        self.others = others;
    }

    /// Makes an entry that another process has made.
    pub(crate) fn touch_other(&mut self, method: &str, name: &str, first_unix_ns: u64) {
        self.place(method, name, first_unix_ns as f64 / 1e9);
    }

    /// Adds what another process counted.
    pub(crate) fn add_counts(&mut self, method: &str, name: &str, change: Change, at_unix_ns: u64) {
        let now = at_unix_ns as f64 / 1e9;
        let place = self.place(method, name, now);
        let named = &mut self.named[place];
        named.told.add(change);
        named.entry.add(change, now);
        self.total.add(change, now);
    }

    /// Adds response times that another process measured.
    pub(crate) fn add_times(
        &mut self,
        method: &str,
        name: &str,
        delta: &Delta<'_>,
        at_unix_ns: u64,
    ) {
        let Delta::Trend { count: 1.., sum, min, max, raw, buckets } = delta else { return };
        let place = self.place(method, name, at_unix_ns as f64 / 1e9);
        let named = &mut self.named[place];
        raw.iter().for_each(|value| named.histogram.add(*value));
        buckets.clone().for_each(|(bucket, n)| named.histogram.add_to_bucket(bucket, n));
        for entry in [&mut named.entry, &mut self.total] {
            entry.total_ms += sum;
            entry.min_ms = Some(entry.min_ms.map_or(*min, |known| known.min(*min)));
            entry.max_ms = entry.max_ms.max(*max);
        }
    }

    /// Adds errors that another process counted; they are among its failures already.
    pub(crate) fn add_errors(
        &mut self,
        (method, name): (&str, &str),
        text: &str,
        n: u64,
        at_unix_ns: u64,
    ) {
        let now = at_unix_ns as f64 / 1e9;
        let place = self.place(method, name, now);
        let error = self.error_place(place, text, now);
        let error = &mut self.errors[error];
        error.count += n;
        error.told += n;
        error.last = error.last.max(now);
    }

    fn place(&mut self, method: &str, name: &str, now: f64) -> usize {
        if let Some(methods) = self.index.get(name)
            && let Some((_, place)) = methods.iter().find(|(known, _)| **known == *method)
        {
            return *place;
        }
        if self.named.len() >= MAX_ENTRIES && name != MORE_NAMES {
            return self.place(method, MORE_NAMES, now);
        }
        let tags = self.shard.tag_set(&[("method", method), ("name", name)]);
        let mut series = |metric| self.shard.series(metric, tags);
        let series = Series {
            response_time: series(self.ids.response_time),
            requests: series(self.ids.requests),
            none_requests: series(self.ids.none_requests),
            failures: series(self.ids.failures),
            response_length: series(self.ids.response_length),
        };
        let place = self.named.len();
        self.named.push(Named {
            name: name.into(),
            method: method.into(),
            entry: Entry::new(now),
            histogram: Histogram::new(),
            series,
            told: Told::default(),
        });
        self.index.entry(name.into()).or_default().push((method.into(), place));
        place
    }

    fn error_place(&mut self, place: usize, text: &str, now: f64) -> usize {
        let Named { name, method, .. } = &self.named[place];
        if let Some(places) = self.error_index.get(text) {
            let same = |error: &ErrorCount| error.name == *name && error.method == *method;
            if let Some(found) = places.iter().find(|found| same(&self.errors[**found])) {
                return *found;
            }
        }
        if self.errors.len() >= MAX_ERRORS && text != MORE_ERRORS {
            return self.error_place(place, MORE_ERRORS, now);
        }
        let tags = self.shard.tag_set(&[("method", method), ("name", name), ("error", text)]);
        let series = self.shard.series(self.ids.errors, tags);
        let found = self.errors.len();
        self.errors.push(ErrorCount {
            name: name.clone(),
            method: method.clone(),
            text: text.into(),
            count: 0,
            first: now,
            last: now,
            told: 0,
            series,
        });
        self.error_index.entry(text.into()).or_default().push(found);
        found
    }

    /// What has changed since the last snapshot, encoded.
    pub fn snapshot(&mut self, now_unix_ns: u64) -> Vec<u8> {
        let shard = &mut self.shard;
        let mut tell = |series: SeriesId, change: f64| {
            if change != 0.0 {
                shard.record(series, change, now_unix_ns);
            }
        };
        for named in &mut self.named {
            let (entry, told, series) = (&named.entry, &mut named.told, named.series);
            tell(series.requests, (entry.requests - told.requests) as f64);
            tell(series.none_requests, (entry.none_requests - told.none_requests) as f64);
            tell(series.failures, (entry.failures - told.failures) as f64);
            tell(series.response_length, (entry.length - told.length) as f64);
            *told = Told {
                requests: entry.requests,
                none_requests: entry.none_requests,
                failures: entry.failures,
                length: entry.length,
            };
        }
        for error in &mut self.errors {
            tell(error.series, (error.count - error.told) as f64);
            error.told = error.count;
        }
        self.shard.flush(now_unix_ns).encode()
    }

    /// All names with their methods, in the order they came.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named.iter().map(|named| (&*named.method, &*named.name))
    }

    /// What is known of a name with its method.
    pub fn entry(&self, method: &str, name: &str) -> Option<&Entry> {
        self.find(method, name).map(|named| &named.entry)
    }

    /// What is known of all together.
    pub fn total(&self) -> &Entry {
        &self.total
    }

    /// The errors, in the order they came.
    pub fn errors(&self) -> &[ErrorCount] {
        &self.errors
    }

    fn find(&self, method: &str, name: &str) -> Option<&Named> {
        let methods = self.index.get(name)?;
        let (_, place) = methods.iter().find(|(known, _)| **known == *method)?;
        Some(&self.named[*place])
    }

    /// How often which response time came, ascending, to a twentieth of a percent; of one name with its method, or of all.
    pub fn distribution(&self, of: Option<(&str, &str)>) -> Vec<(f64, u64)> {
        let collect = |histogram: &Histogram| {
            histogram.buckets().map(|(bucket, n)| (mid_point(bucket), n)).collect()
        };
        match of {
            Some((method, name)) => {
                self.find(method, name).map(|named| collect(&named.histogram)).unwrap_or_default()
            }
            None => {
                let mut all = Histogram::new();
                self.named.iter().for_each(|named| all.merge(&named.histogram));
                collect(&all)
            }
        }
    }

    /// The response time that a share `p` (0 to 1) of the requests stayed within, by Locust's rule: the value at rank
    /// ⌊n·p⌋. 0 where there is none.
    pub fn percentile(&self, of: Option<(&str, &str)>, p: f64) -> f64 {
        let entry = match of {
            Some((method, name)) => self.entry(method, name),
            None => Some(&self.total),
        };
        let Some(entry) = entry else { return 0.0 };
        let value = at_share(&self.distribution(of), p);
        // The extremes are known exactly.
        value.clamp(entry.min_ms.unwrap_or(0.0), entry.max_ms.max(entry.min_ms.unwrap_or(0.0)))
    }
}

/// The value at rank ⌊n·p⌋ of values with counts, ascending.
fn at_share(values: &[(f64, u64)], p: f64) -> f64 {
    let n: u64 = values.iter().map(|(_, count)| count).sum();
    let rank = (n as f64 * p) as u64;
    let mut seen = 0;
    for (value, count) in values {
        seen += count;
        if seen > rank {
            return *value;
        }
    }
    values.last().map_or(0.0, |(value, _)| *value)
}

/// Locust's buckets for response times: two digits.
pub fn locust_bucket(time_ms: f64) -> i64 {
    let to = |unit: f64| ((time_ms / unit).round_ties_even() * unit) as i64;
    match time_ms {
        t if t < 100.0 => to(1.0),
        t if t < 1_000.0 => to(10.0),
        t if t < 10_000.0 => to(100.0),
        _ => to(1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use metrics::{Delta, Snapshot};

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn filled() -> Statistics {
        let mut statistics = Statistics::new(3, 1.0).unwrap();
        for time in 1..=100 {
            statistics.log("GET", "/a", Some(f64::from(time)), 10, 100 * SECOND);
        }
        statistics.log("POST", "/a", None, 5, 101 * SECOND);
        statistics.error("GET", "/a", "boom", 101 * SECOND);
        statistics.error("GET", "/a", "boom", 102 * SECOND);
        statistics
    }

    #[test]
    fn counts_are_kept_by_name_and_method() {
        let statistics = filled();
        let entry = statistics.entry("GET", "/a").unwrap();
        assert_eq!((entry.requests, entry.failures, entry.length), (100, 2, 1000));
        assert_eq!((entry.min_ms, entry.max_ms, entry.total_ms), (Some(1.0), 100.0, 5050.0));
        let entry = statistics.entry("POST", "/a").unwrap();
        assert_eq!((entry.requests, entry.none_requests, entry.min_ms), (1, 1, None));
        let total = statistics.total();
        assert_eq!((total.requests, total.none_requests, total.failures), (101, 1, 2));
        let by_second: Vec<_> = total.per_second().collect();
        assert!(by_second.contains(&(100, 100, 0)) && by_second.contains(&(101, 1, 1)));
        assert_eq!(statistics.keys().collect::<Vec<_>>(), [("GET", "/a"), ("POST", "/a")]);
        let error = &statistics.errors()[0];
        assert_eq!((&*error.text, error.count, error.first, error.last), ("boom", 2, 101.0, 102.0));
        assert!(statistics.entry("PUT", "/a").is_none());
    }

    #[test]
    fn percentiles_are_the_values_at_locust_s_ranks() {
        let statistics = filled();
        for (p, expected) in [(0.0, 1.0), (0.5, 51.0), (0.95, 96.0), (1.0, 100.0)] {
            let value = statistics.percentile(Some(("GET", "/a")), p);
            assert!((value - expected).abs() < 0.06, "{p}: {value}");
            assert!((statistics.percentile(None, p) - value).abs() < 1e-9);
        }
        assert_eq!(statistics.percentile(Some(("GET", "/b")), 0.5), 0.0);
        assert_eq!(Statistics::new(0, 0.0).unwrap().percentile(None, 0.5), 0.0);
    }

    #[test]
    fn snapshots_hold_what_changed_and_nothing_twice() {
        let mut statistics = filled();
        let counts = |bytes: &[u8]| {
            let snapshot = Snapshot::decode(bytes).unwrap();
            assert_eq!(snapshot.agent(), 3);
            let (mut counters, mut trend) = (0.0, 0);
            for (_, delta) in snapshot.deltas() {
                match delta {
                    Delta::Counter { sum } => counters += sum,
                    Delta::Trend { count, .. } => trend += count,
                    _ => {}
                }
            }
            (snapshot.seq(), counters, trend)
        };
        // 101 requests, 1 without a time, 2 failures, 1,005 bytes, 2 errors.
        assert_eq!(counts(&statistics.snapshot(103 * SECOND)), (1, 1_111.0, 100));
        assert_eq!(counts(&statistics.snapshot(104 * SECOND)), (2, 0.0, 0));
        statistics.log("GET", "/a", Some(7.0), 1, 104 * SECOND);
        assert_eq!(counts(&statistics.snapshot(105 * SECOND)), (3, 2.0, 1));
        statistics.clear(106.0);
        assert_eq!(statistics.total().requests, 0);
        assert_eq!(counts(&statistics.snapshot(107 * SECOND)), (1, 0.0, 0));
    }

    #[test]
    fn what_is_no_number_counts_as_no_time() {
        let mut statistics = Statistics::new(0, 0.0).unwrap();
        statistics.log("GET", "/", Some(f64::NAN), 0, SECOND);
        statistics.log("GET", "/", Some(f64::INFINITY), 0, SECOND);
        assert_eq!(statistics.total().none_requests, 2);
    }

    #[test]
    fn buckets_are_locust_s() {
        for (time, bucket) in [
            (0.4, 0),
            (0.5, 0),
            (1.5, 2),
            (99.4, 99),
            (147.0, 150),
            (3_432.0, 3_400),
            (58_760.0, 59_000),
        ] {
            assert_eq!(locust_bucket(time), bucket, "{time}");
        }
    }
}
