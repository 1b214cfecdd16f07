//! Counters of a run that everybody may read: progress lines, `exec.instance`, the summary.

use std::sync::atomic::{AtomicU64, Ordering};

/// Live counters of one instance's run. Written by cores, read by anyone; each is a statistic, not a lock.
#[derive(Debug, Default)]
pub struct RunStatus {
    /// VUs that are running iterations now.
    pub vus_active: AtomicU64,
    /// VUs that have run their init code.
    pub vus_initialized: AtomicU64,
    /// Iterations that ran to their end.
    pub iterations_completed: AtomicU64,
    /// Iterations stopped before their end.
    pub iterations_interrupted: AtomicU64,
    /// Iterations that ended by an exception; they count as complete, too.
    pub exceptions: AtomicU64,
    /// When the run's clock started, `Nanos` of the real clock; 0 before.
    pub started_ns: AtomicU64,
    /// `exec.test.fail()` was called: the run ends with exit code 110.
    pub marked_failed: AtomicU64,
}

impl RunStatus {
    /// Adds to a counter.
    pub fn bump(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    /// Reads a counter.
    pub fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
