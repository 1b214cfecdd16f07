//! The log of what was served: the newest requests, compactly, in a ring of fixed capacity.

use crate::route::Route;
use std::collections::HashMap;

/// What was done to a request on purpose, besides delaying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The status was replaced (`?status=` or the `fail` mode).
    Status,
    /// The connection was closed without an answer.
    CloseBefore,
    /// The connection was closed in the middle of the head.
    CloseMidHead,
    /// The connection was closed in the middle of the body.
    CloseMidBody,
    /// The connection was reset without an answer.
    Reset,
    /// Something that is not HTTP was sent.
    Garbage,
    /// No answer was ever sent; the actual service time is not known and given as 0.
    Never,
}

impl Fault {
    /// The name in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Fault::None => "none",
            Fault::Status => "status",
            Fault::CloseBefore => "before",
            Fault::CloseMidHead => "mid-head",
            Fault::CloseMidBody => "mid-body",
            Fault::Reset => "reset",
            Fault::Garbage => "garbage",
            Fault::Never => "never",
        }
    }
}

/// One served request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Position in the order of completion, from 0 since the last reset.
    pub seq: u64,
    /// When the kernel received the request's last byte; monotonic nanoseconds of `rt::now`.
    pub arrival: rt::Nanos,
    /// The same moment in Unix nanoseconds.
    pub arrival_unix_ns: u64,
    /// The route's pattern, e.g. `/status/:code`.
    pub route: &'static str,
    /// The path without query; the route's pattern when too many distinct paths were seen.
    pub path: String,
    /// The method; `OTHER` for unusual ones.
    pub method: &'static str,
    /// The status that was sent, 0 when none was.
    pub status: u16,
    /// The delay that was asked for, nanoseconds.
    pub injected_ns: u64,
    /// From the arrival to the moment the answer's last byte was handed to the kernel, nanoseconds.
    pub actual_ns: u64,
    /// Number of the connection, from 1 in order of acceptance.
    pub connection: u32,
    /// What was done on purpose.
    pub fault: Fault,
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"];

/// A method as one byte.
pub(crate) fn method_code(method: &[u8]) -> u8 {
    let known = METHODS.iter().position(|name| name.as_bytes() == method);
    known.unwrap_or(METHODS.len() - 1) as u8
}

/// A log entry as it is kept: 56 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) arrival_ns: u64,
    pub(crate) arrival_unix_ns: u64,
    pub(crate) injected_ns: u64,
    pub(crate) actual_ns: u64,
    pub(crate) connection: u32,
    pub(crate) path: PathId,
    pub(crate) status: u16,
    pub(crate) route: Route,
    pub(crate) method: u8,
    pub(crate) fault: Fault,
}

/// A path in the table of distinct paths; for an exact route the path is the route's pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathId(u32);

const PATTERN: PathId = PathId(u32::MAX);
/// Further distinct paths are logged as their route's pattern.
const MAX_PATHS: usize = 20_000;
/// Longer paths are logged as their route's pattern, bytes.
const MAX_PATH: usize = 512;

/// The newest `capacity` records.
pub(crate) struct Log {
    ring: Vec<Record>,
    capacity: usize,
    next_seq: u64,
    paths: HashMap<Box<str>, PathId>,
    path_names: Vec<Box<str>>,
}

impl Log {
    /// A log of at most `capacity` records; 0 keeps none, but counts.
    pub(crate) fn new(capacity: usize) -> Log {
        Log {
            ring: Vec::new(),
            capacity,
            next_seq: 0,
            paths: HashMap::new(),
            path_names: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Log::new(self.capacity);
    }

    pub(crate) fn path_id(&mut self, route: Route, path: &str) -> PathId {
        if self.capacity == 0 || route.is_exact() {
            return PATTERN;
        }
        if let Some(id) = self.paths.get(path) {
            return *id;
        }
        if self.path_names.len() >= MAX_PATHS || path.len() > MAX_PATH {
            return PATTERN;
        }
        let id = PathId(self.path_names.len() as u32);
        self.path_names.push(path.into());
        self.paths.insert(path.into(), id);
        id
    }

    pub(crate) fn push(&mut self, record: Record) {
        if self.capacity > 0 {
            let at = (self.next_seq % self.capacity as u64) as usize;
            match self.ring.get_mut(at) {
                Some(slot) => *slot = record,
                None => self.ring.push(record),
            }
        }
        self.next_seq += 1;
    }

    /// The sequence number that the next record gets, which is how many there were.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The sequence number of the oldest record still held.
    pub(crate) fn first_seq(&self) -> u64 {
        self.next_seq - self.ring.len() as u64
    }

    /// The held records from `since` on, oldest first.
    pub(crate) fn records(&self, since: u64) -> impl Iterator<Item = (u64, &Record)> {
        let capacity = self.capacity.max(1) as u64;
        (self.first_seq().max(since)..self.next_seq)
            .map(move |seq| (seq, &self.ring[(seq % capacity) as usize]))
    }

    pub(crate) fn entry(&self, seq: u64, record: &Record) -> LogEntry {
        let path = self.path_names.get(record.path.0 as usize);
        LogEntry {
            seq,
            arrival: rt::Nanos(record.arrival_ns),
            arrival_unix_ns: record.arrival_unix_ns,
            route: record.route.pattern(),
            path: path.map_or_else(|| record.route.pattern().to_owned(), |p| p.to_string()),
            method: METHODS[record.method as usize],
            status: record.status,
            injected_ns: record.injected_ns,
            actual_ns: record.actual_ns,
            connection: record.connection,
            fault: record.fault,
        }
    }
}

impl LogEntry {
    /// One line of JSON, as `/_log` gives it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({
            "seq": self.seq,
            "arrival_ns": self.arrival.0,
            "arrival_unix_ns": self.arrival_unix_ns,
            "route": self.route,
            "path": self.path,
            "method": self.method,
            "status": self.status,
            "injected_ms": self.injected_ns as f64 / 1e6,
            "actual_ms": self.actual_ns as f64 / 1e6,
            "connection": self.connection,
            "fault": self.fault.name(),
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: PathId, n: u64) -> Record {
        Record {
            arrival_ns: n,
            arrival_unix_ns: n,
            injected_ns: 0,
            actual_ns: n,
            connection: 1,
            path,
            status: 200,
            route: Route::Status,
            method: method_code(b"GET"),
            fault: Fault::None,
        }
    }

    #[test]
    fn the_ring_keeps_the_newest_in_order() {
        for capacity in [0, 1, 3, 100] {
            let mut log = Log::new(capacity);
            for n in 0..10 {
                log.push(record(PATTERN, n));
            }
            assert_eq!(log.next_seq(), 10);
            let held: Vec<u64> = log.records(0).map(|(_, r)| r.arrival_ns).collect();
            let first = 10 - capacity.min(10) as u64;
            assert_eq!(held, (first..10).collect::<Vec<_>>(), "capacity {capacity}");
            assert!(log.records(7).all(|(seq, r)| seq >= 7 && r.arrival_ns == seq));
        }
    }

    #[test]
    fn too_many_paths_fall_back_to_the_pattern() {
        let mut log = Log::new(10);
        let first = log.path_id(Route::Status, "/status/0");
        for n in 1..=MAX_PATHS {
            log.path_id(Route::Status, &format!("/status/{n}"));
        }
        assert_eq!(log.path_id(Route::Status, "/status/0"), first);
        assert_eq!(log.path_id(Route::Status, "/status/new"), PATTERN);
        assert_eq!(log.path_id(Route::Root, "/"), PATTERN);
        assert_eq!(log.entry(0, &record(first, 0)).path, "/status/0");
        assert_eq!(log.entry(0, &record(PATTERN, 0)).path, "/status/:code");
    }
}
