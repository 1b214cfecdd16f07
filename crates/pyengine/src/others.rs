//! What other processes measured, in the statistics of the one that leads them: the Locust file there reads the numbers of
//! all. A snapshot that comes twice counts once, and nothing of it goes into this process's own snapshots.

use metrics::{Delta, Snapshot};
use rustc_hash::FxHashMap;

use crate::statistics::Statistics;

/// Which number of which entry a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Requests,
    Nones,
    Failures,
    Length,
    Times,
    Errors,
}

impl Part {
    fn of(metric: &str) -> Option<Part> {
        Some(match metric {
            "locust_requests" => Part::Requests,
            "locust_none_requests" => Part::Nones,
            "locust_failures" => Part::Failures,
            "locust_response_length" => Part::Length,
            "locust_response_time" => Part::Times,
            "locust_errors" => Part::Errors,
            _ => return None,
        })
    }
}

#[derive(Debug)]
struct Known {
    part: Part,
    method: Box<str>,
    name: Box<str>,
    error: Box<str>,
}

/// Another process.
#[derive(Debug, Default)]
struct Other {
    last_seq: u64,
    series: FxHashMap<u32, Known>,
}

/// The other processes, by name. They outlive what was counted: a series is explained once.
#[derive(Debug, Default)]
pub(crate) struct Others(FxHashMap<Box<str>, Other>);

/// Processes that are told apart; snapshots of more are not taken.
const MAX_OTHERS: usize = 4_096;

impl Others {
    /// Takes what has changed in another process into `statistics`.
    pub(crate) fn ingest(&mut self, from: &str, snapshot: &Snapshot, statistics: &mut Statistics) {
        if !self.0.contains_key(from) && self.0.len() >= MAX_OTHERS {
            return;
        }
        let other = self.0.entry(from.into()).or_default();
        if snapshot.seq() <= other.last_seq {
            return;
        }
        other.last_seq = snapshot.seq();
        for series in snapshot.series() {
            let Some(part) = Part::of(series.metric.name) else { continue };
            let tag = |key: &str| {
                let value = series.tags().find(|(k, _)| *k == key).map(|(_, value)| value);
                Box::from(value.unwrap_or_default())
            };
            let known =
                Known { part, method: tag("method"), name: tag("name"), error: tag("error") };
            if part != Part::Errors {
                statistics.touch_other(&known.method, &known.name, series.first_unix_ns);
            }
            other.series.insert(series.id, known);
        }
        let at = moment_of(snapshot);
        for (id, delta) in snapshot.deltas() {
            if let Some(known) = other.series.get(&id) {
                apply(known, &delta, at, statistics);
            }
        }
    }
}

/// When a snapshot's changes were, unix nanoseconds: its end, but within the second its middle is in. Snapshots are taken just
/// after whole seconds.
fn moment_of(snapshot: &Snapshot) -> u64 {
    const SECOND: u64 = 1_000_000_000;
    let (start, end) = (snapshot.start_unix_ns(), snapshot.end_unix_ns());
    let middle = start.midpoint(end.max(start));
    end.min(middle / SECOND * SECOND + SECOND - SECOND / 1_000)
}

fn apply(known: &Known, delta: &Delta<'_>, at_unix_ns: u64, statistics: &mut Statistics) {
    let n = match delta {
        Delta::Counter { sum } => *sum as i64,
        _ => 0,
    };
    let count = n.unsigned_abs();
    let change = match known.part {
        Part::Requests => Change { requests: count, ..Change::default() },
        Part::Nones => Change { nones: count, ..Change::default() },
        Part::Failures => Change { failures: count, ..Change::default() },
        Part::Length => Change { length: n, ..Change::default() },
        Part::Times => {
            statistics.add_times(&known.method, &known.name, delta, at_unix_ns);
            return;
        }
        Part::Errors => {
            statistics.add_errors((&known.method, &known.name), &known.error, count, at_unix_ns);
            return;
        }
    };
    statistics.add_counts(&known.method, &known.name, change, at_unix_ns);
}

/// A change of an entry's counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    pub(crate) requests: u64,
    pub(crate) nones: u64,
    pub(crate) failures: u64,
    pub(crate) length: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn worker(times: &[f64]) -> Statistics {
        let mut worker = Statistics::new(0, 1.0).unwrap();
        for time in times {
            worker.log("GET", "/a", Some(*time), 10, 100 * SECOND);
        }
        worker.log("POST", "/b", None, 5, 100 * SECOND);
        worker.error("GET", "/a", "boom", 100 * SECOND);
        worker
    }

    fn taken(worker: &mut Statistics, now: u64) -> Snapshot {
        Snapshot::decode(&worker.snapshot(now * SECOND)).unwrap()
    }

    #[test]
    fn the_numbers_of_all_are_one_and_a_snapshot_counts_once() {
        let mut lead = Statistics::new(0, 1.0).unwrap();
        let (mut first, mut second) = (worker(&[1.0, 2.0]), worker(&[100.0]));
        let snapshot = taken(&mut first, 101);
        for _ in 0..2 {
            lead.ingest("first", &snapshot);
        }
        lead.ingest("second", &taken(&mut second, 101));
        let entry = lead.entry("GET", "/a").unwrap();
        assert_eq!((entry.requests, entry.failures, entry.length), (3, 2, 30));
        assert_eq!((entry.min_ms, entry.max_ms, entry.total_ms), (Some(1.0), 100.0, 103.0));
        assert_eq!((lead.total().requests, lead.total().none_requests), (5, 2));
        assert!((lead.percentile(None, 0.99) - 100.0).abs() < 0.1);
        let error = &lead.errors()[0];
        assert_eq!((&*error.text, error.count), ("boom", 2));
        // Its own snapshots have nothing of this.
        let own = taken(&mut lead, 102);
        assert!(own.deltas().next().is_none());
    }

    #[test]
    fn a_process_goes_on_after_the_lead_has_cleared_its_numbers() {
        let mut lead = Statistics::new(0, 1.0).unwrap();
        let mut worker = worker(&[1.0]);
        lead.ingest("w", &taken(&mut worker, 101));
        lead.clear(102.0);
        assert_eq!(lead.total().requests, 0);
        worker.log("GET", "/a", Some(7.0), 1, 103 * SECOND);
        lead.ingest("w", &taken(&mut worker, 104));
        assert_eq!((lead.total().requests, lead.total().max_ms), (1, 7.0));
    }
}
