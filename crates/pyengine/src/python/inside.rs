//! What load on an application within this process needs: when requests are due, and what came of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plan::segment::Striping;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The starts of an open loop.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Arrivals(plan::arrivals::Arrivals);

#[pymethods]
impl Arrivals {
    /// Stages of (nanoseconds, requests in a time unit to come to), from a rate of 0.
    #[new]
    fn new(stages: Vec<(u64, u64)>, time_unit_ns: u64) -> PyResult<Arrivals> {
        let stages = stages.into_iter().map(|(ns, target)| plan::scenario::Stage {
            duration: Duration::from_nanos(ns),
            target,
        });
        let executor = plan::scenario::RampingArrivalRate {
            start_rate: 0,
            time_unit: Duration::from_nanos(time_unit_ns),
            stages: stages.collect(),
            pre_allocated_vus: 1,
            max_vus: 1,
        };
        plan::arrivals::Arrivals::ramping(&executor, &Striping::whole())
            .map(Arrivals)
            .ok_or_else(|| PyValueError::new_err("there are no arrivals in these stages"))
    }

    /// When the k-th start (from 0) is due, seconds; `None` when there is none.
    fn at(&self, k: u64) -> Option<f64> {
        self.0.at(k).map(|ns| ns as f64 / 1e9)
    }
}

/// Requests and their times.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Tally(Mutex<crate::tally::Tally>);

impl Tally {
    fn lock(&self) -> MutexGuard<'_, crate::tally::Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Tally {
    #[new]
    fn new() -> PyResult<Tally> {
        let tally = crate::tally::Tally::new()
            .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
        Ok(Tally(Mutex::new(tally)))
    }

    /// A request is over: milliseconds from its start and, in an open loop, from when it was due; bytes; what was wrong.
    #[pyo3(signature = (latency_ms, response_ms, sent, received, error=None))]
    fn done(
        &self,
        latency_ms: f64,
        response_ms: Option<f64>,
        sent: u64,
        received: u64,
        error: Option<&str>,
    ) {
        self.lock().done(latency_ms, response_ms, (sent, received), error, rt::unix_nanos());
    }

    /// A request started so much later than it was due.
    fn late(&self, late_ms: f64) {
        self.lock().late(late_ms, rt::unix_nanos());
    }

    /// Failures by kind.
    fn errors(&self) -> BTreeMap<String, u64> {
        self.lock().errors().clone()
    }

    /// The times since the last snapshot, encoded.
    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock().snapshot(rt::unix_nanos()))
    }

    /// Bytes of the bodies sent.
    #[getter]
    fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Bytes of the bodies received.
    #[getter]
    fn received(&self) -> u64 {
        self.lock().received
    }
}
