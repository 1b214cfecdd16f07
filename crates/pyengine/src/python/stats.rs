//! The statistics, as Python reads and writes them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use metrics::Snapshot;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::statistics::{Entry, Statistics, locust_bucket};

/// Statistics of requests.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Stats(Mutex<Statistics>);

/// Number of requests, without a time, failures; total, shortest and longest time; length; start and last moment.
type Row = (u64, u64, u64, f64, Option<f64>, f64, i64, f64, Option<f64>);

fn row(entry: &Entry) -> Row {
    (
        entry.requests,
        entry.none_requests,
        entry.failures,
        entry.total_ms,
        entry.min_ms,
        entry.max_ms,
        entry.length,
        entry.start,
        entry.last,
    )
}

/// A name with its method, or all together.
fn which<'a>(method: Option<&'a str>, name: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    name.map(|name| (method.unwrap_or_default(), name))
}

fn now() -> f64 {
    rt::unix_nanos() as f64 / 1e9
}

impl Stats {
    pub(super) fn lock(&self) -> MutexGuard<'_, Statistics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Stats {
    #[new]
    #[pyo3(signature = (agent=0))]
    fn new(agent: u32) -> PyResult<Stats> {
        let statistics = Statistics::new(agent, now())
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(Stats(Mutex::new(statistics)))
    }

    /// Counts a request. The time is in milliseconds.
    #[pyo3(signature = (method, name, response_time, length))]
    fn log(&self, method: &str, name: &str, response_time: Option<f64>, length: i64) {
        self.lock().log(method, name, response_time, length, rt::unix_nanos());
    }

    /// Takes in what another process measured, of which there are snapshots: `source` names it.
    fn ingest(&self, source: &str, encoded: &[u8]) -> PyResult<()> {
        let snapshot = Snapshot::decode(encoded)
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        self.lock().ingest(source, &snapshot);
        Ok(())
    }

    /// Counts requests that another program has summed up: response times with their counts, how many had none, their lengths
    /// together.
    fn log_many(&self, method: &str, name: &str, times: Vec<(f64, u64)>, nones: u64, length: i64) {
        self.lock().log_many((method, name), &times, nones, length, rt::unix_nanos());
    }

    /// Counts `n` failures by the text failures are grouped by.
    fn error_many(&self, method: &str, name: &str, text: &str, n: u64) {
        let mut statistics = self.lock();
        (0..n).for_each(|_| statistics.error(method, name, text, rt::unix_nanos()));
    }

    /// Counts the slots that a user with a constant pace missed by a task that took longer than it, all in seconds; `lag` is
    /// what this gave for its last one, 0 for the first.
    fn overrun(&self, run_time: f64, pace: f64, lag: f64) -> f64 {
        self.lock().overrun(run_time, pace, lag, rt::unix_nanos())
    }

    /// Makes an entry without requests, unless there is one.
    fn touch(&self, method: &str, name: &str) {
        self.lock().touch(method, name, rt::unix_nanos());
    }

    /// Counts a failure by the text failures are grouped by.
    fn error(&self, method: &str, name: &str, text: &str) {
        self.lock().error(method, name, text, rt::unix_nanos());
    }

    /// What has changed since the last snapshot, encoded. `last` says that no other will follow.
    #[pyo3(signature = (last=false))]
    fn snapshot<'py>(&self, py: Python<'py>, last: bool) -> Bound<'py, PyBytes> {
        // The last one holds what any holds; whoever takes it tells by the end of the stream.
        let _ = last;
        let bytes = self.lock().snapshot(rt::unix_nanos());
        PyBytes::new(py, &bytes)
    }

    /// What is known of a name with its method; `None` where nothing is.
    fn entry(&self, method: &str, name: &str) -> Option<Row> {
        self.lock().entry(method, name).map(row)
    }

    /// What is known of all together.
    fn total(&self) -> Row {
        row(self.lock().total())
    }

    /// The response time a share `p` of the requests stayed within, ms; of one name with its method, or of all (`None`).
    #[pyo3(signature = (method, name, p))]
    fn percentile(&self, method: Option<&str>, name: Option<&str>, p: f64) -> f64 {
        self.lock().percentile(which(method, name), p)
    }

    /// Response times in Locust's buckets with their counts.
    #[pyo3(signature = (method=None, name=None))]
    fn response_times<'py>(
        &self,
        py: Python<'py>,
        method: Option<&str>,
        name: Option<&str>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let values = self.lock().distribution(which(method, name));
        let mut buckets: Vec<(i64, u64)> = Vec::new();
        for (value, count) in values {
            let bucket = locust_bucket(value);
            match buckets.last_mut() {
                Some((last, n)) if *last == bucket => *n += count,
                _ => buckets.push((bucket, count)),
            }
        }
        let dict = PyDict::new(py);
        for (bucket, count) in buckets {
            dict.set_item(bucket, count)?;
        }
        Ok(dict)
    }

    /// Response times, to a twentieth of a percent, with their counts, ascending.
    #[pyo3(signature = (method=None, name=None))]
    fn distribution(&self, method: Option<&str>, name: Option<&str>) -> Vec<(f64, u64)> {
        self.lock().distribution(which(method, name))
    }

    /// Unix second, requests and failures, of the last minute.
    #[pyo3(signature = (method=None, name=None))]
    fn per_second(&self, method: Option<&str>, name: Option<&str>) -> Vec<(u64, u64, u64)> {
        let statistics = self.lock();
        let entry = match which(method, name) {
            Some((method, name)) => statistics.entry(method, name),
            None => Some(statistics.total()),
        };
        entry.map(|entry| entry.per_second().collect()).unwrap_or_default()
    }

    /// Methods and names, in the order they came.
    fn keys(&self) -> Vec<(String, String)> {
        let statistics = self.lock();
        statistics.keys().map(|(method, name)| (method.to_owned(), name.to_owned())).collect()
    }

    /// Method, name, text and count of the errors, in the order they came.
    fn errors(&self) -> Vec<(String, String, String, u64)> {
        let statistics = self.lock();
        let errors = statistics.errors().iter();
        errors
            .map(|error| {
                (
                    error.method.to_string(),
                    error.name.to_string(),
                    error.text.to_string(),
                    error.count,
                )
            })
            .collect()
    }

    /// When each error, in the order they came, was first and last seen.
    fn error_times(&self) -> Vec<(f64, f64)> {
        self.lock().errors().iter().map(|error| (error.first, error.last)).collect()
    }

    /// Forgets everything. Snapshots count from 1 again.
    fn clear(&self) {
        self.lock().clear(now());
    }
}
