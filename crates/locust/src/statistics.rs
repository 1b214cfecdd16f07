//! The merged statistics of a test in Locust's terms: entries, their total, errors, and the numbers made of them.
//!
//! Children send [`Snapshot`]s; a series says by its metric and tags which number of which entry it is. Everything is
//! idempotent by a snapshot's agent and number, so a snapshot that comes twice counts once.

use std::collections::{BTreeMap, HashMap};

use metrics::{Delta, MetricKind, Sink, Snapshot};
use sha2::{Digest, Sha256};

use crate::entry::{Change, Entry, Memory};
use crate::missed::{WithMissed, missed_trend, percentiles_of};
use crate::number::{repr_text, round_to, text_of_repr};
use crate::options::Rounding;

/// What a name is when an engine had too many of them to tell them apart.
const OTHER_NAMES: &str = "(other names)";

/// A number that Python would write as an integer or as a float.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
}

impl Value {
    /// As a float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(x) => x,
        }
    }
}

/// Failures of one method and name with the same text.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorEntry {
    /// The request type.
    pub method: String,
    /// The name.
    pub name: String,
    /// The exception's `repr`, or the text.
    pub error: String,
    /// How often.
    pub occurrences: u64,
    /// Unix seconds.
    pub first_s: f64,
    /// Unix seconds.
    pub last_s: f64,
}

impl ErrorEntry {
    /// What Locust sorts errors by: a hash.
    pub fn key(&self) -> [u8; 32] {
        let text = format!("{}.{}.{}", self.method, self.name, repr_text(&self.error));
        Sha256::digest(text.as_bytes()).into()
    }

    /// As the console names it: what was given to `failure()` stands for itself.
    pub fn to_name(&self) -> String {
        let given =
            self.error.strip_prefix("CatchResponseError(").and_then(|e| e.strip_suffix(')'));
        let error = match given {
            Some(inner) => text_of_repr(inner).unwrap_or_else(|| inner.to_owned()),
            None => self.error.clone(),
        };
        format!("{} {}: {error}", self.method, self.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Requests,
    Nones,
    Failures,
    Length,
    Times,
    Error,
    Missed,
}

impl Part {
    fn of(metric: &str) -> Option<Self> {
        Some(match metric {
            "locust_requests" => Self::Requests,
            "locust_none_requests" => Self::Nones,
            "locust_failures" => Self::Failures,
            "locust_response_length" => Self::Length,
            "locust_response_time" => Self::Times,
            "locust_errors" => Self::Error,
            "locust_missed_slot_wait" => Self::Missed,
            _ => return None,
        })
    }
}

/// What a series of an agent is.
#[derive(Debug, Clone)]
struct Series {
    part: Part,
    method: String,
    name: String,
    error: String,
    /// Where it goes, while the statistics are of the same generation.
    place: Option<(u64, usize)>,
}

#[derive(Debug, Default)]
struct Agent {
    series: HashMap<u32, Series>,
    last_seq: u64,
    lost: u64,
}

/// Where in time a snapshot's changes belong.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moment {
    start_s: f64,
    /// The second its middle is in.
    second: u64,
    /// Its end, but not beyond that second.
    at_s: f64,
}

impl Moment {
    fn of(snapshot: &Snapshot) -> Self {
        let start_s = snapshot.start_unix_ns() as f64 / 1e9;
        let end_s = snapshot.end_unix_ns() as f64 / 1e9;
        let middle = start_s.midpoint(end_s.max(start_s));
        let second = middle as u64;
        Self { start_s, second, at_s: end_s.min(second as f64 + 0.999) }
    }
}

/// What a test has measured so far.
#[derive(Debug)]
pub struct Statistics {
    rounding: Rounding,
    memory: Memory,
    entries: Vec<Entry>,
    places: HashMap<(String, String), usize>,
    total: Entry,
    errors: Vec<ErrorEntry>,
    error_places: HashMap<(String, String, String), usize>,
    agents: HashMap<(u64, u32), Agent>,
    /// Snapshots that agents of the past lost.
    lost: u64,
    generation: u64,
    /// The exact time of the last request, where a child told it.
    told_last_s: Option<f64>,
    /// How long slots waited that users with a constant pace missed.
    missed: Sink,
    shows_missed: bool,
}

impl Statistics {
    /// Statistics of a test that begins at `start_s` (unix seconds).
    pub fn new(rounding: Rounding, memory: Memory, start_s: f64) -> Self {
        let total_memory = Memory { window: true, ..memory };
        Self {
            rounding,
            memory,
            entries: Vec::new(),
            places: HashMap::new(),
            total: Entry::new("", "Aggregated", start_s, total_memory),
            errors: Vec::new(),
            error_places: HashMap::new(),
            agents: HashMap::new(),
            lost: 0,
            generation: 0,
            told_last_s: None,
            missed: Sink::new(MetricKind::Trend),
            shows_missed: false,
        }
    }

    /// Whether tables and files show the missed slots of paced users beside Locust's own numbers.
    pub fn show_missed(&mut self, shows: bool) {
        self.shows_missed = shows;
    }

    /// How much entries made from now on remember.
    pub fn remember(&mut self, memory: Memory) {
        self.memory = memory;
        self.total.remember(Memory { window: true, ..memory });
    }

    /// Merges a snapshot that came from `source` (a connection); one that came before changes nothing.
    pub fn ingest(&mut self, source: u64, snapshot: &Snapshot) {
        let key = (source, snapshot.agent());
        let mut agent = self.agents.remove(&key).unwrap_or_default();
        if snapshot.seq() > agent.last_seq {
            agent.lost += snapshot.seq() - agent.last_seq - 1;
            agent.last_seq = snapshot.seq();
            self.merge(&mut agent, snapshot);
        }
        self.agents.insert(key, agent);
    }

    fn merge(&mut self, agent: &mut Agent, snapshot: &Snapshot) {
        for series in snapshot.series() {
            let Some(part) = Part::of(series.metric.name) else { continue };
            let tag = |key: &str| series.tags().find(|(k, _)| *k == key).map(|(_, v)| v.to_owned());
            let known = Series {
                part,
                method: tag("method").unwrap_or_default(),
                name: tag("name").unwrap_or_else(|| OTHER_NAMES.to_owned()),
                error: tag("error").unwrap_or_default(),
                place: None,
            };
            let first_s = series.first_unix_ns as f64 / 1e9;
            agent.series.insert(series.id, known);
            if let Some(series) = agent.series.get_mut(&series.id) {
                self.place(series, first_s);
            }
        }
        let moment = Moment::of(snapshot);
        for (id, delta) in snapshot.deltas() {
            if let Some(series) = agent.series.get_mut(&id) {
                self.apply(series, &delta, moment);
            }
        }
    }

    fn apply(&mut self, series: &mut Series, delta: &Delta<'_>, moment: Moment) {
        if series.part == Part::Missed {
            let is_first = missed_trend(&self.missed).count() == 0;
            self.missed.apply(delta, is_first);
            return;
        }
        let place = self.place(series, moment.start_s);
        let count = match delta {
            Delta::Counter { sum } => *sum as u64,
            _ => 0,
        };
        let change = match series.part {
            Part::Error => {
                let error = &mut self.errors[place];
                error.occurrences += count;
                error.last_s = error.last_s.max(moment.at_s);
                return;
            }
            Part::Requests => Change::Requests(count),
            Part::Nones => Change::Nones(count),
            Part::Failures => Change::Failures(count),
            Part::Length => Change::Length(count),
            Part::Times => Change::Times(delta),
            Part::Missed => return,
        };
        self.entries[place].take(change, moment.second, moment.at_s);
        self.total.take(change, moment.second, moment.at_s);
    }

    /// The index of what a series counts, made if need be.
    fn place(&mut self, series: &mut Series, first_s: f64) -> usize {
        if let Some((generation, place)) = series.place
            && generation == self.generation
        {
            return place;
        }
        if series.part == Part::Missed {
            // It is no entry's.
            return 0;
        }
        let place = if series.part == Part::Error {
            self.error_place(series, first_s)
        } else {
            self.entry_place(&series.method, &series.name, first_s)
        };
        series.place = Some((self.generation, place));
        place
    }

    fn entry_place(&mut self, method: &str, name: &str, first_s: f64) -> usize {
        let key = (name.to_owned(), method.to_owned());
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        self.entries.push(Entry::new(method, name, first_s, self.memory));
        self.places.insert(key, self.entries.len() - 1);
        self.entries.len() - 1
    }

    fn error_place(&mut self, series: &Series, first_s: f64) -> usize {
        let key = (series.method.clone(), series.name.clone(), series.error.clone());
        if let Some(place) = self.error_places.get(&key) {
            return *place;
        }
        self.errors.push(ErrorEntry {
            method: series.method.clone(),
            name: series.name.clone(),
            error: series.error.clone(),
            occurrences: 0,
            first_s,
            last_s: first_s,
        });
        self.error_places.insert(key, self.errors.len() - 1);
        self.errors.len() - 1
    }

    /// The engine behind `source` started anew: it counts snapshots from 1 again, and explains its series again.
    pub fn forget_source(&mut self, source: u64) {
        self.agents.retain(|(of, _), agent| {
            let is_other = *of != source;
            self.lost += if is_other { 0 } else { agent.lost };
            is_other
        });
    }

    /// Forgets everything: a new test starts.
    pub fn clear_all(&mut self, start_s: f64) {
        self.entries.clear();
        self.places.clear();
        self.reset_rest(start_s);
    }

    /// Zeroes everything, but keeps the names.
    pub fn reset_all(&mut self, start_s: f64) {
        self.entries.iter_mut().for_each(|entry| entry.reset(start_s));
        self.reset_rest(start_s);
    }

    fn reset_rest(&mut self, start_s: f64) {
        self.total.reset(start_s);
        self.errors.clear();
        self.error_places.clear();
        self.generation += 1;
        self.told_last_s = None;
        self.missed = Sink::new(MetricKind::Trend);
    }

    /// Notes when exactly the last request of a child was.
    pub fn note_last(&mut self, last_s: f64) {
        if last_s >= self.total.start_s {
            self.told_last_s = Some(self.told_last_s.map_or(last_s, |known| known.max(last_s)));
        }
    }

    /// Notes when exactly an entry began and had its last request.
    pub fn note_entry(&mut self, method: &str, name: &str, start_s: f64, last_s: Option<f64>) {
        let key = (name.to_owned(), method.to_owned());
        if let Some(place) = self.places.get(&key) {
            let entry = &mut self.entries[*place];
            entry.start_s = start_s;
            entry.last_s = last_s.or(entry.last_s);
        }
    }

    /// Snapshots that are missing although later ones came.
    pub fn lost_snapshots(&self) -> u64 {
        self.lost + self.agents.values().map(|agent| agent.lost).sum::<u64>()
    }

    /// When the statistics began, unix seconds.
    pub fn start_s(&self) -> f64 {
        self.total.start_s
    }

    /// The last request of all, unix seconds.
    pub fn last_s(&self) -> Option<f64> {
        self.told_last_s.or(self.total.last_s)
    }

    /// The entries by name and method, as Locust lists them.
    pub fn sorted(&self) -> Vec<View<'_>> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by(|a, b| (&a.name, &a.method).cmp(&(&b.name, &b.method)));
        entries.into_iter().map(|entry| View { entry, statistics: self }).collect()
    }

    /// The entries in the order in which they first came.
    pub fn in_order(&self) -> impl Iterator<Item = View<'_>> {
        self.entries.iter().map(|entry| View { entry, statistics: self })
    }

    /// All entries together.
    pub fn total(&self) -> View<'_> {
        View { entry: &self.total, statistics: self }
    }

    /// Response times with the waits of the slots that paced users missed; none where these are not shown, or where none was
    /// missed.
    pub fn with_missed(&self) -> Option<WithMissed> {
        let missed = missed_trend(&self.missed);
        if !self.shows_missed || missed.count() == 0 {
            return None;
        }
        let mut times = self.total.trend().clone();
        times.merge(missed);
        Some(WithMissed::new(self.total.requests, missed.count(), times))
    }

    /// Errors in the order in which they first came.
    pub fn errors(&self) -> &[ErrorEntry] {
        &self.errors
    }

    /// Errors in the order of Locust's files.
    pub fn errors_by_key(&self) -> Vec<&ErrorEntry> {
        let mut errors: Vec<_> = self.errors.iter().map(|error| (error.key(), error)).collect();
        errors.sort_by_key(|(key, _)| *key);
        errors.into_iter().map(|(_, error)| error).collect()
    }

    /// A response time as tables show it: to the millisecond, or in Locust's buckets.
    pub fn shown(&self, time_ms: f64) -> i64 {
        let rounded = match self.rounding {
            Rounding::Milliseconds => time_ms.round_ties_even(),
            Rounding::Locust => bucket(time_ms),
        };
        rounded as i64
    }

    /// The seconds that rates of "now" are means of: ten, ending two seconds before the last request.
    fn rate_span(&self) -> Option<(u64, u64)> {
        let last = self.last_s()?.max(0.0) as u64;
        let start = self.total.start_s.max(0.0) as u64;
        Some((last.saturating_sub(12).max(start), last.saturating_sub(2)))
    }

    fn span_s(&self) -> f64 {
        self.last_s().map_or(0.0, |last| last - self.total.start_s)
    }
}

/// Locust's rounding to two digits.
pub fn bucket(time_ms: f64) -> f64 {
    match time_ms {
        t if t < 100.0 => t.round_ties_even(),
        t if t < 1000.0 => round_to(t, 10.0),
        t if t < 10000.0 => round_to(t, 100.0),
        t => round_to(t, 1000.0),
    }
}

/// An entry with what its rates depend on. The names are those of Locust's `StatsEntry`.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The entry.
    pub entry: &'a Entry,
    statistics: &'a Statistics,
}

impl View<'_> {
    /// Failures to requests.
    pub fn fail_ratio(self) -> f64 {
        match (self.entry.requests, self.entry.failures) {
            (0, 0) => 0.0,
            (0, _) => 1.0,
            (requests, failures) => failures as f64 / requests as f64,
        }
    }

    /// Mean of the response times, milliseconds.
    pub fn avg_response_time(self) -> f64 {
        match self.entry.timed() {
            0 => 0.0,
            n => self.entry.trend().sum() / n as f64,
        }
    }

    /// The smallest response time; none without any.
    pub fn min_response_time(self) -> Option<f64> {
        (self.entry.trend().count() > 0).then(|| self.entry.trend().min())
    }

    /// The largest response time.
    pub fn max_response_time(self) -> Option<f64> {
        (self.entry.trend().count() > 0).then(|| self.entry.trend().max())
    }

    /// The median, kept within what was measured.
    pub fn median_response_time(self) -> Value {
        let (Some(min), Some(max)) = (self.min_response_time(), self.max_response_time()) else {
            return Value::Int(0);
        };
        let median = self.percentile(0.5);
        // Rounding may have led beyond what was measured.
        let is_within = (min..=max).contains(&(median as f64));
        match self.statistics.rounding {
            _ if is_within => Value::Int(median),
            Rounding::Milliseconds => Value::Float(self.exact_percentiles(&[0.5])[0]),
            Rounding::Locust if median as f64 > max => Value::Float(max),
            Rounding::Locust => Value::Float(min),
        }
    }

    /// The response time below or at which a part (0 to 1) of the requests were.
    pub fn percentile(self, part: f64) -> i64 {
        self.percentiles(&[part]).first().copied().unwrap_or(0)
    }

    /// Several percentiles at once.
    pub fn percentiles(self, parts: &[f64]) -> Vec<i64> {
        let exact = self.exact_percentiles(parts);
        exact.into_iter().map(|time| self.statistics.shown(time)).collect()
    }

    /// Several percentiles by Locust's rule, in full resolution: the value at rank `int(n * part)`, from 0, but at most
    /// the last.
    pub fn exact_percentiles(self, parts: &[f64]) -> Vec<f64> {
        percentiles_of(self.entry.trend(), parts)
    }

    /// Percentiles of about the last `window_s` seconds before `now_s`; none in the first two seconds, as in Locust.
    pub fn current_percentiles(self, parts: &[f64], now_s: f64, window_s: u64) -> Option<Vec<i64>> {
        let now = now_s.max(0.0) as u64;
        if now < self.statistics.start_s().max(0.0) as u64 + 2 {
            return None;
        }
        let times = self.entry.times_since(now.saturating_sub(window_s));
        let n: u64 = times.iter().map(|(_, n)| n).sum();
        let at = |rank: u64| {
            let mut seen = 0;
            times.iter().find(|(_, n)| {
                seen += n;
                seen > rank
            })
        };
        let rank = |part: &f64| ((n as f64 * part) as u64).min(n.saturating_sub(1));
        let shown = |part: &f64| at(rank(part)).map_or(0, |(time, _)| self.statistics.shown(*time));
        Some(parts.iter().map(shown).collect())
    }

    /// Requests a second, lately.
    pub fn current_rps(self) -> f64 {
        self.statistics.rate_span().map_or(0.0, |(from, to)| self.entry.rate(from, to).0)
    }

    /// Failures a second, lately.
    pub fn current_fail_per_sec(self) -> f64 {
        self.statistics.rate_span().map_or(0.0, |(from, to)| self.entry.rate(from, to).1)
    }

    /// Requests a second over the whole test.
    pub fn total_rps(self) -> f64 {
        self.per_second(self.entry.requests)
    }

    /// Failures a second over the whole test.
    pub fn total_fail_per_sec(self) -> f64 {
        self.per_second(self.entry.failures)
    }

    fn per_second(self, n: u64) -> f64 {
        match self.statistics.span_s() {
            span if span > 0.0 => n as f64 / span,
            _ => 0.0,
        }
    }

    /// Mean length of the responses, bytes.
    pub fn avg_content_length(self) -> Value {
        match self.entry.requests {
            0 => Value::Int(0),
            n => Value::Float(self.entry.length as f64 / n as f64),
        }
    }

    /// How often each response time came, as Locust's dictionary has it.
    pub fn response_times(self) -> BTreeMap<i64, u64> {
        let mut shown = BTreeMap::new();
        for (time, n) in self.entry.times() {
            *shown.entry(self.statistics.shown(time)).or_default() += n;
        }
        shown
    }
}

#[cfg(test)]
mod tests;
