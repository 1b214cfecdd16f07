//! The record of a run: a directory that is written while the run goes on and can be read after
//! it, also after `kill -9`.
//!
//! This crate is the only reader and writer of run directories. It keeps the bytes it is given
//! (script, options, metric snapshots, what probes saw, log lines, how the run ended) and gives
//! them back; it reads no clock (times are parameters), prints nothing, and knows neither engine
//! nor script language. The one thing it computes are the totals, merged from the snapshots again
//! ([`Run::rebuild`]), from which `report` prints the same summary as at the run's end.
//!
//! Start reading at [`frame`], which holds the file's format, then [`Writer`] and [`Run`].

mod directory;
mod error;
mod follow;
pub mod frame;
mod index;
mod meta;
mod reader;
mod rebuild;
mod writer;

pub use directory::{RunName, create_unique, latest};
pub use error::RecordError;
pub use follow::{Follow, Followed};
pub use index::{INDEX_FILE, Listed, list};
pub use meta::{End, LogLine, Meta, OutputEnd, RecordedThreshold, SummarySettings, ThresholdGroup};
pub use metrics::{Event, Table};
pub use reader::{EncodedSnapshots, Recovery, Run, Tear};
pub use writer::{Dropped, Writer};

/// The record proper, inside a run's directory.
pub const RUN_FILE: &str = "run.sqr";
/// What people and scripts may look at without Squall.
pub const META_FILE: &str = "meta.json";
