//! Watching the system under test while a run goes on: probes that look once in an interval, and the thread they run on.
//!
//! A [`Probe`] looks at one source (a database, a container engine, a log) and puts what it sees into an
//! [`Observation`]: gauges, events, tables, readings of the source's clock. [`Observer`] runs any number of probes on
//! one thread beside the cores, each with a deadline and a back-off of its own, corrects times, and delivers snapshots,
//! events and tables to whoever started it. A probe that fails is told of once and tried again; it never slows the load
//! and never ends the run.
//!
//! The crate must not know records, outputs or the command line, prints nothing and does not read the environment:
//! secrets come in through [`Secrets`].
//!
//! Start reading at [`probe`] and [`observation`], then `runner`; each kind of probe is a module of its own.

mod build;
pub mod clock;
mod desk;
mod dialogue;
mod docker;
mod generator;
pub mod growth;
mod http;
mod logs;
pub mod observation;
pub mod patterns;
mod postgres;
pub mod probe;
mod prometheus;
mod redis;
mod resp;
mod runner;
mod tls;

pub use build::{BuildError, build};
pub use docker::DockerProbe;
pub use generator::GeneratorProbe;
pub use logs::LogProbe;
pub use observation::Observation;
pub use postgres::PostgresProbe;
pub use probe::{Looking, Probe, ProbeError, Secrets, Source};
pub use prometheus::PrometheusProbe;
pub use redis::RedisProbe;
pub use runner::{AGENT, Config, Delivered, Ended, Observer};

/// A secret out of a variable.
///
/// # Errors
/// The variable is not there, or empty.
pub(crate) fn secret(secrets: &dyn Secrets, variable: &str) -> Result<String, ProbeError> {
    let value = secrets.get(variable).filter(|value| !value.is_empty());
    value.ok_or_else(|| ProbeError::new(format!("the variable {variable} is not set")))
}
