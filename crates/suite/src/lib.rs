//! Suites: a plan file is read, what it names is run one after the other, watched, judged and reported.
//!
//! [`read`] turns YAML into a [`plan::suite::Suite`] and tells every mistake with file, line and column; [`runner`] walks
//! through it: gates, commands, scenarios as child processes of the same program, each with a record, and a state on disk
//! from which a suite that was cut off goes on. The crate must not print, read the environment or know how load is made:
//! what it wants from the program around it stands in [`Host`].
//!
//! Start reading at [`read`], then [`runner`].

mod causes;
mod commands;
mod facts;
mod gates;
mod mistake;
mod near;
mod read;
mod runner;
mod scale;
mod schema;
mod secrets;
mod sources;
mod state;
mod variables;
mod words;
mod yaml;

pub use facts::{as_baseline, baseline_criteria};
pub use mistake::Mistake;
pub use read::{Given, Loaded, Target, read, read_probes, to_json};
pub use runner::{Ended, Host, Judged, Outcome, Program, Request, Say, Signal, Spawn, dry, run};
pub use schema::SCHEMA;
pub use state::{Item, ItemState, State};
