//! Clients, targets and the headers of sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use net::tls::{TlsConfig, TlsOptions, Verify};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::{NotPlain, existing_engine};
use crate::engine::{ClientConfig, Retry};
use crate::head;
use crate::target;

/// A client: connections of its own. One for each user, unless users share.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Client {
    pub(super) number: u64,
    pub(super) config: Arc<ClientConfig>,
    pub(super) order: head::Order,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Settings of TLS. One of them serves any number of clients.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Tls(Arc<TlsConfig>);

#[pymethods]
impl Tls {
    /// `verify`: servers must prove who they are, by the system's authorities or those given as PEM.
    #[new]
    #[pyo3(signature = (verify, authorities=None))]
    fn new(verify: bool, authorities: Option<String>) -> PyResult<Tls> {
        let options = TlsOptions {
            verify: if verify { Verify::Full } else { Verify::Skip },
            extra_roots_pem: authorities.into_iter().collect(),
            ..TlsOptions::new()
        };
        let config =
            TlsConfig::new(&options).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Tls(Arc::new(config)))
    }
}

/// Seconds as a duration; what is none (negative, not a number) is no limit.
pub(super) fn seconds(seconds: Option<f64>) -> Option<Duration> {
    seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (
        *, like_requests, tls, max_idle=10, max_open=None, connect_timeout=None, read_timeout=None,
    ))]
    fn new(
        like_requests: bool,
        tls: &Bound<'_, Tls>,
        max_idle: usize,
        max_open: Option<usize>,
        connect_timeout: Option<f64>,
        read_timeout: Option<f64>,
    ) -> Client {
        let retry = if like_requests {
            Retry::Never
        } else {
            // Once for each place in the pool, and once more.
            let places = u32::try_from(max_open.unwrap_or(max_idle)).unwrap_or(u32::MAX);
            Retry::Repeatable(places.saturating_add(1))
        };
        let config = ClientConfig {
            max_idle,
            max_open,
            retry,
            connect_timeout: seconds(connect_timeout),
            read_timeout: seconds(read_timeout),
            tls: tls.get().0.clone(),
        };
        Client {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            config: Arc::new(config),
            order: if like_requests { head::Order::HostFirst } else { head::Order::HostLast },
        }
    }

    /// Closes the connections: those at rest now, the others after what they are doing.
    fn close(&self) {
        if let Some(engine) = existing_engine() {
            engine.close_idle(self.number);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(engine) = existing_engine() {
            engine.forget(self.number);
        }
    }
}

/// A URL that can be requested.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Target {
    pub(super) target: Arc<target::Target>,
    /// The whole URL, as it is shown.
    #[pyo3(get)]
    url: Py<PyString>,
    /// Path and query.
    #[pyo3(get)]
    pub(super) path_url: Py<PyString>,
}

impl Target {
    fn from_target(py: Python<'_>, target: target::Target, shown: Option<&str>) -> Target {
        Target {
            url: PyString::new(py, shown.unwrap_or_else(|| target.url())).unbind(),
            path_url: PyString::new(py, &target.path_url()).unbind(),
            target: Arc::new(target),
        }
    }
}

#[pymethods]
impl Target {
    /// The target of a URL that requests would use as it is; `None` for others.
    #[staticmethod]
    fn plain(py: Python<'_>, url: &str) -> Option<Target> {
        target::Target::plain(url).map(|target| Target::from_target(py, target, None))
    }

    /// The target of a URL that has been prepared; `None` if it is none of HTTP. Others see it as `shown`, if that is given.
    #[staticmethod]
    #[pyo3(signature = (url, shown=None))]
    fn prepared(py: Python<'_>, url: &str, shown: Option<&str>) -> Option<Target> {
        target::Target::prepared(url).map(|target| Target::from_target(py, target, shown))
    }

    /// The host to connect to.
    #[getter]
    fn host(&self) -> &str {
        &self.target.origin().host
    }

    /// The port to connect to.
    #[getter]
    fn port(&self) -> u16 {
        self.target.origin().port
    }

    /// Whether TLS is spoken.
    #[getter]
    fn secure(&self) -> bool {
        self.target.origin().secure
    }

    fn __repr__(&self) -> String {
        format!("Target({})", self.target.url())
    }
}

/// Headers of a session.
#[pyclass(frozen, module = "squall_locust._engine")]
pub(super) struct Lines {
    pub(super) lines: head::Lines,
}

#[pymethods]
impl Lines {
    /// From a list of names with values.
    #[new]
    fn new(headers: &Bound<'_, PyList>) -> PyResult<Lines> {
        let headers = pairs(headers)?;
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        let lines =
            head::Lines::new(headers).map_err(|error| NotPlain::new_err(error.to_string()))?;
        Ok(Lines { lines })
    }

    /// Whether there is a header of this name.
    fn has(&self, name: &str) -> bool {
        self.lines.has(name)
    }
}

/// Names with values out of a list of pairs.
pub(super) fn pairs(list: &Bound<'_, PyList>) -> PyResult<Vec<(String, Vec<u8>)>> {
    list.iter()
        .map(|pair| {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            Ok((text(&name)?, value_bytes(&value)?))
        })
        .collect()
}

fn text(name: &Bound<'_, PyAny>) -> PyResult<String> {
    let name = value_bytes(name)?;
    String::from_utf8(name).map_err(|_| NotPlain::new_err("the name of a header is no token"))
}

/// The bytes of a header's value: text goes out in latin-1, as Python's http.client sends it.
pub(super) fn value_bytes(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        let text = text.to_str()?;
        if text.is_ascii() {
            return Ok(text.as_bytes().to_vec());
        }
        return text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).ok())
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| NotPlain::new_err("the value of a header has no latin-1"));
    }
    if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    Err(NotPlain::new_err("the value of a header is no text"))
}
