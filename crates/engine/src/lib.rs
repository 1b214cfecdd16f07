//! Runs a plan: executors, pacing, the life of VUs, stopping and aborting, and the merging of what was measured.
//!
//! It must know no protocol and no language: front ends come in through [`script::Script`], and requests never pass
//! through here. Time comes from `rt`, so the same code runs hours in simulated time in its tests.
//!
//! How a run is laid out: one **director** (on the caller's thread) keeps the plan's clock, hands VUs to scenarios, and
//! merges snapshots; any number of **cores** own VUs and run their iterations. The two talk by messages ([`message`]);
//! on the path of an iteration nothing is locked. Start reading at [`run()`], then `director`, then `core`.

mod config;
pub mod control;
mod controlled;
pub mod coordinator;
mod core;
mod director;
mod drive;
mod lifecycle;
mod message;
mod outcome;
mod pacing;
mod pool;
pub mod progress;
mod run;
mod scenario_run;
pub mod script;
pub mod selfcheck;
pub mod status;
mod stop;
mod wait;

pub use self::config::{IdleOrder, RunConfig};
pub use self::outcome::{End, Observer, RunOutcome, Silent, StartError};
pub use self::run::{Stops, run, run_simulated, stop_pair};
pub use self::stop::{StopHandle, StopReason};
