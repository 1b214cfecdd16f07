//! What Python sees: the module `_engine`.
//!
//! Everything here may be called from any thread that holds the interpreter's lock; each thread has an engine of its own,
//! as it has a hub of gevent's. No borrow lasts while Python runs: calls into Python, and the dropping of its objects, which
//! may run code as well, happen with nothing borrowed.
// The bindings' generated code has `unsafe` of its own.
#![allow(unsafe_code, missing_docs)]

mod client;
mod inside;
mod reply;
mod stats;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::{PyException, PyOSError};
use pyo3::prelude::*;

use crate::engine::Engine;
use client::{Client, Lines, Target, Tls};
use inside::{Arrivals, Tally};
use reply::Reply;
use stats::Stats;

pyo3::create_exception!(
    _engine,
    NotPlain,
    PyException,
    "The library in Python has to say what this becomes."
);
pyo3::create_exception!(
    _engine,
    NoAddress,
    PyException,
    "The host is a name: look it up and come again."
);

/// Who waits: a greenlet.
type Waiter = Py<PyAny>;

thread_local! {
    static ENGINE: RefCell<Option<Rc<Engine<Waiter>>>> = const { RefCell::new(None) };
}

/// Requests that were given to the engine.
static REQUESTS: AtomicU64 = AtomicU64::new(0);

fn count_request() {
    REQUESTS.fetch_add(1, Ordering::Relaxed);
}

/// This thread's engine, made when it is first asked for.
fn engine() -> PyResult<Rc<Engine<Waiter>>> {
    ENGINE.with(|engine| {
        let mut engine = engine.borrow_mut();
        if let Some(engine) = &*engine {
            return Ok(engine.clone());
        }
        let new = Engine::new().map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(engine.insert(Rc::new(new)).clone())
    })
}

/// This thread's engine, if there is one.
fn existing_engine() -> Option<Rc<Engine<Waiter>>> {
    // The thread may be ending.
    ENGINE.try_with(|engine| engine.try_borrow().ok()?.clone()).ok().flatten()
}

/// The version of the engine.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The descriptor to watch: readable while `turn` has something to do.
#[pyfunction]
fn descriptor() -> PyResult<i32> {
    engine()?.descriptor().map_err(|error| PyOSError::new_err(error.to_string()))
}

/// Reads what has come and does what is due.
#[pyfunction]
fn turn() -> PyResult<()> {
    engine()?.turn();
    Ok(())
}

/// The next greenlet whose request is over; `None` if there is no more.
#[pyfunction]
fn next_ready() -> Option<Waiter> {
    existing_engine()?.next_ready()
}

/// To be called in a child after a fork: the parent keeps its connections, the child begins anew.
#[pyfunction]
fn after_fork() -> PyResult<()> {
    let engine = ENGINE.with(|engine| engine.borrow_mut().take());
    let Some(engine) = engine.and_then(Rc::into_inner) else { return Ok(()) };
    engine.disown().map_err(|error| PyOSError::new_err(error.to_string()))
}

/// How many requests the engine has been given.
#[pyfunction]
fn requests() -> u64 {
    REQUESTS.load(Ordering::Relaxed)
}

#[pymodule]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("NotPlain", py.get_type::<NotPlain>())?;
    module.add("NoAddress", py.get_type::<NoAddress>())?;
    module.add_class::<Arrivals>()?;
    module.add_class::<Client>()?;
    module.add_class::<Lines>()?;
    module.add_class::<Target>()?;
    module.add_class::<Tls>()?;
    module.add_class::<Reply>()?;
    module.add_class::<Stats>()?;
    module.add_class::<Tally>()?;
    module.add_function(wrap_pyfunction!(version, module)?)?;
    module.add_function(wrap_pyfunction!(descriptor, module)?)?;
    module.add_function(wrap_pyfunction!(turn, module)?)?;
    module.add_function(wrap_pyfunction!(next_ready, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(requests, module)?)?;
    Ok(())
}
