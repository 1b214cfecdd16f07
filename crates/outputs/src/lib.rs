//! Where measurements go besides the summary: files and databases, in k6's formats.
//!
//! Every output is a [`metrics::Output`]: it is given samples or snapshots on the director's thread and only puts them
//! into a bounded queue; a thread of its own does the rest. What finds the queue full is counted, and so is what a
//! receiver did not take in time: [`metrics::Delivery`] says both at the end. Outputs that send single samples (`json`,
//! `csv`, `influxdb`, `statsd`) are fed with samples; those that send sums (`experimental-prometheus-rw`,
//! `opentelemetry`) with the snapshots that are made anyway, so they cost the cores nothing.
//!
//! The crate must not print, read the environment or know the command line: settings come in through [`Context`].
//! Start reading at [`Wanted`], then `file` (outputs that are files).

mod config;
mod context;
mod csv;
mod file;
mod filter;
mod http;
mod influxdb;
mod json;
mod otlp;
mod packets;
mod prometheus;
mod push;
mod queue;
mod series;
mod statsd;
mod time;
mod wanted;

pub use context::{Context, Level, Log, OpenStdout};
pub use wanted::{Configured, OutputError, Wanted};
